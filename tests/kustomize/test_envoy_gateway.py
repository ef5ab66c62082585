"""Gateways that count by a backend's place: it is the same in every rule, and each backend has a
filter where an environment wants one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelctl.adapters.crds import validate
from modelctl.adapters.kustomize import Kustomize
from modelctl.adapters.manifests import read_objects
from modelctl.domain.rendering import RenderRequest
from modelctl.services.open_rollouts import endpoint_of
from support.renders import TREE, crd_folder, parts, request

ADDED = b"  - ../../../components/autoscaling/gateway-api\n"
OVERLAY = "overlays/production/gateway-api/kustomization.yaml"
WITH = {
    **TREE,
    OVERLAY: TREE[OVERLAY].replace(ADDED, ADDED + b"  - ../../../components/envoy-gateway\n"),
}


def rules(asked: RenderRequest, tree: Any = TREE) -> list[Any]:
    """The rules of the route; all objects are what the CRDs and the rules accept."""
    built = Kustomize.find().build(tree, [asked])
    objects = read_objects(built[asked.model]["manifests.yaml"])
    assert validate(objects, crd_folder()) == ()
    (route,) = (one for one in objects if one["kind"] == "HTTPRoute")
    return list(route["spec"]["rules"])


def rollout(*shares: int) -> RenderRequest:
    asked = request(target="gateway-api", version="1.1.0")
    return replace(asked, backends=parts(asked, *shares))


def test_the_component_gives_every_backend_a_filter() -> None:
    assert WITH[OVERLAY] != TREE[OVERLAY]
    for asked in (rollout(90, 5, 5), request(target="gateway-api", version="1.1.0")):
        (rule,) = rules(asked, WITH)
        assert len(rule["backendRefs"]) == len(asked.split)
        for ref in rule["backendRefs"]:
            (one,) = ref["filters"]
            assert one["type"] == "RequestHeaderModifier"
        assert not any("filters" in ref for ref in rules(asked)[0]["backendRefs"])


@pytest.mark.parametrize("shares", [(100, 0), (95, 5), (90, 5, 5)])
def test_figures_are_asked_for_where_the_route_counts_them(shares: tuple[int, ...]) -> None:
    asked = rollout(*shares)
    (rule,) = rules(asked)
    for backend in asked.split:
        end = endpoint_of(asked, backend)
        assert end.position is not None
        ref = rule["backendRefs"][end.position]
        assert (ref["name"], ref["port"], ref["weight"]) == (end.service, 80, backend.weight)


def test_a_backend_has_the_same_place_in_the_rule_of_a_header() -> None:
    asked = rollout(50, 50)
    stable, canary = asked.split
    marked = replace(asked, backends=(stable, replace(canary, header=("x-variant", "b"))))
    picked, rest = rules(marked)
    names = [[ref["name"] for ref in rule["backendRefs"]] for rule in (picked, rest)]
    assert names[0] == names[1]
    assert [ref["weight"] for ref in picked["backendRefs"]] == [0, 100]


def test_a_shadow_has_no_place_among_those_that_share_requests() -> None:
    asked = rollout(100, 0)
    stable, canary = asked.split
    shadowed = replace(asked, backends=(stable, replace(canary, name="shadow", mirror=100)))
    assert [endpoint_of(shadowed, one).position for one in shadowed.split] == [0, None]
    (rule,) = rules(shadowed)
    assert len(rule["backendRefs"]) == 1
