"""The registry: every format renders, and none is imported before it is used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import modelctl
from modelctl.domain.verdict import Report
from modelctl.report.formats import FORMATS


def test_the_formats_are_those_of_the_command_line() -> None:
    assert list(FORMATS) == ["terminal", "json", "markdown", "github", "sarif", "junit"]


@pytest.mark.parametrize("name", FORMATS)
def test_each_renders_the_same_text_each_time(name: str, sample: tuple[str, Report]) -> None:
    first = FORMATS[name](sample[1])
    assert FORMATS[name](sample[1]) == first
    assert first == "" or first.endswith("\n")
    assert not first.endswith("\n\n")


def test_the_registry_imports_no_renderer() -> None:
    code = (
        "import sys, modelctl.report.formats\n"
        "print(sorted(m for m in sys.modules if m.startswith(('modelctl.report.', 'rich', 'xml'))))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(modelctl.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "['modelctl.report.formats']"
