"""The command line itself: lazy, helpful about typos, and exact about its exit codes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest

from modelctl import __version__
from modelctl.cli import LazyGroup, cli, main, run
from modelctl.command_tables import COMMANDS, Table

SDKS = (
    "cel_expr_python", "difflib", "google.protobuf", "httpx", "importlib.metadata", "jsonschema",
    "jsonschema_rs", "mlflow", "modelctl.adapters", "modelctl.commands", "numpy", "pandas",
    "pathlib", "psutil", "pygit2", "rich", "semver", "sklearn", "subprocess", "yaml",
)  # fmt: skip

WORKERS = '''
import click
from modelctl.domain.verdict import worst
from modelctl.errors import DependencyError, ModelctlError

@click.command("good")
@click.pass_obj
def good(settings):
    """Say where it runs."""
    click.echo(f"{settings.directory} {settings.color} {settings.debug}")

@click.command("blocked")
def blocked():
    """Be blocked."""
    return 1

@click.command("wrong")
def wrong():
    """Be wrong."""
    raise ModelctlError("the file is empty", mend="fill it", location="a.yaml:1:1")

@click.command("down")
def down():
    """Depend."""
    raise DependencyError("the registry is down")

@click.command("bug")
def bug():
    """Have a bug."""
    raise KeyError("token=hunter2")

@click.command("ours")
def ours():
    """Have a bug of ours."""
    worst(None)

@click.command("stop")
def stop():
    """Be interrupted."""
    raise KeyboardInterrupt

@click.command("endless")
def endless():
    """Print for ever."""
    while True:
        click.echo("line")
'''
WORKER_NAMES = ("good", "blocked", "wrong", "down", "bug", "ours", "stop", "endless")


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LazyGroup:
    """The real global options over commands that end in every way."""
    (tmp_path / "workers.py").write_text(WORKERS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "workers", raising=False)
    for variable in ("NO_COLOR", "FORCE_COLOR", "MODELCTL_DEBUG"):
        monkeypatch.delenv(variable, raising=False)
    entries: dict[str, tuple[str | Table, str]]
    entries = {name: (f"workers:{name}", name) for name in WORKER_NAMES}
    entries["nested"] = ({"deep": ("workers:good", "Say where it runs.")}, "Nested.")
    return LazyGroup("modelctl", entries=entries, callback=cli.callback, params=cli.params)


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    scripts = Path(__file__).parents[1] / "scripts"
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(scripts), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_first_answer_imports_no_sdk_and_no_command(option: str) -> None:
    result = python(
        f"import sys; from modelctl.cli import main; code = main([{option!r}])\n"
        f"print('loaded:', [name for name in {SDKS} if name in sys.modules], code)"
    )
    assert result.stdout.endswith("loaded: [] 0\n"), result.stdout + result.stderr


def test_it_starts_with_little_more_than_click() -> None:
    result = python(
        "import sys, click; before = set(sys.modules)\n"
        "from modelctl.cli import main; main(['--version'])\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    version, modules = result.stdout.splitlines()
    assert version == f"modelctl {__version__}"
    assert set(modules.split()) <= {
        "_locale", "copy", "dataclasses", "gc", "locale", "modelctl", "modelctl.cli",
        "modelctl.command_tables",
        "modelctl.errors",
    }  # fmt: skip


def leaves(table: Table, *path: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each command of the table: the words to type, and what the table says of it."""
    for name, (target, text) in table.items():
        if isinstance(target, str):
            yield (*path, name), text
        else:
            yield from leaves(target, *path, name)


@pytest.mark.parametrize(
    ("words", "text"),
    list(leaves(COMMANDS)),
    ids=[" ".join(words) for words, _ in leaves(COMMANDS)],
)
def test_the_table_says_what_the_command_says(words: tuple[str, ...], text: str) -> None:
    command: click.Command | None = cli
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None
    assert (command.name, command.get_short_help_str(limit=200)) == (words[-1], text)


def test_every_command_that_a_message_names_exists() -> None:
    package = Path(__file__).parents[1] / "scripts" / "modelctl"
    texts = "\n".join(path.read_text() for path in sorted(package.rglob("*.py")))
    unknown = set()
    for name, nested in re.findall(r"`modelctl ([a-z]+)(?: ([a-z]+))?\b", texts):
        target = COMMANDS.get(name, (None, ""))[0]
        if target is None or (nested and isinstance(target, Mapping) and nested not in target):
            unknown.add(f"modelctl {name} {nested}")
    assert unknown == set()


def test_help_lists_the_commands_in_the_order_of_the_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--help"]) == 0
    listing = capsys.readouterr().out.partition("Commands:\n")[2]
    rows = [line.split(maxsplit=1) for line in listing.partition("\n\n")[0].splitlines()]
    assert rows == [[name, text] for name, (_, text) in COMMANDS.items()]


def test_no_command_shows_the_help_and_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Usage: modelctl ")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["blocked"], 1, ""),
        (["wrong"], 2, "error: a.yaml:1:1: the file is empty\n  mend: fill it\n"),
        (["down"], 3, "error: the registry is down\n"),
        (["stop"], 130, "error: interrupted\n"),
        (
            ["bug"],
            3,
            "error: this is a bug in modelctl: KeyError\n"
            "  mend: run it again with --debug and report what it prints\n",
        ),
        (
            ["wrnog"],
            2,
            "error: No such command 'wrnog'. Did you mean 'wrong'?\n"
            "  mend: modelctl --help shows how to use it\n",
        ),
        (
            ["nested", "depe"],
            2,
            "error: No such command 'depe'. Did you mean 'deep'?\n"
            "  mend: modelctl nested --help shows how to use it\n",
        ),
        (
            ["good", "--loud"],
            2,
            "error: No such option '--loud'.\n  mend: modelctl good --help shows how to use it\n",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_error_says_what_and_how_to_mend_it(
    group: LazyGroup,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
    code: int,
    message: str,
) -> None:
    assert run(group, args) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", message)


def test_a_bug_shows_its_traceback_and_text_only_when_asked(
    group: LazyGroup, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(group, ["bug"]) == 3
    assert "hunter2" not in capsys.readouterr().err
    assert run(group, ["--debug", "bug"]) == 3
    assert "Traceback (most recent call last)" in capsys.readouterr().err
    monkeypatch.setenv("MODELCTL_DEBUG", "1")
    assert run(group, ["bug"]) == 3
    assert "KeyError: 'token=hunter2'" in capsys.readouterr().err


def test_a_bug_of_ours_says_where_it_is(
    group: LazyGroup, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(group, ["ours"]) == 3
    message = capsys.readouterr().err
    assert re.search(r"bug in modelctl: TypeError at modelctl\.domain\.verdict:\d+\n", message)


def test_a_directory_is_where_it_runs_and_only_for_as_long(
    group: LazyGroup, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = Path.cwd()
    (tmp_path / "there").mkdir()
    assert run(group, ["-C", str(tmp_path / "there"), "nested", "deep"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'there'} False False\n"
    assert Path.cwd() == before
    assert run(group, ["-C", str(tmp_path / "nowhere"), "good"]) == 2


@pytest.mark.parametrize(
    ("variables", "args", "color"),
    [
        ({}, [], False),  # stdout is no terminal here
        ({"FORCE_COLOR": "1"}, [], True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, [], False),
        ({"FORCE_COLOR": "1"}, ["--no-color"], False),
    ],
)
def test_colour_is_for_those_who_want_it(
    group: LazyGroup,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    args: list[str],
    color: bool,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert run(group, [*args, "good"]) == 0
    assert capsys.readouterr().out.rsplit(maxsplit=2)[1] == str(color)
    assert run(group, [*args, "wrong"]) == 2
    assert ("\x1b[" in capsys.readouterr().err) == color


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "workers.py").write_text(WORKERS)
    code = (
        "import sys; from modelctl.cli import LazyGroup, run\n"
        "sys.exit(run(LazyGroup('modelctl', entries={'endless': ('workers:endless', '')}),"
        " ['endless']))"
    )
    scripts = Path(__file__).parents[1] / "scripts"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{scripts}{os.pathsep}{tmp_path}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"line\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_a_shell_completes_the_names_of_the_commands() -> None:
    result = python(
        "import sys; from modelctl.cli import main; sys.exit(main([]))",
        _MODELCTL_COMPLETE="bash_complete",
        COMP_WORDS="modelctl che",
        COMP_CWORD="1",
    )
    assert (result.stdout, result.returncode) == ("plain,check\nplain,checklist\n", 0)


def test_a_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {sys.executable} -m modelctl status"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, "the current directory is gone" in done.stderr) == (2, True)
