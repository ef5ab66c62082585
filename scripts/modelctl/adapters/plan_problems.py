"""What is wrong with the steps of a strategy: what would never move on, never be judged, or move
all traffic unwatched."""

from __future__ import annotations

from collections.abc import Iterator

from modelctl.adapters.policy_problems import PolicyProblem
from modelctl.domain.comparing import MOST_COMPARED, compared, read_by
from modelctl.domain.document import Document, Path
from modelctl.domain.evidence import human
from modelctl.domain.observations import STABLE
from modelctl.domain.serving import WHOLE
from modelctl.domain.strategies import AB_TEST, CANARY, Strategy
from modelctl.domain.triggers import Trigger

RESERVED = frozenset(
    (
        *("back", "duration", "patience", "pause", "person", "phase", "plan"),
        *("requests", "silence", "step", "verdict"),
    )
)
"""Names by which a rollout gives reasons of its own."""

Problems = Iterator[PolicyProblem]


def plan_problems(document: Document, path: Path, plan: Strategy) -> Problems:
    """Everything that is wrong with the plan at `path` of an accepted document."""
    if not plan.steps:
        return
    yield from _end(document, path, plan)
    yield from _baseline(document, path, plan)
    for index in range(len(plan.steps)):
        yield from _exposure(document, (*path, "steps", index), plan, index)
        yield from _conditions(document, (*path, "steps", index), plan, index)


def _end(document: Document, path: Path, plan: Strategy) -> Problems:
    """A canary that promotes itself is watched with all traffic, too, before it is through."""
    last = plan.steps[-1].weight
    if plan.kind == CANARY and plan.automatic and last < WHOLE:
        yield PolicyProblem(
            location=document.locate((*path, "steps", len(plan.steps) - 1, "weight")),
            message=f"the steps end at {last} %, and then all traffic moves at once, unwatched",
            mend="add a step with weight: 100, or automatic: false",
        )


def _baseline(document: Document, path: Path, plan: Strategy) -> Problems:
    for index, step in enumerate(plan.steps):
        if plan.baseline and WHOLE < 2 * step.weight < 2 * WHOLE:
            yield PolicyProblem(
                location=document.locate((*path, "steps", index, "weight")),
                message=f"a baseline as large as {step.weight} % doesn't fit beside it",
                mend="keep the steps with a baseline at 50 % or less; the last may have 100",
            )


def _exposure(document: Document, path: Path, plan: Strategy, index: int) -> Problems:
    """Requests that can't come, and figures of what serves that can't be there."""
    step = plan.steps[index]
    by_header = plan.experiment is not None and plan.experiment.header is not None
    if plan.kind in (CANARY, AB_TEST) and step.weight == 0 and step.requests and not by_header:
        yield PolicyProblem(
            location=document.locate((*path, "requests")),
            message=f"a step with no traffic never sees {step.requests:,} requests",
            mend="remove requests, or give it a share of the traffic",
        )
    reads = [one for one in plan.conditions_at(index) if _reads(one, STABLE)]
    if index == 0 and step.weight == WHOLE and reads:
        yield PolicyProblem(
            location=document.locate((*path, "weight")),
            message="the first step takes all traffic, so there is nothing to compare with",
            mend="begin with a smaller share, or choose blue-green",
        )


def _conditions(document: Document, path: Path, plan: Strategy, index: int) -> Problems:
    step = plan.steps[index]
    for one in plan.conditions_at(index):
        if one.name in RESERVED:
            yield PolicyProblem(
                location=one.location,
                message=f"{one.name} is what a rollout calls a reason of its own",
                mend="give the condition another name",
            )
        if one.sustained and one.sustained > step.duration and not one.holds_when_undecided:
            lasts, asked = human(step.duration), human(one.sustained)
            yield PolicyProblem(
                location=document.locate((*path, "duration")),
                message=f"{one.name or one.when.source} must hold for {asked}, and the step may be "
                f"left after {lasts}",
                mend="let the step last longer, or the condition hold for less",
            )
        if len(compared(one.when.names, one.when.source, frozenset())) > MOST_COMPARED:
            yield PolicyProblem(
                location=one.location,
                message=f"the condition compares more than {MOST_COMPARED} figures of two versions",
                mend="split it into several conditions",
            )


def _reads(one: Trigger, side: str) -> bool:
    return any(name.startswith(f"{side}.") for name in read_by(one.when.names))
