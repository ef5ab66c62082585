"""What differs between two versions, and what a changed metric means."""

from __future__ import annotations

from typing import Any

import pytest

from modelctl.domain.compatibility import Bump
from modelctl.domain.differences import Comparison, Judgement, MetricChange, Note, compare
from modelctl.domain.evidence import Statement
from modelctl.domain.manifest import ModelVersion, version_from
from support.keys import statement
from support.world import HOLDOUT, INPUTS, SIGNATURE, evaluation, version_data


def version(number: str = "1.0.0", **changes: Any) -> ModelVersion:
    return version_from(version_data(number, **changes))


def metric(name: str, value: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "value": value, "dataset": "h", "dataset_digest": HOLDOUT, **more}


def measured(**changes: Any) -> Statement:
    return statement(predicate=evaluation(**changes))


def claims(before: dict[str, Any], after: dict[str, Any]) -> Comparison:
    return compare(version(metrics=[before]), version("1.0.1", metrics=[after]))


def only(comparison: Comparison, source: str = "claimed") -> MetricChange:
    [found] = [m for m in comparison.metrics if m.source == source and "latency" not in m.name]
    return found


@pytest.mark.parametrize(
    ("name", "before", "after", "size", "judgement"),
    [
        ("accuracy", 0.90, 0.95, 1000, Judgement.BETTER),
        ("accuracy", 0.95, 0.90, 1000, Judgement.WORSE),
        ("accuracy", 0.90, 0.91, 1000, Judgement.NOISE),
        ("accuracy", 0.90, 0.90, 1000, Judgement.SAME),
        ("error_rate", 0.10, 0.05, 1000, Judgement.BETTER),
        ("error_rate", 0.05, 0.10, 1000, Judgement.WORSE),
        ("accuracy", 0.90, 0.95, None, Judgement.UNSURE),
        ("roc_auc", 0.90, 0.95, 1000, Judgement.UNSURE),
    ],
)
def test_what_a_claim_with_a_sample_means(
    name: str, before: float, after: float, size: int | None, judgement: Judgement
) -> None:
    sized = {"sample_size": size} if size else {}
    found = only(claims(metric(name, before, **sized), metric(name, after, **sized)))
    assert found.judgement is judgement
    assert found.change == pytest.approx(after - before)


def test_a_metric_that_nobody_knows_is_beyond_the_noise_and_no_more() -> None:
    one, other = metric("joy", 1, lower=0.9, upper=1.1), metric("joy", 2, lower=1.9, upper=2.1)
    assert only(claims(one, other)).judgement is Judgement.CHANGED


def test_what_was_measured_on_one_side_only_means_nothing() -> None:
    comparison = claims(metric("accuracy", 0.9), metric("f1_score", 0.9))
    found = [m for m in comparison.metrics if m.name in ("accuracy", "f1_score")]
    assert [(m.name, m.judgement, m.change, m.difference, m.other_data) for m in found] == [
        ("accuracy", None, None, None, False),
        ("f1_score", None, None, None, False),
    ]


def test_figures_on_other_data_are_told() -> None:
    found = only(
        claims(metric("accuracy", 0.9), metric("accuracy", 0.9, dataset_digest="sha256:0"))
    )
    assert found.other_data


def test_what_was_measured_comes_with_its_interval() -> None:
    before = measured(metrics={"roc_auc": 0.90}, lower={"roc_auc": 0.88}, upper={"roc_auc": 0.92})
    after = measured(metrics={"roc_auc": 0.96}, lower={"roc_auc": 0.95}, upper={"roc_auc": 0.97})
    found = only(compare(version(), version("1.0.1"), (before, after)), "measured")
    assert found.judgement is Judgement.BETTER
    assert found.difference is not None
    assert found.difference.lower == pytest.approx(0.06 - 0.02236, abs=1e-4)
    assert not found.other_data


def test_a_measurement_with_odd_fields_is_read_all_the_same() -> None:
    odd = measured(metrics={"accuracy": 0.9}, dataset="holdout", sample_size="many")
    found = only(compare(version(), version("1.0.1"), (odd, None)), "measured")
    assert found.before is not None
    assert (found.before.dataset, found.before.size) == (None, None)
    numbered = measured(metrics={"accuracy": 0.9}, dataset={"digest": 7})
    found = only(compare(version(), version("1.0.1"), (numbered, None)), "measured")
    assert found.before is not None
    assert found.before.dataset is None


def test_the_signature_says_which_bump_is_needed() -> None:
    wider = {**SIGNATURE, "inputs": [*INPUTS, {"name": "age", "type": "long"}]}
    before = version()
    for number, enough in (("2.0.0", True), ("1.1.0", False)):
        found = compare(before, version(number, signature=wider))
        assert found.needed is not None
        assert (found.needed.bump, found.enough) == (Bump.MAJOR, enough)
        assert [change.label for change in found.signature.inputs.added] == ["age"]
    back = compare(version("2.0.0", signature=wider), before)
    assert back.needed is not None
    assert (back.needed.bump, back.enough) == (Bump.MAJOR, True)
    assert [change.label for change in back.signature.inputs.removed] == ["age"]


def test_a_version_does_not_differ_from_itself() -> None:
    found = compare(version(), version())
    assert found.needed is not None
    assert (found.needed.bump, found.enough, found.sections) == (Bump.PATCH, True, {})
    assert {m.judgement for m in found.metrics} == {Judgement.SAME}


def test_two_models_promise_each_other_nothing() -> None:
    found = compare(version(), version(model="churn-predictor"))
    assert (found.needed, found.enough) == (None, None)


def test_what_it_is_made_of_is_compared_by_name() -> None:
    before = version(
        dependencies=["numpy==2.3.0", "scikit-learn==1.9.1", "wheel"],
        parameters={"depth": "3"},
        tags={"team": "oncology"},
    )
    lineage = {
        **version_data()["lineage"],
        "training_data": [{"name": "tumor-train", "version": "2026-12", "digest": "sha256:1",
                           "size": 4000}],
    }  # fmt: skip
    data = version_data(
        "1.1.0",
        dependencies=["scikit-learn==1.9.2", "scipy==1.16.0", "wheel"],
        lineage=lineage,
        artifacts={"root": "models:/m-2", "files": [{"path": "model.skops", "sha256": "e" * 64,
                                                     "size": 5000}]},
    )  # fmt: skip
    del data["features"]
    found = compare(before, version_from(data), notes=[Note(version="1.1.0", text="Better.")])
    told = {
        name: [(item.name, item.before, item.after) for item in items]
        for name, items in found.sections.items()
    }
    assert told["dependencies"] == [
        ("numpy", "2.3.0", None),
        ("scikit-learn", "1.9.1", "1.9.2"),
        ("scipy", None, "1.16.0"),
    ]
    assert told["parameters"] == [("depth", "3", None)]
    assert told["tags"] == [("team", "oncology", None)]
    assert told["training data"] == [
        ("tumor-train", f"2026-11, sha256:{'d' * 64}", "2026-12, sha256:1, 4,000 rows")
    ]
    assert [name for name, _, _ in told["artifacts"]] == ["MLmodel", "model.skops"]
    assert [name for name, _, _ in told["made with"]] == ["artifact root", "features"]
    assert found.sizes == (1200, 5000)
    assert found.notes == (Note(version="1.1.0", text="Better."),)


def test_what_was_measured_of_the_latency_is_told_as_such() -> None:
    one = version_from(version_data())
    measured = statement(predicate=evaluation(latency={"p50_ms": 1.0, "p99_ms": 4.0}))
    found = compare(one, one, (measured, measured))
    told = {m.name: m.before.value for m in found.metrics if m.source == "measured" and m.before}
    assert (told["latency_p50_ms"], told["latency_p99_ms"]) == (1.0, 4.0)


def test_a_dataset_whose_version_is_its_digest_is_told_once() -> None:
    data = version_data()
    digest = "sha256:" + "5d" * 32
    rows = [{"name": "tumor-train", "version": digest, "digest": digest}]
    lineage = {**data["lineage"], "training_data": rows}
    [item] = [
        item
        for item in compare(
            version_from(data), version_from(version_data(lineage=lineage))
        ).sections["training data"]
        if item.after
    ]
    assert item.after == digest
