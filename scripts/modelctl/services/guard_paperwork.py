"""What a guard does after traffic: what was kept warm goes, and people and other systems are told.

None of it undoes anything. What can't be done now is told, and tried again by a later pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from modelctl.domain.policy import Transition
from modelctl.domain.rollout_events import COOLED
from modelctl.errors import ModelctlError
from modelctl.services.acting import Effects
from modelctl.services.guard_memory import Change, Pass, Place
from modelctl.services.incidents import Desk
from modelctl.services.monitoring import followed
from modelctl.services.rollout_ticks import Pass as Ticked, announced, cooled, warm
from modelctl.services.session import Session

_AGAIN = timedelta(minutes=1)
"""So often a guard looks at what is kept warm, and tries again what it couldn't write."""


class Afterwards:
    """What is due of one environment after a pass over it."""

    def __init__(
        self, session: Session, transition: Transition, place: Place, effects: Effects, desk: Desk
    ):
        self._session, self._transition, self._place = session, transition, place
        self._effects, self._desk = effects, desk
        self._changes: list[Change] = []

    def run(self, done: Pass) -> Pass:
        """Does it; the pass, with what was done and what is left of it."""
        left = [*self._each(self._cooled), *self._each(self._followed)]
        left += [*self._each(self._finished), *self._each(self._incidents)]
        return replace(
            done, changes=(*done.changes, *self._changes), left=(*done.left, *dict.fromkeys(left))
        )

    def _each(self, act: Callable[[], Iterator[str]]) -> Iterator[str]:
        """What goes wrong with one is no reason to leave the others."""
        try:
            yield from act()
        except ModelctlError as error:
            yield f"{self._transition.environment}: {error}"

    def _cooled(self) -> Iterator[str]:
        """Takes away what was kept warm long enough."""
        place, now = self._place, self._session.now
        if now < place.cools:
            return
        place.cools = now + _AGAIN
        models = self._warm()
        if not models:
            return
        ticked = Ticked(environment=self._transition.environment)
        done = cooled(self._session, self._transition, self._effects, ticked, models)
        place.moved.update(done.cooled)
        self._changes += (self._gone(model) for model in done.cooled)
        yield from done.left

    def _warm(self) -> tuple[str, ...]:
        """The models that keep a version warm, looked for again where the state has changed."""
        session, place = self._session, self._place
        tip = session.repository.remote_first(
            session.policy.lifecycle.state_of(self._transition.environment)
        )
        if tip != place.warm[0]:
            place.warm = tip, warm(session.repository.tree(tip))
        return place.warm[1]

    def _gone(self, model: str) -> Change:
        return Change(
            environment=self._transition.environment,
            kind=COOLED,
            message="what served before is kept warm no more",
            model=model,
        )

    def _followed(self) -> Iterator[str]:
        """Has the alerts follow what moved."""
        place, now = self._place, self._session.now
        if not place.moved or now < place.follows:
            return
        left = followed(self._session, self._transition, place.moved)
        if left:
            place.follows = now + _AGAIN
            yield from left
        else:
            place.moved.clear()

    def _finished(self) -> Iterator[str]:
        """Tells of the versions that took over."""
        finished, self._place.finished = self._place.finished, []
        yield from announced(self._session, self._transition, finished, self._effects)

    def _incidents(self) -> Iterator[str]:
        """What is due of the models whose history changed, or whose paperwork isn't done."""
        place, environment = self._place, self._transition.environment
        for model in sorted(place.pending):
            try:
                found = self._desk.clear(self._session, self._transition, [model])
            except ModelctlError as error:
                found = (f"{environment}: {model}: {error}",)
            yield from found
            if not found and not self._desk.waits(environment, model):
                place.pending.discard(model)
