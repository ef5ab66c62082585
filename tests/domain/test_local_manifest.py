"""What a rendered `LocalServing` says, and what is refused in it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from modelctl.domain.local_manifest import Backend, parse_local_serving
from modelctl.domain.serving import Serving
from modelctl.errors import ModelctlError

MODEL = "churn-predictor"
A, B = "a" * 64, "b" * 64


def local_serving(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "modelctl.dev/v1",
        "kind": "LocalServing",
        "metadata": {"name": MODEL},
        "spec": {
            "model": MODEL,
            "version": "1.0.0",
            "digest": A,
            "artifacts": "models:/m-1",
            "host": "dev.example.com",
            "path": f"/{MODEL}",
            "replicas": 1,
            **spec,
        },
    }


def backend(name: str, version: str, weight: int, **fields: Any) -> dict[str, Any]:
    stated = {"name": name, "version": version, "digest": A, "artifacts": "models:/m-1"}
    return {**stated, "weight": weight, **fields}


SPLIT = [backend("stable", "1.0.0", 90), backend("canary", "2.0.0", 10, digest=B)]


class TestParse:
    def test_without_backends_the_version_takes_everything(self) -> None:
        (found,) = parse_local_serving(local_serving())
        assert found == Backend(
            name="stable",
            model=MODEL,
            version="1.0.0",
            digest=A,
            artifacts="models:/m-1",
            weight=100,
            host="dev.example.com",
        )

    def test_backends_keep_their_order_and_weights(self) -> None:
        found = parse_local_serving(local_serving(backends=SPLIT))
        assert [(b.name, b.version, b.digest, b.weight) for b in found] == [
            ("stable", "1.0.0", A, 90),
            ("canary", "2.0.0", B, 10),
        ]

    def test_a_backend_becomes_a_serving_once_it_has_a_folder(self) -> None:
        (_, canary) = parse_local_serving(local_serving(backends=SPLIT))
        assert canary.serving(Path("m")) == Serving(
            model=MODEL,
            version="2.0.0",
            digest=B,
            model_path=Path("m"),
            weight=10,
            part="canary",
        )

    def test_parts_copies_and_headers_are_read(self) -> None:
        split = [
            backend("stable", "1.0.0", 50),
            backend("baseline", "1.0.0", 50),
            backend("shadow", "2.0.0", 0, digest=B, mirror=30),
            backend("canary", "3.0.0", 0, digest=B, header=["X-Group", "b"]),
        ]
        found = parse_local_serving(local_serving(backends=split))
        assert [b.mirror for b in found] == [0, 0, 30, 0]
        assert found[3].header == ("X-Group", "b")
        assert found[1].key == (MODEL, "1.0.0", A, "baseline")
        assert found[1].serving(Path("m")).key == found[1].key
        assert found[2].serving(Path("m")).mirror == 30

    def test_the_host_may_be_left_out(self) -> None:
        obj = local_serving()
        del obj["spec"]["host"]
        assert parse_local_serving(obj)[0].host is None

    @pytest.mark.parametrize("key", ["model", "version", "digest", "artifacts", "path", "replicas"])
    def test_what_is_missing_is_named(self, key: str) -> None:
        obj = local_serving(backends=SPLIT)
        del obj["spec"][key]
        with pytest.raises(ModelctlError, match=rf"`spec\.{key}`") as caught:
            parse_local_serving(obj)
        assert caught.value.location == "LocalServing/churn-predictor"

    @pytest.mark.parametrize("key", ["name", "version", "digest", "artifacts", "weight"])
    def test_what_is_missing_in_a_backend_is_named(self, key: str) -> None:
        split = deepcopy(SPLIT)
        del split[1][key]
        with pytest.raises(ModelctlError, match=rf"`spec\.backends\[1\]\.{key}` is missing"):
            parse_local_serving(local_serving(backends=split))

    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            ({"version": 1.0}, "`spec.version` must be text, not 1.0"),
            ({"path": "/other"}, "`spec.path` must be /churn-predictor, not '/other'"),
            ({"replicas": 2}, "`spec.replicas` must be 1, not 2"),
            ({"digest": "abc"}, "`spec`: 'abc' is not a digest"),
            ({"strategy": "canary"}, "`spec.strategy` is not known, so it would be ignored"),
            ({"backends": "all"}, "`spec.backends` must be a list, not 'all'"),
            ({"backends": []}, "the weights of churn-predictor add up to 0, not 100"),
            ({"backends": ["1.0.0"]}, "`spec.backends[0]` must be a mapping"),
            ({"backends": SPLIT[:1]}, "add up to 90"),
            (
                {"backends": [backend("stable", "1.0.0", 100, mirrored=True)]},
                "`spec.backends[0].mirrored` is not known",
            ),
            (
                {"backends": [backend("stable", "1.0.0", 100, mirror=5)]},
                "`spec.backends[0]`: a backend that gets copies",
            ),
            (
                {"backends": [backend("stable", "1.0.0", 100, header=["X-Group"])]},
                "`spec.backends[0].header` must be a name and a value",
            ),
            (
                {"backends": [backend("stable", "1.0.0", 100, header=["X-Group", 1])]},
                "`spec.backends[0].header` must be a name and a value",
            ),
            (
                {"backends": [backend("stable", "1.0.0", True)]},
                "`spec.backends[0].weight` must be a whole number, not True",
            ),
            ({"backends": [backend("s", "1.0.0", 101)]}, "`spec.backends[0]`: the weight 101"),
            ({"backends": [backend("s", "2.0.0", 100)]}, "no backend serves `spec.version` 1.0.0"),
            ({"backends": [backend("s", "1.0.0", 100, digest=B)]}, "no backend serves"),
            (
                {"backends": [backend("a", "1.0.0", 50), backend("b", "1.0.0", 50)]},
                "names version 1.0.0 twice",
            ),
        ],
    )
    def test_what_is_wrong_is_said(self, spec: dict[str, Any], message: str) -> None:
        with pytest.raises(ModelctlError) as caught:
            parse_local_serving(local_serving(**spec))
        assert message in caught.value.message
        assert caught.value.location == "LocalServing/churn-predictor"

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                {"kind": "Deployment"},
                "expected modelctl.dev/v1 LocalServing, found modelctl.dev/v1",
            ),
            ({"apiVersion": "v1"}, "expected modelctl.dev/v1 LocalServing, found v1 LocalServing"),
            ({"metadata": None}, "`metadata.name` is missing"),
            ({"metadata": {}}, "`metadata.name` is missing"),
            ({"spec": None}, "`spec` is missing"),
        ],
    )
    def test_what_is_no_local_serving_is_refused(self, change: Any, message: str) -> None:
        with pytest.raises(ModelctlError, match=message.replace(".", r"\.")):
            parse_local_serving({**local_serving(), **change})
