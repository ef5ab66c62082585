"""What should be served, what must change for it, and what a rendered object says."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.serving import (
    Backend,
    Plan,
    Route,
    Server,
    Serving,
    check_desired,
    parse_local_serving,
    plan_routes,
    plan_servers,
)
from modelctl.errors import ModelctlError

MODEL = "churn-predictor"
A, B = "a" * 64, "b" * 64


def serving(version: str, weight: int = 100, *, model: str = MODEL, digest: str = A) -> Serving:
    return Serving(model=model, version=version, digest=digest, model_path=Path("m"), weight=weight)


def server(version: str, port: int, *, model: str = MODEL, digest: str = A) -> Server:
    return Server(id=f"{port}", model=model, version=version, digest=digest, port=port)


def route(version: str, port: int, weight: int = 100, *, model: str = MODEL) -> Route:
    return Route(model=model, version=version, port=port, weight=weight)


class TestServing:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"model": "Churn"}, "'Churn' is not a model name"),
            ({"version": "1.0"}, "'1.0' is not a semantic version"),
            ({"digest": "sha256:" + A}, "is not a digest"),
            ({"digest": A.upper()}, "is not a digest"),
            ({"weight": 101}, "the weight 101 is not between 0 and 100"),
            ({"weight": -1}, "the weight -1 is not between 0 and 100"),
        ],
    )
    def test_it_can_not_be_made_wrong(self, change: dict[str, Any], message: str) -> None:
        fields = {"model": MODEL, "version": "1.0.0", "digest": A, "model_path": Path("m")}
        with pytest.raises(ModelctlError, match=message):
            Serving(**{**fields, **change})

    def test_it_reads_as_model_and_version(self) -> None:
        assert str(serving("1.0.0")) == str(server("1.0.0", 1)) == "churn-predictor 1.0.0"


class TestDesired:
    def test_each_models_weights_add_up_by_themselves(self) -> None:
        check_desired([serving("1.0.0", 90), serving("2.0.0", 10), serving("1.0.0", model="a-b")])
        check_desired([])

    def test_weights_that_do_not_add_up_are_refused(self) -> None:
        with pytest.raises(ModelctlError, match="weights of churn-predictor add up to 99, not 100"):
            check_desired([serving("1.0.0", 90), serving("2.0.0", 9)])

    def test_a_version_named_twice_is_refused(self) -> None:
        with pytest.raises(ModelctlError, match=r"churn-predictor names version 1\.0\.0 twice"):
            check_desired([serving("1.0.0", 50), serving("1.0.0", 50, digest=B)])


class TestPlan:
    def test_what_runs_is_kept_and_the_rest_started(self) -> None:
        stable, canary = serving("1.0.0", 90), serving("2.0.0", 10)
        running = server("1.0.0", 1)
        plan = plan_servers([stable, canary], [running, server("0.9.0", 2)])
        assert plan == Plan(keep=((stable, running),), start=(canary,))

    def test_another_digest_is_another_server(self) -> None:
        wanted = serving("1.0.0", digest=B)
        assert plan_servers([wanted], [server("1.0.0", 1)]) == Plan(keep=(), start=(wanted,))

    def test_the_first_of_equal_servers_is_kept(self) -> None:
        wanted, first = serving("1.0.0"), server("1.0.0", 1)
        plan = plan_servers([wanted], [first, server("1.0.0", 2)])
        assert plan.keep == ((wanted, first),)

    def test_routes_follow_the_desired_weights(self) -> None:
        desired = [serving("2.0.0", 10), serving("1.0.0", 90)]
        ready = [server("1.0.0", 1), server("2.0.0", 2)]
        routes = plan_routes(desired, ready, [route("1.0.0", 1)], failed=(), alive={1, 2})
        assert routes == (route("1.0.0", 1, 90), route("2.0.0", 2, 10))

    def test_models_no_longer_desired_lose_their_route(self) -> None:
        assert plan_routes([], [], [route("1.0.0", 1)], failed=(), alive={1}) == ()

    def test_a_failed_model_stays_where_it_is_and_the_others_move(self) -> None:
        other = serving("2.0.0", model="price-regression")
        current = [route("1.0.0", 1), route("1.0.0", 3, model="price-regression")]
        routes = plan_routes(
            [serving("2.0.0"), other],
            [server("2.0.0", 4, model="price-regression")],
            current,
            failed={MODEL},
            alive={1, 3, 4},
        )
        assert routes == (route("1.0.0", 1), route("2.0.0", 4, model="price-regression"))

    def test_a_failed_model_sends_nothing_to_the_dead(self) -> None:
        current = [route("1.0.0", 1, 90), route("2.0.0", 2, 10)]
        routes = plan_routes([serving("3.0.0")], [], current, failed={MODEL}, alive={1})
        assert routes == (route("1.0.0", 1, 90),)

    @given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
    def test_what_was_planned_ends_in_what_was_desired(
        self, wanted: set[int], running: set[int]
    ) -> None:
        desired = [serving("1.0.0", model=f"model-{n}") for n in sorted(wanted)]
        servers = [server("1.0.0", n, model=f"model-{n}") for n in sorted(running)]
        plan = plan_servers(desired, servers)
        started = [server(s.version, 100 + n, model=s.model) for n, s in enumerate(plan.start)]
        ready = [kept for _, kept in plan.keep] + started
        routes = plan_routes(desired, ready, [], failed=(), alive={s.port for s in ready})
        assert sorted((r.model, r.version, r.weight) for r in routes) == sorted(
            (s.model, s.version, s.weight) for s in desired
        )
        assert {kept.port for _, kept in plan.keep} == wanted & running

    def test_a_route_names_the_routers_service(self) -> None:
        assert route("1.0.0-rc.1", 1).service == "churn-predictor-1.0.0-rc.1"


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
        assert canary.serving(Path("m")) == serving("2.0.0", 10, digest=B)

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
                {"backends": [backend("stable", "1.0.0", 100, mirror=True)]},
                "`spec.backends[0].mirror` is not known",
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
