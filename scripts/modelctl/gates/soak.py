"""Soak: a version must have served in the environment before for long enough."""

from __future__ import annotations

from collections.abc import Iterator

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.evidence import human
from modelctl.domain.history import Deployment, served, serving_since
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.rules import parse_span
from modelctl.domain.verdict import Finding, Outcome
from modelctl.gates.findings import at, finding, inconclusive, passed


def check_soak(gate: Gate, candidate: Candidate, policy: Policy, facts: Facts) -> Iterator[Finding]:
    """`minimum` is the span that it must have served in the source environment without a break.

    It is pending while the time runs, and says when it ends. A version that doesn't serve there
    is not soaking, so that is inconclusive.
    """
    source = candidate.transition.source
    if source is None:
        yield passed(gate, "the first environment: there is nowhere to have soaked")
        return
    last, since = served(facts.history, source), serving_since(facts.history, source)
    if last is None or since is None or last.digest != candidate.digest:
        yield _elsewhere(gate, candidate, source, last)
        return
    minimum = parse_span(gate.options["minimum"])
    until = since.at + minimum
    values = {"served": human(facts.now - since.at), "needs": human(minimum)}
    if facts.now < until:
        yield finding(
            gate,
            Outcome.PENDING,
            f"it has served in {source} for {values['served']}",
            values=values,
            until=until,
            because=gate.title,
            mend="wait; it resolves by itself",
        )
    else:
        yield passed(gate, f"it has served in {source} for {values['served']}", values=values)


def _elsewhere(gate: Gate, candidate: Candidate, source: str, last: Deployment | None) -> Finding:
    """The source serves something else: nothing, another version, or other bytes of this one."""
    now = f"{source} serves {last.version} now" if last else f"{source} serves nothing yet"
    if last is not None and last.version == str(candidate.version.version):
        now = f"{source} serves another manifest of {last.version} ({last.digest[:12]}…)"
    return inconclusive(
        gate,
        f"{now}, so {candidate.name} isn't soaking there",
        mend=f"promote what {source} serves, or bring this version there first",
        **at(candidate),
    )
