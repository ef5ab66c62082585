"""Pull requests as a forge lists them, and what is written back onto them.

What decides (reviews, commits, who may approve) is in `domain/reviews.py`; nothing here does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from modelctl.domain.reviews import User

CHECK_NAME = "promotion-gate"
"""The check run that branch rules require. Other apps may post one of the same name: it means
something only together with the id of the app that posted it."""

COMMENT_MARKER = "<!-- modelctl:promotion-gate -->"
"""The first line of the one comment that is kept up to date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSummary:
    """A pull request without its reviews.

    `base` and `branch` are the names of the branches, `head` the commit of `branch`. `is_fork` says
    that `branch` is another repository's, or of one that is gone. `merge_commit` is given for
    merged ones only: for open ones GitHub gives a test merge there. `requested_teams` are slugs.
    `commits` and `changed_files` are counts, None where the forge's list doesn't give them.
    """

    number: int
    title: str
    body: str
    author: User
    base: str
    branch: str
    head: str
    url: str
    is_open: bool
    is_merged: bool
    is_draft: bool
    is_fork: bool
    labels: tuple[str, ...]
    requested: tuple[User, ...]
    requested_teams: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    merge_commit: str | None = None
    merged_at: datetime | None = None
    commits: int | None = None
    changed_files: int | None = None


class CheckState(StrEnum):
    """How a check run stands: only SUCCESS lets a required check through."""

    WAITING = "in_progress"
    SUCCESS = "success"
    FAILURE = "failure"


class Level(StrEnum):
    """How an annotation is shown."""

    FAILURE = "failure"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A remark at lines of a file of the head; lines count from 1, `end_line` is included."""

    path: str
    start_line: int
    end_line: int
    level: Level
    title: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutput:
    """What a check run shows. `summary` and `text` are Markdown, each within GitHub's limit."""

    state: CheckState
    title: str
    summary: str
    text: str = ""
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment on a pull request or an issue. `pull` is the number of what it stands on.

    Whoever may write to the repository may edit anybody's comment, so what `is_edited` says is not
    surely the author's word.
    """

    id: int
    pull: int
    author: User | None
    body: str
    url: str
    created_at: datetime
    is_edited: bool = False


class DeploymentState(StrEnum):
    """Where a deployment on the forge stands."""

    IN_PROGRESS = "in_progress"
    SUCCESS = "success"
    FAILURE = "failure"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeDeployment:
    """A deployment as the forge shows it: `ref` is the commit, `task` tells ours apart (one for
    each model), `payload` is what we wrote beside it."""

    id: int
    environment: str
    ref: str
    task: str
    description: str
    created_at: datetime
    state: DeploymentState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An issue of the repository."""

    number: int
    title: str
    body: str
    is_open: bool
    labels: tuple[str, ...]
    url: str
