"""What is printed arrives, whatever letters the other end of the pipe has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.world import MODEL, World

SCRIPTS = Path(__file__).parents[2] / "scripts"
TEXT = (
    ("check", f"{MODEL}@1.0.0", "--to", "production", "--format", "markdown"),
    ("policy", "explain", "--to", "dev"),
    ("policy", "lint"),
    ("ledger", "verify"),
)
DATA = (
    ("status", "--format", "json"),
    ("check", f"{MODEL}@1.0.0", "--to", "production", "--format", "json"),
    ("policy", "explain", "--format", "json"),
    ("deploy", "dev", "--dry-run", "--format", "json"),
)


def latin(world: World, *args: str) -> subprocess.CompletedProcess[bytes]:
    """Runs a command whose stdout has no ✓, ✗, → and ≥."""
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS), "PYTHONIOENCODING": "latin-1"}
    return subprocess.run(
        [sys.executable, "-m", "modelctl", *args],
        cwd=world.directory,
        env=environment,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("args", TEXT, ids=lambda args: " ".join(args[:2]))
def test_letters_that_are_missing_are_no_reason_to_fail(
    served: World, args: tuple[str, ...]
) -> None:
    done = latin(served, *args)
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout.decode("latin-1")


@pytest.mark.parametrize("args", DATA, ids=lambda args: " ".join(args[:2]))
def test_data_stays_data(served: World, args: tuple[str, ...]) -> None:
    done = latin(served, *args)
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout.decode("latin-1"))
