"""`check`: a change in repositories of two sizes, and every document of one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from bench.lab import SCHEMAS, Lab
from bench.measure import Direction, Measure, Pair
from bench.process import seconds
from bench.repos import cache, registry

LARGE, MIDDLE, SMALL = (5000, 20), (500, 20), (50, 20)
"""Models, and versions of each."""

SAMPLE = 500
"""So many manifests are enough to tell how long check-jsonschema takes for one."""

_BLOCKED = (0, 1)
_PARSE = """
import sys, yaml
for path in sys.stdin.read().split():
    with open(path, "rb") as file:
        yaml.load(file, Loader=yaml.CSafeLoader)
"""


def large(lab: Lab) -> Path:
    """100,000 versions, checked out."""
    return _repository(lab, "check-100000", LARGE, checkout=True)


def middle(lab: Lab) -> Path:
    """10,000 versions, checked out."""
    return _repository(lab, "check-10000", MIDDLE, checkout=True)


def everything(lab: Lab) -> Sequence[str]:
    """The command that checks every document."""
    return [lab.modelctl, "check", "--all"]


def _repository(lab: Lab, name: str, size: tuple[int, int], *, checkout: bool = False) -> Path:
    make = partial(registry.create, models=size[0], versions=size[1], checkout=checkout)
    return lab.store.get(name, make)


def _change(lab: Lab) -> Iterator[Pair]:
    small = _repository(lab, "check-1000", SMALL)
    command = [lab.modelctl, "check", "--base", "ml", "--head", registry.PULL_REQUEST]
    return lab.turns(
        15,
        partial(seconds, command, large(lab), codes=_BLOCKED),
        partial(seconds, command, small, codes=_BLOCKED),
    )


def _cold(lab: Lab) -> Iterator[Pair]:
    repository = middle(lab)
    return lab.turns(3, lambda: _check_cold(lab, repository), lambda: _peer(lab, repository))


def _again(lab: Lab) -> Iterator[Pair]:
    repository = middle(lab)
    _check_cold(lab, repository)
    return lab.turns(
        3, partial(seconds, everything(lab), repository), lambda: _peer(lab, repository)
    )


def _libyaml(lab: Lab) -> Iterator[Pair]:
    repository = middle(lab)
    return lab.turns(5, lambda: _check_cold(lab, repository), lambda: _parse(repository))


def _check_cold(lab: Lab, repository: Path) -> float:
    cache.forget(repository)
    return seconds(everything(lab), repository)


def _peer(lab: Lab, repository: Path) -> float:
    """What check-jsonschema would take for all manifests, by what it takes for a sample."""
    paths = registry.manifests(*MIDDLE)
    schema = str(SCHEMAS / "version.schema.json")
    command = [lab.peer("check-jsonschema"), "--schemafile", schema]
    start = seconds([*command, paths[0]], repository)
    sample = seconds([*command, *paths[: SAMPLE + 1]], repository)
    return start + (sample - start) / SAMPLE * (len(paths) - 1)


def _parse(repository: Path) -> float:
    paths = registry.manifests(*MIDDLE)
    return seconds([sys.executable, "-c", _PARSE], repository, stdin="\n".join(paths))


_SAMPLED = f"check-jsonschema's time is that of {SAMPLE} manifests, scaled, and its start-up once"

MEASURES = (
    Measure(
        name="check-change",
        what="check of a one-model change, 100,000 versions",
        against="the same, 1,000 versions",
        limit=1.15,
        take=_change,
    ),
    Measure(
        name="check-all-cold",
        what="check --all of 10,000 versions, nothing kept",
        against="check-jsonschema, the schema alone",
        limit=10,
        direction=Direction.AT_LEAST,
        take=_cold,
        note=_SAMPLED,
    ),
    Measure(
        name="check-all-again",
        what="check --all again, content unchanged",
        against="check-jsonschema, the schema alone",
        limit=100,
        direction=Direction.AT_LEAST,
        take=_again,
        note=_SAMPLED,
    ),
    Measure(
        name="check-all-libyaml",
        what="check --all, nothing kept, all cores",
        against="libyaml alone (CSafeLoader), one core",
        limit=1.2,
        take=_libyaml,
    ),
)
