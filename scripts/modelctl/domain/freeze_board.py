"""What is frozen at a time, environment by environment, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from modelctl.domain.freezes import Emergency, Freezes, Hold, Window, holds, opens
from modelctl.domain.recurrence import Span
from modelctl.domain.rules import Scope

Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One environment: what holds there, and when it opens; None where it doesn't by itself."""

    environment: str
    holds: tuple[Hold, ...]
    opens: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A window with the occurrence that holds, and the next one to begin."""

    window: Window
    now: Span | None
    next: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeBoard:
    """What holds at `at` for `model`, or for every model where that is None.

    Windows and emergencies for some models only are listed then, but hold no environment.
    """

    at: datetime
    model: str | None
    places: tuple[Place, ...]
    windows: tuple[Shown, ...]
    emergencies: tuple[Emergency, ...]


def freeze_board(
    freezes: Freezes, asked: Sequence[Facts], *, model: str | None, at: datetime
) -> FreezeBoard:
    """What the freezes say at an instant about promotions with these facts, one an environment.

    Without a `model` the facts are those of none: narrowed freezes cover them not.
    """
    places = tuple(
        Place(
            environment=facts["environment"],
            holds=holds(freezes, [facts], at),
            opens=opens(freezes, [facts], at),
        )
        for facts in asked
    )
    windows = (w for w in freezes.windows if _listed(w.scope, asked, model))
    return FreezeBoard(
        at=at,
        model=model,
        places=places,
        windows=tuple(
            Shown(
                window=window,
                now=max(window.spans_at(at), key=lambda span: span.end, default=None),
                next=window.next_after(at),
            )
            for window in windows
        ),
        emergencies=tuple(e for e in freezes.emergencies if _listed(e.scope, asked, model)),
    )


def _listed(scope: Scope, asked: Sequence[Facts], model: str | None) -> bool:
    """Whether it is about one of the environments, and about the model where one is named."""
    if model is not None:
        return any(scope.covers(facts) for facts in asked)
    places = scope.environments
    return not places or any(facts["environment"] in places for facts in asked)
