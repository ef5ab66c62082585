"""Git tags: annotated, written once, published without force, never moved.

A tag is published before it is named here. So one that is here is on the remote too, and what a job
that was killed in between left undone is published by the next one.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pygit2
from pygit2.enums import ObjectType

from modelctl.adapters.git_cli import NETWORK_SECONDS, condensed, redacted, run
from modelctl.adapters.git_objects import Author
from modelctl.adapters.git_transport import pause
from modelctl.domain.tags import Tag
from modelctl.errors import DependencyError

_PREFIX = "refs/tags/"
_LONGEST = 240
"""The most bytes in a name: it is the name of a file, to which git adds `.lock` for a while."""

_PUSH = (
    *("push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed"),
    "--recurse-submodules=no",
)
_AT_ONCE = 500  # a command line has its limits
_ATTEMPTS = 6
_STATUS = re.compile(rf"^(.)\t[^\t\n]*:{_PREFIX}([^\t\n]+)\t(.*)$", re.MULTILINE)
_LOST_RACE = re.compile(
    r"\[remote rejected\].*(already exists|cannot lock|failed to update|\.lock)"
)
_IN_THE_WAY = re.compile(rf"'{_PREFIX}([^']*)' exists; cannot create '{_PREFIX}([^']*)'")
"""A tag `a/b` leaves no room for a tag `a`: no other try will change that."""
_TAKEN = "it is there with other content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A tag that could not be written, and why.

    `taken` says that another tag has its name or its place, `obstacle` that tag's name where it is
    another one. `never` says that no other run can do it either.
    """

    name: str
    reason: str
    taken: bool = False
    never: bool = False
    obstacle: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What became of some tags; those that were there already are in neither list."""

    written: tuple[str, ...] = ()
    refused: tuple[Refused, ...] = ()


def read(repo: pygit2.Repository, name: str) -> Tag | None:
    """The tag of this name here; of one without an annotation the message is empty."""
    ref = repo.references.get(_PREFIX + name)
    if ref is None:
        return None
    found = repo[ref.target]
    if not isinstance(found, pygit2.Tag):
        return Tag(name=name, commit=str(found.id), at=0, message="")
    at = int(getattr(found.tagger, "time", 0))  # old tags have no tagger
    return Tag(name=name, commit=str(found.target), at=at, message=found.message)


def publish(
    repo: pygit2.Repository, remote: str | None, tags: Iterable[Tag], author: Author
) -> Published:
    """Write tags, on the remote where there is one, and here.

    Raises:
        DependencyError: the remote can't be reached; nothing was written.
    """
    wanted: dict[str, str] = {}
    refused: dict[str, Refused] = {}
    for tag in tags:
        if refusal := _unwritable(repo, tag):
            refused[tag.name] = refusal
            continue
        oid, here = _write(repo, tag, author), repo.references.get(_PREFIX + tag.name)
        if here is None:
            wanted[tag.name] = oid
        elif str(here.target) != oid:
            refused[tag.name] = Refused(name=tag.name, reason=_TAKEN, taken=True)
    fresh = list(wanted)
    if remote is not None:
        fresh, rejected = _push(Path(repo.path), remote, wanted)
        refused |= rejected
    for name in [name for name in wanted if name not in refused]:
        if (way := _in_the_way(repo, name)) is not None:
            refused[name] = _obstructed(name, way)
            continue
        with contextlib.suppress(pygit2.AlreadyExistsError):  # another job has the same clone
            repo.references.create(_PREFIX + name, pygit2.Oid(hex=wanted[name]))
    written = tuple(name for name in fresh if name not in refused)
    return Published(written=written, refused=tuple(refused.values()))


def _unwritable(repo: pygit2.Repository, tag: Tag) -> Refused | None:
    """Why git can't have such a tag, or None."""
    valid = pygit2.reference_is_valid_name(_PREFIX + tag.name)
    if not valid or len(tag.name.encode()) > _LONGEST:
        return Refused(name=tag.name, reason="git allows no such name", never=True)
    if tag.commit not in repo:
        return Refused(name=tag.name, reason=f"commit {tag.commit} is not in this clone")
    return None


def _in_the_way(repo: pygit2.Repository, name: str) -> str | None:
    """A tag of this clone below that name."""
    found = repo.references.iterator()
    below = f"{_PREFIX}{name}/"
    return next((r.name.removeprefix(_PREFIX) for r in found if r.name.startswith(below)), None)


def _obstructed(name: str, obstacle: str) -> Refused:
    reason = f"tag {obstacle} leaves no room for it"
    return Refused(name=name, reason=reason, taken=True, obstacle=obstacle)


def _write(repo: pygit2.Repository, tag: Tag, author: Author) -> str:
    """The id of the tag's object, which is in the database now; no reference names it yet."""
    head = (
        f"object {tag.commit}",
        "type commit",
        f"tag {tag.name}",
        f"tagger {author.name} <{author.email}> {tag.at} +0000",
    )
    data = "\n".join([*head, "", tag.message]).encode(errors="surrogateescape")
    return str(repo.write(ObjectType.TAG, data))


def _push(
    directory: Path, remote: str, wanted: Mapping[str, str]
) -> tuple[list[str], dict[str, Refused]]:
    """The names that are new on the remote, and those that it would not take.

    Who loses a race against another job that writes the same tag finds it there on the next try.
    """
    fresh: list[str] = []
    refused: dict[str, Refused] = {}
    left = dict(wanted)
    for attempt in range(_ATTEMPTS):
        again: dict[str, str] = {}
        for name, flag, told in _pushed(directory, remote, list(left.items())):
            if flag == "*":
                fresh.append(name)
            elif way := _IN_THE_WAY.search(told):
                refused[name] = _obstructed(name, way[1])
            elif flag == "!" and _LOST_RACE.search(told):
                again[name] = left[name]
            elif flag == "!":
                refused[name] = _refused(name, told, remote)
        left = again
        if not left:
            break
        pause(attempt)
    busy = f"{redacted(remote)} was busy; run it again"
    return fresh, {**refused, **{name: Refused(name=name, reason=busy) for name in left}}


def _refused(name: str, told: str, remote: str) -> Refused:
    if told.startswith("[rejected] (already exists)"):
        return Refused(name=name, reason=_TAKEN, taken=True)
    return Refused(name=name, reason=f"{redacted(remote)} refuses it: {redacted(told)}")


def _pushed(
    directory: Path, remote: str, tags: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str, str]]:
    """What the remote says to each tag: its name, git's flag and git's words."""
    listed = iter(tags)
    while part := list(islice(listed, _AT_ONCE)):
        specs = [f"{oid}:{_PREFIX}{name}" for name, oid in part]
        done = run(*_PUSH, remote, *specs, directory=directory, seconds=NETWORK_SECONDS)
        said = {match[2]: (match[1], match[3]) for match in _STATUS.finditer(done.text)}
        if missing := [name for name, _ in part if name not in said]:
            told = condensed(done.err) or condensed(done.text) or f"git exited with {done.code}"
            raise DependencyError(
                f"{len(missing)} tags could not be written on {redacted(remote)}: {told}",
                mend="check the network and the credentials, then run it again",
            )
        ways = {match[2]: match[0] for match in _IN_THE_WAY.finditer(done.err)}
        for name, _ in part:
            flag, told = said[name]
            yield name, flag, ways.get(name, told)
