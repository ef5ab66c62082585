"""The tags that tell GTO what the ledger tells: which versions there are, and what serves where.

GTO (https://github.com/iterative/gto) reads annotated tags: `name@v1.2.3` registers a version at a
commit, `name#production#3` assigns the version of its commit to a stage. It finds the version of an
assignment by the commit alone, so both point at the commit that first brought the version; and it
takes the newest assignment of a stage by the tag's time, so a way back is one more assignment. Our
names of models and environments are names in its grammar too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from modelctl.domain.history import Deployment

_WRITTEN_FROM = re.compile(r"^Ledger: (\S+) sha256:([0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """An annotated tag. `commit` is what it points at, `at` seconds since the epoch.

    The same tag is the same object, byte for byte, whoever writes it.
    """

    name: str
    commit: str
    at: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The entry of the ledger that a tag is written from: its file and the sha256 of that."""

    path: str
    digest: str


def version_tag(model: str, version: str) -> str:
    """The name of the tag that registers a version."""
    return f"{model}@v{version}"


def assignment_tag(model: str, environment: str, number: int) -> str:
    """The name of the tag of a deployment. `number` counts the model's deployments to the
    environment, from 1."""
    return f"{model}#{environment}#{number}"


def written_from(tag: Tag) -> Source | None:
    """The entry of the ledger that a tag says it was written from."""
    match = _WRITTEN_FROM.search(tag.message)
    return Source(path=match[1], digest=match[2]) if match else None


def plan(
    history: Sequence[Deployment], environment: str, sources: Mapping[int, Source]
) -> Iterator[Tag]:
    """The tags of an environment's deployments, oldest first, each after that of its version.

    `history` is all that is known of one model, oldest first, `sources` its entries by number.
    """
    times, first = _times(history), _first(history)
    registered: set[str] = set()
    number = 0
    for one in history:
        if one.environment != environment:
            continue
        number += 1
        origin = first[one.version]
        if one.version not in registered:
            registered.add(one.version)
            name = version_tag(one.model, one.version)
            title = f"Register {one.model} {one.version}"
            yield _tag(name, title, origin, origin, times, sources)
        name = assignment_tag(one.model, environment, number)
        title = f"{environment} serves {one.model} {one.version}"
        yield _tag(name, title, one, origin, times, sources)


def _tag(
    name: str,
    title: str,
    told: Deployment,
    origin: Deployment,
    times: Mapping[int, int],
    sources: Mapping[int, Source],
) -> Tag:
    """The tag of the version that `origin` first brought, telling of one deployment."""
    source = sources[told.seq]
    pull = [f"Pull-request: {told.pull_request}"] if told.pull_request else []
    lines = (
        title,
        "",
        f"Approved-by: {', '.join(told.approvers) or 'nobody'}",
        *pull,
        f"Environment: {told.environment}",
        f"Digest: sha256:{told.digest}",
        f"Commit: {told.commit}",
        f"Deployed-at: {told.at:%Y-%m-%dT%H:%M:%SZ}",
        f"Ledger: {source.path} sha256:{source.digest}",
    )
    return Tag(name=name, commit=origin.commit, at=times[told.seq], message="\n".join(lines) + "\n")


def _first(history: Sequence[Deployment]) -> Mapping[str, Deployment]:
    """The deployment that first brought each version, wherever it went."""
    first: dict[str, Deployment] = {}
    for one in history:
        first.setdefault(one.version, one)
    return first


def _times(history: Sequence[Deployment]) -> Mapping[int, int]:
    """The seconds at which the tags are dated, by entry: when it was deployed, and always after
    the deployment before it there, whatever the clocks said, since GTO knows no other order."""
    times: dict[int, int] = {}
    last: dict[str, int] = {}
    for one in history:
        at = int(one.at.timestamp())
        last[one.environment] = max(at, last.get(one.environment, at - 1) + 1)
        times[one.seq] = last[one.environment]
    return times
