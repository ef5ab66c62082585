"""What a person means by the name of a commit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

import pygit2
from pygit2.enums import ReferenceType

from modelctl.errors import ModelctlError

_SHA = re.compile(r"[0-9a-f]{40}")
_PREFERRED_REMOTE = "origin"
_BRANCHES = ("refs/heads/", "refs/remotes/")


def remote_name(repo: pygit2.Repository) -> str | None:
    """The remote that branches are shared through: `origin`, else the only one there is."""
    names = list(repo.remotes.names())
    if _PREFERRED_REMOTE in names:
        return _PREFERRED_REMOTE
    if len(names) > 1:
        raise ModelctlError(
            f"none of the remotes {', '.join(sorted(filter(None, names)))} is named origin",
            mend="git remote rename REMOTE origin",
        )
    return names[0] if names else None


def default_branch(repo: pygit2.Repository, remote: str) -> str | None:
    """The branch that the remote's HEAD named when it was cloned, None where that isn't known."""
    prefix = f"refs/remotes/{remote}/"
    head = repo.references.get(f"{prefix}HEAD")
    if head is None or head.type != ReferenceType.SYMBOLIC:
        return None
    return str(head.target).removeprefix(prefix)


def branch_ref(branch: str, remote: str | None = None) -> str:
    """The full name of a local branch, or of where a remote's branch was last seen."""
    return f"refs/remotes/{remote}/{branch}" if remote else f"refs/heads/{branch}"


def resolve(repo: pygit2.Repository, name: str) -> str:
    """The commit that `name` means.

    In this order: a full commit id; `HEAD` or a name below `refs/`; a local branch; a branch of the
    remote; a tag; then what git itself makes of it (`main~2`, `origin/main`, a short id).

    Raises:
        ModelctlError: it means no commit; the mend suggests names that are near.
    """
    for sha in _meanings(repo, name):
        if sha is not None:
            return sha
    raise ModelctlError(f"{name!r} is no commit, branch or tag here", mend=_suggestion(repo, name))


def _meanings(repo: pygit2.Repository, name: str) -> Iterator[str | None]:
    if _SHA.fullmatch(name):
        yield _expression(repo, name)
        return
    if name == "HEAD":  # before the first commit it means nothing, and not the remote's HEAD
        yield tip(repo, name)
        return
    yield tip(repo, name) if name.startswith("refs/") else None
    yield tip(repo, branch_ref(name))
    remote = remote_name(repo)
    yield tip(repo, branch_ref(name, remote)) if remote else None
    yield tip(repo, f"refs/tags/{name}")
    yield _expression(repo, name)


def tip(repo: pygit2.Repository, ref: str) -> str | None:
    """The commit that the full reference name `ref` points at, through tags; None without one."""
    try:
        return str(repo.references[ref].peel(pygit2.Commit).id)
    except (KeyError, ValueError, pygit2.GitError):
        return None


def _expression(repo: pygit2.Repository, text: str) -> str | None:
    try:
        return str(repo.revparse_single(text).peel(pygit2.Commit).id)
    except (KeyError, ValueError, pygit2.GitError):
        return None


def _suggestion(repo: pygit2.Repository, name: str) -> str:
    asked = name.removeprefix("refs/heads/")
    near = get_close_matches(asked, sorted(_names(repo)), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else "git fetch, if it was made elsewhere"


def _names(repo: pygit2.Repository) -> set[str]:
    """The names by which the branches and tags can be asked for."""
    prefixes = ["refs/heads/", "refs/tags/"]
    remote = remote_name(repo)
    if remote is not None:
        prefixes.append(f"refs/remotes/{remote}/")
    return {
        ref.removeprefix(prefix)
        for ref in repo.references
        for prefix in prefixes
        if ref.startswith(prefix) and not ref.endswith("/HEAD")
    }


def checked_out(repo: pygit2.Repository, branch: str) -> bool:
    """Whether a work tree of this repository has `branch` checked out."""
    if not repo.is_bare and not repo.head_is_detached:
        head = repo.references["HEAD"]
        if head.type == ReferenceType.SYMBOLIC and head.target == branch_ref(branch):
            return True
    local = repo.branches.local.get(branch)
    return local is not None and local.is_checked_out()


def branches(repo: pygit2.Repository) -> dict[str, str]:
    """The tip of every branch, here and as last seen on remotes, by its short name."""
    refs = (r for r in repo.references.iterator() if r.name.startswith(_BRANCHES))
    return {r.shorthand: str(r.target) for r in refs if isinstance(r.target, pygit2.Oid)}


def heads(repo: pygit2.Repository) -> tuple[str, ...]:
    """The tips of all branches, here and as last seen on remotes, each once."""
    refs = (r for r in repo.references.iterator() if r.name.startswith(_BRANCHES))
    return tuple(dict.fromkeys(str(r.target) for r in refs if isinstance(r.target, pygit2.Oid)))
