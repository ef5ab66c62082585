"""The words that all reports share: what a verdict says, what decided it, when, what is next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from modelctl.domain.document import Location
from modelctl.domain.verdict import Finding, Outcome, Report, Verdict
from modelctl.domain.waivers import Waiver

RANK = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PENDING, Outcome.WAIVED, Outcome.PASS)
"""Outcomes, most severe first."""

_ENDS = {
    Outcome.FAIL: "BLOCKED",
    Outcome.INCONCLUSIVE: "BLOCKED",
    Outcome.PENDING: "PENDING",
    Outcome.WAIVED: "PASSES",
    Outcome.PASS: "PASSES",
}
_COMPARISON = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(>=|<=|==|!=|>|<)\s*([^&|?:<>=!]+?)\s*")
_SIGNS = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠", ">": ">", "<": "<"}
_NAME = re.compile(r"[\w.@/-]+")


def word(outcome: Outcome) -> str:
    """The verdict in one word. Fail and inconclusive both block; which it was, the gates say."""
    return _ENDS[outcome]


def findings(verdict: Verdict) -> tuple[Finding, ...]:
    """The findings; where there are none, one that says so, since that can't pass."""
    unjudged = Finding(
        gate="policy",
        outcome=Outcome.INCONCLUSIVE,
        message="no gate judged this, so it can't pass",
        mend="check that the policy has gates for it",
    )
    return verdict.findings or (unjudged,)


def gates(verdict: Verdict) -> dict[str, tuple[Finding, ...]]:
    """The findings by gate, in the order in which the gates ran; never empty."""
    return dict(Verdict(subject=verdict.subject, findings=findings(verdict)).gates())


def told_once(verdict: Verdict) -> dict[tuple[str, ...], tuple[Finding, ...]]:
    """The findings by gate, where gates that say the very same share one entry.

    What several lack is one thing to mend, such as one missing measurement. Why each of them asks
    for it, and by which line, `policy explain` tells.
    """
    alike: dict[object, list[str]] = {}
    found = gates(verdict)
    for gate, listed in found.items():
        alike.setdefault(_same(gate, listed), []).append(gate)
    return {
        tuple(names): tuple(
            replace(one, because=None, policy=None) if len(names) > 1 else one
            for one in found[names[0]]
        )
        for names in alike.values()
    }


def _same(gate: str, found: Sequence[Finding]) -> object:
    """What makes two gates say the same; nothing does for those that simply pass."""
    told = worth_telling(found)
    if len(found) != 1 or not told or not told[0].outcome.blocks:
        return gate
    one = told[0]
    return (one.outcome, one.message, *one.values.items(), one.location, one.mend, one.command)


def gate_outcomes(verdict: Verdict) -> dict[str, Outcome]:
    """Each gate with the worst of its findings."""
    return {gate: severest(found) for gate, found in gates(verdict).items()}


def severest(found: Iterable[Finding]) -> Outcome:
    """The worst outcome of some findings."""
    return min((f.outcome for f in found), key=RANK.index)


def by_severity(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """The verdicts, most severe first, otherwise in their order."""
    return sorted(verdicts, key=lambda v: RANK.index(v.outcome))


def tally(verdict: Verdict) -> str:
    """`2 of 11 gates` where some block, else `11 gates` or `11 gates, 1 waived`."""
    outcomes = list(gate_outcomes(verdict).values()) if verdict.findings else []
    blocking = sum(outcome.blocks for outcome in outcomes)
    waived = outcomes.count(Outcome.WAIVED)
    if not outcomes:
        return "no gate judged it"
    if blocking:
        return f"{blocking} of {count(len(outcomes), 'gate')}"
    return count(len(outcomes), "gate") + (f", {waived} waived" if waived else "")


def overall(report: Report) -> str:
    """`1 of 3 verdicts` where some block, else `3 verdicts`."""
    stops, total = len(blocked(report)), len(report.verdicts)
    if stops:
        return f"{stops} of {count(total, 'verdict')}"
    return count(total, "verdict") if total else "nothing here is judged"


def blocked(report: Report) -> list[Verdict]:
    """The verdicts that block."""
    return [v for v in report.verdicts if v.outcome.blocks]


def count(number: int, noun: str) -> str:
    """`1 gate`, `2 gates`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def deciding(finding: Finding) -> tuple[tuple[str, ...], bool]:
    """The values that decided, as lines, and whether the rule is told by them already.

    `f1_score = 0.812, needs ≥ 0.85` says the whole rule `evidence.metrics.f1_score >= 0.85`.
    """
    told, needs = _against(finding)
    short = [told] if told else []
    lines = []
    rest = [(k, v) for k, v in finding.values.items() if k != needs]
    for name, value in rest:
        if _NAME.fullmatch(name):
            short.append(f"needs {value}" if name == "needs" else f"{_short(name)} = {value}")
        else:
            lines.append(f"{name}: {value}")
    first = f"{short[0]}, where {', '.join(short[1:])}" if told and short[1:] else ", ".join(short)
    return ((first, *lines) if first else tuple(lines)), told is not None


def _against(finding: Finding) -> tuple[str | None, str | None]:
    """The value on the left of a plain comparison and what it needs to be, with the value's key."""
    match = _COMPARISON.fullmatch(finding.rule or "")
    if match is None or finding.outcome is Outcome.PASS:
        return None, None
    name, sign, bound = match.groups()
    if name not in finding.values:
        return None, None
    needs = f"needs {_SIGNS[sign]} {bound}"
    return f"{_short(name)} = {finding.values[name]}, {needs}", name


def _short(name: str) -> str:
    return name.removeprefix("evidence.metrics.")


def told(finding: Finding) -> Iterator[tuple[str, str]]:
    """What a finding says beside its message, as label and text, in the order to read it in."""
    lines, rule_told = deciding(finding)
    for line in lines:
        yield "values", line
    optional = (
        ("rule", None if finding.outcome is Outcome.PASS or rule_told else finding.rule),
        ("at", place(finding.location) if finding.location else None),
        ("because", reason(finding)),
        ("waived", waived(finding.waiver) if finding.waiver else None),
        ("until", instant(finding.until) if finding.until else None),
        ("mend", finding.mend),
        ("run", finding.command),
        ("policy", line_of(finding.policy) if finding.policy else None),
    )
    yield from ((label, text) for label, text in optional if text)


def waived(waiver: Waiver) -> str:
    """Who waived what until when, and why: `by lena until 2026-12-01 00:00 UTC: … (file)`."""
    by = f"by {waiver.approved_by} until {instant(waiver.expires)}"
    return f"{by}: {waiver.reason} ({waiver.file})"


def worth_telling(found: Iterable[Finding]) -> list[Finding]:
    """The findings that don't simply pass, most severe first."""
    open_ones = (f for f in found if f.outcome is not Outcome.PASS)
    return sorted(open_ones, key=lambda f: RANK.index(f.outcome))


def reason(finding: Finding) -> str | None:
    """Why the rule is there, unless the message says just that."""
    return None if finding.because == finding.message else finding.because


def whole_file(location: Location) -> bool:
    """Whether it points at a document as a whole, so that no line of it is worth quoting."""
    return not location.path and location.column == 1 and location.line <= 2


def place(location: Location) -> str:
    """`file:line:column`, or the file alone where it means the whole file."""
    return location.file if whole_file(location) else str(location)


def line_of(location: Location) -> str:
    """`file:line`, as policies are cited."""
    return f"{location.file}:{location.line}"


def instant(at: datetime) -> str:
    """`2026-11-20 10:53 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def deadline(until: datetime, now: datetime | None) -> str:
    """When something resolves, with how long that is from `now`: `14:05 UTC, in 3 h`."""
    if now is None:
        return instant(until)
    same_day = until.astimezone(UTC).date() == now.astimezone(UTC).date()
    when = f"{until.astimezone(UTC):%H:%M} UTC" if same_day else instant(until)
    return f"{when}, in {span(until - now)}" if until > now else when


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """By which rules something is told: their commit, and the name by which it was found."""

    commit: str
    ref: str

    def __str__(self) -> str:
        return f"by rules of {self.commit[:12]} ({self.ref})"

    def silent(self, where: str, what: str) -> str:
        """That these rules say nothing of it, and how to look at others."""
        other = "for what isn't merged: --trusted-ref refs/heads/BRANCH"
        return f"{where} of {self.ref} {what}; {other}"


def until(finding: Finding, now: datetime | None) -> str:
    """When it resolves, to stand behind its message; only in how long where that ends in when."""
    if finding.until is None:
        return ""
    if not finding.message.endswith(instant(finding.until)):
        return f"  until {deadline(finding.until, now)}"
    return f", in {span(finding.until - now)}" if now and finding.until > now else ""


def age(since: datetime, now: datetime) -> str:
    """`3 h ago`; a date once it is more than 99 days."""
    if now - since >= timedelta(days=100):
        return f"{since.astimezone(UTC):%Y-%m-%d}"
    passed = now - since
    return "just now" if passed < timedelta(minutes=1) else f"{span(passed)} ago"


def span(length: timedelta) -> str:
    """A span in its largest unit, rounded down: `40 s`, `5 min`, `3 h`, `2 d`."""
    seconds = max(int(length.total_seconds()), 0)
    for unit, size, least in (("d", 86400, 2 * 86400), ("h", 3600, 3600), ("min", 60, 60)):
        if seconds >= least:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def names(items: Sequence[str], limit: int = 3) -> str:
    """`quality, soak and 2 more`; `quality and soak`."""
    if len(items) > limit:
        return f"{', '.join(items[:limit])} and {len(items) - limit} more"
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def next_step(report: Report) -> str:
    """What to do now, in one line."""
    blocking = [f for v in report.verdicts for f in findings(v) if f.outcome.blocks]
    todo = list(dict.fromkeys(f.gate for f in blocking if f.outcome is not Outcome.PENDING))
    if todo:
        return f"mend {names(todo)}, then judge again"
    if blocking:
        times = [f.until for f in blocking if f.until]
        after = f" after {instant(max(times))}" if times else " later"
        return f"nothing to mend; judge again{after}"
    promoted = [str(v.subject) for v in report.verdicts if v.subject.environment]
    return f"nothing blocks {promoted[0]}" if len(promoted) == 1 else "nothing blocks"


def judged(report: Report) -> str:
    """By which rules, and when: `rules of 4f1c2a9b0d3e, judged at 2026-11-20 10:53 UTC`."""
    parts = [f"rules of {report.trusted[:12]}"] if report.trusted else []
    parts += [f"judged at {instant(report.at)}"] if report.at else []
    return ", ".join(parts)
