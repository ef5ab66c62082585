"""What people have in git: their branches, which may be rewritten and deleted, and who they are."""

from __future__ import annotations

import re

from modelctl.adapters.git import Author, Repository
from modelctl.adapters.git_cli import run
from modelctl.adapters.git_refs import branch_ref
from modelctl.adapters.git_transport import fetch_rewritable
from modelctl.errors import ModelctlError

_IDENT = re.compile(r"(.+) <(.+)> \d+ [+-]\d{4}")


def shared_tip(repository: Repository, branch: str) -> str | None:
    """The tip of a branch of people's on the remote, fetched now; without a remote the local one.
    None if it isn't there, be it that it was deleted since.

    Raises:
        DependencyError: the remote can't be reached.
    """
    remote = repository.remote
    if remote is not None and not fetch_rewritable(repository.directory, remote, branch):
        _forget(repository, branch_ref(branch, remote))
        return None
    return _seen(repository, branch_ref(branch, remote))


def person(repository: Repository) -> Author:
    """Who works here, by git's settings: `user.name` and `user.email`, or its environment.

    Raises:
        ModelctlError: they don't say; git's own guess is nobody's name.
    """
    only = ("-c", "user.useConfigOnly=true")
    done = run(*only, "var", "GIT_AUTHOR_IDENT", directory=repository.directory)
    found = _IDENT.fullmatch(done.text) if done.code == 0 else None
    if found is None:
        raise ModelctlError(
            "git doesn't know who you are, and the commit needs an author",
            mend="git config user.name NAME, and git config user.email ADDRESS",
        )
    return Author(name=found[1], email=found[2])


def _seen(repository: Repository, ref: str) -> str | None:
    try:
        return repository.resolve(ref)
    except ModelctlError:
        return None


def _forget(repository: Repository, ref: str) -> None:
    """Takes away what was last seen of a branch that is gone, unless somebody saw it come back."""
    known = _seen(repository, ref)
    if known is not None:
        run("update-ref", "-d", ref, known, directory=repository.directory)
