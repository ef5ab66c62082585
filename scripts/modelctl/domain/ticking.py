"""Checklists ticked by facts: the verdict, the evidence, the history and the approvals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.checklists import (
    AFTER,
    EVIDENCE,
    GATE,
    HAND,
    LISTS,
    ROLE,
    ROLLBACK,
    SOURCE,
    STATEMENT,
    TARGET,
    Checklist,
    Checklists,
    Item,
    State,
    Tick,
    Ticked,
    applying,
)
from modelctl.domain.evidence import OFFLINE, Need, Rejected, Statement, select
from modelctl.domain.policy import Role
from modelctl.domain.verdict import Finding, Outcome, Verdict, worst

_OPEN, _DONE = State.OPEN, State.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What ticks the items: a verdict of the same facts, and who approved as what.

    `approved` has the logins by role, from the reviews of a pull request; None where they aren't
    known. `roles` and `approvers` tell it of a version that was deployed already.
    """

    candidate: Candidate
    facts: Facts
    verdict: Verdict
    roles: Mapping[str, Role]
    approved: Mapping[str, Collection[str]] | None = None

    @property
    def environment(self) -> str:
        """Where the version goes."""
        return self.candidate.transition.environment

    @property
    def arrived(self) -> datetime | None:
        """When this manifest was deployed there last, None where it never was."""
        here = (
            d.at
            for d in self.facts.history
            if (d.environment, d.digest) == (self.environment, self.candidate.digest)
        )
        return max(here, default=None)


def tick_lists(lists: Checklists, known: Known) -> Checklist:
    """The lists for a version; the one of the rollback only after there was one."""
    shown = [name for name in LISTS if name != ROLLBACK or _rolled_back(known)]
    return Checklist(
        subject=known.candidate.name,
        environment=known.environment,
        lists={name: _ticked(lists.of(name), name, known) for name in shown},
    )


def _rolled_back(known: Known) -> bool:
    version = str(known.candidate.version.version)
    return any(
        (q.environment, q.version) == (known.environment, version) for q in known.facts.quarantines
    )


def _ticked(items: tuple[Item, ...], name: str, known: Known) -> tuple[Ticked, ...]:
    found = ((item, _tick(item, name, known)) for item in applying(items, known.candidate.scopes))
    return tuple(Ticked(item=item, tick=tick) for item, tick in found if tick is not None)


def _tick(item: Item, name: str, known: Known) -> Tick | None:
    """What the facts say about an item; None where it isn't asked of this version."""
    if name == AFTER and item.fact != HAND and known.arrived is None:
        return Tick(state=State.WAITING, why=f"it isn't deployed to {known.environment} yet")
    return _BY_FACT[item.fact](item, name, known)


def _by_gate(item: Item, name: str, known: Known) -> Tick | None:
    found = [f for f in known.verdict.findings if f.gate == item.name]
    if not found:
        return None
    outcome = worst(f.outcome for f in found)
    if not outcome.blocks:
        waived = " by a waiver" if outcome is Outcome.WAIVED else ""
        return Tick(state=_DONE, why=f"gate {item.name} passes{waived}")
    state = State.WAITING if outcome is Outcome.PENDING else _OPEN
    return Tick(state=state, why=f"gate {item.name}: {_first(found, outcome)}")


def _first(found: list[Finding], outcome: Outcome) -> str:
    first = next(f for f in found if f.outcome is outcome)
    return first.message + (f" (until {_utc(first.until)})" if first.until else "")


def _by_evidence(item: Item, name: str, known: Known) -> Tick:
    transition = known.candidate.transition
    places = {SOURCE: transition.source or OFFLINE, TARGET: transition.environment}
    where = tuple(dict.fromkeys(places.get(one, one) for one in item.environments))
    need = Need(kind=item.name, environments=where, max_age=item.max_age)
    facts = known.facts
    selection = select(facts.signed, need, known.candidate.digest, facts.now)
    statement = selection.chosen.statement if selection.chosen else None
    if statement is None:
        return Tick(state=_OPEN, why=_nothing(need, selection.rejected, known))
    told = f"{item.name} of {_utc(statement.made_at)} in {statement.environment}"
    if statement.passed is False:
        return Tick(state=_OPEN, why=f"{told} failed")
    since = known.arrived
    if name == AFTER and since is not None and statement.made_at < since:
        return Tick(state=_OPEN, why=f"{told} is from before it was deployed")
    return Tick(state=_DONE, why=told)


def _nothing(need: Need, rejected: tuple[Rejected, ...], known: Known) -> str:
    told = ((r, r.signed.statement) for r in rejected)
    about = [r.reason for r, s in told if s and s.digest == known.candidate.digest]
    why = f": {about[-1]}" if about else ""
    return f"no {need.kind} evidence of {' or '.join(need.environments)} counts{why}"


def _by_statement(item: Item, name: str, known: Known) -> Tick:
    about = (item.name, known.environment, known.candidate.digest)
    found = [
        signed.statement
        for signed in known.facts.signed
        if signed.statement is not None
        and signed.problem is None
        and _named(signed.statement) == about
        and any(key.past_objection(signed.statement) is None for key in signed.keys)
    ]
    if not found:
        return Tick(state=_OPEN, why=f"the history has no {item.name} of it")
    return Tick(state=_DONE, why=f"{item.name} of {_utc(max(s.made_at for s in found))}")


def _named(statement: Statement) -> tuple[str, str, str]:
    return statement.kind, statement.environment, statement.digest


def _by_role(item: Item, name: str, known: Known) -> Tick:
    people = sorted(known.approved.get(item.name, ())) if known.approved is not None else []
    people = people or _approvers(item.name, known)
    if people:
        return Tick(state=_DONE, why=f"approved by {', '.join(people)}")
    if known.approved is None:
        return Tick(state=_OPEN, why="the reviews aren't given (--reviews FILE)")
    return Tick(state=_OPEN, why=f"nobody approved as {item.name} yet")


def _approvers(name: str, known: Known) -> list[str]:
    """Who approved the deployment of this manifest and holds the role."""
    role, owner = known.roles.get(name), known.candidate.model.owner
    deployed = (
        d.approvers
        for d in known.facts.history
        if (d.environment, d.digest) == (known.environment, known.candidate.digest)
    )
    logins = {login for approvers in deployed for login in approvers}
    return sorted(login for login in logins if role and role.may_approve(login, owner))


def _by_hand(item: Item, name: str, known: Known) -> Tick:
    return Tick(state=State.BY_HAND, why="")


_BY_FACT: Mapping[str, Callable[[Item, str, Known], Tick | None]] = {
    GATE: _by_gate,
    EVIDENCE: _by_evidence,
    STATEMENT: _by_statement,
    ROLE: _by_role,
    HAND: _by_hand,
}


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
