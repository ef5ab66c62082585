"""`modelctl codeowners` and `modelctl github rulesets`: files that follow from the policies."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command_line import CommandLine
from support.repos import RepoBuilder
from support.world import PROJECT


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    top = tmp_path / "copy"
    RepoBuilder.create(top)
    paths = [*(PROJECT / "policies").rglob("*.yaml"), *(PROJECT / ".github/rulesets").iterdir(),
             PROJECT / ".github/settings.yaml", PROJECT / "CODEOWNERS"]  # fmt: skip
    for path in paths:
        target = top / path.relative_to(PROJECT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return top


@pytest.fixture
def cli(copy: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(directory=copy, capsys=capsys)


def test_it_prints_checks_and_writes(copy: Path, cli: CommandLine) -> None:
    file = copy / "CODEOWNERS"
    text = file.read_text()
    assert cli("codeowners") == text
    assert cli("codeowners", "--check") == ""
    file.write_text("* @eve\n!/x @eve\n")
    out = cli("codeowners", "--check", code=1)
    assert "-* @eve\n" in out
    assert "+/models/           @example/ml-team @example/ml-leads\n" in out
    assert "CODEOWNERS:2: GitHub skips this line" in cli.error
    cli("codeowners", "--write")
    assert file.read_text() == text
    file.unlink()
    cli("codeowners", "--check", code=1)
    cli("codeowners", "--write")
    assert file.read_text() == text
    cli("codeowners", "--write")
    assert "up to date" in cli.error


def test_a_file_that_github_would_read_instead(copy: Path, cli: CommandLine) -> None:
    (copy / ".github/CODEOWNERS").write_text("* @eve\n")
    message, mend = cli.fails("codeowners", "--check")
    assert message == "GitHub reads .github/CODEOWNERS, and CODEOWNERS no more"
    assert mend == "git rm .github/CODEOWNERS"


def test_both_options_at_once(cli: CommandLine) -> None:
    message, _ = cli.fails("codeowners", "--check", "--write")
    assert "don't go together" in message


def test_without_settings(copy: Path, cli: CommandLine) -> None:
    (copy / ".github/settings.yaml").unlink()
    message, mend = cli.fails("codeowners")
    assert message == ".github/settings.yaml is missing, and it names the organisation"
    assert "modelctl schema print settings" in mend


def test_settings_that_can_not_be_used(copy: Path, cli: CommandLine) -> None:
    (copy / ".github/settings.yaml").write_text("organisation: [x]\n")
    message, _ = cli.fails("codeowners")
    assert message.startswith(".github/settings.yaml:1:")
    (copy / ".github/settings.yaml").write_bytes(b"x" * 300_000)
    message, _ = cli.fails("codeowners")
    assert "bytes" in message


def test_a_bare_repository(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = RepoBuilder.create(tmp_path / "seed")
    made.commit({"a": "b\n"})
    cli = CommandLine(directory=made.bare(tmp_path / "bare.git"), capsys=capsys)
    message, _ = cli.fails("codeowners")
    assert "has no work tree" in message


def test_branch_rules_are_checked_and_written(copy: Path, cli: CommandLine) -> None:
    assert cli("github", "rulesets") == ""
    changed, left = copy / ".github/rulesets/into-ml.json", copy / ".github/rulesets/old.json"
    text = changed.read_text()
    changed.write_text("{}")
    left.write_text("{}")
    (copy / ".github/rulesets/tags.json").unlink()
    out = cli("github", "rulesets", code=1)
    assert out.splitlines() == [
        ".github/rulesets/into-ml.json differs",
        ".github/rulesets/tags.json differs",
        ".github/rulesets/old.json belongs to no branch",
    ]
    cli("github", "rulesets", "--write")
    assert changed.read_text() == text
    assert not left.exists()
    assert cli("github", "rulesets") == ""
