"""The identity of the program: the same for the same files, another for any change of one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import modelctl

ASK = "from modelctl.adapters.own_code import code_identity; print(code_identity())"


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, to be changed."""
    root = tmp_path_factory.mktemp("code")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(modelctl.__path__[0], root / "modelctl", ignore=ignored)
    return root


def identity(root: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-B", "-c", ASK],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout.strip()


def test_it_is_that_of_the_content_alone(copied: Path) -> None:
    before = identity(copied)
    source = copied / "modelctl" / "gates" / "metadata.py"
    text, times = source.read_text(), source.stat()
    os.utime(source)
    (copied / "modelctl" / "notes.txt").write_text("nothing that runs")
    assert identity(copied) == before
    source.write_text(text.replace("missing", "Missing", 1))
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))  # the same size, the same time
    assert identity(copied) != before
    source.write_text(text)
    assert identity(copied) == before


@pytest.mark.parametrize("path", ["schemas/version.schema.json", "gates/__init__.py"])
def test_every_module_and_schema_counts(copied: Path, path: str) -> None:
    before = identity(copied)
    file = copied / "modelctl" / path
    text = file.read_text()
    file.write_text(text + "\n")
    try:
        assert identity(copied) != before
    finally:
        file.write_text(text)
