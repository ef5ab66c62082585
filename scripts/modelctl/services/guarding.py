"""Watches environments, pass after pass: steps their rollouts, and takes back what misbehaves.

A pass asks each environment's source once for all that is watched. What was folded by then is kept
in memory and is nobody's truth: after a restart the same figures are asked for again. The ledger is
read only where it changed. Data that is missing is never health: it moves nothing forward, and what
can't be seen is said.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial

from modelctl.domain.evidence import human
from modelctl.domain.history import MOVES
from modelctl.domain.observations import Observation, Watched
from modelctl.domain.policy import Transition
from modelctl.domain.rollout import OPEN, State, reason_of
from modelctl.domain.rollout_events import FINISHED, event_told
from modelctl.domain.watching import Look, Watch, look, seen
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.accounted import accounted
from modelctl.services.acting import Effects
from modelctl.services.enforcing import put_again
from modelctl.services.going_back import WentBack, Wish, go_back
from modelctl.services.guard_memory import (
    Change,
    Pass,
    Place,
    Serving,
    added,
    cause_of,
    reach,
    serving_watched,
)
from modelctl.services.guard_notes import gone_back, note, undecidable
from modelctl.services.guard_paperwork import Afterwards
from modelctl.services.guard_reading import (
    of_rollout,
    of_serving,
    read_rollouts,
    read_serving,
    with_serving,
)
from modelctl.services.incidents import Desk
from modelctl.services.rollout_moves import strays_told
from modelctl.services.rollouts import (
    Open,
    Stepped,
    step,
    watch,
    with_controllers,
)
from modelctl.services.session import Session
from modelctl.services.ways_back import Intact

_SILENT = timedelta(minutes=1)
"""So long figures may stay away before that is told."""

_SOON = timedelta(seconds=5)
"""What didn't get into force is tried again after so long."""

_AGAIN = timedelta(minutes=1)
"""After traffic had to be left where it is, so long passes until a way back is looked for anew."""


class Guard:
    """Looks after some environments. `effects` is what it acts through; `stops` is asked between
    moves whether it is to end. `intact` judges artifacts where no usual way does."""

    def __init__(
        self,
        transitions: Sequence[Transition],
        effects: Effects,
        *,
        intact: Intact | None = None,
        stops: Callable[[], bool] = lambda: False,
    ):
        self.transitions, self.effects = tuple(transitions), effects
        self.intact, self.stops = intact, stops
        self.desk = Desk(effects=effects)
        self._places: dict[str, Place] = {}

    def look(self, session: Session) -> Pass:
        """One pass over every environment; what goes wrong in one doesn't keep it from the others.

        Traffic comes first in all of them, and paperwork after that.
        """
        total = Pass(at=session.now)
        for transition in self.transitions:
            if self.stops():
                break
            one = _OnePass(self, session, transition, self._place(transition))
            total = added(total, one.run())
        for transition in self.transitions:
            if not self.stops():
                place = self._place(transition)
                after = Afterwards(session, transition, place, self.effects, self.desk)
                total = after.run(total)
        return total

    def _place(self, transition: Transition) -> Place:
        return self._places.setdefault(transition.environment, Place())


class _OnePass:
    """One environment, looked at once."""

    def __init__(self, guard: Guard, session: Session, transition: Transition, place: Place):
        self._guard, self._session = guard, session
        self._transition, self._place = transition, place
        self._environment = transition.environment
        self._changes: list[Change] = []
        self._problems: list[str] = []
        self._held: list[str] = []

    def run(self) -> Pass:
        watched: list[Watched] = []
        heard: Mapping[str, Sequence[Observation]] = {}
        opened: tuple[Open, ...] = ()
        try:
            read = (self._session, self._transition, self._place, self._problem)
            opened = self._by_controllers(read_rollouts(*read))
            read_serving(*read)
            watched = [*self._rollouts_asked(opened), *self._serving_asked(opened)]
            heard = self._ask(watched)
        except ModelctlError as error:
            self._problem("", error)
        for asked in watched:
            self._hear(asked.model, heard.get(asked.model, ()))
        for one in opened:
            self._each(one.model, partial(self._both, one, heard.get(one.model, ())))
        taken = {one.model for one in opened}
        for model, serving in self._place.serving.items():
            if model not in taken:
                self._each(model, partial(self._watch, serving, heard.get(model, ())))
        self._notes(taken)
        for model in [m for m, due in self._place.loose.items() if due <= self._session.now]:
            self._each(model, partial(self._again, model))
        return Pass(
            at=self._session.now,
            watched=len(watched),
            heard=sum(1 for one in watched if heard.get(one.model)),
            rollouts=len(opened),
            changes=tuple(self._changes),
            problems=tuple(self._problems),
            held=tuple(self._held),
        )

    def _each(self, model: str, act: Callable[[], None]) -> None:
        """What goes wrong with one model is told, and is no reason to leave the others."""
        if self._guard.stops():
            return
        try:
            act()
            self._place.told.pop(f"{model}/problem", None)
        except ModelctlError as error:
            self._problem(model, error)

    def _problem(self, model: str, error: ModelctlError) -> None:
        about = f"{self._environment}/{model}" if model else self._environment
        self._problems.append(f"{about}: {error}")
        blind = not model and isinstance(error, DependencyError)
        self._tell(model, "blind" if blind else "problem", str(error))

    def _by_controllers(self, opened: tuple[Open, ...]) -> tuple[Open, ...]:
        """The same, with what a cluster says of those that it steps by itself."""
        found, untold = with_controllers(self._session, opened, self._guard.effects.controllers)
        if untold is None:
            self._place.told.pop("/cluster", None)
        else:
            self._problems.append(f"{self._environment}: {untold}")
            self._tell("", "cluster", str(untold))
        for one in found:
            if one.controlled is not None:
                self._tell(one.model, "controller", str(one.controlled))
        return found

    def _notes(self, taken: Collection[str]) -> None:
        """What people should know of it: what can't be judged, and what nobody recorded."""
        told = undecidable(self._place)
        if told is not None:
            self._tell("", "undecided", told)
        try:
            back = tuple(gone_back(self._session, self._transition, self._place, taken))
        except ModelctlError as error:
            self._problems.append(f"{self._environment}: {error}")
            return
        for model, found in back:
            self._problems.append(f"{self._environment}/{model}: {found.told}")
            self._tell(model, "unrecorded", f"{found.told}; {found.mend}")

    def _rollouts_asked(self, opened: Iterable[Open]) -> Iterator[Watched]:
        for one in opened:
            asked = watch(one, self._known(one) or one.state)
            yield with_serving(asked, one)

    def _serving_asked(self, opened: Iterable[Open]) -> Iterator[Watched]:
        """Of those without a rollout: that of the others asks for what serves as well."""
        taken = {one.model for one in opened}
        over = self._session.policy.rollback.window
        for model, serving in self._place.serving.items():
            if model in taken or not serving.triggers:
                continue
            earliest = self._session.now - reach(serving.triggers, over)
            since = self._watched(serving).observed or max(serving.began, earliest)
            yield serving_watched(serving, since)

    def _ask(self, watched: Sequence[Watched]) -> Mapping[str, Sequence[Observation]]:
        source = self._guard.effects.source.get(self._environment)
        if not watched:
            return {}
        if source is None:
            self._tell("", "blind", "nothing says where its figures come from")
            return {}
        found = source.observe(watched, self._session.now)
        self._tell("", "sees", "figures come again")
        return found

    def _hear(self, model: str, observations: Sequence[Observation]) -> None:
        """Says once that figures of a model stay away, and once that they come again."""
        last, now = self._place.heard, self._session.now
        if observations:
            last[model] = now
            self._tell(model, "sees", "figures come again")
        elif now - last.setdefault(model, now) >= _SILENT:
            told = f"no figures of it for {human(_SILENT)}: nobody can tell whether it is well"
            self._tell(model, "blind", told)

    def _known(self, one: Open) -> State | None:
        """What was folded since the rollout's last event."""
        seen_at, state = self._place.states.get(one.model, (None, None))
        return state if seen_at == one.seen else None

    def _both(self, one: Open, observations: Sequence[Observation]) -> None:
        """Looks after a rollout, and after what serves meanwhile, which has most of the traffic."""
        stands = True  # where that can't be told, what serves is looked after all the same
        try:
            stands = self._step(one, of_rollout(observations))
        finally:
            serving = self._place.serving.get(one.model)
            if serving is not None:
                self._watch(serving, of_serving(observations), acts=stands)

    def _step(self, one: Open, observations: Sequence[Observation]) -> bool:
        """Whether the rollout stands where it did."""
        done = step(
            self._session,
            self._transition,
            one,
            observations,
            self._guard.effects,
            self._known(one),
        )
        for event in done.events:
            why = "; ".join(reason.told for reason in done.decision.reasons)
            message = event_told(event, done.state.weight) + (f": {why}" if why else "")
            self._moved(one.model, one.request.version, event, message)
        self._tell_held(one, done)
        if FINISHED in done.events:
            self._place.finished.append(one)
        self._loose(one.model, done.problems)
        self._problems += [f"{self._environment}: {it}" for it in strays_told(done.moved)]
        if done.events or done.passed or done.state.phase not in OPEN:
            self._place.states.pop(one.model, None)
            self._own(one.model)
            return False
        self._place.states[one.model] = one.seen, done.state
        return True

    def _tell_held(self, one: Open, done: Stepped) -> None:
        """What keeps a version from going on although its plan is content."""
        if done.judged.against:
            why = "; ".join(reason.message for reason in done.judged.against)
            self._tell(one.model, "stays", f"{one.request.version} doesn't go on: {why}")
        elif done.events:
            self._place.told.pop(f"{one.model}/stays", None)

    def _watched(self, serving: Serving) -> Watch:
        seen_at, known = self._place.watches.get(serving.model, (None, Watch()))
        return known if seen_at == serving.seen else Watch()

    def _watch(
        self, serving: Serving, observations: Sequence[Observation], *, acts: bool = True
    ) -> None:
        """Folds what was observed; where a trigger is due by it, the version goes back, unless its
        rollout has just moved: then the next pass sees it."""
        if not serving.triggers:
            return
        over, found = self._session.policy.rollback.window, None
        window = self._watched(serving)
        for one in observations:
            window = seen(window, one, over)
            found = look(window, serving.about, serving.triggers, one.at, over)
            window = found.after
        self._place.watches[serving.model] = serving.seen, window
        note(self._place, serving, window, self._session.now, over)
        if not acts:
            return
        now, owed = None, self._place.owed
        if found is not None:
            now = look(window, serving.about, serving.triggers, self._session.now, over)
            if now.due:
                owed[serving.model] = serving.seen, now
        if owed.get(serving.model, (None,))[0] == serving.seen:
            self._go_back(serving, owed[serving.model][1])
        elif now is not None and serving.model in self._place.held:
            del self._place.held[serving.model]
            self._tell(serving.model, "well", "no trigger is due any more")

    def _go_back(self, serving: Serving, found: Look) -> None:
        place, model = self._place, serving.model
        at, until = place.held.get(model, (None, None))
        if at == serving.seen and until is not None and self._session.now < until:
            self._held.append(f"{self._environment}/{model}@{serving.request.version}")
            del place.owed[model]  # nothing was begun
            return
        done = go_back(
            self._session,
            self._transition,
            model,
            cause=cause_of(found.due),
            effects=self._guard.effects,
            wish=Wish(of=serving.request.version),
            intact=self._guard.intact,
        )
        del place.owed[model]
        self._own(model)
        if done.held:
            place.held[model] = serving.seen, self._session.now + _AGAIN
            self._held.append(f"{self._environment}/{model}@{serving.request.version}")
            self._tell(model, "held", f"{done.problem}: traffic is left as it is")
            if done.incident is not None:
                left = self._guard.desk.handle(self._session, self._transition, done.incident)
                self._problems += left
            return
        self._went(serving, done, found)

    def _went(self, serving: Serving, done: WentBack, found: Look) -> None:
        if done.incident is not None and done.incident.place is not None:
            self._guard.desk.fresh.add(done.incident.place)
        back = done.back_to.version if done.back_to else "?"
        why = "; ".join(reason_of(answer).told for answer in found.due)
        message = f"{done.outcome} from {serving.request.version} to {back}: {why}"
        self._moved(serving.model, serving.request.version, "rollback", message)
        self._loose(serving.model, done.problems)

    def _loose(self, model: str, problems: Mapping[str, str]) -> None:
        """What isn't in force is told, and tried again soon: traffic is still where it was."""
        for problem in problems.values():
            self._problems.append(f"{self._environment}/{model}: {problem}")
            self._place.loose[model] = self._session.now + _SOON

    def _again(self, model: str) -> None:
        """Puts what was decided into force, by whoever it was by now."""
        session, where = self._session, self._environment
        del self._place.loose[model]
        runs = accounted(session, model, session.signed(model), where)
        asked = [runs] if runs is not None else []
        self._loose(model, put_again(session, self._transition, self._guard.effects, asked))

    def _own(self, model: str) -> None:
        """What this process wrote itself: it does the paperwork of it at once."""
        self._place.pending.add(model)
        self._place.moved.add(model)
        known = self._session.ledger.entries(model, MOVES)
        self._guard.desk.fresh.update(entry.path for entry in known[-1:])

    def _moved(self, model: str, version: str, kind: str, message: str) -> None:
        change = Change(
            environment=self._environment,
            kind=kind,
            message=message,
            model=model,
            version=version,
        )
        self._changes.append(change)

    def _tell(self, model: str, kind: str, message: str) -> None:
        """Once for each change: what goes on isn't said again with every pass."""
        topic, told = f"{model}/{_TOPICS.get(kind, kind)}", self._place.told
        if kind in _ENDS:
            if told.pop(topic, None) is None:
                return
        elif told.get(topic) == message:
            return
        else:
            told[topic] = message
        self._changes.append(
            Change(environment=self._environment, kind=kind, message=message, model=model or None)
        )


_TOPICS = {"sees": "blind", "well": "held"}
_ENDS = frozenset(_TOPICS)
"""What takes back what was told before, where it was."""
