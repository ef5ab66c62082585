"""Tells GTO what the ledger tells: annotated tags of the versions that were deployed.

The tags are made from the ledger alone, so any job writes the same ones, and one that was killed is
made up for by the next. What costs is what is new: whether an environment's newest deployment has
its tag is looked up by name; only where it hasn't, the whole history of the model is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from modelctl.adapters.git_tags import Refused
from modelctl.adapters.ledger import LedgerEntry
from modelctl.domain.history import deployments
from modelctl.domain.tags import Source, Tag, assignment_tag, plan, version_tag, written_from
from modelctl.errors import DependencyError
from modelctl.services.past import KINDS, in_force
from modelctl.services.session import MACHINE, Session

_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The tags that are new, in a sentence each what is left to do, and those that can't be.

    `taken` has a sentence for each name that somebody else's tag has. No other run can mend that,
    and whoever may push tags could keep every deploy unfinished by it, so it is a warning.
    """

    written: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()


def tag_deployments(session: Session, environment: str, models: Iterable[str]) -> Tags:
    """Writes the tags that an environment's deployments lack.

    Nothing is raised for what another run can mend: the deployments are true without their tags.
    """
    wanted = [
        tag
        for model in models
        if not _is_tagged(session, model, environment)
        for tag in _planned(session, model, environment)
    ]
    if not wanted:
        return Tags()
    try:
        done = session.repository.publish_tags(wanted, author=MACHINE)
    except DependencyError as error:
        return Tags(left=(f"write the tags: {error.message}",))
    return Tags(
        written=done.written,
        left=tuple(
            f"write tag {one.name}: {one.reason}"
            for one in done.refused
            if not (one.never or one.taken)
        ),
        never=tuple(one.name for one in done.refused if one.never),
        taken=tuple(_taken(one) for one in done.refused if one.taken),
    )


def _taken(refused: Refused) -> str:
    obstacle = refused.obstacle or refused.name
    return (
        f"tag {refused.name} isn't ours: {refused.reason}, and a tag is never moved; find out who "
        f"wrote it, then `git tag --delete '{obstacle}'` here and on the remote"
    )


def _planned(session: Session, model: str, environment: str) -> Iterator[Tag]:
    entries = session.ledger.entries(model, KINDS)
    sources = {entry.seq: _source(entry) for entry in entries if entry.damage is None}
    history = deployments(entry.signed for entry in entries)
    return plan(history, environment, sources)


def _is_tagged(session: Session, model: str, environment: str) -> bool:
    """Whether the newest deployment has its tag here, and the tag of its version is with it."""
    found = in_force(session, model, environment, _EVER)
    if found is None:
        return True
    one, entry = found
    last = _last_assignment(session, model, environment)
    registered = session.repository.tag(version_tag(model, one.version))
    return (
        last is not None
        and written_from(last) == _source(entry)
        and registered is not None
        and registered.commit == last.commit
        and written_from(registered) is not None
    )


def _last_assignment(session: Session, model: str, environment: str) -> Tag | None:
    """The assignment with the highest number, found by doubling and halving."""

    def tag(number: int) -> Tag | None:
        return session.repository.tag(assignment_tag(model, environment, number))

    there, absent = 0, 1
    while tag(absent) is not None:
        there, absent = absent, absent * 2
    while absent - there > 1:
        middle = (there + absent) // 2
        there, absent = (middle, absent) if tag(middle) is not None else (there, middle)
    return tag(there) if there else None


def _source(entry: LedgerEntry) -> Source:
    return Source(path=entry.path, digest=entry.digest)
