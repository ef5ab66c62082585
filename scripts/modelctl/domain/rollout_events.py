"""Rollouts as the ledger tells them: each event with the state that it left, in its order.

A rollout is one version on its way into one environment by one merge. Its first event has it begin
and the last one end; what is between is where it stands. Nothing of it is kept anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from modelctl.domain.evidence import Signed, Statement
from modelctl.domain.history import MOVES, ROLLOUT, proved
from modelctl.domain.names import ModelFile, version_path
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout_state import Decision, Reason, State, state_data, state_from
from modelctl.errors import DependencyError, ModelctlError

STARTED, ADVANCED, WAITING = "started", "advanced", "waiting"
PAUSED, RESUMED = "paused", "resumed"
GOING_BACK, ROLLED_BACK = "going-back", "rolled-back"
FINISHED, SUPERSEDED, COOLED = "finished", "superseded", "cooled"

ENDS = frozenset({ROLLED_BACK, FINISHED, SUPERSEDED})
"""The events by which a rollout ends. What served before may be kept warm for a while after."""

_ID = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two versions of a rollout, by the sha256 of its manifest."""

    version: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutEvent:
    """One event. `state` is where the rollout stands since then, `judged` what was decided on, at
    the instant `judged_at`; both None where nothing was judged. `policy` is the commit of the rules
    by which that was, `by` the login of the person who asked for it, and `reason` why. `seq` is its
    number on the ledger. Times are UTC."""

    kind: str
    seq: int
    at: datetime
    step: int
    weight: int
    state: State
    state_commit: str
    policy: str
    judged: State | None = None
    judged_at: datetime | None = None
    reasons: tuple[Reason, ...] = ()
    notes: tuple[Reason, ...] = ()
    by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One rollout with its events, the oldest first. `ended` says that something else moved the
    environment on since, whatever its last event is. `authors` are the logins and addresses of
    those whose pull requests brought the version."""

    id: str
    model: str
    environment: str
    version: str
    digest: str
    stable: Side
    strategy: str
    commit: str
    approvers: tuple[str, ...] = ()
    pull_request: int | None = None
    events: tuple[RolloutEvent, ...] = ()
    ended: bool = False
    authors: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it is still under way."""
        return not self.ended and self.end is None

    @property
    def last(self) -> RolloutEvent:
        """Where it stands."""
        return self.events[-1]

    @property
    def started(self) -> datetime:
        """When its first event was."""
        return self.events[0].at

    @property
    def end(self) -> RolloutEvent | None:
        """The event by which it ended, if one says so."""
        return next((one for one in self.events if one.kind in ENDS), None)

    @property
    def until(self) -> datetime | None:
        """When it ended; None while it is under way."""
        return None if self.is_open else (self.end or self.last).at


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is to be said of an event, beside where and of what it is. `judged` is the state that
    `decision` was made of."""

    kind: str
    state: State
    judged: State | None = None
    judged_at: datetime | None = None
    decision: Decision | None = None
    by: str | None = None
    reason: str | None = None


def rollout_id(request: RenderRequest) -> str:
    """What the rollout of this request is called: the same in every job that starts it."""
    return f"{request.environment}/{request.commit[:_ID]}/{request.digest[:_ID]}"


def rollouts(entries: Iterable[Signed], environment: str | None = None) -> tuple[Rollout, ...]:
    """The rollouts among trusted ledger entries, in the order in which they began.

    What isn't proved is left out, as in `history.deployments`.
    """
    found: list[Rollout] = []
    latest: dict[str, int] = {}
    moved: dict[str, int] = {}
    for seq, told, about in _moves(entries, environment):
        if told.kind != ROLLOUT:
            moved[told.environment] = seq
            continue
        one, begun = _event(seq, told), _begun(told, about)
        if one is None or begun is None:
            continue
        index = latest.get(begun.id)
        if one.kind == STARTED:  # the same merge may be rolled out again
            latest[begun.id] = len(found)
            found.append(replace(begun, events=(one,)))
        elif index is not None:
            found[index] = replace(found[index], events=(*found[index].events, one))
    return tuple(_closed(found, moved))


def unreadable(entries: Iterable[Signed], environment: str) -> int | None:
    """The number of an event that nobody can read and that nothing has overtaken since: where the
    environment stands is unknown as long as that is so. None where there is none."""
    found: int | None = None
    for seq, told, about in _moves(entries, environment):
        one = _event(seq, told) if told.kind == ROLLOUT else None
        if told.kind == ROLLOUT and (one is None or _begun(told, about) is None):
            found = seq
        elif one is None or one.kind in (STARTED, *ENDS):
            found = None
    return found


def _moves(
    entries: Iterable[Signed], environment: str | None
) -> Iterator[tuple[int, Statement, ModelFile]]:
    """The proved moves of traffic in an environment, or anywhere, in their order."""
    for one in sorted(proved(entries, MOVES), key=lambda one: one[0]):
        if environment in (None, one[1].environment):
            yield one


def open_rollout(entries: Iterable[Signed], environment: str) -> Rollout | None:
    """The rollout that is under way in an environment, or None.

    Raises:
        DependencyError: an event that nobody can read leaves that unknown, so nothing may move.
    """
    known = tuple(entries)
    seq = unreadable(known, environment)
    if seq is not None:
        raise DependencyError(
            f"entry {seq} of the ledger tells of a rollout in {environment}, and can't be read",
            mend="run the modelctl that wrote it, or look at it with `modelctl ledger verify`",
        )
    found = rollouts(known, environment)
    return found[-1] if found and found[-1].is_open else None


def event_statement(
    request: RenderRequest,
    told: Told,
    *,
    stable: Side,
    policy: str,
    state_commit: str,
    made_at: datetime,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> Statement:
    """The statement of an event. `more` is what a record tells of the request (see
    `services.accounted.told`), and at the start what a deployment tells."""
    decision, state = told.decision, told.state
    predicate: dict[str, Any] = {
        **more,
        "event": told.kind,
        "rollout": rollout_id(request),
        "step": state.step,
        "weight": state.weight,
        "stable": {"version": stable.version, "digest": stable.digest},
        "state_commit": state_commit,
        "policy": policy,
        "state": state_data(state),
        "reasons": [reason_data(one) for one in decision.reasons] if decision else [],
        "notes": [reason_data(one) for one in decision.notes] if decision else [],
        "by": told.by,
        "reason": told.reason,
    }
    if told.judged is not None and told.judged_at is not None:
        predicate["judged"] = state_data(told.judged)
        predicate["judged_at"] = told.judged_at.isoformat()
    return Statement(
        kind=ROLLOUT,
        subject=version_path(request.model, request.version),
        digest=request.digest,
        made_at=made_at,
        environment=request.environment,
        predicate=predicate,
    )


_AT = {
    ADVANCED: "advanced to {} %",
    GOING_BACK: "going back to {} %",
    ROLLED_BACK: "rolled back",
    FINISHED: "finished",
    SUPERSEDED: "superseded",
}


def event_told(event: str, weight: object) -> str:
    """`advanced to 50 %`, `rolled back`, `paused at 25 %`."""
    return _AT.get(event, f"{event} at {{}} %").format(weight)


def reason_data(one: Reason) -> dict[str, Any]:
    """A reason as plain data; where its rule stands is told by the commit of the rules."""
    return {
        "name": one.name,
        "message": one.message,
        **({"because": one.because} if one.because else {}),
        **({"values": dict(one.values)} if one.values else {}),
        **({"confidence": one.confidence} if one.confidence is not None else {}),
    }


def reason_from(data: Mapping[str, Any]) -> Reason:
    """The reason that `reason_data` wrote."""
    return Reason(
        name=str(data["name"]),
        message=str(data["message"]),
        because=str(data.get("because", "")),
        values={str(name): str(value) for name, value in data.get("values", {}).items()},
        confidence=data.get("confidence"),
    )


def _begun(told: Statement, about: ModelFile) -> Rollout | None:
    """The rollout that a statement is of; None where it doesn't say."""
    try:
        return _rollout(told, about)
    except (KeyError, TypeError, AttributeError):
        return None


def _rollout(told: Statement, about: ModelFile) -> Rollout:
    said, stable = told.predicate, told.predicate["stable"]
    return Rollout(
        id=str(said["rollout"]),
        model=about.model,
        environment=told.environment,
        version=about.version or "",
        digest=told.digest,
        stable=Side(version=str(stable["version"]), digest=str(stable["digest"])),
        strategy=str(said.get("strategy")),
        commit=str(said.get("commit")),
        approvers=tuple(said.get("approvers") or ()),
        pull_request=said.get("pull_request"),
        authors=tuple(said.get("authors") or ()),
    )


def _event(seq: int, told: Statement) -> RolloutEvent | None:
    """The event of a statement; None where a job of another version wrote something else."""
    said = told.predicate
    try:
        return RolloutEvent(
            kind=str(said["event"]),
            seq=seq,
            at=told.made_at,
            step=int(said["step"]),
            weight=int(said["weight"]),
            state=state_from(said["state"]),
            state_commit=str(said["state_commit"]),
            policy=str(said["policy"]),
            judged=state_from(said["judged"]) if "judged" in said else None,
            judged_at=_instant(said.get("judged_at")),
            reasons=tuple(map(reason_from, said.get("reasons") or ())),
            notes=tuple(map(reason_from, said.get("notes") or ())),
            by=said.get("by"),
            reason=said.get("reason"),
        )
    except (AttributeError, KeyError, TypeError, ValueError, ModelctlError):
        return None


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def _closed(found: Sequence[Rollout], moved: Mapping[str, int]) -> Iterator[Rollout]:
    """The rollouts, with those ended that a later one or a later deployment moved past."""
    latest = {one.environment: index for index, one in enumerate(found)}
    for index, one in enumerate(found):
        past = moved.get(one.environment, 0) > one.last.seq
        yield replace(one, ended=past or latest[one.environment] != index)
