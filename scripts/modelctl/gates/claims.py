"""Claims: a metric in the manifest must agree with what was measured on the same data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.manifest import Metric
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.verdict import Finding
from modelctl.gates.findings import at, failed, passed, show
from modelctl.gates.measured import measured


def check_claims(
    gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """A claim on the evaluated dataset may differ from the measurement by `tolerance`, a share of
    the measured value; claims on other data can't be compared and say nothing."""
    evidence = measured(gate, candidate, facts)
    yield from evidence.findings
    if evidence.statement is None:
        return
    known = evidence.facts
    tolerance = float(gate.options.get("tolerance", 0.0))
    compared = [m for m in candidate.version.metrics if _comparable(m, known)]
    false = [m for m in compared if not _agrees(m, known["evidence.metrics"], tolerance)]
    for metric in false:
        yield _false_claim(gate, candidate, metric, known["evidence.metrics"])
    if not compared:
        yield passed(gate, "no claim is about the data that was measured, so none is compared")
    elif not false:
        yield passed(gate, f"{len(compared)} claimed metrics agree with what was measured")


def _comparable(metric: Metric, known: Mapping[str, Any]) -> bool:
    same_data = metric.dataset_digest == known.get("evidence.dataset.digest")
    return same_data and metric.name in known.get("evidence.metrics", {})


def _agrees(metric: Metric, figures: Mapping[str, float], tolerance: float) -> bool:
    value = figures[metric.name]
    return abs(metric.value - value) <= tolerance * max(abs(value), 1e-9)


def _false_claim(
    gate: Gate, candidate: Candidate, metric: Metric, figures: Mapping[str, float]
) -> Finding:
    return failed(
        gate,
        f"the manifest claims another {metric.name} than was measured on the same data",
        values={"claimed": show(metric.value), "measured": show(figures[metric.name])},
        mend="make a new version whose manifest is written by `modelctl new`",
        **at(candidate, *candidate.metric_path(metric.name)),
    )
