"""The labels of a pull request: the stage that its versions go to, and how its gates stand.

Labels are for people who look at lists. Anybody who may sort pull requests may set them, so nothing
is ever decided by one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from modelctl.domain.pages import Page
from modelctl.domain.policy import Lifecycle
from modelctl.domain.pulls import CheckState

STAGE, GATE, DEPLOYED = "stage: ", "gate: ", "deployed: "
STATES = {
    CheckState.FAILURE: "blocked",
    CheckState.WAITING: "waiting",
    CheckState.SUCCESS: "ready",
}
"""The state of a check run in the word that people read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelChange:
    """What is to be put onto a pull request, and what is to be taken off."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.add or self.remove)

    def __str__(self) -> str:
        return (
            f"labels: {', '.join((*(f'+{n}' for n in self.add), *(f'-{n}' for n in self.remove)))}"
        )


def gate_label(state: CheckState) -> str:
    """The label that says how the gates stand."""
    return f"{GATE}{STATES[state]}"


def labels_of(page: Page, lifecycle: Lifecycle) -> tuple[str, ...]:
    """The labels that a pull request should have, by its verdict and by where it goes.

    One that moves no version, such as a change of the rules, has no stage.
    """
    transition = lifecycle.to_branch(page.base)
    stage = f"{STAGE}{transition.stage}" if transition is not None and page.models else None
    return (*([stage] if stage else []), gate_label(page.state))


def label_change(
    present: Iterable[str], wanted: Iterable[str], *, is_open: bool = False
) -> LabelChange:
    """How to come from the present labels to the wanted ones. Those of others stay, and so do those
    that a deploy has set: on an open pull request, which `is_open`, none has. GitHub's labels are
    the same in any case."""
    present, wanted = tuple(present), tuple(wanted)
    known = (STAGE, GATE, DEPLOYED) if is_open else (STAGE, GATE)
    there = {label.lower() for label in present}
    kept = {label.lower() for label in wanted}
    ours = (label for label in present if label.lower().startswith(known))
    return LabelChange(
        add=tuple(label for label in wanted if label.lower() not in there),
        remove=tuple(label for label in ours if label.lower() not in kept),
    )
