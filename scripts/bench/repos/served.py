"""Versions and assignments: what is where, as modelctl records it and as tags that GTO reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from bench.repos.documents import (
    model_name,
    model_text,
    release_text,
    version_name,
    version_text,
)
from bench.repos.ledger import chained, deployment
from bench.repos.people import rule_files
from bench.repos.registry import BRANCHES, INIT
from bench.repos.states import Place, state_files
from bench.repos.stream import Stream, git
from modelctl.domain.history import DEPLOYMENT

_DEPLOYED = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """So many models and versions, and each model in each of these environments: the last version
    in the first one, and in each further one the version before it."""

    models: int
    versions: int
    environments: Sequence[str]

    def each(self) -> Iterator[tuple[int, int]]:
        """Every model and version by their numbers, in the order in which they came to be."""
        for number, index in product(range(self.versions), range(self.models)):
            yield index, number

    def places(self, index: int) -> Sequence[Place]:
        """Where a model is, and with which version."""
        return [
            Place(index=index, version=version_name(self.versions - 1 - age), environment=name)
            for age, name in enumerate(self.environments)
        ]


def create(directory: Path, facts: Facts) -> None:
    """The facts as modelctl records them: manifests, the branches of environments, the ledger."""
    git(directory, *INIT)
    with Stream(directory) as stream:
        stream.commit("main", rule_files().items(), message="Rules")
        for index, number in facts.each():
            stream.commit("main", _step(index, number), message=f"Version {number} of {index}")
        for branch in BRANCHES[1:]:
            stream.branch(branch, "main")
    commit = git(directory, "rev-parse", "main")
    everywhere = [facts.places(index) for index in range(facts.models)]
    with Stream(directory, clock=int(_DEPLOYED.timestamp())) as stream:
        for name, there in zip(facts.environments, zip(*everywhere, strict=True), strict=True):
            stream.commit(f"env/{name}", state_files(there, commit), message="Deploy")
        stream.commit("ledger", _entries(everywhere, commit), message="Deployments")
    git(directory, "pack-refs", "--all")
    git(directory, "reset", "--quiet", "--hard", "main")


def create_tags(directory: Path, facts: Facts) -> None:
    """The facts as annotated tags that GTO reads, as kindly to it as can be: a commit for each
    version, and next to no files, since it reads the whole tree of each commit that it shows."""
    git(directory, *INIT)
    with Stream(directory) as stream:
        for index, number in facts.each():
            name, version = model_name(index), version_name(number)
            stream.commit("main", [("VERSION", f"{name} {version}\n".encode())])
            stream.tag(f"{name}@v{version}", "main", f"Registering {name}@v{version}")
            for place in facts.places(index):
                if place.version == version:
                    stage = place.environment
                    stream.tag(f"{name}#{stage}#1", "main", f"Assigning {stage} to {name}")
    git(directory, "pack-refs", "--all")
    git(directory, "reset", "--quiet", "--hard", "main")


def _step(index: int, number: int) -> Iterator[tuple[str, bytes]]:
    """One more version of a model."""
    folder, version = f"models/{model_name(index)}", version_name(number)
    yield f"{folder}/model.yaml", model_text(index)
    yield f"{folder}/versions/{version}.yaml", version_text(index, version)
    yield f"{folder}/release.yaml", release_text(index, version)


def _entries(everywhere: Iterable[Sequence[Place]], commit: str) -> Iterator[tuple[str, bytes]]:
    for places in everywhere:
        envelopes = ((DEPLOYMENT, deployment(place, commit, _DEPLOYED)) for place in places)
        for entry in chained(model_name(places[0].index), envelopes):
            yield entry.path, entry.data
