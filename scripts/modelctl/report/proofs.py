"""What `ledger verify` found: every problem with its place and kind, and what was proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelctl.domain.proof import OFFLINE_LIMITS, Part
from modelctl.domain.verdict import Outcome
from modelctl.report import words
from modelctl.report.json import dumps
from modelctl.report.look import Look, ink, paint

if TYPE_CHECKING:
    from rich.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One problem: where, of which kind (`missing`, `altered`, … or a part of the proof), what."""

    file: str
    kind: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was looked at, and everything that is wrong with it."""

    entries: int
    models: int
    deployments: int
    deployed_models: int
    problems: tuple[Line, ...]


def terminal(found: Verified, look: Look | None = None) -> str:
    """The problems, then how much was proved, then what nobody can prove from a clone."""
    look = look or Look()
    return paint(look, [*_problems(found.problems, look), *_totals(found, look)])


def _problems(problems: Sequence[Line], look: Look) -> list[Text]:
    mark = look.mark(Outcome.FAIL)
    return [
        ink(look, mark, (f" {one.file}: ", "bold"), one.message, (f" [{one.kind}]", "dim"))
        for one in problems
    ]


def _totals(found: Verified, look: Look) -> list[Text]:
    entries = "1 entry" if found.entries == 1 else f"{found.entries:,} entries"
    chain = f"{entries} about {words.count(found.models, 'model')}: "
    parts = {part.value for part in Part}
    broken = sum(one.kind not in parts for one in found.problems)
    unproved = len(found.problems) - broken
    lines = [_line(look, chain, broken, "nothing is missing, altered or out of order")]
    if found.deployments or unproved:
        count = words.count(found.deployments, "deployment")
        of = f"{count} of {words.count(found.deployed_models, 'model')}"
        proved = f"{of} proved: {', '.join(part.value for part in Part)}"
        lines.append(_line(look, f"{of}: " if unproved else "", unproved, proved))
    if found.deployments:
        lines.append(ink(look, ("what no clone can prove:", "dim")))
        lines += [ink(look, (f"  {limit}", "dim")) for limit in OFFLINE_LIMITS]
    return lines


def _line(look: Look, what: str, problems: int, sound: str) -> Text:
    if problems:
        said = (words.count(problems, "problem"), "bold red")
        return ink(look, look.mark(Outcome.FAIL), f" {what}", said)
    return ink(look, look.mark(Outcome.PASS), f" {what}{sound}")


def json(found: Verified) -> str:
    """The same as JSON."""
    problems = [
        {"file": one.file, "damage": one.kind, "message": one.message} for one in found.problems
    ]
    return dumps(
        {
            "entries": found.entries,
            "models": found.models,
            "deployments": {"count": found.deployments, "models": found.deployed_models},
            "problems": problems,
            "unprovable": list(OFFLINE_LIMITS),
        }
    )
