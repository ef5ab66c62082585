"""What a guard says of itself: what it can't judge, so that nobody believes to be protected, and
ways back that nobody recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from modelctl.domain.comparing import wanted
from modelctl.domain.observations import BASELINE, LIVE_SIDE
from modelctl.domain.policy import Transition
from modelctl.domain.watching import Watch, figures
from modelctl.services.accounted import accounted
from modelctl.services.guard_memory import Place, Serving
from modelctl.services.session import Session
from modelctl.services.state import state_tree
from modelctl.services.unrecorded import Unrecorded, unrecorded
from modelctl.services.writing import SETTLING, recorded

_EVERY = timedelta(minutes=1)
"""So often is asked anew what can't be judged of a model."""

_LABELLED = f"{LIVE_SIDE}.labelled"
_SHOWN = 3


def unmeasured(
    watch: Watch, serving: Serving, now: datetime, over: timedelta
) -> frozenset[tuple[str, str]] | None:
    """The triggers that can't be due for lack of figures, each with one of those; None where
    nothing can be told, because nobody asked anything."""
    found = figures(watch, now, over, wanted(serving.triggers))
    if not found.get(f"{LIVE_SIDE}.requests"):
        return None
    return frozenset(
        (one.name or one.when.source, name)
        for one in serving.triggers
        for name in one.when.names
        if name.startswith((f"{LIVE_SIDE}.", f"{BASELINE}."))
        and (name not in found or (name == _LABELLED and not found[name]))
    )


def note(place: Place, serving: Serving, watch: Watch, now: datetime, over: timedelta) -> None:
    """Remembers what can't be judged of what serves."""
    last = place.noted.get(serving.model)
    if last is not None and now - last < _EVERY:
        return
    found = unmeasured(watch, serving, now, over)
    if found is not None:
        place.noted[serving.model] = now
        place.unmeasured[serving.model] = found


def undecidable(place: Place) -> str | None:
    """What nobody can judge by now, in a sentence; None where that is what it was, or nothing."""
    here = {m: found for m, found in place.unmeasured.items() if m in place.serving}
    found = frozenset[tuple[str, str]]().union(*here.values())
    if found == place.undecidable:
        return None
    place.undecidable = found
    if not found:
        return "every trigger can be judged now"
    triggers = dict[str, list[str]]()
    for trigger, name in sorted(found):
        triggers.setdefault(trigger, []).append(name)
    listed = "; ".join(f"{one} ({', '.join(names)})" for one, names in triggers.items())
    models = sorted(model for model, lacks in here.items() if lacks)
    more = f" and {len(models) - _SHOWN} more" if len(models) > _SHOWN else ""
    return (
        f"nothing measures what these triggers read, so they protect nobody: {listed}; of "
        f"{', '.join(models[:_SHOWN])}{more}"
    )


def gone_back(
    session: Session, transition: Transition, place: Place, taken: Collection[str]
) -> Iterator[tuple[str, Unrecorded]]:
    """The ways back of what serves that nobody recorded, looked for where the environment's branch
    changed. `taken` are the models with a rollout: their next step says it."""
    branch = session.policy.lifecycle.state_of(transition.environment)
    tip = session.repository.remote_first(branch)
    if tip is None or (tip == place.state and not place.unsettled):
        return
    here, place.state = state_tree(session, transition.environment), tip
    place.unsettled = False
    for model, serving in place.serving.items():
        now = recorded(here, model) if model not in taken else None
        if now is None or now.digest == serving.request.digest:
            continue
        runs = accounted(session, model, session.signed(model), transition.environment)
        found = unrecorded(session, transition, now, runs, tip)
        if found is None:
            continue
        if abs(session.now - found.at) <= SETTLING:
            place.unsettled = True  # its job may still sign it
        else:
            yield model, found
