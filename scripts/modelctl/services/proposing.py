"""Brings a change to a forge: a branch with one commit on top of its target, and a pull request.

Everything is made as git objects; nothing is checked out. Each step looks at what is there and does
what is missing, so that a run which was killed, or comes second, ends where the first one would. A
branch is never rewound: where it brings something else than it should, a commit on top mends it.

The names of branches can be foreseen. One that has commits of somebody else is left alone: whom it
names would be asked for, or could approve nothing, and whoever asks now would not be named by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import TYPE_CHECKING

from modelctl.adapters.git import Author, MergeConflict
from modelctl.adapters.git_people import person, shared_tip
from modelctl.adapters.git_transport import pause
from modelctl.domain.authorship import Credit, addresses
from modelctl.domain.pulls import PullSummary
from modelctl.errors import ConflictError, ModelctlError
from modelctl.services.session import Session

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub

_ATTEMPTS = 20
_MOST_COMMITS = 20
"""More than these aren't looked at: such a branch was made so that it can't be decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a branch is to bring into `target`: these files, and nothing else.

    It is `branch`, or one whose name has a number more where that one is somebody else's.

    `message` is that of the commit, `author` whom it is by: whoever works here where that is None.
    """

    branch: str
    target: str
    files: Mapping[str, bytes]
    message: str
    author: Author | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A branch as it should be: `head` is its commit, `base` that of the target.

    `tip` is where the branch is on the remote, None where it isn't yet. `note` says what becomes of
    a branch that was there and brought something else.
    """

    branch: str
    target: str
    base: str
    head: str
    tip: str | None
    note: str | None = None

    @property
    def is_there(self) -> bool:
        """Whether nothing is left to be pushed."""
        return self.head == self.tip


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A pull request, and whether this run opened it."""

    pull: PullSummary
    is_new: bool


def cut(session: Session, wanted: Wanted) -> Cut:
    """The branch that brings what is wanted, as objects of this clone: nothing is pushed.

    Raises:
        ModelctlError: git doesn't know who the author is.
        DependencyError: the remote can't be reached.
    """
    repository = session.repository
    author = wanted.author or person(repository)
    start = session.branch_tip(wanted.target)
    branch, tip = _place(session, wanted.branch, start, author)
    fresh = _commit(session, wanted, author, start, (start,))
    others = f"{wanted.branch} is somebody else's" if branch != wanted.branch else None
    made = Cut(branch=branch, target=wanted.target, base=start, head=fresh, tip=tip, note=others)
    if tip is None or _brings(session, start, tip, fresh):
        return made if tip is None else replace(made, head=tip)
    if repository.is_ancestor(tip, start):
        return replace(made, note=f"{branch} was merged before: it goes on from there")
    follows = (tip,) if repository.is_ancestor(start, tip) else (tip, start)
    mended = _commit(session, wanted, author, start, follows)
    what = "another tree" if follows == (tip,) else f"what {wanted.target} has outgrown"
    note = f"{branch} had {what}: a commit on top puts that right"
    return replace(made, head=mended, note=note)


def push(session: Session, wanted: Wanted) -> Cut:
    """The same, on the remote.

    Raises:
        ConflictError: others changed the branch again and again.
        DependencyError, ModelctlError: as `cut`, or the remote refuses.
    """
    for attempt in range(_ATTEMPTS):
        made = cut(session, wanted)
        if made.is_there or session.repository.publish(made.branch, made.head, made.tip):
            return made
        pause(attempt)
    raise ConflictError(f"others go on changing {wanted.branch}", mend="run it again")


def open_pull(github: GitHub, made: Cut, title: str, body: str) -> Opened:
    """The open pull request of a branch that was pushed, opened where there is none.

    One that is there keeps what people made of its text, unless the branch brings something else
    now.

    Raises:
        DependencyError: GitHub can't be reached.
    """
    listed = github.pulls.open(base=made.target, branch=made.branch)
    found = next((pull for pull in listed if not pull.is_fork), None)
    if found is not None:
        if not made.is_there:
            github.pulls.update(found.number, title=title, body=body)
        return Opened(pull=found, is_new=False)
    pull = github.pulls.create(title=title, body=body, base=made.target, branch=made.branch)
    return Opened(pull=pull, is_new=True)


def _place(session: Session, branch: str, start: str, author: Author) -> tuple[str, str | None]:
    """The first of `branch`, `branch-2` … that has no commit of others beyond `start`, and its tip;
    None where it isn't there. Those that the last fetch saw are passed over without asking."""
    repository = session.repository
    for number in count(1):
        name = branch if number == 1 else f"{branch}-{number}"
        seen = repository.remote_first(name)
        if seen is not None and number > 1 and not _is_by(session, start, seen, author):
            continue
        tip = shared_tip(repository, name)
        if tip is None or _is_by(session, start, tip, author):
            break
    return name, tip


def _is_by(session: Session, start: str, tip: str, author: Author) -> bool:
    """Whether the commits beyond `start` are few, and name this author and nobody else."""
    beyond = session.repository.commits_between(start, tip)
    commits = list(islice(beyond, _MOST_COMMITS + 1))
    if len(commits) > _MOST_COMMITS:
        return False
    named = (
        Credit(
            author=None,
            author_email=commit.author_email,
            message=commit.message,
            committer_email=commit.committer_email,
        )
        for commit in commits
    )
    return all(addresses(credit) == {author.email.lower()} for credit in named)


def _commit(
    session: Session, wanted: Wanted, author: Author, start: str, follows: tuple[str, ...]
) -> str:
    """The target's tree with the files that are wanted."""
    return session.repository.write_commit(
        start,
        wanted.files,
        message=wanted.message,
        author=author,
        at=int(session.now.timestamp()),
        parents=follows,
    )


def _brings(session: Session, start: str, tip: str, fresh: str) -> bool:
    """Whether a merge of the branch gives just what is wanted, whatever else moved meanwhile."""
    repository = session.repository
    try:
        return repository.merged(start, tip) == repository.commit(fresh).tree
    except MergeConflict:
        return False
    except ModelctlError:  # it shares no history with the target
        return False
