"""Whom to ask for a review: those who can help, once."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from modelctl.domain.approvals import ApprovalState, Missing
from modelctl.domain.policy import Role
from modelctl.domain.pulls import PullSummary
from modelctl.domain.review_requests import MOST_PEOPLE, Requests, requests
from modelctl.domain.reviews import PullRequest, Review, User

AT = datetime(2026, 11, 20, tzinfo=UTC)
ROLES = {
    "platform": Role(
        name="platform", description="d", members=frozenset({"pat", "quinn"}), team="platform"
    ),
    "lead": Role(
        name="lead",
        description="d",
        members_by_owner={"oncology": frozenset({"lena", "ben"})},
        team="leads",
    ),
    "crowd": Role(name="crowd", description="d", members=frozenset("abcdefgh")),
}


def user(login: str) -> User:
    return User(id=sum(map(ord, login)), login=login)


def pull(number: int = 0, **changes: Any) -> PullSummary:
    given: dict[str, Any] = {"requested": (), "requested_teams": (), **changes}
    return PullSummary(
        number=number, title="t", body="", author=user("ada"), base="ml", branch="b", head="h",
        url="u", is_open=True, is_merged=False, is_draft=False, is_fork=False, labels=(),
        created_at=AT, updated_at=AT, **given,
    )  # fmt: skip


def reviewed(*reviews: Review) -> PullRequest:
    return PullRequest(number=1, author=user("ada"), base="ml", head="h", reviews=reviews)


def review(login: str | None, commit: str = "h") -> Review:
    return Review(user=user(login) if login else None, state="COMMENTED", commit=commit, at=AT)


def state(role: str, *candidates: str, count: int = 1) -> ApprovalState:
    missing = Missing(role=role, count=count, owner=None, candidates=candidates)
    return ApprovalState(
        chosen=MappingProxyType({}), missing=(missing,), counted=(), not_counted=(), blocking=()
    )


def asked(of: ApprovalState, on: PullSummary | None = None, *reviews: Review) -> Requests:
    return requests(on or pull(), reviewed(*reviews), of, ROLES)


def test_a_team_is_asked_where_everybody_in_it_can_help() -> None:
    found = asked(state("platform", "pat", "quinn"))
    assert found == Requests(teams=("platform",))
    assert str(found) == "reviews asked of team platform"


def test_people_are_asked_by_name_where_a_role_is_narrowed() -> None:
    assert asked(state("lead", "ben", "lena")) == Requests(people=("ben", "lena"))
    assert str(asked(state("lead", "ben"))) == "reviews asked of ben"


def test_a_few_are_asked_and_another_one_first_each_time() -> None:
    everybody = state("crowd", *"abcdefgh")
    assert asked(everybody, pull(0)).people == tuple("abcde")
    assert asked(everybody, pull(6)).people == tuple("ghabc")
    many = state("crowd", *"abcdefgh", count=MOST_PEOPLE + 2)
    assert len(asked(many).people) == MOST_PEOPLE + 2
    assert not asked(state("crowd"))


def test_whoever_was_asked_is_not_asked_again() -> None:
    assert not asked(state("platform", "pat"), pull(requested_teams=("platform",)))
    assert not asked(state("lead", "ben", "lena"), pull(requested=(user("LENA"),)))
    one_more = state("lead", "ben", "lena", count=2)
    assert asked(one_more, pull(requested=(user("lena"),))).people == ("ben", "lena")


def test_an_answer_is_an_answer_for_the_head_alone() -> None:
    assert asked(state("lead", "ben", "lena"), None, review("ben"), review(None)).people == (
        "lena",
    )
    assert asked(state("lead", "ben"), None, review("ben", "old")).people == ("ben",)
    assert not asked(state("platform", "pat", "quinn"), None, review("quinn"))


def test_a_role_that_nobody_knows_asks_nobody() -> None:
    assert not asked(state("gone", "pat"))
