"""What may be asked of a rendering, and what objects and labels are called."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.names import is_model_name
from modelctl.domain.rendering import Backend, label_value, object_name
from modelctl.errors import ModelctlError
from support.renders import REQUEST, request

WORD = r"[a-z0-9]{1,24}"
NAMES = st.from_regex(rf"{WORD}(-{WORD}){{1,4}}", fullmatch=True).map(lambda n: n[:63].rstrip("-"))
SERVICE = re.compile(r"[a-z]([a-z0-9-]{0,43}[a-z0-9])?")
LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
PART = r"(0|[1-9][0-9]{0,3})"
TAIL = r"[0-9]*[A-Za-z-][0-9A-Za-z.-]{0,70}"
VERSIONS = st.from_regex(
    rf"{PART}\.{PART}\.{PART}(-{TAIL})?(\+[0-9A-Za-z.-]{{1,70}})?", fullmatch=True
)


def backend(name: str, weight: int) -> Backend:
    return Backend(
        name=name, version="1.0.0", digest="a" * 64, artifacts="models:/m-1", weight=weight
    )


@given(NAMES)
def test_every_model_has_a_name_that_a_service_may_have(model: str) -> None:
    assert is_model_name(model)
    assert SERVICE.fullmatch(object_name(model))


@pytest.mark.parametrize("model", ["tumor-classifier", "a-b", f"a-{'b' * 42}"])
def test_a_name_that_fits_is_kept(model: str) -> None:
    assert object_name(model) == model


@pytest.mark.parametrize(
    ("model", "beginning"),
    [
        ("2nd-classifier", "m-2nd-classifier"),
        ("tumor-canary", "tumor-canary"),
        (f"a-{'b' * 43}", f"a-{'b' * 33}"),
        ("tumor-v1-2-0", "tumor-v1-2-0"),
        ("tumor-bc17964c", "tumor-bc17964c"),
        (f"a-{'b' * 32}-{'c' * 20}", f"a-{'b' * 32}"),
    ],
)
def test_a_name_that_does_not_fit_ends_in_a_hash(model: str, beginning: str) -> None:
    found, _, digest = object_name(model).rpartition("-")
    assert re.fullmatch("[0-9a-f]{8}", digest)
    assert found == beginning


def test_two_long_names_that_begin_alike_differ() -> None:
    assert object_name(f"a-{'b' * 50}") != object_name(f"a-{'b' * 51}")


@given(VERSIONS)
def test_every_version_is_a_label(version: str) -> None:
    assert LABEL.fullmatch(label_value(version))


def test_build_metadata_stays_readable_in_a_label() -> None:
    assert label_value("1.10.0+build.7") == "1.10.0_build.7"
    assert label_value("1.0.0-a--") != label_value("1.0.0-a---")
    assert label_value(f"1.0.0-{'a' * 70}") != label_value(f"1.0.0-{'a' * 71}")


def test_the_labels_and_annotations_say_who_and_what() -> None:
    assert REQUEST.labels == {
        "app.kubernetes.io/name": "tumor-classifier",
        "app.kubernetes.io/version": "1.10.0_build.7",
        "app.kubernetes.io/managed-by": "modelctl",
        "modelctl.dev/model": "tumor-classifier",
    }
    assert REQUEST.annotations == {
        "modelctl.dev/version": "1.10.0+build.7",
        "modelctl.dev/digest": "3f" * 32,
        "modelctl.dev/blob": "5b" * 20,
        "modelctl.dev/commit": "c0" * 20,
        "modelctl.dev/approvers": "ada,grace",
    }


def test_a_version_serves_alone_unless_told_otherwise() -> None:
    (alone,) = REQUEST.split
    assert (alone.name, alone.version, alone.weight) == ("stable", REQUEST.version, 100)
    assert (alone.artifacts, alone.digest) == (REQUEST.storage_uri, REQUEST.digest)
    both = (backend("stable", 90), backend("canary", 10))
    assert request(target="local", backends=both).split == both


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "Tumor-Classifier"}, "is not a model name"),
        ({"model": "../../etc"}, "is not a model name"),
        ({"environment": "../dev"}, "is not the name of an environment"),
        ({"environment": ""}, "is not the name of an environment"),
        ({"target": "seldon"}, "the serving target 'seldon', which seldon doesn't have"),
        ({"mode": "serverless"}, "the serving mode 'serverless', which kserve doesn't have"),
        ({"mode": "knative", "target": "local"}, "the serving mode 'knative', which local doesn't"),
        ({"owner": "a\nb"}, "control characters"),
        ({"approvers": ("a\x00",)}, "control characters"),
        ({"storage_uri": "models:/\u2028"}, "control characters"),
        ({"backends": (backend("st\table", 100),)}, "control characters"),
        ({"resources": {"limits": {"cpu": "1\n"}}}, "control characters"),
        ({"backends": (backend("a", 50),)}, "add up to 50, not 100"),
        ({"backends": (backend("a", 150), backend("b", -50))}, "add up to 100"),
        ({"backends": (backend("a", 50), backend("a", 50))}, "two backends of one name"),
    ],
)
def test_a_request_that_can_not_be_one_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ModelctlError, match=re.escape(message)):
        request(**changes)


def test_an_unknown_target_names_the_known_ones() -> None:
    with pytest.raises(ModelctlError, match="argo-rollouts, gateway-api, kserve, local"):
        request(target="seldon")
