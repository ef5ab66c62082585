"""Where a rollout stands, what is decided of it, and both as the ledger has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from modelctl.domain.counts_data import (
    counts_data,
    counts_from,
    readings_data,
    time_from,
    times_data,
    times_from,
)
from modelctl.domain.document import Location
from modelctl.domain.observations import Counts
from modelctl.domain.recent import Recent, recent_data, recent_from
from modelctl.domain.watching import Watch, watch_data, watch_from
from modelctl.errors import ModelctlError

RUNNING, PAUSED, WAITING = "running", "paused", "waiting"
GOING_BACK, ROLLED_BACK, DONE, SUPERSEDED = "going-back", "rolled-back", "done", "superseded"
OPEN = frozenset({RUNNING, PAUSED, WAITING, GOING_BACK})
"""The phases of a rollout that isn't over. `waiting` is for a person: a step that asks for one, or
the end of a plan that doesn't promote itself; a breach rolls back all the same."""

ADVANCE, HOLD, ROLL_BACK, FINISH = "advance", "hold", "roll back", "finish"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a rollout stands. `step` counts from 0, `weight` is the new version's share in percent,
    `since` is when the step began. `tally` has what was counted on each side since then, `recent`
    what was lately, `figures` the last readings, `read` when each was taken. `holding` says since
    when a condition that must last has held, by its name; `heard` is when the new version's figures
    were last seen, `observed` when anything was; None before the first time. `began` is when the
    rollout did. `watch` is what
    was seen of the new version lately, whatever the step. `released` says that a person lets this
    step be left, `halted` names the conditions for which it stopped here and went on by a person's
    word. All UTC.
    """

    phase: str
    step: int
    weight: int
    since: datetime
    tally: Mapping[str, Counts] = field(default_factory=lambda: MappingProxyType({}))
    figures: Mapping[str, float | Mapping[str, float]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    read: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    holding: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    heard: datetime | None = None
    observed: datetime | None = None
    began: datetime | None = None
    watch: Watch = field(default_factory=Watch)
    released: bool = False
    halted: tuple[str, ...] = ()
    recent: Recent = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why: what decided, in a sentence with its figures. `name` is the condition's, or `duration`,
    `requests`, `patience`, `pause`. `confidence` is how sure it is, where chance had a part."""

    name: str
    message: str
    because: str = ""
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    confidence: float | None = None
    location: Location | None = None

    @property
    def told(self) -> str:
        """In one line: a condition's name, why it is there and its figures; else the sentence."""
        return named(self.name, self.because, self.message) if self.because else self.message


def named(name: str, because: str, figures: str) -> str:
    """`emergency: more than 10 % of the requests fail (live.error_rate is 0.2952)`."""
    return f"{name}: {because} ({figures})" if figures else f"{name}: {because}"


def figures_told(values: Mapping[str, str]) -> str:
    """`live.error_rate is 0.2952, live.requests is 900`."""
    return ", ".join(f"{name} is {value}" for name, value in values.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done now, why, and the state that follows. `action` is one of `ADVANCE`,
    `HOLD`, `ROLL_BACK`, `FINISH`. `emergency` says that all traffic goes back at once whatever way
    back the plan has; `notes` are findings that move nothing: investigate, review, analyse."""

    action: str
    reasons: tuple[Reason, ...]
    after: State
    emergency: bool = False
    notes: tuple[Reason, ...] = ()


def state_data(state: State) -> dict[str, Any]:
    """As the ledger has it; `state_from` gives the same state again."""
    return {
        "phase": state.phase,
        "step": state.step,
        "weight": state.weight,
        **times_data({name: at for name in _TIMES if (at := getattr(state, name)) is not None}),
        "tally": {side: counts_data(counts) for side, counts in state.tally.items()},
        "recent": recent_data(state.recent),
        "figures": readings_data(state.figures),
        "read": times_data(state.read),
        "holding": times_data(state.holding),
        "watch": watch_data(state.watch),
        "released": state.released,
        "halted": list(state.halted),
    }


_TIMES = ("since", "heard", "observed", "began")


def state_from(data: Mapping[str, Any]) -> State:
    """What `state_data` gave.

    Raises:
        ModelctlError: it isn't the state of a rollout.
    """
    try:
        return State(
            phase=data["phase"],
            step=data["step"],
            weight=data["weight"],
            since=time_from(data["since"]),
            **{name: time_from(data[name]) for name in _TIMES[1:] if name in data},
            tally=MappingProxyType({s: counts_from(one) for s, one in data["tally"].items()}),
            recent=recent_from(data.get("recent", ())),
            figures=MappingProxyType(dict(data["figures"])),
            read=times_from(data.get("read", {})),
            holding=times_from(data["holding"]),
            watch=watch_from(data["watch"]),
            released=data["released"],
            halted=tuple(data["halted"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelctlError(
            f"what is recorded as the state of a rollout isn't one: {error}",
            mend="look at its entry with `modelctl ledger verify`",
        ) from None
