"""A repository of many models with many versions, and a pull request that brings one more."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from bench.repos.documents import (
    model_files,
    model_name,
    release_text,
    version_name,
    version_text,
)
from bench.repos.people import rule_files
from bench.repos.stream import Stream, git

BRANCHES = ("main", "ml", "develop")
PULL_REQUEST = "feature/bench"
INIT = ("init", "--quiet", "--initial-branch", "main")


def create(directory: Path, models: int, versions: int, *, checkout: bool = False) -> None:
    """All branches at one commit; then `ml` and a pull request into it each go a step further.

    With `checkout` the work tree holds every file of `main`.
    """
    git(directory, *INIT)
    files = chain.from_iterable(model_files(index, versions) for index in range(models))
    with Stream(directory) as stream:
        stream.commit("main", chain(rule_files().items(), files), message="Everything")
        for branch in BRANCHES[1:]:
            stream.branch(branch, "main")
        stream.commit("ml", one_more(models // 2, versions), message="Another pull request")
        stream.commit(
            PULL_REQUEST, one_more(models // 3, versions), message="One version", start="main"
        )
    git(directory, "pack-refs", "--all")
    if checkout:
        git(directory, "reset", "--quiet", "--hard", "main")


def one_more(index: int, versions: int) -> Iterator[tuple[str, bytes]]:
    """The next version of a model, released."""
    name, version = model_name(index), version_name(versions)
    yield f"models/{name}/versions/{version}.yaml", version_text(index, version)
    yield f"models/{name}/release.yaml", release_text(index, version)


def manifests(models: int, versions: int) -> list[str]:
    """The paths of all version manifests, in an order that mixes the models."""
    return [
        f"models/{model_name(index)}/versions/{version_name(number)}.yaml"
        for number in range(versions)
        for index in range(models)
    ]
