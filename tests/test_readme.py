"""What the README shows is what the program prints.

A `console` block is run in a repository that has just adopted this project's policies, and
compared; a line `…` stands for lines that are left out. A block behind an HTML comment `sandbox`
was printed by the demo, whose runs and times differ: its commands must exist (`test_docs.py`), and
the lines of the policy that it points at must be rules; its output is not compared.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.docs import ROOT, SANDBOX, Block, blocks, like
from support.repos import RepoBuilder

README = ROOT / "README.md"
CONSOLE = [block for block in blocks(README) if block.language == "console"]
RUN = [block for block in CONSOLE if not block.sandbox]
SHOWN = [block for block in CONSOLE if block.sandbox]
WIDTH = "100"
PICTURE = "docs/images/rollout.svg"
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the policies of this project, and nothing else."""
    repo = RepoBuilder.create(tmp_path_factory.mktemp("readme") / "models")
    files = (path for path in (ROOT / "policies").rglob("*") if path.is_file())
    repo.commit({str(path.relative_to(ROOT)): path.read_bytes() for path in files})
    repo.checkout()
    (repo.directory / PICTURE).parent.mkdir(parents=True)
    return repo.directory


def steps(block: Block) -> list[tuple[str, str]]:
    """The commands of a block, each with what it shows."""
    parts = re.split(r"^\$ (.+)\n", block.text, flags=re.MULTILINE)
    assert parts[0] == "", "a console block begins with a command"
    return list(zip(parts[1::2], parts[2::2], strict=True))


def printed(command: str, directory: Path) -> str:
    words = shlex.split(command)
    assert words[0] == "modelctl", "only modelctl is run"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MODELCTL_", "MLFLOW_"))}
    return subprocess.run(
        [sys.executable, "-m", "modelctl", *words[1:]],
        cwd=directory,
        env={**kept, "COLUMNS": WIDTH, "NO_COLOR": "1", "PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout


@pytest.mark.parametrize("block", RUN, ids=lambda block: steps(block)[0][0])
def test_what_is_shown_is_what_is_printed(block: Block, adopted: Path) -> None:
    for command, shown in steps(block):
        found = printed(command, adopted)
        assert like(shown, found), f"{command} prints\n{found}"


def test_both_kinds_of_blocks_are_there() -> None:
    assert len(RUN) >= 2
    assert len(SHOWN) >= 3
    assert README.read_text().count(SANDBOX) == len(SHOWN)


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: steps(block)[0][0])
def test_what_the_sandbox_showed_points_at_rules(block: Block) -> None:
    for file, line in re.findall(r"(policies/[\w/.-]+):(\d+)", block.text):
        assert "rule:" in (ROOT / file).read_text().splitlines()[int(line) - 1]


def test_the_picture_is_what_the_command_beside_it_draws(adopted: Path) -> None:
    (command,) = (c for block in RUN for c, _ in steps(block) if f"--svg {PICTURE}" in c)
    assert f'src="{PICTURE}"' in README.read_text()
    printed(command, adopted)
    drawn, shown = ((folder / PICTURE).read_text() for folder in (adopted, ROOT))
    assert _NUMBER.sub("…", drawn) == _NUMBER.sub("…", shown)
    places = ([float(n) for n in _NUMBER.findall(text)] for text in (drawn, shown))
    assert all(abs(one - other) < 0.01 for one, other in zip(*places, strict=True))
