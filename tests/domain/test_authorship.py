"""Whose work the commits are."""

from __future__ import annotations

import pytest

from modelctl.domain.authorship import Credit, addresses, authorship, names_of
from modelctl.domain.reviews import PullRequest, Review, User

ADA, LENA = User(id=1, login="ada"), User(id=2, login="Lena")
FORGE = User(id=19864447, login="web-flow")


def _commit(
    message: str = "Train",
    *,
    author: User | None = ADA,
    email: str = "ada@example.com",
    committer: User | None = None,
    committer_email: str | None = None,
) -> Credit:
    return Credit(
        author=author,
        author_email=email,
        message=message,
        committer=committer,
        committer_email=committer_email,
    )


def _trailer(value: str, key: str = "Co-authored-by") -> Credit:
    return _commit(f"Train\n\n{key}: {value}\n")


NUMBERED = User(id=77, login="guest")

CASES = {
    "an author": ([_commit()], [ADA], []),
    "each once": ([_commit(), _commit()], [ADA], []),
    "an author without an account": (
        [_commit(author=None, email="who@example.com")],
        [],
        ["who@example.com"],
    ),
    "an address that the forge knew elsewhere": (
        [_commit(), _commit(author=None, email="ADA@example.com")],
        [ADA],
        [],
    ),
    "a co-author by the forge's address": (
        [_trailer("Guest <77+guest@users.noreply.github.com>")],
        [ADA, NUMBERED],
        [],
    ),
    "a co-author by id, whatever the login was": (
        [_trailer("Lena <2+lena-old@users.noreply.github.com>")],
        [ADA, LENA],
        [],
    ),
    "a co-author by the older address": (
        [_trailer("Lena <LENA@users.noreply.github.com>")],
        [ADA, LENA],
        [],
    ),
    "the older address of somebody unknown": (
        [_trailer("X <xena@users.noreply.github.com>")],
        [ADA],
        ["xena@users.noreply.github.com"],
    ),
    "a co-author by login": ([_trailer("@lena")], [ADA, LENA], []),
    "a co-author whose address the forge knows": (
        [_commit(author=LENA, email="lena@example.com"), _trailer("L <Lena@example.com>")],
        [LENA, ADA],
        [],
    ),
    "a co-author of no account": (
        [_trailer("A Tool <tool@example.com>")],
        [ADA],
        ["tool@example.com"],
    ),
    "the trailer in any case": (
        [_trailer("A Tool <tool@example.com>", key="  CO-AUTHORED-BY")],
        [ADA],
        ["tool@example.com"],
    ),
    "no trailer in the middle of a line": (
        [_commit("Train, Co-authored-by: X <x@example.com>")],
        [ADA],
        [],
    ),
    "another's domain is no forge": (
        [_trailer("L <2+lena@users.noreply.github.com.evil.example>")],
        [ADA],
        ["2+lena@users.noreply.github.com.evil.example"],
    ),
    "whoever committed": (
        [_commit(committer=LENA, committer_email="lena@example.com")],
        [ADA, LENA],
        [],
    ),
    "whoever committed, without an account": (
        [_commit(committer_email="who@example.com")],
        [ADA],
        ["who@example.com"],
    ),
    "an account without an address": (
        [_commit(committer=LENA), _trailer("lena")],
        [ADA, LENA],
        [],
    ),
    "the forge's own commits": (
        [
            _commit(committer=FORGE, committer_email="noreply@github.com"),
            _commit(committer_email="noreply@github.com"),
        ],
        [ADA],
        [],
    ),
    "a trailer without a value": ([_commit("Train\n\nCo-authored-by:\n")], [ADA], []),
    "an empty address": ([_trailer("Nobody <>")], [ADA], [""]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_who_wrote_it(case: tuple[list[Credit], list[User], list[str]]) -> None:
    commits, accounts, unknown = case
    found = authorship(commits, known=[LENA])
    assert found.accounts == tuple(accounts)
    assert found.unknown == tuple(unknown)


def test_a_pull_request_is_of_accounts_by_any_login_and_of_unknown_addresses() -> None:
    renamed, other = User(id=LENA.id, login="lena-2"), User(id=9, login="ben")
    reviews = tuple(
        Review(user=user, state="COMMENTED", commit=None, at=None)
        for user in (renamed, other, None)
    )
    pull = PullRequest(
        number=1,
        author=ADA,
        base="ml",
        head="a" * 40,
        reviews=reviews,
        authors=(ADA, LENA),
        unknown_authors=("eve@example.com",),
        requested=(other,),
    )
    assert names_of(pull) == ("ada", "Lena", "lena-2", "eve@example.com")


def test_the_addresses_are_those_of_everybody_whom_a_commit_names() -> None:
    named = Credit(
        author=None,
        author_email="Ada@example.com",
        message="Change\n\nCo-authored-by: Eve <eve@example.com>\nco-authored-by: bob\n",
        committer_email="ben@example.com",
    )
    assert addresses(named) == {"ada@example.com", "ben@example.com", "eve@example.com", "bob"}
    by_forge = Credit(
        author=None,
        author_email="ada@example.com",
        message="Reason: Co-authored-by: x <x@example.com>",
        committer_email="noreply@github.com",
    )
    assert addresses(by_forge) == {"ada@example.com"}
