"""What came of ending a version, in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelctl.domain.endings import ENDS, Ended
from modelctl.domain.history import ARCHIVAL, DEPRECATION, RETIREMENT
from modelctl.domain.verdict import Outcome
from modelctl.report import words
from modelctl.report.look import Look, ink, paint

if TYPE_CHECKING:
    from rich.text import Text

_NEXT = {
    ARCHIVAL: "it is kept until its retention ends; `modelctl retention list` says when",
    RETIREMENT: "its manifest may be removed by a pull request, and `modelctl retention apply "
    "--tracking-uri URI` takes it out of the registry",
}


def terminal(done: Ended, look: Look | None = None) -> str:
    """What was recorded, or why nothing was, and what comes next."""
    look = look or Look()
    return paint(look, _refused(done, look) if done.obstacles else _said(done, look))


def _refused(done: Ended, look: Look) -> list[Text]:
    mark = look.mark(Outcome.FAIL)
    end = ENDS.get(done.kind, "reinstated")
    lines = [ink(look, mark, (f" {done.name}", "bold"), f" can't be {end}")]
    lines += [ink(look, f"  {obstacle}") for obstacle in done.obstacles]
    return [*lines, ink(look, ("  mend: ", "bold"), done.mend or "")]


def _said(done: Ended, look: Look) -> list[Text]:
    end = ENDS.get(done.kind, "reinstated")
    mark, name = look.mark(Outcome.PASS), (f" {done.name}", "bold")
    if done.already is not None:
        return [
            ink(look, mark, name, f" {done.already}"),
            ink(look, "  nothing was left to do"),
        ]
    if done.place is None:
        return [ink(look, mark, name, f" can be {end}"), ink(look, "  nothing was recorded")]
    lines = [ink(look, mark, name, f" is {end}"), ink(look, f"  recorded as {done.place}")]
    following = _following(done)
    return [*lines, ink(look, ("  next: ", "bold"), following)] if following else lines


def _following(done: Ended) -> str | None:
    if done.kind != DEPRECATION:
        return _NEXT.get(done.kind)
    if not done.serving:
        return f"modelctl archive {done.name}"
    where = words.names(done.serving)
    return f"move its traffic in {where} to another version, then archive it"
