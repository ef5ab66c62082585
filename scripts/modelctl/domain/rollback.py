"""Where an environment can go back to: the versions that it ran, and why not to each of the others.

A rollback goes to a version that was approved for the environment, was deployed there before what
it runs now first was, and has not been rolled back from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from modelctl.domain.endings import FINAL, Ending, ended
from modelctl.domain.history import Deployment, Quarantine, goes_back

_NONE: Mapping[str, str] = MappingProxyType({})

LATER = "it came after what runs now: promote it instead"
RELEASED = "the branch releases it now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is known of a model in an environment.

    `released` is the version that is to be gone back from, and `says` why that one is none to go
    back to: the branch names it now, or it serves. `digests` has the sha256 of each manifest that
    the branch holds. `history` is in the order of the ledger, and of every environment.
    """

    environment: str
    released: str | None
    history: Sequence[Deployment]
    digests: Mapping[str, str] = field(default_factory=lambda: _NONE)
    quarantines: Sequence[Quarantine] = ()
    endings: Sequence[Ending] = ()
    says: str = RELEASED


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A version that ran there, by its last deployment; `problem` says why not to go back to it."""

    version: str
    deployment: Deployment
    problem: str | None = None


def targets(past: Past) -> tuple[Target, ...]:
    """Every version that the environment ever ran, the last one that ran first."""
    return tuple(
        Target(version=one.version, deployment=one, problem=next(_problems(past, one), None))
        for one in _last_of_each(past)
    )


def best(found: Sequence[Target]) -> Target | None:
    """The last one that nothing speaks against."""
    return next((one for one in found if one.problem is None), None)


def _last_of_each(past: Past) -> Iterator[Deployment]:
    seen: set[str] = set()
    for one in reversed(past.history):
        if one.environment == past.environment and one.version not in seen:
            seen.add(one.version)
            yield one


def _problems(past: Past, one: Deployment) -> Iterator[str]:
    version, digest = one.version, past.digests.get(one.version)
    if version == past.released:
        yield past.says
    for held in past.quarantines:
        if (held.environment, held.version) == (past.environment, version):
            yield f"it was rolled back there: {held.reason}"
    ending = ended(past.endings, version)
    if ending is not None and ending.end in FINAL:
        yield f"it was {ending}"
    if digest is None:
        yield "the branch has its manifest no more"
    elif digest != one.digest:
        yield "the branch has another manifest of it than ran"
    if not goes_back(past.history, past.environment, one.digest):
        yield LATER
