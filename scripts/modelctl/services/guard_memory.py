"""What a guard remembers between passes, and what one pass comes to.

All of it can be had again: what serves from the ledger, what was counted from where figures come
from. It is kept so that a pass costs what changed, and not what there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from modelctl.domain.comparing import Answer
from modelctl.domain.history import MOVES, deployments, served
from modelctl.domain.manifest import Model
from modelctl.domain.observations import LIVE_SIDE, Watched
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout import State
from modelctl.domain.rollout_split import serving_of
from modelctl.domain.triggers import Trigger
from modelctl.domain.watching import Look, Watch
from modelctl.errors import DependencyError
from modelctl.services.accounted import last_move, settled, unshown
from modelctl.services.candidates import read_model
from modelctl.services.going_back import Cause
from modelctl.services.open_rollouts import signed_namespace
from modelctl.services.rollouts import Open, endpoint_of, triggers_of
from modelctl.services.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What serves in an environment, whatever takes over from it: its record, and what watches it.
    `seen` is the number of its deployment on the ledger, which was when it `began` (UTC): what was
    counted before is another matter."""

    model: str
    request: RenderRequest
    about: Model
    triggers: tuple[Trigger, ...]
    seen: int
    began: datetime
    namespace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that a pass did or found, for people. `kind` is an event of a rollout, `rollback`,
    `held`, `stays`, `blind`, `problem`, or what takes one of them back."""

    environment: str
    kind: str
    message: str
    model: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What one pass came to. `watched` counts the models that were asked for, `heard` those that
    figures came of. `problems` are what kept it from seeing or doing something, `held` the versions
    that should go back and have nowhere to go; `left` is paperwork that is still to be done."""

    at: datetime
    watched: int = 0
    heard: int = 0
    rollouts: int = 0
    changes: tuple[Change, ...] = ()
    problems: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class Place:
    """What is remembered of an environment between passes, by model.

    `folders` are the object ids of the ledger as it was read last, by the rules of the commit
    `rules`. `states` and `watches` have what was folded since the ledger's entry that is named with
    them; `held` until when no way back is looked for again. `told` has what people were told last.
    `loose` says of what isn't in force when that is tried again. `moved` are those whose alerts
    must follow, `warm` those that keep the version before, at a commit of the state; `cools` and
    `follows` say from when on that is looked at again. `unmeasured` has the triggers that lack
    figures, as `noted` when, and `undecidable` those that people were told of. `state` is the
    commit of the environment's branch that was looked at; `unsettled` says to look at it again.
    `owed` are ways back that were begun and not recorded yet, each with the ledger's entry and the
    look that it was decided by: traffic may be back by now, and nothing seem wrong any more.
    """

    def __init__(self) -> None:
        self.folders: Mapping[str, str] = {}
        self.rules = ""
        self.opened: dict[str, tuple[object, Open | None]] = {}
        self.serving: dict[str, Serving] = {}
        self.states: dict[str, tuple[int, State]] = {}
        self.watches: dict[str, tuple[int, Watch]] = {}
        self.pending: set[str] = set()
        self.held: dict[str, tuple[int, datetime]] = {}
        self.told: dict[str, str] = {}
        self.heard: dict[str, datetime] = {}
        self.finished: list[Open] = []
        self.loose: dict[str, datetime] = {}
        self.moved: set[str] = set()
        self.cools = self.follows = datetime.min.replace(tzinfo=UTC)
        self.warm: tuple[str | None, tuple[str, ...]] = (None, ())
        self.unmeasured: dict[str, frozenset[tuple[str, str]]] = {}
        self.noted: dict[str, datetime] = {}
        self.undecidable: frozenset[tuple[str, str]] = frozenset()
        self.state: str | None = None
        self.unsettled = False
        self.owed: dict[str, tuple[int, Look]] = {}


def serving_by_history(session: Session, transition: Transition, model: str) -> Serving | None:
    """What serves of a model by the signed history, None where it doesn't run there.

    Raises:
        DependencyError: it runs there, and nobody can tell how.
    """
    where = transition.environment
    signed = [entry.signed for entry in session.ledger.entries(model, MOVES)]
    request, last = settled(session, model, signed, where), served(deployments(signed), where)
    if request is None and last is not None:
        raise unshown(session, model, where)
    moved = last_move(signed, where)
    if request is None or last is None or moved is None:
        return None
    about = read_model(session.repository.tree(request.commit), model)
    if about is None:
        raise DependencyError(f"{model} has no model.yaml at {request.commit[:12]}")
    return Serving(
        model=model,
        request=request,
        about=about,
        triggers=triggers_of(session, about, where),
        seen=last.seq,
        began=last.at,
        namespace=signed_namespace(session, model, moved.predicate.get("state_commit")),
    )


def serving_watched(serving: Serving, since: datetime) -> Watched:
    """What is asked of what serves."""
    request = serving.request
    return Watched(
        model=serving.model,
        environment=request.environment,
        namespace=serving.namespace or request.environment,
        since=since,
        sides={LIVE_SIDE: endpoint_of(request, serving_of(request))},
    )


def reach(triggers: Iterable[Trigger], window: timedelta) -> timedelta:
    """How far back figures, which are over `window`, matter to a guard that knows nothing yet."""
    longest = (one.sustained for one in triggers if one.sustained is not None)
    return window + max(longest, default=timedelta())


def cause_of(found: Sequence[Answer]) -> Cause:
    """Why: the first trigger that is due, emergencies in front, and all that it says."""
    first = min(found, key=lambda one: not one.trigger.emergency)
    return Cause(
        trigger=first.name,
        reason=first.trigger.because,
        values=dict(first.values),
    )


def added(one: Pass, other: Pass) -> Pass:
    """Both together, at the time of the first."""
    return Pass(
        at=one.at,
        watched=one.watched + other.watched,
        heard=one.heard + other.heard,
        rollouts=one.rollouts + other.rollouts,
        changes=(*one.changes, *other.changes),
        problems=(*one.problems, *other.problems),
        held=(*one.held, *other.held),
        left=(*one.left, *other.left),
    )
