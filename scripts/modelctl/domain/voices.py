"""Which reviews count: each person's last word, if it is about the head and theirs to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from modelctl.domain.electorate import Electorate
from modelctl.domain.reviews import Review, User

APPROVED, CHANGES_REQUESTED, DISMISSED = "APPROVED", "CHANGES_REQUESTED", "DISMISSED"
_LATER = {
    APPROVED: "approved again later",
    CHANGES_REQUESTED: "requested changes later",
    DISMISSED: "was dismissed later",
}
_DECISIVE = tuple(_LATER)
"""The states that count, the kindest first: of two readings of one review the harsher one wins."""
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_UNDECISIVE = {"COMMENTED": "only commented", "PENDING": "hasn't sent the review yet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """An approval that counts, and the asked roles that its author holds for one of the owners."""

    login: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCounted:
    """A review that neither approves nor blocks, and why."""

    login: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocking:
    """Requested changes that stand."""

    login: str


class Voices(NamedTuple):
    """Every review, sorted by what it does; each list from the oldest to the newest."""

    counted: tuple[Counted, ...]
    not_counted: tuple[NotCounted, ...]
    blocking: tuple[Blocking, ...]


def hear(electorate: Electorate) -> Voices:
    """What the reviews of the pull request say. The same review given twice is one."""
    reviews = sorted(dict.fromkeys(electorate.pull_request.reviews), key=_order)
    last = {r.user.id: r for r in reviews if r.user and r.state in _DECISIVE}
    said = [_said(electorate, review, last) for review in reviews]
    return Voices(
        counted=tuple(voice for voice in said if isinstance(voice, Counted)),
        not_counted=tuple(voice for voice in said if isinstance(voice, NotCounted)),
        blocking=tuple(voice for voice in said if isinstance(voice, Blocking)),
    )


def _order(review: Review) -> tuple[datetime, int, int]:
    """By time, id and harshness. An approval without a time is taken for the oldest."""
    unknown = _FIRST if review.state == APPROVED else _LAST
    harshness = _DECISIVE.index(review.state) if review.state in _DECISIVE else 0
    return review.at or unknown, review.id, harshness


def _said(
    electorate: Electorate, review: Review, last: Mapping[int, Review]
) -> Counted | NotCounted | Blocking:
    user = review.user
    if user is None:
        reason = "the account is gone, so nobody knows who it was"
        return NotCounted(login="ghost", state=review.state, reason=reason)
    objection = _unheard(review, user, last)
    if objection is None and review.state == CHANGES_REQUESTED:
        if electorate.has_voice(user.login):
            return Blocking(login=user.login)
        objection = "requested changes, but holds no role for this"
    objection = objection or _objection(electorate, review, user)
    if objection:
        return NotCounted(login=user.login, state=review.state, reason=objection)
    return Counted(login=user.login, roles=electorate.asked_roles(user.login))


def _unheard(review: Review, user: User, last: Mapping[int, Review]) -> str | None:
    """Why a review says nothing, whoever wrote it, or None."""
    if user.is_bot:
        return "is a bot"
    if review.state not in _DECISIVE:
        return _UNDECISIVE.get(review.state, f"neither approved nor refused ({review.state})")
    if review.state == DISMISSED:
        return "was dismissed"
    return None if last[user.id] is review else _LATER[last[user.id].state]


def _objection(electorate: Electorate, review: Review, user: User) -> str | None:
    """Why an approval that stands doesn't count, or None."""
    part = electorate.part_of(user)
    if part:
        return part
    if review.commit != electorate.pull_request.head:
        return f"approved another commit ({(review.commit or 'unknown')[:12]}), not the head"
    if _is_asked_again(electorate, user):
        return "was asked to look again"
    return None if electorate.asked_roles(user.login) else electorate.why_no_role(user.login)


def _is_asked_again(electorate: Electorate, user: User) -> bool:
    """Whether somebody was asked for one more look. Anybody with the right to write can ask for
    that after the merge too, when nothing tells any more which came first; and for the forge the
    approval stands."""
    pull_request = electorate.pull_request
    asked = () if pull_request.is_merged else pull_request.requested
    return any(user.id == other.id for other in asked)
