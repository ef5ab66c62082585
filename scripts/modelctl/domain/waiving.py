"""Whether a waiver counts: for which manifest, until when, by whose word.

Nothing is fixed by guessing: whatever can't be shown to hold is an objection, and a waiver with one
changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from modelctl.domain.decisions import AUTOMATED
from modelctl.domain.electorate import among
from modelctl.domain.evidence import human
from modelctl.domain.policy import Gate, Policy, Role, Transition
from modelctl.domain.waivers import Waiver

_ADDRESS = re.compile(r"<([^<>]*)>\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a waiver would be for: a version as its manifest is, with who made it.

    `brought_by` are the logins and addresses of those whose pull request brings it, where known.

    `owners` are the teams that own the model, as it is and as it would be: the approver must hold
    the role for each; `tiers` are its tiers in the same way. `transition` is the way that it takes,
    None for any; `scopes` are the facts that a gate's scope looks at, of the model as it is and as
    it would be, where they are known. `since` is when what is
    to be waived came about, such as a quarantine: who approved before couldn't know of it.
    """

    model: str
    version: str
    digest: str
    created_by: str
    brought_by: tuple[str, ...] = ()
    owners: tuple[str, ...]
    tiers: tuple[str, ...] = ()
    transition: Transition | None = None
    scopes: tuple[Mapping[str, str], ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why a waiver doesn't count: `key` is the field of its file that says so."""

    key: str
    message: str
    mend: str


def about(waivers: Iterable[Waiver], gate: str, case: Case) -> tuple[Waiver, ...]:
    """The waivers that name this gate of this version, whether they count or not."""
    named = (gate, case.model, case.version)
    return tuple(w for w in waivers if (w.gate, w.model, w.version) == named)


def in_force(policy: Policy, case: Case, now: datetime) -> tuple[Waiver, ...]:
    """The waivers that count for a version on its way, in the order of the policy."""
    named = (w for gate in policy.gates for w in about(policy.waivers, gate.name, case))
    return tuple(w for w in named if not any(objections(w, policy, case, now)))


def objections(waiver: Waiver, policy: Policy, case: Case, now: datetime) -> Iterator[Objection]:
    """Every reason why a waiver doesn't count for a version now; none when it does."""
    yield from _about_the_gate(waiver, policy, case)
    yield from _about_the_version(waiver, case)
    yield from _about_the_time(waiver, policy, case, now)
    yield from _about_the_people(waiver, policy, case)


def ended(waiver: Waiver, now: datetime) -> Objection | None:
    """That a waiver is over, or None."""
    if now < waiver.expires:
        return None
    again = "have a new one approved, or remove it"
    return Objection(key="expires", message=f"it expired on {day(waiver.expires)}", mend=again)


def made_by(login: str, created_by: str) -> bool:
    """Whether `created_by` of a manifest, a login or an address, names this login.

    An address names it by what stands before the `@`, with or without what a `+` sets apart, such
    as the number in `1+ada@users.noreply.github.com`.
    """
    inside = _ADDRESS.search(created_by)
    address = (inside[1] if inside else created_by).strip().removeprefix("@")
    local = address.partition("@")[0]
    return among(login, (created_by.strip(), address, local, *local.split("+")))


def waiving_roles(policy: Policy, gate: Gate) -> Mapping[str, Role]:
    """The roles that may waive a gate, by name."""
    return {name: policy.roles[name] for name in gate.waivable_by if name in policy.roles}


def _about_the_gate(waiver: Waiver, policy: Policy, case: Case) -> Iterator[Objection]:
    gate = policy.gate(waiver.gate)
    if gate is None or not gate.waivable_by:
        yield Objection(
            key="gate",
            message=f"{waiver.gate} can't be waived: the policy says nobody who may",
            mend="mend what the gate blocks, or let the policy say who may waive it (waivable_by)",
        )
    steps: tuple[Transition, ...] = (case.transition,) if case.transition else ()
    if case.transition is None:
        ways = _ways(waiver, policy)
        steps = tuple(way for way in ways if gate is None or _judges(gate, way, case))
        if gate is not None and not steps:
            yield _idle(waiver, policy, gate, case, ways)
            return
    if all(step.for_tiers(case.tiers).decision == AUTOMATED for step in steps):
        where = " and ".join(step.environment for step in steps)
        yield Objection(
            key="environments" if waiver.environments else "gate",
            message=f"the way to {where} is decided by the gates alone, so no waiver counts there",
            mend="mend what the gate blocks",
        )


def _judges(gate: Gate, way: Transition, case: Case) -> bool:
    """Whether the gate judges the version on this way; of an unknown model the way alone tells."""
    here, where = gate.scope.environments, way.environment
    if not case.scopes:
        return not here or where in here
    return any(gate.scope.covers({**facts, "environment": where}) for facts in case.scopes)


def _idle(
    waiver: Waiver, policy: Policy, gate: Gate, case: Case, ways: Iterable[Transition]
) -> Objection:
    """That the gate judges on none of these ways, so that the waiver could never matter."""
    others = [t.environment for t in policy.lifecycle.transitions if _judges(gate, t, case)]
    message = f"{gate.name} doesn't judge {case.model}"
    if not others:
        return Objection(key="gate", message=message, mend="no waiver is needed: remove it")
    return Objection(
        key="environments",
        message=f"{message} on the way to {' or '.join(way.environment for way in ways)}; "
        f"it does for {' and '.join(others)}",
        mend="no waiver is needed there; name the environment in which it is to count",
    )


def _ways(waiver: Waiver, policy: Policy) -> tuple[Transition, ...]:
    """The transitions that a waiver is for."""
    every = policy.lifecycle.transitions
    return tuple(t for t in every if t.environment in waiver.environments) or every


def _about_the_version(waiver: Waiver, case: Case) -> Iterator[Objection]:
    if waiver.digest != case.digest:
        yield Objection(
            key="digest",
            message=f"it is for another manifest of {waiver.name} ({waiver.digest[:12]}), "
            f"not for this one ({case.digest[:12]})",
            mend="have a new one approved, for the manifest as it is",
        )
    way = case.transition.environment if case.transition else None
    if way is not None and waiver.environments and way not in waiver.environments:
        yield Objection(
            key="environments",
            message=f"it is for {' and '.join(waiver.environments)} only",
            mend=f"have one approved for {way}",
        )


def _about_the_time(
    waiver: Waiver, policy: Policy, case: Case, now: datetime
) -> Iterator[Objection]:
    longest = policy.waiver_limits.longest
    if waiver.expires <= waiver.created_at:
        message = f"it ends on {day(waiver.expires)}, before it begins"
        yield Objection(key="expires", message=message, mend="write expires after created_at")
    elif waiver.length > longest:
        message = f"it is valid until {day(waiver.expires)}, longer than {human(longest)}"
        mend = f"let it expire by {day(waiver.created_at + longest)}"
        yield Objection(key="expires", message=message, mend=mend)
    over = ended(waiver, now)
    if over is not None:
        yield over
    if now < waiver.created_at:
        message = f"it begins on {day(waiver.created_at)} only"
        yield Objection(key="created_at", message=message, mend="wait, or mend created_at")
    if case.since is not None and waiver.created_at <= case.since:
        message = f"it is older than what it would lift, of {day(case.since)}"
        yield Objection(key="created_at", message=message, mend="have a new one approved")


def _about_the_people(waiver: Waiver, policy: Policy, case: Case) -> Iterator[Objection]:
    approver, gate = waiver.approved_by, policy.gate(waiver.gate)
    somebody = "have somebody else approve it"
    if among(approver, (waiver.requested_by,)):
        message = f"{approver} asked for it, so {approver} can't approve it"
        yield Objection(key="approved_by", message=message, mend=somebody)
    if made_by(approver, case.created_by):
        message = f"{approver} made {waiver.name}, so {approver} can't waive a gate for it"
        yield Objection(key="approved_by", message=message, mend=somebody)
    elif any(made_by(approver, name) for name in case.brought_by):
        message = f"{approver} brings {waiver.name}, so {approver} can't waive a gate for it"
        yield Objection(key="approved_by", message=message, mend=somebody)
    if gate is None or not gate.waivable_by:
        return
    roles = waiving_roles(policy, gate)
    owners = case.owners or (None,)
    if not _holds_one(approver, roles.values(), owners):
        people = sorted({p for r in roles.values() for o in owners for p in r.members_for(o)})
        whose = f" for the models of {' and '.join(case.owners)}" if case.owners else ""
        yield Objection(
            key="approved_by",
            message=f"{approver} is not {' or '.join(gate.waivable_by)}{whose}",
            mend=f"ask one of: {', '.join(people)}" if people else "give the role to somebody",
        )


def _holds_one(login: str, roles: Iterable[Role], owners: Iterable[str | None]) -> bool:
    """Whether `login` holds one of the roles for each of the owners."""
    listed = tuple(roles)
    return all(any(among(login, role.members_for(owner)) for role in listed) for owner in owners)


def day(at: datetime) -> str:
    """A time as reports say it."""
    return f"{at:%Y-%m-%d %H:%M UTC}"
