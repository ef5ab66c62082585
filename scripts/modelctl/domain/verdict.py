"""What a gate says, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from modelctl.domain.document import Location
from modelctl.domain.waivers import Waiver
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS


class Outcome(StrEnum):
    """Everything but PASS and WAIVED blocks: what can't be decided never passes."""

    PASS = "pass"
    FAIL = "fail"
    PENDING = "pending"
    INCONCLUSIVE = "inconclusive"
    WAIVED = "waived"

    @property
    def blocks(self) -> bool:
        """Whether a promotion must wait for this."""
        return self not in (Outcome.PASS, Outcome.WAIVED)


_SEVERITY = (Outcome.PASS, Outcome.WAIVED, Outcome.PENDING, Outcome.INCONCLUSIVE, Outcome.FAIL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a gate found.

    `values` are the numbers that decided it, ready to print; `mend` is what to do; `command` runs
    it; `policy` is the line of the rule; `until` is when a pending finding resolves by itself;
    `waiver` is what sets a waived one aside.
    """

    gate: str
    outcome: Outcome
    message: str
    rule: str | None = None
    because: str | None = None
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    location: Location | None = None
    quote: str | None = None
    mend: str | None = None
    command: str | None = None
    policy: Location | None = None
    until: datetime | None = None
    waiver: Waiver | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What was judged: a model version on its way to an environment, or the change as a whole.

    `digest` is the sha256 of the manifest, `blob` its git object id.
    """

    model: str | None = None
    version: str | None = None
    environment: str | None = None
    digest: str | None = None
    blob: str | None = None

    def __str__(self) -> str:
        if self.model is None:
            return "the change as a whole"
        name = f"{self.model}@{self.version}" if self.version else self.model
        return f"{name} → {self.environment}" if self.environment else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All findings about one subject."""

    subject: Subject
    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst of the findings; no finding at all was never judged, so it can't pass."""
        return worst(f.outcome for f in self.findings)

    def gates(self) -> Mapping[str, tuple[Finding, ...]]:
        """The findings by gate, in the order in which the gates ran."""
        grouped: dict[str, list[Finding]] = {}
        for finding in self.findings:
            grouped.setdefault(finding.gate, []).append(finding)
        return {gate: tuple(found) for gate, found in grouped.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The verdicts of one run, with what they were judged by.

    `trusted` is the commit whose rules judged, `base` and `head` the ends of the change. `notes`
    are what a reader should know beside the findings, such as who will be asked to approve.
    """

    title: str
    verdicts: tuple[Verdict, ...]
    trusted: str | None = None
    base: str | None = None
    head: str | None = None
    at: datetime | None = None
    notes: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst of the verdicts; a change that touches nothing judged passes."""
        return worst((v.outcome for v in self.verdicts), empty=Outcome.PASS)


def worst(outcomes: Iterable[Outcome], *, empty: Outcome = Outcome.INCONCLUSIVE) -> Outcome:
    """The most severe outcome: fail, then inconclusive, pending, waived, pass."""
    return max(outcomes, key=_SEVERITY.index, default=empty)


def exit_code(report: Report) -> int:
    """0 or 1: the one place where an outcome becomes an exit code."""
    return EXIT_BLOCKED if report.outcome.blocks else EXIT_PASS
