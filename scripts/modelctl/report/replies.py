"""Answers to commands in comments, as Markdown. Whatever anybody wrote is muted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from modelctl.domain.comment_commands import USAGE
from modelctl.domain.names import choice
from modelctl.domain.policy import Gate, Policy, Transition
from modelctl.domain.verdict import Report, Verdict
from modelctl.domain.waivers import STRUCTURAL, Waiver
from modelctl.errors import ModelctlError
from modelctl.report import gfm, markdown, words
from modelctl.report.explain import labelled

_LONGEST = 60_000
_HELP = (
    "`check` judges the pull request again. `explain` says what a gate asks for, and what it found "
    "here. `waive` opens the pull request of a waiver; LOGIN has to approve it."
)


def helped() -> str:
    """Which commands there are."""
    return "\n".join(
        (
            "The first line of a comment may be one of these commands:",
            "",
            gfm.block(list(USAGE)),
            "",
            _HELP,
        )
    )


def mistaken(message: str) -> str:
    """What is wrong with a command."""
    return f"Nothing was done: {gfm.plain(message)}.\n\n{helped()}"


def refused(error: ModelctlError) -> str:
    """Why a command was not done, and what to do."""
    mend = f"\n\n**Mend:** {gfm.plain(error.mend)}" if error.mend else ""
    return f"Nothing was done: {gfm.plain(error.message)}.{mend}"


def explained(
    policy: Policy,
    transition: Transition | None,
    name: str,
    report: Report | None,
    *,
    repository: str | None = None,
) -> str:
    """What a gate asks for on this way, and what it found.

    Raises:
        ModelctlError: there is no such gate; the mend lists those that there are.
    """
    gate, shown = policy.gate(name), _shown(report)
    if gate is None and name not in STRUCTURAL | shown:
        known = [*(gate.name for gate in policy.gates), *sorted(STRUCTURAL | shown)]
        raise ModelctlError("there is no such gate", mend=choice(name, known, "the gates are "))
    parts = list(_asks(gate, transition)) if gate else [_holds(name)]
    parts.append(_found(name, report, repository))
    return "\n\n".join(parts)


def _shown(report: Report | None) -> frozenset[str]:
    """The names that stand before the findings of a report, whether or not of a gate."""
    verdicts = report.verdicts if report is not None else ()
    return frozenset(finding.gate for verdict in verdicts for finding in verdict.findings)


def _holds(name: str) -> str:
    says = "It always holds: no policy switches it off, and no waiver lifts it."
    return f"### {gfm.code(name)}\n\n{says}"


def _asks(gate: Gate, transition: Transition | None) -> Iterator[str]:
    yield f"### {gfm.code(gate.name)} {gfm.plain(gate.title)}"
    if transition is not None:
        told = (f"- {label}: {gfm.plain(text)}" for label, text in labelled(gate, transition, None))
        yield "\n".join(told)
    if gate.rules:
        rules = ((rule.expression.source, rule.because) for rule in gate.rules)
        yield "\n".join(f"- {gfm.code(source)}: {gfm.plain(because)}" for source, because in rules)


def _found(name: str, report: Report | None, repository: str | None) -> str:
    """What the gate found in each version, or that it judged none."""
    verdicts = report.verdicts if report is not None else ()
    about = ((v, tuple(f for f in v.findings if f.gate == name)) for v in verdicts)
    found = tuple(Verdict(subject=v.subject, findings=mine) for v, mine in about if mine)
    if report is None or not found:
        return "It judges nothing in this pull request."
    told = replace(report, verdicts=found, notes=())
    return markdown.findings(told, repository=repository, limit=_LONGEST)


def opened(
    number: int,
    waiver: Waiver,
    others: Sequence[str],
    *,
    is_new: bool,
    note: str | None = None,
) -> str:
    """Where the waiver is proposed that somebody asked for; `others` as in `waiver_body`, `note`
    says what became of a branch that was there."""
    what = f"a waiver of {gfm.code(waiver.gate)} for {gfm.code(waiver.name)}"
    if not is_new:
        return f"#{number} asks for {what} already. Change it there, or close it and ask again."
    said = f"#{number} asks for {what}. It waives nothing before {_whose(waiver, others)}."
    return said if note is None else f"{said} {gfm.plain(note)}."


def waiver_body(waiver: Waiver, others: Sequence[str], number: int) -> str:
    """What the pull request of a waiver says of itself. `others` are the approvals that it needs
    beside that of the person whom it names, such as `1 platform`; `number` is where it was asked
    for."""
    rows = (
        ("version", gfm.code(waiver.name, cell=True)),
        ("gate", gfm.code(waiver.gate, cell=True)),
        ("on the way to", gfm.plain(" and ".join(waiver.environments) or "any environment")),
        ("until", gfm.plain(words.instant(waiver.expires))),
        ("asked for by", gfm.plain(waiver.requested_by)),
        ("to be approved by", gfm.plain(waiver.approved_by)),
        ("because", gfm.plain(waiver.reason)),
    )
    table = "\n".join(
        (gfm.row("what", "value"), gfm.row("---", "---"), *(gfm.row(*row) for row in rows))
    )
    says = f"It waives nothing before {_whose(waiver, others)}."
    return f"Asked for in #{number}.\n\n{table}\n\n{says}"


def _whose(waiver: Waiver, others: Sequence[str]) -> str:
    also = f", and by {gfm.plain(' and '.join(others))}" if others else ""
    return f"it is approved by {gfm.plain(waiver.approved_by)}{also}, and merged"
