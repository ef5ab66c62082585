"""What was on the ledger once and is not there any more, told by its commits."""

from __future__ import annotations

from collections.abc import Mapping

from modelctl.adapters.git import Repository

Losses = Mapping[str, str]
"""Model → what happened to one of its files."""


def lost(repository: Repository, tip: str) -> Losses:
    """The models of which any commit that led to `tip` held something else than `tip` does.

    Every parent is followed, so that what a merge leaves out is missed, too. What was deleted and
    put back as it was is not lost.
    """
    now, found = repository.tree(tip), dict[str, str]()
    for commit in repository.ancestry(tip):
        after = repository.tree(commit.tree)
        for parent in commit.parents:
            for change in repository.changes(repository.tree(parent), after):
                if change.before is not None and now.entry(change.path) != change.before:
                    did = "deleted" if change.removed else "altered"
                    message = f"commit {commit.sha[:12]} {did} {change.path}"
                    found.setdefault(_model(change.path), message)
    return found


def _model(path: str) -> str:
    return f"{path}//".split("/")[1]
