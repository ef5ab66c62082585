"""One build for many models, against one build for each."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from bench.lab import Lab
from bench.measure import Direction, Measure, Pair
from bench.process import program, seconds
from bench.repos import registry
from bench.repos.documents import version_name
from bench.repos.people import rule_files
from bench.repos.states import Place, request
from bench.repos.stream import git
from modelctl.adapters.kustomize_tree import kustomization_folders
from modelctl.domain.overlay import layers_of, overlay_files
from support.world import ENVIRONMENTS

MODELS, VERSIONS = 200, 2
_ENVIRONMENT = ENVIRONMENTS[-1]
_ROOT = "kustomize"


def _render(lab: Lab) -> Iterator[Pair]:
    make = partial(registry.create, models=MODELS, versions=VERSIONS)
    repository = lab.store.get("render-200", make)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        overlays = _write_overlays(folder, git(repository, "rev-parse", "main"))
        output = folder / "output"

        def ours() -> float:
            shutil.rmtree(output, ignore_errors=True)
            command = [lab.modelctl, "render", _ENVIRONMENT, "--output", str(output)]
            return seconds(command, repository)

        def other() -> float:
            return sum(seconds([program("kubectl"), "kustomize", str(o)], folder) for o in overlays)

        yield from lab.turns(3, ours, other)


def _write_overlays(folder: Path, commit: str) -> list[Path]:
    """The overlay of each model, as the renderer makes it, beside the trusted `kustomize/`."""
    trusted = {
        path.removeprefix(f"{_ROOT}/"): content
        for path, content in rule_files().items()
        if path.startswith(f"{_ROOT}/")
    }
    for path, content in trusted.items():
        _write(folder / _ROOT / path, content)
    return [_overlay(folder, index, commit, trusted) for index in range(MODELS)]


def _overlay(folder: Path, index: int, commit: str, trusted: Mapping[str, bytes]) -> Path:
    place = Place(index=index, version=version_name(VERSIONS - 1), environment=_ENVIRONMENT)
    wanted = request(place, commit)
    layers = layers_of(wanted, kustomization_folders(trusted))
    overlay = folder / "generated" / wanted.name
    for name, text in overlay_files(wanted, layers, f"../../{_ROOT}/").items():
        _write(overlay / name, text.encode())
    return overlay


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


MEASURES = (
    Measure(
        name="render",
        what="render of 200 models",
        against="200 × kubectl kustomize, an overlay each",
        limit=10,
        direction=Direction.AT_LEAST,
        take=_render,
    ),
)
