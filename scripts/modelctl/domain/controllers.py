"""What a controller of a cluster says of a rollout that it steps by itself, and what follows.

Argo Rollouts answers for one revision: it is believed for the version that a rollout brings in,
once it has looked at that very object, and for no other. Anything else decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from modelctl.domain.problems import Object, get, items
from modelctl.domain.rendering import PREFIX
from modelctl.domain.rollout_state import (
    DONE,
    FINISH,
    HOLD,
    ROLL_BACK,
    ROLLED_BACK,
    RUNNING,
    WAITING,
    Decision,
    Reason,
    State,
)
from modelctl.domain.serving import WHOLE

PROGRESSING, PAUSED, HEALTHY = "progressing", "paused", "healthy"
ABORTED, DEGRADED, UNSEEN = "aborted", "degraded", "unseen"

UNTOLD: Final = "stepped by Argo Rollouts; give --context to see it"

_IDENTITY: Final = ("version", "digest")
_SHARES: Final = frozenset({"setWeight", "experiment"})
_BY_HAND: Final = "it waits for a person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Controlled:
    """What a controller says of a version that it brings in. `phase` is one of the six above;
    `paused` is for a person, `degraded` isn't taken back yet, and `unseen` says that nothing can be
    told of this version. `weight` is its share in percent, `step` counts from 0."""

    phase: str
    weight: int = 0
    step: int = 0
    message: str = ""

    def __str__(self) -> str:
        why = f": {self.message}" if self.message else ""
        if self.phase == UNSEEN:
            return f"Argo Rollouts tells nothing of it yet{why}"
        return f"Argo Rollouts has it {self.phase} at {self.weight} %{why}"

    def shown(self, state: State) -> State:
        """The state of a rollout as people are to see it, with the controller's share and step."""
        phase = WAITING if self.phase == PAUSED else state.phase
        return replace(state, phase=phase, weight=self.weight, step=self.step)


def controlled(rollout: Object | None, *, version: str, digest: str) -> Controlled:
    """What a Rollout, as the cluster has it, says of a version."""
    strange = _strange(rollout, version=version, digest=digest)
    if strange is not None:
        return Controlled(phase=UNSEEN, message=strange)
    status: Mapping[str, Any] = get(rollout, "status", default={})
    phase, message = _phase(rollout, status)
    return Controlled(
        phase=phase,
        weight=WHOLE if phase == HEALTHY else _weight(rollout, status),
        step=_step(rollout, status),
        message=message,
    )


def decided(state: State, told: Controlled | None, now: datetime) -> Decision:
    """What follows from a controller's word: the end, the way back, or nothing yet. Without one
    nothing is decided."""
    message = str(told) if told is not None else UNTOLD
    reason = Reason(name="controller", message=message)
    if told is not None and told.phase == HEALTHY:
        over = replace(state, phase=DONE, weight=WHOLE, since=now)
        return Decision(action=FINISH, reasons=(reason,), after=over)
    if told is not None and told.phase == ABORTED:
        return taken_back(state, (reason,), now)
    return Decision(action=HOLD, reasons=(reason,), after=state)


def taken_back(state: State, reasons: Sequence[Reason], now: datetime) -> Decision:
    """All traffic goes back at once: the controller knows no other way."""
    after = replace(state, phase=ROLLED_BACK, weight=0, since=now)
    return Decision(action=ROLL_BACK, reasons=tuple(reasons), after=after, emergency=True)


def handed_over(at: datetime) -> State:
    """The state in which a controller takes a rollout on; its share is known by the controller
    alone."""
    return State(phase=RUNNING, step=0, weight=0, since=at, began=at)


def _strange(rollout: Object | None, *, version: str, digest: str) -> str | None:
    """Why nothing can be told of this version by this object; None where something can."""
    if rollout is None:
        return "the cluster has no such Rollout"
    for place in (("metadata",), ("spec", "template", "metadata")):
        found = [get(rollout, *place, "annotations", f"{PREFIX}/{one}") for one in _IDENTITY]
        if found != [version, digest]:
            return f"the cluster's Rollout is of {found[0] or 'no version that is known'}"
    seen, wanted = (
        str(get(rollout, *path, default=""))
        for path in (("status", "observedGeneration"), ("metadata", "generation"))
    )
    return None if wanted and seen == wanted else "its controller hasn't seen it"


def _phase(rollout: Object | None, status: Mapping[str, Any]) -> tuple[str, str]:
    message = str(get(status, "message", default=""))
    if get(status, "abort") is True:
        return ABORTED, message
    phase = get(status, "phase")
    if phase == "Degraded":
        return DEGRADED, message
    if phase == "Paused":
        waits = _waits(rollout, status)
        return (PAUSED, message or _BY_HAND) if waits else (PROGRESSING, message)
    stable = get(status, "stableRS")
    if phase == "Healthy" and stable and stable == get(status, "currentPodHash"):
        return HEALTHY, message
    return PROGRESSING, message


def _waits(rollout: Object | None, status: Mapping[str, Any]) -> bool:
    """Whether nothing but a person ends the pause: not a step that ends by its time."""
    if get(rollout, "spec", "paused") is True:
        return True
    steps, index = _steps(rollout), _index(status)
    timed = index < len(steps) and get(steps[index], "pause", "duration") is not None
    reasons = {get(one, "reason") for one in items(status, "pauseConditions")}
    return not timed or reasons != {"CanaryPauseStep"}


def _weight(rollout: Object | None, status: Mapping[str, Any]) -> int:
    """The share that the router was told, else that of the step; none in a blue-green before its
    end."""
    told = get(status, "canary", "weights", "canary", "weight")
    if told is not None:
        return int(told)
    steps, index = _steps(rollout), _index(status)
    if steps and index >= len(steps):
        return WHOLE
    asked = [get(one, "setWeight") for one in steps[: index + 1]]
    return next((int(one) for one in reversed(asked) if one is not None), 0)


def _step(rollout: Object | None, status: Mapping[str, Any]) -> int:
    """The step of the plan: a controller makes several steps of one."""
    begun = _steps(rollout)[: _index(status) + 1]
    return max(sum(1 for one in begun if _SHARES & one.keys()) - 1, 0)


def _steps(rollout: Object | None) -> Sequence[Mapping[str, Any]]:
    return items(rollout, "spec", "strategy", "canary", "steps")


def _index(status: Mapping[str, Any]) -> int:
    return int(get(status, "currentStepIndex", default=0))
