"""A model's history as people tell it: what happened, where, by whose word, and for how long."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from modelctl.domain.audit import disbelief, waivers
from modelctl.domain.evidence import Signed, Statement
from modelctl.domain.history import (
    ARCHIVAL,
    DEPLOYMENT,
    DEPRECATION,
    END_KINDS,
    JOB_KINDS,
    QUARANTINE,
    REINSTATEMENT,
    REJECTION,
    RETIREMENT,
    ROLLBACK,
    ROLLOUT,
    Deployment,
    deployments,
    served,
    serving_since,
)
from modelctl.domain.names import classify
from modelctl.domain.rollout_events import event_told
from modelctl.domain.rollout_state import figures_told, named
from modelctl.domain.waivers import WaiverRecord


class What(StrEnum):
    """What kind of thing happened."""

    SUBMISSION = "submitted"
    EVIDENCE = "measured"
    DEPLOYMENT = "deployed"
    AGAIN = "deployed again"
    ROLLBACK = "rolled back"
    ROLLOUT = "rolled out"
    QUARANTINE = "quarantined"
    DEPRECATION = "deprecated"
    REJECTION = "rejected"
    ARCHIVAL = "archived"
    RETIREMENT = "retired"
    REINSTATEMENT = "reinstated"
    UNPROVED = "unproved"


_WHATS = {
    DEPLOYMENT: What.DEPLOYMENT,
    ROLLBACK: What.ROLLBACK,
    ROLLOUT: What.ROLLOUT,
    QUARANTINE: What.QUARANTINE,
    DEPRECATION: What.DEPRECATION,
    REJECTION: What.REJECTION,
    ARCHIVAL: What.ARCHIVAL,
    RETIREMENT: What.RETIREMENT,
    REINSTATEMENT: What.REINSTATEMENT,
}
"""Kind of a job's statement → what happened, unless its place in the history tells more."""

_NAMED = re.compile(r"/[0-9]{8}-([a-z0-9-]+)-[0-9a-f]{12}\.json$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One piece of evidence: its kind, where it was measured, and whether it passed."""

    kind: str
    environment: str
    passed: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened, at a time in UTC.

    `seq` is the number of its entry on the ledger; of several pieces of evidence in a row the last.
    `until` is when the environment went on to something else, None while it serves. `was` is the
    version that served there before, `use` the one to use instead of one that has ended. `kind` is
    the kind of statement, `detail` its reason, or why it can't be believed.
    """

    what: What
    at: datetime | None
    seq: int
    kind: str
    version: str | None = None
    environment: str | None = None
    by: tuple[str, ...] = ()
    pull_request: int | None = None
    strategy: str | None = None
    was: str | None = None
    use: str | None = None
    until: datetime | None = None
    detail: str = ""
    results: tuple[Result, ...] = ()
    waivers: tuple[WaiverRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What one environment serves now, and since when without a break."""

    environment: str
    version: str
    since: datetime
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One model's history, newest first. `at` is the time that ages are counted from, in UTC.

    `older` counts the events that are left out at the end.
    """

    model: str
    at: datetime
    environments: tuple[str, ...]
    now: tuple[Now, ...]
    events: tuple[Event, ...]
    older: int = 0


def timeline(
    model: str,
    entries: Sequence[Signed],
    environments: Sequence[str],
    at: datetime,
    only: str | None = None,
    limit: int | None = None,
) -> Timeline:
    """The history that these entries tell, given oldest first.

    `only` keeps one environment, `limit` so many of the newest events. What may have been about
    that environment is kept as well, and how the lives ended of the versions that were there.
    """
    history = deployments(entries)
    events = [*_joined(_events(entries, history))]
    there = {one.version for one in history if one.environment == only}
    shown = [e for e in reversed(events) if only is None or _is_of(e, only, there)]
    kept = tuple(name for name in environments if only is None or name == only)
    return Timeline(
        model=model,
        at=at,
        environments=kept,
        now=tuple(_now(history, kept)),
        events=tuple(shown[:limit]),
        older=len(shown) - len(shown[:limit]),
    )


def _is_of(event: Event, environment: str, there: Collection[str]) -> bool:
    """Whether an event is about an environment, or may be, where `there` have ever served."""
    if event.what is What.UNPROVED and (event.environment is None or event.kind in JOB_KINDS):
        return True
    if event.kind in END_KINDS and event.what is not What.SUBMISSION:
        return event.version in there
    return event.environment == environment


def _now(history: Sequence[Deployment], environments: Iterable[str]) -> Iterator[Now]:
    for name in environments:
        last, since = served(history, name), serving_since(history, name)
        if last is not None and since is not None:
            yield Now(environment=name, version=last.version, since=since.at, by=last.approvers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """A deployment between its neighbours in the same environment, and how it came."""

    one: Deployment
    what: What
    before: Deployment | None
    after: Deployment | None = None


def _moves(history: Iterable[Deployment]) -> dict[int, _Move]:
    """Each deployment by the number of its entry."""
    moves: dict[int, _Move] = {}
    last: dict[str, Deployment] = {}
    first: dict[tuple[str, str], int] = {}
    for one in history:
        before = last.get(one.environment)
        if before is not None:
            moves[before.seq] = replace(moves[before.seq], after=one)
        moves[one.seq] = _Move(one=one, what=_which(one, before, first), before=before)
        first.setdefault((one.environment, one.digest), one.seq)
        last[one.environment] = one
    return moves


def _which(
    one: Deployment, before: Deployment | None, first: Mapping[tuple[str, str], int]
) -> What:
    """How a version came: for the first time, again, or back. It comes back where it was there
    before the one that is there now came first."""
    if before is not None and before.digest == one.digest:
        return What.AGAIN
    was = first.get((one.environment, one.digest))
    back = was is not None and before is not None and was < first[one.environment, before.digest]
    return What.ROLLBACK if back or one.kind == ROLLBACK else What.DEPLOYMENT


def _events(entries: Iterable[Signed], history: Iterable[Deployment]) -> Iterator[Event]:
    """What each entry tells, oldest first, and before its first one that a version is there."""
    moves = _moves(history)
    seen: set[str | None] = {None}
    for signed in entries:
        statement = signed.statement
        if statement is None or not _is_proved(signed, statement):
            yield _unproved(signed)
            continue
        about = classify(statement.subject)
        version = about.version if about else None
        base = Event(
            what=_WHATS.get(statement.kind, What.EVIDENCE),
            at=statement.made_at,
            seq=signed.seq,
            kind=statement.kind,
            version=version,
            environment=None if statement.kind in END_KINDS else statement.environment,
        )
        if version not in seen:
            seen.add(version)
            yield replace(base, what=What.SUBMISSION, environment=None)
        yield _told(base, statement, moves.get(signed.seq))


def _is_proved(signed: Signed, statement: Statement) -> bool:
    spoke = any(key.past_objection(statement) is None for key in signed.keys)
    return signed.problem is None and spoke


def _unproved(signed: Signed) -> Event:
    """What is readable of an entry that can't be believed; its kind is in the name of its file."""
    statement = signed.statement
    about = classify(statement.subject) if statement else None
    named = _NAMED.search(signed.place)
    return Event(
        what=What.UNPROVED,
        at=statement.made_at if statement else None,
        seq=signed.seq,
        kind=statement.kind if statement else named[1] if named else "unknown",
        version=about.version if about else None,
        environment=statement.environment if statement else None,
        detail=disbelief(signed.seq, _why(signed)),
    )


def _why(signed: Signed) -> str:
    """Why it can't be believed: damaged, repeated, or said by a key that might not."""
    if signed.problem is None:
        return "its key might not say so"
    repeated = signed.statement is not None and signed.problem.startswith("it repeats ")
    return signed.problem if repeated else "it was altered or forged"


def _told(base: Event, statement: Statement, move: _Move | None) -> Event:
    """An event with what its kind of statement tells."""
    if move is not None:
        return _moved(base, statement, move)
    if statement.kind not in JOB_KINDS:
        result = Result(
            kind=statement.kind, environment=statement.environment, passed=statement.passed
        )
        return replace(base, what=What.EVIDENCE, results=(result,))
    predicate = statement.predicate
    if statement.kind == ROLLOUT:
        return _stepped(base, statement)
    by, use = predicate.get("by"), predicate.get("replaced_by")
    return replace(
        base,
        use=use if isinstance(use, str) and use else None,
        detail=str(predicate.get("reason", "")),
        by=(by,) if isinstance(by, str) else (),
    )


def _stepped(base: Event, statement: Statement) -> Event:
    """One event of a rollout: `advanced to 25 %: …`."""
    predicate = statement.predicate
    stable, by = predicate.get("stable"), predicate.get("by")
    reasons = [one for one in predicate.get("reasons") or () if isinstance(one, Mapping)]
    why = predicate.get("reason") or "; ".join(_reason(one) for one in reasons)
    told = event_told(str(predicate.get("event")), predicate.get("weight"))
    return replace(
        base,
        by=(by,) if isinstance(by, str) else (),
        strategy=str(predicate.get("strategy")),
        was=str(stable.get("version")) if isinstance(stable, Mapping) else None,
        detail=f"{told}: {why}" if why else told,
    )


def _moved(base: Event, statement: Statement, move: _Move) -> Event:
    return replace(
        base,
        what=move.what,
        by=move.one.approvers,
        pull_request=move.one.pull_request,
        strategy=move.one.strategy,
        was=move.before.version if move.before else None,
        until=move.after.at if move.after else None,
        detail=_went_back(statement.predicate),
        waivers=waivers(statement.predicate),
    )


def _reason(told: Mapping[str, object]) -> str:
    """A reason of an event, with the condition's name where it is one's."""
    message, because = str(told.get("message", "")), str(told.get("because", ""))
    return named(str(told.get("name")), because, message) if because else message


def _went_back(told: Mapping[str, object]) -> str:
    """Why a version was taken back: the trigger with its figures, or what a person said."""
    reason, values = str(told.get("reason", "")), told.get("values")
    if not reason or told.get("by") or not told.get("trigger"):
        return reason
    figures = figures_told(values) if isinstance(values, Mapping) else ""
    return named(str(told["trigger"]), reason, figures)


def _joined(events: Iterable[Event]) -> Iterator[Event]:
    """Evidence about one version that comes in a row, as one event."""
    held: Event | None = None
    for event in events:
        if held is not None and _goes_on(held, event):
            held = replace(event, results=(*held.results, *event.results))
            continue
        if held is not None:
            yield held
        held = event
    if held is not None:
        yield held


def _goes_on(held: Event, event: Event) -> bool:
    same = (held.version, held.environment) == (event.version, event.environment)
    return held.what is What.EVIDENCE is event.what and same
