"""The sources of the product are sound, and what can't be in the file is told."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelctl.adapters.documents import dump
from modelctl.adapters.policies import PolicyError, load_policy
from modelctl.domain.policy import Policy
from support.trees import MemoryTree
from support.world import PROJECT

PATH = "policies/metrics.yaml"
SHIPPED: Mapping[str, Any] = yaml.safe_load((PROJECT / PATH).read_text())


def loaded(data: Mapping[str, Any] | None) -> Policy:
    files = {
        str(path.relative_to(PROJECT)): path.read_bytes()
        for path in Path(PROJECT / "policies").rglob("*")
        if path.is_file()
    }
    del files[PATH]
    if data is not None:
        files[PATH] = dump(data).encode()
    return load_policy(MemoryTree(files), "f" * 40)


def problem(*place: str | int, value: Any) -> str:
    """The one problem of the shipped file with this value put at a place."""
    data: Any = deepcopy(SHIPPED)
    row = data
    for key in place[:-1]:
        row = row[key]
    row[place[-1]] = value
    with pytest.raises(PolicyError) as caught:
        loaded(data)
    (found,) = caught.value.problems
    assert str(found).startswith(f"{PATH}:")
    return str(found)


def test_the_product_reads_the_router_of_this_machine_everywhere() -> None:
    policy = loaded(SHIPPED)
    assert [policy.metrics.at(name) for name in policy.lifecycle.environments] == [None] * 3
    assert set(policy.metrics.meshes) == {
        *("traefik", "istio", "knative", "envoy-gateway", "plain"),
    }
    assert all(mesh.durations for mesh in policy.metrics.meshes.values())
    assert loaded(None).metrics.meshes == {}


def test_the_example_in_its_comments_is_sound() -> None:
    text = (PROJECT / PATH).read_text()
    lines = [line for line in text.splitlines() if line.startswith("  #   ")]
    row = yaml.safe_load("\n".join(line.removeprefix("  #   ") for line in lines))
    policy = loaded({**SHIPPED, "sources": {"production": row}})
    at = policy.metrics.at("production")
    assert at is not None
    assert at.mesh == "traefik"


def test_names_that_nothing_has_are_told() -> None:
    row = {"kind": "prometheus", "url": "http://p:9090", "mesh": "linkerd"}
    assert "there is no environment moon" in problem("sources", "moon", value={"kind": "local"})
    found = problem("sources", "staging", value=row)
    assert "there is no linkerd in meshes" in found
    assert "choose one of: traefik, istio" in found
    found = problem("meshes", "plain", "backend", "model", value="{modell}")
    assert "there is no placeholder modell" in found
    found = problem("own", "gauges", "drifft", value={"metric": "m"})
    assert "there is no figure drifft" in found


def test_a_source_without_any_mesh_is_told() -> None:
    row = {"kind": "prometheus", "url": "http://p:9090", "mesh": "plain"}
    with pytest.raises(PolicyError) as caught:
        loaded({"sources": {"production": row}})
    assert "add it to meshes" in str(caught.value)


@pytest.mark.parametrize("pattern", ["(", "(?=a){service}", "(?<!a){service}", "(.){service}\\1"])
def test_a_pattern_that_prometheus_does_not_read_is_told(pattern: str) -> None:
    if pattern != "(":
        found = problem("meshes", "istio", "backend", "destination_workload", value=pattern)
        assert "isn't a regular expression of RE2" in found
    found = problem("meshes", "istio", "requests", "errors", value=pattern)
    assert "isn't a regular expression of RE2" in found
    found = problem("sources", "dev", value={"kind": "local", "errors": pattern})
    assert "isn't a regular expression of RE2" in found


@pytest.mark.parametrize("pattern", ["zzz", "5", "5xx", "5..|0", "0"])
def test_failures_that_no_answer_has_are_told(pattern: str) -> None:
    for place in (("meshes", "istio", "requests"), ("sources", "dev")):
        data: Any = deepcopy(SHIPPED)
        row = data
        for key in place:
            row = row[key]
        row["errors"] = pattern
        if pattern != "zzz":
            assert loaded(data)
            continue
        with pytest.raises(PolicyError) as caught:
            loaded(data)
        assert "zzz is the code of no answer" in str(caught.value)


def test_labels_that_tell_no_version_from_another_are_told() -> None:
    for place in (("meshes", "plain"), ("own",)):
        found = problem(*place, "backend", value={"model": "{model}"})
        assert "don't tell one version from another" in found


def test_a_reading_of_the_wrong_kind_is_told() -> None:
    found = problem("own", "gauges", "drift", value={"metric": "m", "label": "feature"})
    assert "drift is one number" in found
    found = problem("own", "gauges", "feature_psi", value={"metric": "m"})
    assert "feature_psi is numbers by name" in found


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("max by ($by) (m{$selektor})", "names what nobody fills"),
        ("max by ($by) (m{$selector}) > $", "names what nobody fills"),
        ("max(m{$selector})", "one number for all backends"),
        ("max by ($by) (m)", "one number for all backends"),
    ],
)
def test_a_query_that_asks_for_something_else_is_told(query: str, told: str) -> None:
    assert told in problem("own", "gauges", "drift", value={"query": query})


def test_a_query_of_ones_own_may_stand() -> None:
    data: Any = deepcopy(SHIPPED)
    query = "avg by ($by) (last_over_time(m{$selector}[$window])) * 100"
    data["own"]["gauges"]["cpu_percent"] = {"query": query}
    gauges = {gauge.name: gauge for gauge in loaded(data).metrics.own.gauges}
    assert gauges["cpu_percent"].query == query


@pytest.mark.parametrize(
    ("only", "target", "told"),
    [
        ({}, None, True),
        ({"reporter": "destination"}, None, True),
        ({"reporter": "destination", "job": "envoy-stats"}, None, False),
        ({"instance": "10.0.0.1:9100"}, None, False),
        ({"scraped_by": "router"}, None, True),
        ({"scraped_by": "router"}, ["scraped_by", "instance"], False),
    ],
)
def test_a_mesh_in_whose_name_any_pod_can_speak_is_told(
    only: Mapping[str, str], target: list[str] | None, told: bool
) -> None:
    data: Any = deepcopy(SHIPPED)
    row = {"kind": "prometheus", "url": "http://p:9090", "mesh": "istio"}
    data["sources"] |= {"staging": row, "production": row}
    data["meshes"]["istio"]["only"] = only
    if target is not None:
        data["meshes"]["istio"]["target"] = target
    if not told:
        assert loaded(data).metrics.meshes["istio"].only == only
        return
    with pytest.raises(PolicyError) as caught:
        loaded(data)
    (found,) = caught.value.problems
    assert "any pod that is scraped can speak in the name of istio" in str(found)
    assert "add only: {job: …}" in str(found)
    data["sources"] = SHIPPED["sources"]
    assert loaded(data).metrics.meshes["istio"].only == only
