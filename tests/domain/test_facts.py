"""Facts: declared by type, and left out rather than guessed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.facts import declared, figures, kinds, measured_facts, pins, subject_facts
from modelctl.domain.manifest import model_from, version_from
from support.keys import statement
from support.world import HOLDOUT, model_data, version_data


def measured(kind: str = "evaluation", **predicate: Any) -> dict[str, Any]:
    return measured_facts(statement(kind=kind, predicate=predicate), "evidence")


def test_what_is_measured_of_the_served_version_is_declared_like_that_of_the_judged_one() -> None:
    facts = declared("evaluation")
    ours = {k.removeprefix("evidence."): t for k, t in facts.items() if k.startswith("evidence.")}
    theirs = {k.removeprefix("serving."): t for k, t in facts.items() if k.startswith("serving.")}
    assert theirs == {**ours, "version": "string"}


def test_without_evidence_only_the_documents_can_be_read() -> None:
    roots = {name.split(".")[0] for name in declared(None)}
    assert roots == {"model", "version", "serving", "strategy"}
    assert [n for n in declared(None) if n.startswith("serving.")] == ["serving.version"]


def test_a_kind_of_ones_own_has_the_common_facts() -> None:
    custom = declared("pen-test")
    assert custom["evidence.values"] == "map(string, double)"
    assert "evidence.metrics" not in custom
    assert "evidence.metrics" in declared("evaluation")
    assert "pen-test" not in kinds()


def test_everything_that_documents_say_is_a_fact() -> None:
    facts = subject_facts(model_from(model_data()), version_from(version_data(tags={"a": "b"})))
    names = {n for n in declared(None) if n.startswith(("model.", "version."))}
    assert facts.keys() == names
    assert facts["model.sla"] == {"latency_p99_ms": 200.0}
    assert facts["model.evaluation.digest"] == HOLDOUT
    assert facts["model.protected_groups"] == ["size_band"]
    assert facts["version.size_mb"] == pytest.approx(0.0012)
    assert facts["version.tags"] == {"a": "b"}


def test_pinned_packages_are_named_as_they_are_compared() -> None:
    assert pins(["Scikit_Learn==1.9.1", "ruamel.yaml[jinja2]==0.18", "numpy==2.4.6+cpu"]) == {
        "scikit-learn": "1.9.1",
        "ruamel-yaml": "0.18",
        "numpy": "2.4.6+cpu",
    }


@pytest.mark.parametrize(
    ("kind", "predicate", "facts"),
    [
        (
            "dependency-scan",
            {"dependencies": {"scanned": {"numpy": "2.4.6", "odd": 7}}},
            {"evidence.dependencies.scanned": {"numpy": "2.4.6"}},
        ),
        ("drift", {"psi": {"a": 0.1}}, {"evidence.psi": {"a": 0.1}}),
        ("canary", {"weight": 10, "hours": 24}, {"evidence.weight": 10, "evidence.hours": 24.0}),
        ("shadow", {"difference": {"a": 0.1}}, {"evidence.difference": {"a": 0.1}}),
        ("ab-test", {"significant": True}, {"evidence.significant": True}),
        ("rollback-rehearsal", {"seconds": 9.5}, {"evidence.seconds": 9.5}),
        ("load-test", {"replicas": 2}, {"evidence.replicas": 2}),
        ("evaluation", {"confidence": 0.95}, {"evidence.confidence": 0.95}),
    ],
)
def test_what_runs_and_scans_say_can_be_asked_for(
    kind: str, predicate: dict[str, Any], facts: dict[str, Any]
) -> None:
    assert kind in kinds()
    assert measured(kind, **predicate) == facts


def test_figures_are_those_that_are_finite() -> None:
    assert figures({"a": 1, "b": math.nan, "c": "2"}) == {"a": 1.0}
    assert figures(None) == figures([1.0]) == {}


def test_what_documents_leave_out_is_no_fact() -> None:
    version = replace(version_from(version_data()), features=None)
    facts = subject_facts(model_from(model_data(data_contract={})), version)
    absent = {
        "model.evaluation.name",
        "model.evaluation.digest",
        "model.feature_view.name",
        "model.feature_view.hash",
        "version.features.hash",
    }
    assert not absent & facts.keys()


@pytest.mark.parametrize(
    ("predicate", "name", "value"),
    [
        ({"passed": True}, "passed", True),
        ({"passed": "yes"}, "passed", None),
        ({"passed": 1}, "passed", None),
        ({"sample_size": 7}, "sample_size", 7),
        ({"sample_size": True}, "sample_size", None),
        ({"sample_size": 7.0}, "sample_size", None),
        ({"sample_size": "7"}, "sample_size", None),
        ({"dataset": {"digest": "sha256:e"}}, "dataset.digest", "sha256:e"),
        ({"dataset": {"digest": 7}}, "dataset.digest", None),
        ({"dataset": "sha256:e"}, "dataset.digest", None),
        ({"latency": {"p99_ms": 3}}, "latency.p99_ms", 3.0),
        ({"latency": {"p99_ms": True}}, "latency.p99_ms", None),
        ({"latency": {"p99_ms": "3"}}, "latency.p99_ms", None),
        ({"latency": {"p99_ms": math.nan}}, "latency.p99_ms", None),
        ({"latency": {"p99_ms": math.inf}}, "latency.p99_ms", None),
        ({"metrics": {"f1": 1, "nan": math.nan}}, "metrics", {"f1": 1.0}),
        ({"metrics": {"nan": math.nan}}, "metrics", None),
        ({"metrics": {}}, "metrics", None),
        ({"metrics": [0.9]}, "metrics", None),
        ({"groups": {"age": {"old": {"accuracy": 0.9}, "young": {}}}}, "groups",
         {"age": {"old": {"accuracy": 0.9}}}),
        ({"groups": {"age": {"old": 0.9}}}, "groups", None),
        ({"labels": {"a": "b", "c": 1}}, "labels", {"a": "b"}),
        ({"other": 1}, "other", None),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_left_out(
    predicate: dict[str, Any], name: str, value: Any
) -> None:
    found = measured(**predicate).get(f"evidence.{name}")
    assert found == value
    assert type(found) is type(value)


def test_facts_of_another_kind_are_left_out() -> None:
    assert measured("load-test", metrics={"f1": 0.9}, error_rate=0) == {"evidence.error_rate": 0.0}


def test_the_prefix_says_whose_facts_they_are() -> None:
    found = measured_facts(statement(predicate={"passed": True}), "serving")
    assert found == {"serving.passed": True}


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["metrics", "groups", "passed", "sample_size"]), json))
def test_whatever_a_producer_writes_only_declared_types_get_through(
    predicate: dict[str, Any],
) -> None:
    for name, value in measured(**predicate).items():
        assert _is_of(value, declared("evaluation")[name])


def _is_of(value: Any, type_: str) -> bool:
    if type_.startswith("map("):
        inner = type_.removeprefix("map(string, ").removesuffix(")")
        return (
            isinstance(value, dict)
            and value != {}
            and all(_is_of(v, inner) for v in value.values())
        )
    if type_ == "double":
        return isinstance(value, float) and math.isfinite(value)
    return type(value).__name__ == {"string": "str"}.get(type_, type_)
