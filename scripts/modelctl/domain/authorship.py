"""Whose work the commits of a pull request are: accounts, and addresses that belong to none.

Who committed counts beside who is named as the author: both names in a commit are only claims, and
whoever amends or rebases a commit may have changed it. A squash, a merge or a suggestion made on
the forge's pages is committed by the forge itself, which is nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from modelctl.domain.reviews import PullRequest, User

_TRAILER = re.compile(r"^[ \t]*co-authored-by:[ \t]*(\S.*)$", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(r"<([^<>]*)>")
_NOREPLY = re.compile(r"(?:(?P<id>\d{1,18})\+)?(?P<login>[^@+]+)@users\.noreply\.github\.com")
_FORGE_LOGIN, _FORGE_ADDRESS = "web-flow", "noreply@github.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Who a commit names. The accounts are those that the forge found for the addresses."""

    author: User | None
    author_email: str
    message: str
    committer: User | None = None
    committer_email: str | None = None


class Authorship(NamedTuple):
    """The accounts behind some commits, and the addresses that belong to no account."""

    accounts: tuple[User, ...]
    unknown: tuple[str, ...]


def authorship(commits: Iterable[Credit], known: Iterable[User]) -> Authorship:
    """Who wrote the commits: authors, committers and co-authors, each once.

    `known` are accounts seen elsewhere in the pull request; an address of a co-author can name one
    by its login.
    """
    commits = tuple(commits)
    accounts = _Accounts(commits, known)
    found: dict[int, User] = {}
    unknown: dict[str, None] = {}
    for account, address in (claim for commit in commits for claim in _claims(commit)):
        user = account or accounts.find(address)
        if user is None:
            unknown[address] = None
        else:
            found.setdefault(user.id, user)
    return Authorship(accounts=tuple(found.values()), unknown=tuple(unknown))


def addresses(commit: Credit) -> frozenset[str]:
    """The address of everybody whom a commit names, in lower case."""
    return frozenset(address.lower() for _, address in _claims(commit))


def names_of(pull_request: PullRequest) -> tuple[str, ...]:
    """Every name of those whose pull request it is: their logins, any other login that their
    accounts have in its reviews, and the addresses that belong to no account."""
    own = (pull_request.author, *pull_request.authors)
    ids = {user.id for user in own}
    heard = (review.user for review in pull_request.reviews if review.user is not None)
    logins = (u.login for u in (*own, *heard, *pull_request.requested) if u.id in ids)
    return tuple(dict.fromkeys((*logins, *pull_request.unknown_authors)))


def _claims(commit: Credit) -> Iterator[tuple[User | None, str]]:
    """Each one that a commit names: the account where the forge knows it, and the address."""
    yield commit.author, commit.author_email
    if not _is_forge(commit.committer, commit.committer_email):
        yield commit.committer, commit.committer_email or ""
    for value in _TRAILER.findall(commit.message):
        addresses = _ADDRESS.findall(value)
        yield None, (addresses[-1] if addresses else value).strip()


def _is_forge(committer: User | None, email: str | None) -> bool:
    """Whether nobody but the forge itself committed; so it is when no committer was given."""
    if committer is not None:
        return committer.login == _FORGE_LOGIN
    return email in (None, _FORGE_ADDRESS)


class _Accounts:
    """Finds the account of an address by what the forge said about other commits."""

    def __init__(self, commits: Iterable[Credit], known: Iterable[User]):
        self._by_address: dict[str, User] = {}
        users = list(known)
        for commit in commits:
            for user, email in (
                (commit.author, commit.author_email),
                (commit.committer, commit.committer_email),
            ):
                if user is not None:
                    users.append(user)
                    self._by_address[(email or user.login).lower()] = user
        self._by_id = {user.id: user for user in users}
        self._by_login = {user.login.lower(): user for user in users}

    def find(self, address: str) -> User | None:
        """The account that an address, or a bare login, belongs to; None if nobody knows."""
        if address.lower() in self._by_address:
            return self._by_address[address.lower()]
        noreply = _NOREPLY.fullmatch(address.lower())
        if noreply is None:
            return self._by_login.get(address.lower().removeprefix("@"))
        if noreply["id"] is None:
            return self._by_login.get(noreply["login"])
        account = int(noreply["id"])
        return self._by_id.get(account, User(id=account, login=noreply["login"]))
