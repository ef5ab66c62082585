"""What should be served, what must change for it, and what a rendered object says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.agreement import Comparing
from modelctl.domain.serving import (
    Plan,
    Route,
    Server,
    Serving,
    check_desired,
    compared,
    of_models,
    overtaken,
    plan_routes,
    plan_servers,
    service_name,
    shifted,
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
            ({"weight": 0, "mirror": 101}, "the mirrored share 101 is not between 0 and 100"),
            ({"weight": 1, "mirror": 5}, "gets copies of requests can't answer callers"),
            ({"weight": 0, "mirror": 5, "header": ("X-A", "b")}, "can't answer callers"),
            ({"header": ("X-Group`)", "b")}, "is not a header to route by"),
            ({"header": ("X-Group", "`) || Path(`/")}, "is not a header to route by"),
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

    def test_a_baseline_is_told_from_what_it_is_a_copy_of(self) -> None:
        assert service_name(MODEL, "1.0.0", "canary") == "churn-predictor-1.0.0"
        assert service_name(MODEL, "1.0.0", "baseline") == "churn-predictor-1.0.0:baseline"


STABLE = serving("1.0.0", 80)
CANARY = replace(serving("2.0.0", 10, digest=B), part="canary")
FRESH = replace(serving("1.0.0", 10), part="baseline")


class TestParts:
    def test_a_baseline_is_a_process_of_its_own(self) -> None:
        check_desired([STABLE, CANARY, FRESH])
        running = [server("1.0.0", 1), server("2.0.0", 2, digest=B)]
        plan = plan_servers([STABLE, CANARY, FRESH], running)
        assert plan.start == (FRESH,)
        fresh = replace(server("1.0.0", 3), own="baseline")
        assert plan_servers([STABLE, FRESH], [fresh]).start == (STABLE,)
        assert plan_servers([FRESH], [fresh]).keep == ((FRESH, fresh),)

    def test_a_canary_that_becomes_stable_is_the_same_server(self) -> None:
        promoted = replace(CANARY, part="stable", weight=100)
        assert plan_servers([promoted], [server("2.0.0", 2, digest=B)]).start == ()

    def test_a_canary_and_a_shadow_are_held_against_what_serves(self) -> None:
        how = Comparing(slices=("age",))
        canary = replace(CANARY, comparing=how)
        assert compared([STABLE, canary, FRESH]) == {MODEL: how}
        assert compared([STABLE, replace(canary, part="previous")]) == {}

    def test_what_a_backend_gets_stands_in_its_route(self) -> None:
        shadow = replace(CANARY, part="shadow", weight=0, mirror=30)
        marked = replace(serving("3.0.0", 0, digest=B), header=("X-Group", "b"))
        ready = [server("2.0.0", 2, digest=B), server("3.0.0", 3, digest=B)]
        first, second = plan_routes([shadow, marked], ready, (), failed=(), alive=())
        assert (first.part, first.mirror, first.header) == ("shadow", 30, ())
        assert (second.part, second.mirror, second.header) == ("stable", 0, ("X-Group", "b"))


class TestShift:
    READY = (server("1.0.0", 1), server("2.0.0", 2, digest=B))
    OTHER = route("1.0.0", 9, model="price-regression")

    def test_only_the_models_that_are_named_move(self) -> None:
        desired = [serving("1.0.0", 60), serving("2.0.0", 40, digest=B)]
        routes = shifted(desired, self.READY, [route("1.0.0", 1), self.OTHER])
        assert routes == (route("1.0.0", 1, 60), route("2.0.0", 2, 40), self.OTHER)
        assert of_models(routes, {MODEL}) == routes[:2]

    def test_all_of_a_models_backends_move_or_none(self) -> None:
        desired = [serving("1.0.0", 60), serving("2.0.0", 40, digest=B)]
        current = [route("1.0.0", 1), self.OTHER]
        assert shifted(desired, self.READY[:1], current) == tuple(current)


class TestOvertaken:
    """Somebody moved a model between the moment it was decided and the moment it is done."""

    BEFORE = (route("1.0.0", 1, 90), route("2.0.0", 2, 10))
    BACK = (route("1.0.0", 1),)

    def test_nobody_did(self) -> None:
        assert overtaken([serving("2.0.0")], self.BEFORE, self.BEFORE) == frozenset()

    def test_another_one_went_back(self) -> None:
        assert overtaken([serving("2.0.0")], self.BEFORE, self.BACK) == {MODEL}
        assert overtaken([], self.BEFORE, self.BACK) == {MODEL}

    def test_another_one_did_the_same(self) -> None:
        assert overtaken([serving("1.0.0")], self.BEFORE, self.BACK) == frozenset()

    def test_what_another_model_does_is_its_own_affair(self) -> None:
        other = route("1.0.0", 9, model="price-regression")
        wanted = [serving("2.0.0"), serving("1.0.0", model="price-regression")]
        assert overtaken(wanted, self.BEFORE, (*self.BEFORE, other)) == frozenset()
