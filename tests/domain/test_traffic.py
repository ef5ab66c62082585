"""Which versions must answer before a route may send requests to them."""

from __future__ import annotations

from typing import Any

from modelctl.domain.objects import key_of
from modelctl.domain.traffic import as_stepped, shares, silent


def route(**weights: int) -> dict[str, Any]:
    refs = [{"name": name, "weight": weight} for name, weight in weights.items()]
    return {
        "kind": "HTTPRoute",
        "metadata": {"name": "r"},
        "spec": {"rules": [{"backendRefs": refs}]},
    }


def deployment(name: str, pods: int = 1) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"name": name},
        "status": {"availableReplicas": pods},
    }


def live(*objects: dict[str, Any]) -> dict[Any, Any]:
    return {key_of(obj): obj for obj in objects}


VERSIONS = (deployment("a"), deployment("b"), {"kind": "Service", "metadata": {"name": "a"}})


def test_a_version_without_a_pod_gets_no_more_than_it_has() -> None:
    there = live(deployment("a"), deployment("b", 0), route(a=50, b=50))
    assert silent(VERSIONS, [route(a=40, b=60)], there) == ("b",)
    assert silent(VERSIONS, [route(a=75, b=25)], there) == ()
    assert silent(VERSIONS, [route(a=100, b=0)], there) == ()


def test_what_is_not_there_at_all_does_not_answer_either() -> None:
    assert silent(VERSIONS, [route(a=100)], live(deployment("b"))) == ("a",)


def test_services_that_somebody_else_runs_are_theirs_to_watch() -> None:
    assert silent(VERSIONS, [route(kserve=100)], {}) == ()


def test_shares_add_up_over_the_rules() -> None:
    twice = route(a=100)
    twice["spec"]["rules"] *= 2
    assert shares(twice) == {"a": 200}
    assert shares(None) == {}


def test_a_route_that_is_stepped_keeps_what_its_controller_wrote() -> None:
    there = route(stable=80, canary=20, experiment=0)
    found = as_stepped(route(stable=100, canary=0), there)
    assert shares(found) == {"stable": 80, "canary": 20, "experiment": 0}
    assert as_stepped(route(stable=100), None) == route(stable=100)
    assert shares(as_stepped(route(stable=100, added=0), route(stable=60))) == {
        "stable": 60,
        "added": 0,
    }
