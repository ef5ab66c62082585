"""Reviews → roles: whose approval counts, as what, and who could still be asked.

- People are told apart by their account's id. Of each one's reviews the last of APPROVED,
  CHANGES_REQUESTED and DISMISSED counts, by time and then by id; comments change nothing.
- An approval counts for the head commit alone. Whoever opened the pull request or wrote a commit of
  it, bots, deleted accounts and people without an asked role don't count. Neither does someone who
  was asked to look again: GitHub keeps that approval, but it is no answer to the new question.
- Requested changes block while they stand, whichever commit they were about, when the reviewer
  holds any role for these models.
- *And* means different people: a maximum matching of people to roles, for each owner by itself. So
  a person may be Platform for one team's models and ML Lead for another's, but each promotion
  still has two people behind it.
- A commit address that belongs to no account could be an approver's own, so nothing is decided
  while there is one, unless the caller accepts them. Neither is it when a list may be cut.
- Where no rule asks for an approval none is needed; requested changes still block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from modelctl.domain.document import Location
from modelctl.domain.electorate import Electorate, among
from modelctl.domain.matching import match, openings
from modelctl.domain.policy import ApprovalRule, Role
from modelctl.domain.reviews import PullRequest
from modelctl.domain.verdict import Finding, Outcome
from modelctl.domain.voices import Counted, NotCounted, hear


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Approvals that are still needed, and who could give them. `owner` is None for rules."""

    role: str
    count: int
    owner: str | None
    candidates: tuple[str, ...]


class Obstacle(NamedTuple):
    """Why nothing can be decided, and what to do about it."""

    message: str
    mend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalState:
    """Where the approvals of a pull request stand.

    `chosen` gives the logins that fill each role, for all owners together; `counted` has everyone
    who could. Each review is in exactly one of `counted`, `not_counted` and `blocking` (logins of
    requested changes that stand), unless there are `obstacles` that keep it from being read.
    """

    chosen: Mapping[str, tuple[str, ...]]
    missing: tuple[Missing, ...]
    counted: tuple[Counted, ...]
    not_counted: tuple[NotCounted, ...]
    blocking: tuple[str, ...]
    obstacles: tuple[Obstacle, ...] = ()

    @property
    def satisfied(self) -> bool:
        """Whether every approval is there and nothing speaks against it."""
        return not (self.missing or self.blocking or self.obstacles)

    @property
    def approvers(self) -> tuple[str, ...]:
        """The logins that fill a role, sorted."""
        return tuple(sorted({login for logins in self.chosen.values() for login in logins}))


def approvals(
    pull_request: PullRequest,
    rules: Sequence[ApprovalRule],
    roles: Mapping[str, Role],
    owners: Sequence[str | None],
    *,
    accept_unknown_authors: bool = False,
) -> ApprovalState:
    """Whether `pull_request` has the approvals that `rules` ask for, for each of the `owners`.

    `owners` are the teams whose models it touches, None for the rules of the repository; no owner
    at all is taken for None, so that the rules hold whatever is changed.
    """
    obstacles = tuple(_obstacles(pull_request, accept_unknown_authors))
    if not pull_request.complete:
        return _unread(obstacles)
    electorate = Electorate(
        pull_request=pull_request, rules=rules, roles=roles, owners=tuple(owners) or (None,)
    )
    voices = hear(electorate)
    filled = [_fill(electorate, owner, voices.counted) for owner in electorate.owners]
    return ApprovalState(
        chosen=_union(filling.chosen for filling in filled),
        missing=tuple(missing for filling in filled for missing in filling.missing),
        counted=voices.counted,
        not_counted=voices.not_counted,
        blocking=tuple(voice.login for voice in voices.blocking),
        obstacles=obstacles,
    )


def _unread(obstacles: tuple[Obstacle, ...]) -> ApprovalState:
    return ApprovalState(
        chosen=MappingProxyType({}),
        missing=(),
        counted=(),
        not_counted=(),
        blocking=(),
        obstacles=obstacles,
    )


def _obstacles(pull_request: PullRequest, accept_unknown_authors: bool) -> Iterator[Obstacle]:
    if not pull_request.complete:
        yield Obstacle(
            "the lists of its commits and reviews may be cut, so nobody can say who wrote it",
            "split the pull request: GitHub lists at most 250 commits",
        )
    if accept_unknown_authors:
        return
    for email in pull_request.unknown_authors:
        yield Obstacle(
            f"{email} belongs to no account, so whoever wrote these commits could approve them",
            "add the address to its owner's account, or rewrite the commits with a known one",
        )


class _Filling(NamedTuple):
    """Who fills the roles for one owner's models, and what stays empty."""

    chosen: Mapping[str, tuple[str, ...]]
    missing: tuple[Missing, ...]


def _fill(electorate: Electorate, owner: str | None, counted: Sequence[Counted]) -> _Filling:
    """Gives people to roles so that as many places as can be are filled, each by another one."""
    names = [rule.role for rule in electorate.rules for _ in range(rule.count)]
    people = sorted({answer.login for answer in counted})
    slots = [[p for p in people if among(p, electorate.members(name, owner))] for name in names]
    matching = match(slots)
    chosen: dict[str, tuple[str, ...]] = {}
    for index, login in matching.items():
        chosen[names[index]] = (*chosen.get(names[index], ()), login)
    missing: dict[str, Missing] = {}
    for index in (i for i in range(len(names)) if i not in matching):
        name = names[index]
        helpful = {names[opening] for opening in openings(slots, matching, index)}
        missing[name] = Missing(
            role=name,
            count=missing[name].count + 1 if name in missing else 1,
            owner=owner,
            candidates=_candidates(electorate, owner, helpful, people),
        )
    return _Filling(chosen=chosen, missing=tuple(missing.values()))


def _candidates(
    electorate: Electorate, owner: str | None, roles: Iterable[str], counted: Sequence[str]
) -> tuple[str, ...]:
    """Who holds one of the roles, has not been counted yet and did not take part."""
    able = {login for name in roles for login in electorate.members(name, owner)}
    fresh = (p for p in able if not among(p, counted) and not electorate.is_involved(p))
    return tuple(sorted(fresh))


def _union(parts: Iterable[Mapping[str, tuple[str, ...]]]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for part in parts:
        for name, logins in part.items():
            found.setdefault(name, {}).update(dict.fromkeys(logins))
    return MappingProxyType({name: tuple(logins) for name, logins in found.items()})


def approval_findings(
    state: ApprovalState, *, gate: str = "approvals", policy: Location | None = None
) -> tuple[Finding, ...]:
    """What the approvals say, as findings of `gate`; `policy` is the line that asks for them.

    A missing approval fails: it doesn't come by itself, somebody has to be asked.
    """
    problems = [
        *(_undecided(gate, policy, obstacle) for obstacle in state.obstacles),
        *(_blocked(gate, policy, login) for login in state.blocking),
        *(_lacking(gate, policy, missing, state) for missing in state.missing),
    ]
    return tuple(problems) or (_approved(gate, policy, state),)


def _undecided(gate: str, policy: Location | None, obstacle: Obstacle) -> Finding:
    return Finding(
        gate=gate,
        outcome=Outcome.INCONCLUSIVE,
        message=obstacle.message,
        mend=obstacle.mend,
        policy=policy,
    )


def _blocked(gate: str, policy: Location | None, login: str) -> Finding:
    return Finding(
        gate=gate,
        outcome=Outcome.FAIL,
        message=f"{login} requested changes",
        mend=f"settle them, then ask {login} for another review",
        policy=policy,
    )


def _lacking(gate: str, policy: Location | None, missing: Missing, state: ApprovalState) -> Finding:
    what = "approval" if missing.count == 1 else "approvals"
    verb = "is" if missing.count == 1 else "are"
    owner = f" for the models of {missing.owner}" if missing.owner else ""
    return Finding(
        gate=gate,
        outcome=Outcome.FAIL,
        message=f"{missing.count} {what} by {missing.role} {verb} missing{owner}",
        values={answer.login: answer.reason for answer in state.not_counted},
        mend=_ask(missing),
        policy=policy,
    )


def _ask(missing: Missing) -> str:
    able = ", ".join(missing.candidates)
    if len(missing.candidates) > missing.count:
        return f"ask {missing.count if missing.count > 1 else 'one'} of: {able} ({missing.role})"
    if len(missing.candidates) == missing.count:
        return f"ask {able} ({missing.role})"
    asked = f"ask {able}, and " if able else ""
    return f"{asked}give the role {missing.role} to more people: nobody else could approve this"


def _approved(gate: str, policy: Location | None, state: ApprovalState) -> Finding:
    filled = [f"{', '.join(logins)} ({name})" for name, logins in state.chosen.items()]
    message = f"approved by {', '.join(filled)}" if filled else "no approval is asked for"
    return Finding(gate=gate, outcome=Outcome.PASS, message=message, policy=policy)
