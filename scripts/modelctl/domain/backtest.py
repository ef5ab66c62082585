"""What a change of the policy would have decided otherwise: two verdicts on one deployment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from modelctl.domain.document import Location
from modelctl.domain.policy import Policy
from modelctl.domain.verdict import Finding, Outcome, Verdict, worst


class Kind(StrEnum):
    """What changes for a deployment."""

    BLOCKED = "would be blocked"
    ALLOWED = "would pass"
    OTHERWISE = "decided otherwise"
    SAME = "the same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A gate that says something else. `before` or `after` is None where the gate doesn't judge.

    `finding` is what decides: of the changed policy where that blocks, else of the policy as it is.
    """

    gate: str
    before: Outcome | None
    after: Outcome | None
    finding: Finding

    @property
    def by_head(self) -> bool:
        """Whether `finding` is by the changed policy."""
        return self.after is not None and self.after.blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A recorded deployment, judged by both policies with what was known when it happened.

    `served` says that the environment serves it now. An outcome is None where a policy has no such
    environment. `problem` says why it couldn't be judged again.
    """

    model: str
    version: str
    environment: str
    at: datetime
    served: bool
    before: Outcome | None = None
    after: Outcome | None = None
    shifts: tuple[Shift, ...] = ()
    problem: str | None = None

    @property
    def kind(self) -> Kind:
        """What changes for it. Where nobody judges, nothing is allowed."""
        was, would = _passes(self.before), _passes(self.after)
        if was != would:
            return Kind.ALLOWED if would else Kind.BLOCKED
        return Kind.OTHERWISE if self.before != self.after or self.shifts else Kind.SAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """Every recorded deployment under a changed policy. `base` and `head` name the two policies;
    the gates are those that only one of them has, each with its place there."""

    base: str
    head: str
    trials: tuple[Trial, ...]
    added: tuple[tuple[str, Location], ...] = ()
    removed: tuple[tuple[str, Location], ...] = ()

    def of(self, kind: Kind) -> tuple[Trial, ...]:
        """The trials of a kind: what is served first, then the newest."""
        found = (t for t in self.trials if t.kind is kind and t.problem is None)
        newest = sorted(found, key=lambda t: (t.at, t.model), reverse=True)
        return tuple(sorted(newest, key=lambda t: not t.served))

    @property
    def unjudged(self) -> tuple[Trial, ...]:
        """Those that couldn't be judged again."""
        return tuple(trial for trial in self.trials if trial.problem is not None)


def shifts(before: Verdict | None, after: Verdict | None) -> tuple[Shift, ...]:
    """The gates that block by one policy and not by the other, in the order in which they ran."""
    was, would = _by_gate(before), _by_gate(after)
    found = []
    for gate in dict.fromkeys((*was, *would)):
        old, new = was.get(gate, ()), would.get(gate, ())
        blocked, blocks = _blocking(old), _blocking(new)
        if bool(blocked) != bool(blocks):
            found.append(
                Shift(
                    gate=gate,
                    before=worst(f.outcome for f in old) if old else None,
                    after=worst(f.outcome for f in new) if new else None,
                    finding=_severest(blocks or blocked),
                )
            )
    return tuple(found)


def only_in(one: Policy, other: Policy) -> tuple[tuple[str, Location], ...]:
    """The gates that `one` has and `other` hasn't."""
    known = {gate.name for gate in other.gates}
    return tuple((gate.name, gate.location) for gate in one.gates if gate.name not in known)


def _passes(outcome: Outcome | None) -> bool:
    return outcome is not None and not outcome.blocks


def _by_gate(verdict: Verdict | None) -> dict[str, tuple[Finding, ...]]:
    return dict(verdict.gates()) if verdict is not None else {}


def _blocking(found: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in found if finding.outcome.blocks]


def _severest(found: list[Finding]) -> Finding:
    outcome = worst(finding.outcome for finding in found)
    return next(finding for finding in found if finding.outcome is outcome)
