"""What was decided of a rollout, and what it was decided by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from modelctl.domain.rollout_state import Decision, Reason, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A decision, the state that it was made of, and the instant for which (UTC). One that was made
    `by_hand` follows from no rule of the plan, and can't be made again: it is the word of a person,
    or of a controller. `against` is what gates or the branch say against going on: it holds then,
    although its plan had it go on."""

    state: State
    at: datetime
    decision: Decision
    by_hand: bool = False
    against: tuple[Reason, ...] = ()
