"""What all formats say of a simulation: how it would have ended, why it stayed, what it cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce

from modelctl.domain.observations import CANARY, STABLE, Counts, figures_of
from modelctl.domain.rollout import verdict_of
from modelctl.domain.rollout_state import (
    ADVANCE,
    DONE,
    FINISH,
    GOING_BACK,
    PAUSED,
    ROLL_BACK,
    ROLLED_BACK,
    WAITING,
    Reason,
)
from modelctl.domain.sequential import METRICS
from modelctl.domain.simulation import Course, Simulation, Stay
from modelctl.domain.verdict import Outcome
from modelctl.report import words

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_MOVES = {ADVANCE: Outcome.PASS, FINISH: Outcome.PASS, ROLL_BACK: Outcome.FAIL}
_MOST_WAITS = 3


def passed(length: timedelta) -> str:
    """A span in its two largest units: `2 h 12 min`, `41 h`, `45 s`."""
    seconds = max(int(length.total_seconds()), 0)
    for index, (unit, size) in enumerate(_UNITS):
        if seconds >= size * (2 if unit == "d" else 1):
            count, rest = divmod(seconds, size)
            smaller, part = _UNITS[min(index + 1, len(_UNITS) - 1)]
            more = f" {rest // part} {smaller}" if rest // part and part < size else ""
            return f"{count} {unit}{more}"
    return "0 s"


def outcome(simulation: Simulation) -> tuple[Outcome, str]:
    """How it would have ended, in one line."""
    stays, state = simulation.course.stays, simulation.state
    taken = next((stay for stay in stays if stay.ended == ROLL_BACK), None)
    at = f"at {stays[-1].weight} %"
    if taken is not None:
        after = passed(taken.until - simulation.course.began)
        return Outcome.FAIL, f"would have been rolled back at {taken.weight} % after {after}"
    if state.phase == DONE:
        return Outcome.PASS, f"would have finished after {passed(simulation.lasted)}"
    since = passed(stays[-1].began - simulation.course.began)
    if state.phase == WAITING:
        return Outcome.PENDING, f"would wait for a person {at} after {since}"
    if state.phase == PAUSED:
        return Outcome.PENDING, f"would stand paused {at} after {since}"
    number = len(simulation.strategy.steps)
    where = f"step {state.step + 1} of {number}, {at}"
    return Outcome.INCONCLUSIVE, f"isn't over when the figures end, {where}"


def about(simulation: Simulation) -> str:
    """Over which figures it was."""
    course = simulation.course
    if simulation.scenario is not None:
        return f"synthetic traffic, measured nowhere: {simulation.scenario}"
    began, until = words.instant(course.began), words.instant(course.until)
    return f"recorded figures from {began} to {until}"


def limitations(simulation: Simulation) -> Iterator[str]:
    """What a reader must know of how the figures came to be."""
    if simulation.thinned < 1.0:
        yield (
            f"requests were left out by chance, down to {100 * simulation.thinned:.3g} % of a "
            "side, to match the simulated shares: how busy a version was is as recorded"
        )
    yield from _tested(simulation)
    if simulation.short:
        yield (
            f"in {simulation.short:,} of {simulation.stretches:,} stretches fewer requests were "
            "recorded than the share asks for: none were made up, so it takes longer than live"
        )


def _tested(simulation: Simulation) -> Iterator[str]:
    """What its A/B test would say, and that nobody recorded what it is about."""
    plan, state = simulation.strategy, simulation.state
    found = verdict_of(plan, state, ended=state.phase in (DONE, WAITING))
    if plan.experiment is None or found is None:
        return
    yield f"the A/B test says {found.outcome}: {found.message}"
    primary = plan.experiment.primary
    lacking = [
        name
        for side, name in ((CANARY, "new"), (STABLE, "now"))
        if not _has(primary, side, totals(simulation.course).get(side))
    ]
    if lacking:
        sides = " and ".join(lacking)
        yield (
            f"the recording has no {primary} of {sides}, which the test is about: no verdict can "
            "come of it"
        )


def _has(primary: str, side: str, counts: Counts | None) -> bool:
    """Whether a side's counts have the primary figure of a test."""
    found = figures_of(side, counts) if counts is not None else {}
    own = found.get(f"{side}.{METRICS}")
    return f"{side}.{primary}" in found or (isinstance(own, Mapping) and primary in own)


def picture(simulation: Simulation) -> Course:
    """Its course with the words that stand above a picture."""
    title = f"{simulation.strategy.name} {outcome(simulation)[1]}"
    model = f"{simulation.model} · " if simulation.model else ""
    synthetic = simulation.scenario is not None
    return replace(
        simulation.course, title=title, about=model + about(simulation), elapsed=synthetic
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the timeline: when, at which share, what, and why."""

    at: datetime
    weight: int
    outcome: Outcome | None
    what: str
    reasons: tuple[Reason, ...] = ()


def timeline(course: Course) -> Iterator[Line]:
    """What happened, in order: why it stayed, what it noticed, what moved it."""
    for stay in course.stays:
        yield Line(at=stay.began, weight=stay.weight, outcome=None, what=_stayed(stay))
        for note in stay.notes:
            what = f"note, in {100 * note.share:.0f} % of the looks"
            yield Line(
                at=note.at, weight=stay.weight, outcome=Outcome.WAIVED, what=what,
                reasons=(note.reason,),
            )  # fmt: skip
        if stay.ended in _MOVES:
            what = "emergency: all traffic back at once" if stay.emergency else stay.ended
            yield Line(
                at=stay.until, weight=stay.weight, outcome=_MOVES[stay.ended], what=what,
                reasons=stay.reasons,
            )  # fmt: skip


def _stayed(stay: Stay) -> str:
    """`held for 1 h 12 min: duration 1 h, requests 12 min`."""
    held = {PAUSED: "paused", WAITING: "waited", GOING_BACK: "on the way back"}.get(
        stay.phase, "held"
    )
    waits = sorted(stay.waits, key=lambda wait: -wait.lasted)
    told = [f"{wait.reason.name} {passed(wait.lasted)}" for wait in waits if wait.lasted]
    more = f" and {len(told) - _MOST_WAITS} more" if len(told) > _MOST_WAITS else ""
    why = f": {', '.join(told[:_MOST_WAITS])}{more}" if told else ""
    return f"{held} for {passed(stay.lasted)}{why}"


def why_held(simulation: Simulation) -> Sequence[Reason]:
    """What still kept it where it was when the figures ended; nothing where it was over."""
    if simulation.state.phase in (DONE, ROLLED_BACK):
        return ()
    last = simulation.course.stays[-1]
    return tuple(wait.reason for wait in last.waits if wait.last)


def totals(course: Course, stay: Stay | None = None) -> dict[str, Counts]:
    """What was counted on each side during a stay, or in all."""
    found = {}
    for side in (CANARY, STABLE):
        counts = [
            point.sides[side]
            for point in course.points
            if side in point.sides and (stay is None or stay.began < point.at <= stay.until)
        ]
        if counts:
            found[side] = reduce(Counts.plus, counts)
    return found
