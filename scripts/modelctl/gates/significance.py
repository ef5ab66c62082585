"""Significance: a figure is good enough beyond chance, or nobody can tell and says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.rules import Undecided
from modelctl.domain.significance import (
    Comparison,
    Figure,
    decides,
    difference,
    exactly,
    figure,
    grown,
    samples_that_decide,
)
from modelctl.domain.verdict import Finding
from modelctl.gates.baseline import incomparable, nothing_to_compare, served_facts
from modelctl.gates.findings import at, command, failed, inconclusive, passed, show
from modelctl.gates.measured import measured

SERVING, BASELINE = "serving", "baseline"
CONFIDENCE = 0.95
_SAMPLES_UNKNOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """Whether `ours` is better than `theirs` less `margin`, where `theirs` has a name."""

    ours: Figure
    theirs: Figure
    name: str
    margin: float
    higher_is_better: bool
    confidence: float

    def compare(self, factor: float = 1.0) -> Comparison:
        """How much better ours is, with `factor` times as many samples on both sides."""
        ours, theirs = (
            side if factor == 1.0 else grown(side, factor, self.confidence)
            for side in (self.ours, self.theirs)
        )
        return difference(ours, theirs) if self.higher_is_better else difference(theirs, ours)

    @property
    def needed(self) -> str:
        """What would be enough, as people read it."""
        sign, side = ("≥", "-") if self.higher_is_better else ("≤", "+")
        return f"{sign} {self.name}" + (f" {side} {self.margin:g}" if self.margin else "")


def check_significance(
    gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """`metric` holds against what serves, the baseline, a `minimum` or a `maximum`, beyond chance.

    Of the difference's interval at `confidence` the whole must lie above `-margin`: then it passes;
    it fails where the whole lies below, and is inconclusive where it may be chance.
    """
    evidence = measured(gate, candidate, facts)
    yield from evidence.findings
    if evidence.statement is None:
        return
    known = {**evidence.facts}
    if gate.options.get("against") == SERVING:
        baseline = served_facts(gate, candidate, facts, known)
        if baseline.problem:
            yield incomparable(gate, candidate, baseline)
            return
        if baseline.nothing_served:
            yield nothing_to_compare(gate, candidate)
            return
        known |= baseline.facts
    question = _question(gate, known)
    if isinstance(question, Undecided):
        yield _absent(gate, candidate, known) or _lacking(gate, candidate, question)
    else:
        yield _answer(gate, candidate, question)


def _question(gate: Gate, known: Mapping[str, Any]) -> _Question | Undecided:
    options = gate.options
    metric, confidence = options["metric"], float(options.get("confidence", CONFIDENCE))
    ours = figure(known, "evidence", metric, confidence)
    if isinstance(ours, Undecided):
        return ours
    found = _theirs(options, known, metric, confidence)
    if isinstance(found, Undecided):
        return found
    theirs, name = found
    return _Question(
        ours=ours,
        theirs=theirs,
        name=name,
        margin=float(options.get("margin", 0.0)),
        higher_is_better=options.get("higher_is_better", "maximum" not in options),
        confidence=confidence,
    )


def _theirs(
    options: Mapping[str, Any], known: Mapping[str, Any], metric: str, confidence: float
) -> tuple[Figure, str] | Undecided:
    """What it is held against: what serves with its limits, or a number as it is."""
    if options.get("against") == SERVING:
        theirs = figure(known, "serving", metric, confidence)
        return theirs if isinstance(theirs, Undecided) else (theirs, show(theirs.value))
    if options.get("against") == BASELINE:
        value = known.get("evidence.baseline", {}).get(metric)
        if value is None:
            return Undecided(reason=f"evidence.baseline.{metric} is missing")
    else:
        value = float(options["minimum"] if "minimum" in options else options["maximum"])
    return exactly(value), show(value)


def _answer(gate: Gate, candidate: Candidate, question: _Question) -> Finding:
    compared = question.compare()
    metric, level = gate.options["metric"], f"{question.confidence * 100:g} %"
    details: dict[str, Any] = {
        "values": {
            metric: show(question.ours.value),
            "needs": question.needed,
            f"better by ({level})": f"{compared.lower:+.4f} to {compared.upper:+.4f}",
        },
        "because": gate.title,
    }
    place = at(candidate, *candidate.metric_path(metric))
    answer = decides(compared, question.margin)
    if answer:
        return passed(gate, f"{metric} is good enough beyond chance", **details)
    if answer is False:
        mend = "compare the two with their run pages; promote only what is as good"
        return failed(gate, f"{metric} is too bad to be chance", mend=mend, **details, **place)
    return inconclusive(
        gate,
        f"{metric} can't be told from {question.name}: the difference is inside the noise",
        mend=_how_many(question),
        command=command(gate.produce, candidate),
        **details,
        **place,
    )


def _how_many(question: _Question) -> str:
    """How many samples would decide, if the figures stay as they are."""
    samples = question.ours.samples
    start = samples or _SAMPLES_UNKNOWN
    needed = samples_that_decide(start, question.margin, question.compare)
    if needed is None:
        return "the difference is at the margin, where no number of samples decides"
    if samples is None:
        return f"measure both on {needed / start:.1f} times as many samples"
    several = f"{needed - samples} more" if needed > samples else "more"
    return f"measure on {needed} samples, {several}: they decide if the figures stay as they are"


def _absent(gate: Gate, candidate: Candidate, known: Mapping[str, Any]) -> Finding | None:
    """That the evaluation has other metrics than the one that is judged; None where it has it."""
    metric, has = gate.options["metric"], known.get("evidence.metrics", {})
    if not has or metric in has or f"evidence.{metric}" in known:
        return None
    return inconclusive(
        gate,
        f"its {gate.evidence} has no {metric} (it has {', '.join(sorted(has))})",
        mend=f"measure {metric}, or narrow the gate: applies.tasks",
        **at(candidate),
    )


def _lacking(gate: Gate, candidate: Candidate, lack: Undecided) -> Finding:
    return inconclusive(
        gate,
        f"chance can't be ruled out: {lack.reason}",
        mend="measure it with an interval and say its confidence, as `modelctl evidence evaluate` "
        "does",
        command=command(gate.produce, candidate),
        **at(candidate),
    )
