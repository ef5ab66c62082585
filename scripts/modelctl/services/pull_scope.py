"""What a pull request touches, from its objects alone: for lists, and for who has a say in it."""

from __future__ import annotations

from dataclasses import dataclass

from modelctl.adapters.git import MergeConflict
from modelctl.domain.names import classify
from modelctl.domain.pulls import PullSummary
from modelctl.domain.tree import Tree
from modelctl.gates.approvals import owners
from modelctl.services.candidates import read_model, read_release
from modelctl.services.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The models that a pull request touches, those that it releases as `model@version`, and the
    teams that own them; None stands for the rules of the repository."""

    models: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    owners: tuple[str | None, ...] = (None,)


def scope_of_pull(session: Session, pull: PullSummary) -> Scope:
    """What a pull request touches whose head is here.

    Raises:
        ModelctlError: its target isn't there, or its tree can't be read.
    """
    repository = session.repository
    base = session.branch_tip(pull.base)
    before, after = repository.tree(base), _after(session, base, pull.head)
    kinds = (classify(change.path) for change in repository.changes(before, after))
    models = tuple(sorted({kind.model for kind in kinds if kind is not None}))
    releases = ((model, read_release(after, model)) for model in models)
    touched = [(read_model(before, model), read_model(after, model)) for model in models]
    return Scope(
        models=models,
        releases=tuple(f"{model}@{found.version}" for model, found in releases if found),
        owners=owners(touched) or (None,),
    )


def _after(session: Session, base: str, head: str) -> Tree:
    """The tree that the merge would hold; where it conflicts, that of the head."""
    repository = session.repository
    try:
        return repository.tree(repository.merged(base, head))
    except MergeConflict:
        return repository.tree(head)
