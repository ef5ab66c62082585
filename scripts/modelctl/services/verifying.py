"""What of an environment's branch may be put into force: what a job decided, to the byte.

Whoever may push the branch can write anything there. What this run rendered itself is sound, and
what another job signed since this run decided, as it is rendered by the trusted overlays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from modelctl.domain.alert_rules import FOLDER as ALERTS
from modelctl.domain.evidence import Signed
from modelctl.domain.history import position
from modelctl.domain.names import is_model_name
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError
from modelctl.services.accounted import accounted, last_move, same
from modelctl.services.lying import holds
from modelctl.services.rendering import Rendered, rendered
from modelctl.services.session import Session
from modelctl.services.state import readable_record


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """What this run rendered, by model, and the last move of each that it was decided by
    (`history.position`)."""

    files: Rendered = field(default_factory=lambda: MappingProxyType({}))
    seen: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


def doubtful(
    session: Session,
    transition: Transition,
    here: Tree,
    models: Collection[str] | None,
    ours: Ours,
) -> Mapping[str, str]:
    """What of these models, or of all that lies there, may not be put into force: a sentence by
    model."""
    names = models if models is not None else [n for n in here.names("") if n != ALERTS]
    open_ = [name for name in names if not _is_ours(here, name, ours)]
    if not open_:
        return {}
    with suppress(ModelctlError):  # else it goes by the history that was seen last
        session.ledger.fetch()
    branch = session.policy.lifecycle.state_of(transition.environment)
    return {
        name: f"{branch} holds something of {name!a} that no job decided and signed: it was "
        "not put into force; run it again"
        for name in open_
        if not _is_signed(session, transition, here, name, ours)
    }


def _is_ours(here: Tree, name: str, ours: Ours) -> bool:
    files = ours.files.get(name)
    return bool(files) and holds(here, name, files or {})


def _is_signed(session: Session, transition: Transition, here: Tree, name: str, ours: Ours) -> bool:
    """Whether a folder is what another job signed since this run decided."""
    if not is_model_name(name):
        return False
    signed, environment = session.signed(name), transition.environment
    if name in ours.seen and position(signed, environment) <= ours.seen[name]:
        return False
    runs = accounted(session, name, signed, environment)
    try:
        return runs is not None and holds(here, name, rendered(session, runs))
    except ModelctlError:
        return False


def strays(session: Session, here: Tree, runs: RenderRequest, state_commit: str) -> bool:
    """Whether the branch holds something else of a model than what was signed: another record, or
    other bytes than those of the signed commit and those that it is rendered to now."""
    if not same(_recorded(here, runs.model), runs):
        return True
    before = _tree(session, state_commit)
    if before is not None and before.subtree(runs.model) == here.subtree(runs.model):
        return False
    return not holds(here, runs.model, rendered(session, runs))


def altered(
    session: Session, here: Tree, runs: RenderRequest | None, signed: Iterable[Signed]
) -> Iterator[str]:
    """The files that somebody altered, and left the record as it was signed. Where other overlays
    are in force since it was signed, nobody can tell a file that was altered from one that a deploy
    rendered by those between: then none is named."""
    if runs is None or not same(_recorded(here, runs.model), runs):
        return
    last = last_move(signed, runs.environment)
    before = _tree(session, last.predicate.get("state_commit")) if last is not None else None
    if before is None or before.subtree(runs.model) == here.subtree(runs.model):
        return
    files = rendered(session, runs)
    if holds(before, runs.model, files):
        for path in (f"{runs.model}/{name}" for name in files):
            if here.entry(path) != before.entry(path):
                yield path


def _tree(session: Session, commit: object) -> Tree | None:
    """The state of a commit that a statement names; None where it isn't here."""
    if not isinstance(commit, str):
        return None
    try:
        return session.repository.tree(session.repository.commit(commit).tree)
    except ModelctlError:
        return None


def _recorded(here: Tree, model: str) -> RenderRequest | None:
    now = readable_record(here, model)
    return now if now is not None and now.model == model else None
