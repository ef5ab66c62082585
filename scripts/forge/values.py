"""What the forge keeps. Mutable values are changed only with the state's lock held."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROLES = ("read", "triage", "write", "maintain", "admin")
"""From the least to the most."""

LEVELS = ("read", "write", "admin")
"""Of an app's permission, from the least to the most."""


def now() -> datetime:
    """The present moment, to the second, as GitHub tells it."""
    return datetime.now(UTC).replace(microsecond=0)


def iso(moment: datetime | None) -> str | None:
    """`2026-11-20T10:00:00Z`."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True, kw_only=True, eq=False)
class User:
    """A person, a bot or an organisation: `kind` is User, Bot or Organization."""

    id: int
    login: str
    kind: str = "User"
    name: str | None = None
    email: str | None = None
    created_at: datetime = field(default_factory=now)


@dataclass(slots=True, kw_only=True, eq=False)
class Team:
    """Members by login; those of child teams count as well."""

    id: int
    org: str
    slug: str
    name: str
    description: str | None = None
    parent: str | None = None
    privacy: str = "closed"
    members: dict[str, str] = field(default_factory=dict)  # login → member | maintainer
    pending: set[str] = field(default_factory=set)  # invited, not yet members


@dataclass(slots=True, kw_only=True, eq=False)
class App:
    """A GitHub App with the one installation that it has. `key` is its private key in PEM."""

    id: int
    slug: str
    owner: str
    key: str = field(repr=False)
    public_key: str = field(repr=False)
    permissions: dict[str, str]
    events: list[str]
    installation: int
    account: str
    repositories: list[str] | None = None  # full names; None is all of the account's
    created_at: datetime = field(default_factory=now)

    @property
    def bot(self) -> str:
        """The login that the app acts by."""
        return f"{self.slug}[bot]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """`permissions` and `repositories` (full names) narrow an installation's token; a person's
    token has neither. `app` is the id of the app whose installation it is."""

    value: str = field(repr=False)
    login: str
    app: int | None = None
    permissions: dict[str, str] | None = None
    repositories: tuple[str, ...] | None = None
    expires_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Label:
    """A label of a repository."""

    id: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(slots=True, kw_only=True)
class Reaction:
    """An emoji under a comment."""

    id: int
    user: str
    content: str
    created_at: datetime = field(default_factory=now)


@dataclass(slots=True, kw_only=True, eq=False)
class Comment:
    """A comment on issue or pull request `number`. `app` is the id of the app that wrote it."""

    id: int
    number: int
    user: str
    body: str
    app: int | None = None
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(slots=True, kw_only=True, eq=False)
class Review:
    """`state` is PENDING, COMMENTED, APPROVED, CHANGES_REQUESTED or DISMISSED; `commit` the head
    it was given for."""

    id: int
    user: str
    body: str
    state: str
    commit: str
    submitted_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of merging `head` into `base`: `commit`, None where they conflict; and what the
    difference is: `commits` by sha, oldest first, and the `paths` of files. It stands for as long
    as neither end moves."""

    base: str
    head: str
    commit: str | None
    commits: tuple[str, ...]
    additions: int
    deletions: int
    paths: tuple[str, ...]


@dataclass(slots=True, kw_only=True, eq=False)
class Issue:
    """An issue; a pull request is one too, with the same numbers."""

    id: int
    number: int
    title: str
    body: str | None
    user: str
    state: str = "open"
    state_reason: str | None = None
    labels: list[str] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)
    closed_by: str | None = None
    app: int | None = None
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    closed_at: datetime | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Pull(Issue):
    """`base` and `branch` are names; `repository` is the full name of the head's repository, None
    when that is gone. `pusher` pushed the head last. `base_sha` is the base's tip at the last
    change of the head, `merge_commit` what it was merged as."""

    issue_id: int
    base: str
    base_sha: str
    repository: str | None
    branch: str
    head: str
    pusher: str
    draft: bool = False
    modifiable: bool = False
    merged_by: str | None = None
    merged_at: datetime | None = None
    merge_commit: str | None = None
    requested: list[str] = field(default_factory=list)
    requested_teams: list[str] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    trial: Trial | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class CheckRun:
    """What app `app` says of commit `sha`; `output` as the API takes it."""

    id: int
    suite: int
    app: int
    sha: str
    name: str
    status: str
    conclusion: str | None = None
    external_id: str = ""
    details_url: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    output: dict[str, Any] = field(default_factory=dict)
    annotations: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A commit status. Anyone who may write can set one."""

    id: int
    sha: str
    context: str
    state: str
    description: str | None
    target_url: str | None
    user: str
    created_at: datetime


@dataclass(slots=True, kw_only=True, eq=False)
class Repository:
    """A bare repository at `path` and what stands round it.

    `settings` belongs to the modules of the settings: one key each (rulesets are not there but
    in `rulesets`, because pushes and merges ask for them).
    """

    id: int
    owner: str
    name: str
    path: Path
    default_branch: str = "main"
    private: bool = False
    fork_of: str | None = None
    description: str | None = None
    created_at: datetime = field(default_factory=now)
    pushed_at: datetime = field(default_factory=now)
    collaborators: dict[str, str] = field(default_factory=dict)  # login → role
    team_roles: dict[str, str] = field(default_factory=dict)  # slug → role
    labels: dict[str, Label] = field(default_factory=dict)  # by name in lower case
    issues: dict[int, Issue] = field(default_factory=dict)  # pull requests among them
    comments: dict[int, Comment] = field(default_factory=dict)
    checks: dict[str, list[CheckRun]] = field(default_factory=dict)  # by sha
    statuses: dict[str, list[Status]] = field(default_factory=dict)  # by sha
    rulesets: dict[int, dict[str, Any]] = field(default_factory=dict)  # as the API has them
    settings: dict[str, Any] = field(default_factory=dict)
    pushers: dict[str, str] = field(default_factory=dict)  # branch → who pushed it last
    last_number: int = 0

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"

    def pulls(self) -> list[Pull]:
        """The pull requests, oldest first."""
        return [issue for issue in list(self.issues.values()) if isinstance(issue, Pull)]

    def pull(self, number: int) -> Pull | None:
        """The pull request of that number."""
        issue = self.issues.get(number)
        return issue if isinstance(issue, Pull) else None


@dataclass(frozen=True, slots=True)
class Change:
    """A ref that moves; `old` or `new` is all zeros where it is made or deleted."""

    old: str
    new: str
    ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A webhook's event: `name` as in X-GitHub-Event, `payload` as GitHub sends it."""

    name: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A request that was answered. `login` is None for nobody's."""

    method: str
    path: str
    status: int
    login: str | None
