"""A pull request and its reviews as GitHub's API gives them: the input of approvals.

`adapters/reviews.py` reads them from a file today; a forge's adapter gives the same values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account. People are told apart by `id`, since logins can be renamed and reused.

    `kind` is GitHub's `type`: `User`, `Bot`, `Organization`, `Mannequin`.
    """

    id: int
    login: str
    kind: str = "User"

    @property
    def is_bot(self) -> bool:
        """Whether this is a machine: only a `User` without the `[bot]` suffix is a person."""
        return self.kind != "User" or self.login.endswith("[bot]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One review. `state` is APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED or PENDING;
    `commit` is the head that was reviewed. `user` is None for a deleted account."""

    user: User | None
    state: str
    commit: str | None
    at: datetime | None
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull request with all its reviews.

    `authors` are the accounts behind its commits (authors and co-authors), `unknown_authors` the
    e-mail addresses that belong to no account, `requested` those asked again for a review:
    before the merge, or after it where it `is_merged`, since nothing tells when.
    `complete` is False when a list may have been cut by an API limit: then nothing is approved.
    `active_teams` maps a team's slug to the logins that are active members now, where known.
    """

    number: int
    author: User
    base: str
    head: str
    reviews: tuple[Review, ...]
    authors: tuple[User, ...] = ()
    unknown_authors: tuple[str, ...] = ()
    requested: tuple[User, ...] = ()
    merge_commit: str | None = None
    is_merged: bool = False
    complete: bool = True
    active_teams: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
