"""Rollouts on the terminal: each in a line, or one with all its conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from modelctl.domain.observations import CANARY, STABLE
from modelctl.domain.rollout_events import Rollout
from modelctl.domain.rollout_state import Reason
from modelctl.domain.rollout_view import RolloutView
from modelctl.domain.verdict import Outcome
from modelctl.report import rollout_words as told, words
from modelctl.report.look import STYLES, Look, fits, grid, indent, ink, paint, table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

_BAR = 10
_HEADS = ("model", "where", "versions", "share", "step", "errors", "waits", "so far")
NONE = "no rollout is under way"


def terminal(
    views: Sequence[RolloutView],
    at: datetime,
    look: Look | None = None,
    past: Sequence[Rollout] = (),
) -> str:
    """All rollouts as text for `look`: a line each, or a few where the terminal is narrow. Without
    any, how those of the `past` ended."""
    look = look or Look()
    found = parts(views, at, look)
    found += [""] if past else []
    return paint(look, [*found, *(ink(look, told.outcome_of(one, at)) for one in past)])


def parts(views: Sequence[RolloutView], at: datetime, look: Look) -> list[RenderableType]:
    """What `terminal` prints, for a view that is drawn again and again."""
    head = ink(look, (words.count(len(views), "rollout"), "bold"))
    head.append_text(ink(look, (f"  {words.instant(at)}", "dim")))
    if not views:
        return [head, "", ink(look, NONE)]
    rows = [_row(view, look) for view in views]
    if fits(look, _HEADS, rows):
        return [head, "", table(look, _HEADS, rows)]
    return [head, *(part for view in views for part in ("", *_block(view, look)))]


def _row(view: RolloutView, look: Look) -> list[Text]:
    return [
        ink(look, (view.model, "bold")),
        ink(look, (view.environment, "cyan")),
        ink(look, told.versions(view)),
        bar(view.state.weight, look),
        ink(look, told.step(view)),
        ink(look, told.errors(view)),
        ink(look, (told.waits(view).partition("; ")[0], "dim")),
        _verdict(view, look),
    ]


def _block(view: RolloutView, look: Look) -> Iterator[RenderableType]:
    """The same in a few short lines."""
    yield ink(look, (view.model, "bold"), ("  ", ""), (view.environment, "cyan"))
    lines = grid(None)
    line = ink(look, f"{told.versions(view)}  ")
    lines.add_row(line.append_text(bar(view.state.weight, look)).append_text(_step(view, look)))
    lines.add_row(ink(look, f"errors {told.errors(view)}"))
    if wait := told.waits(view):
        lines.add_row(ink(look, (f"waits {wait}", "dim")))
    lines.add_row(_verdict(view, look))
    yield indent(lines, 2)


def _step(view: RolloutView, look: Look) -> Text:
    number = told.step(view)
    return ink(look, (f"  step {number}" if number else "", "dim"))


def _verdict(view: RolloutView, look: Look) -> Text:
    outcome, text = told.verdict(view)
    return ink(look, look.mark(outcome), " ", (text, STYLES[outcome]))


def bar(weight: int, look: Look) -> Text:
    """A share of the traffic: `██▌░░░░░░░  25 %`."""
    from rich.text import Text

    full, empty = ("█", "░") if look.unicode else ("#", ".")
    filled = round(weight * _BAR / 100) or (1 if weight else 0)
    made = Text(full * filled, style="yellow")
    made.append(empty * (_BAR - filled), style="dim")
    return made.append(f" {weight:>3} %", style="bold")


def detail(view: RolloutView, look: Look | None = None) -> str:
    """One rollout as text for `look`: where it stands, its figures and each condition."""
    look = look or Look()
    return paint(look, detail_parts(view, look))


def detail_parts(view: RolloutView, look: Look) -> list[RenderableType]:
    """What `detail` prints."""
    found: list[RenderableType] = [
        ink(look, (told.title(view), "bold"), (f"  {words.instant(view.at)}", "dim")),
        "",
        indent(_facts(view, look), 2),
    ]
    if view.problem is not None:
        found += ["", ink(look, ("! ", "bold yellow"), view.problem)]
    figures = _figures(view, look)
    found += ["", figures] if figures is not None else []
    found += ["", _conditions(view, look)] if view.answers else []
    return [*found, *_decision(view, look)]


def _facts(view: RolloutView, look: Look) -> Table:
    rows = grid(None, None)
    share = bar(view.state.weight, look).append_text(_step(view, look))
    rows.add_row(ink(look, ("share", "dim")), share)
    about = f"{view.plan}, began {words.age(view.started, view.at)}"
    by = f", approved by {words.names(view.by)}" if view.by else ""
    rows.add_row(ink(look, ("plan", "dim")), ink(look, about + by))
    if view.steps:
        rows.add_row(ink(look, ("steps", "dim")), _course(view, look))
    if pace := told.pace(view):
        rows.add_row(ink(look, ("time", "dim")), ink(look, pace))
    if wait := told.waits(view):
        rows.add_row(ink(look, ("waits", "dim")), ink(look, wait))
    if test := told.test(view):
        rows.add_row(ink(look, ("test", "dim")), ink(look, test))
    if told.person(view):
        rows.add_row(ink(look, ("go on", "dim")), ink(look, told.resume(view)))
    if told.verdict(view)[0] is not Outcome.PENDING:  # which says no more than what it waits for
        rows.add_row(ink(look, ("so far", "dim")), _verdict(view, look))
    return rows


def _course(view: RolloutView, look: Look) -> Text:
    """The plan on one line: what is done, where it stands, what comes."""
    line = ink(look)
    for index, (weight, here) in enumerate(told.course(view)):
        mark = f"[{weight}]" if here and not look.color else weight
        line.append_text(ink(look, "  " if index else "", (mark, "bold" if here else "dim")))
    return line.append_text(ink(look, " %"))


def _figures(view: RolloutView, look: Look) -> Table | None:
    """What was counted on both sides since the step began; None where nothing was."""
    found = list(told.measured(view))
    if not found:
        return None
    rows = [
        [ink(look, name), ink(look, (mine, "bold")), ink(look, theirs)]
        for name, mine, theirs in found
    ]
    requests = (told.answered(view, CANARY), told.answered(view, STABLE))
    rows.append([ink(look, "requests"), *(ink(look, (text, "dim")) for text in requests)])
    heads = ("since the step began", f"new {view.version}", f"now {view.stable or 'nothing'}")
    return table(look, heads, rows)


def brief_parts(view: RolloutView, look: Look, lines: int) -> list[RenderableType]:
    """What `detail` prints where there are only so many lines: the decision, then what is broken or
    undecided; conditions that aren't met are left out from the end, and counted."""
    ranked = sorted(view.answers, key=lambda one: _RANKS.get(told.outcome(one), 1))
    least = sum(told.outcome(one) is not Outcome.PASS for one in ranked)
    found: list[RenderableType] = []
    for figures in (True, False):
        for kept in range(len(ranked), least - 1, -1):
            found = _brief(replace(view, answers=tuple(ranked[:kept])), look, figures=figures)
            left = len(ranked) - kept
            if left:
                more = f"{words.count(left, 'condition')} more not met"
                found += [ink(look, look.mark(Outcome.PASS), " ", (more, "dim"))]
            if paint(look, found).count("\n") <= lines:
                return found
    return found


def _brief(view: RolloutView, look: Look, *, figures: bool) -> list[RenderableType]:
    found: list[RenderableType] = [
        ink(look, (told.title(view), "bold"), (f"  {words.instant(view.at)}", "dim")),
        indent(_facts(view, look), 2),
    ]
    if view.problem is not None:
        found.append(ink(look, ("! ", "bold yellow"), view.problem))
    found += _decision(view, look)
    counted = _figures(view, look) if figures else None
    found += ["", counted] if counted is not None else []
    found += ["", _conditions(view, look)] if view.answers else []
    return found


_RANKS = {Outcome.FAIL: 0, Outcome.WAIVED: 2, Outcome.PASS: 3}


def _conditions(view: RolloutView, look: Look) -> Table:
    rows = []
    for one in view.answers:
        outcome = told.outcome(one)
        figures = ink(look, (told.says(one), STYLES[outcome]))
        for value in told.values(one):
            figures.append("\n").append_text(ink(look, (value, "dim")))
        rows.append(
            [
                ink(look, look.mark(outcome), " ", one.name),
                figures,
                ink(look, told.sure(one.confidence)),
                ink(look, (told.by_whom(one), "dim")),
            ]
        )
    return table(look, ("condition", "says", "sure", "then"), rows)


def _decision(view: RolloutView, look: Look) -> Iterator[RenderableType]:
    if view.decision is None or not view.open:
        return
    yield ""
    yield ink(look, ("now: ", "bold"), view.decision.action)
    shown = [one for one in view.decision.reasons if one.name != "pause"]  # told by the facts
    if shown:
        yield indent(reasons(shown, look), 2)
    for note in view.decision.notes:
        yield indent(ink(look, ("note ", "yellow"), told.because(note)), 2)


def reasons(found: Sequence[Reason], look: Look) -> Table:
    """Why something is decided, a line for each reason; figures that it doesn't name beneath it."""
    rows = grid(None)
    for one in found:
        line = ink(look, told.because(one))
        if one.because and one.because != one.message:
            line.append_text(ink(look, (f" ({one.because})", "dim")))
        for name, value in one.values.items():
            if value not in one.message:
                line.append("\n  ").append_text(ink(look, (f"{name} {value}", "dim")))
        rows.add_row(line)
    return rows
