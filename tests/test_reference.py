"""The pages of docs/reference/ are what the program says now."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reference
from modelctl.adapters.schema import KINDS
from modelctl.command_tables import COMMANDS, Table
from reference_pages.schemas import OTHER_FILES, POLICY_FILES

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as they would be written now."""
    folder = tmp_path_factory.mktemp("reference")
    assert reference.main(["--folder", str(folder)]) == 0
    return folder


def copied(written: Path, folder: Path) -> Path:
    """The pages in a folder of their own, to be spoilt."""
    for path in written.iterdir():
        (folder / path.name).write_text(path.read_text())
    return folder


def test_no_page_is_stale() -> None:
    """Run as `make docs` does, where nothing is installed, and with another order of hashes."""
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "reference.py", "--check"],
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"run `make docs`\n{result.stdout}{result.stderr}"


def test_a_page_that_differs_is_shown_as_a_diff(
    written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(written, tmp_path)
    page = folder / "cli.md"
    page.write_text(
        page.read_text().replace("Write the", "Spoil the").replace("| `0` |", "| `9` |")
    )
    assert reference.main(["--check", "--folder", str(folder)]) == 1
    assert "-| `9` | pass |\n+| `0` | pass |\n" in capsys.readouterr().out


def test_a_page_that_is_missing_is_stale(
    written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(written, tmp_path)
    (folder / "policy.md").unlink()
    assert reference.main(["--check", "--folder", str(folder)]) == 1
    assert "+# Policies\n" in capsys.readouterr().out


def test_every_command_is_there(written: Path) -> None:
    page = (written / "cli.md").read_text()
    assert [name for name in commands(COMMANDS) if f"# modelctl {name}\n" not in page] == []


def commands(table: Table, prefix: str = "") -> list[str]:
    """The names of all commands of a table, those of its groups too."""
    found = []
    for name, (target, _) in table.items():
        found.append(prefix + name)
        if not isinstance(target, str):
            found.extend(commands(target, f"{prefix}{name} "))
    return found


def test_every_kind_of_document_is_there(written: Path) -> None:
    assert {*OTHER_FILES, *POLICY_FILES} == set(KINDS)
    text = (written / "schemas.md").read_text() + (written / "policy.md").read_text()
    missing = [kind for kind in KINDS if f"/schemas/{kind}.schema.json" not in text]
    assert missing == []


def test_a_bar_in_a_cell_does_not_end_it(written: Path) -> None:
    rows = [row for page in written.iterdir() for row in tables(page.read_text())]
    assert any("\\|" in line for row in rows for line in row)
    assert [row[0] for row in rows if len({cells(line) for line in row}) != 1] == []


def tables(text: str) -> list[list[str]]:
    """The tables of a page, each as its lines."""
    found = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    return [table.splitlines() for table in found]


def cells(line: str) -> int:
    """How many cells a line of a table has, for GitHub."""
    return len(re.findall(r"(?<!\\)\|", line)) - 1
