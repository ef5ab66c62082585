"""What docs/policies.md shows of simulated rollouts is what the program prints."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.docs import ROOT, blocks, like
from support.repos import RepoBuilder

SHOWN = [
    block.text.removeprefix("$ ").partition("\n")
    for block in blocks(ROOT / "docs" / "policies.md")
    if block.language == "console" and block.text.startswith("$ modelctl rollout simulate")
]


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the policies of this project, and nothing else."""
    repo = RepoBuilder.create(tmp_path_factory.mktemp("shown") / "models")
    files = (path for path in (ROOT / "policies").rglob("*") if path.is_file())
    repo.commit({str(path.relative_to(ROOT)): path.read_bytes() for path in files})
    repo.checkout()
    return repo.directory


@pytest.mark.parametrize(("command", "_", "expected"), SHOWN)
def test_a_simulation_that_is_shown_is_what_is_printed(
    command: str, _: str, expected: str, adopted: Path
) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MODELCTL_", "MLFLOW_"))}
    printed = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        cwd=adopted,
        env={**kept, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
    assert like(expected, printed)


def test_there_is_something_shown() -> None:
    assert len(SHOWN) == 2
