"""Secrets in any output: every command runs with all of them at hand, also where it goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from modelctl.cli import cli as root
from support.attacks import BRANCH, check, standing, submitted
from support.command_line import CommandLine
from support.hub import REPOSITORY, HubWorld
from support.repos import git
from support.world import MODEL

POISON = {
    "GITHUB_TOKEN": "ghp_Poison0Poison0Poison0Poison0Poison01",
    "GH_TOKEN": "ghp_Poison1Poison1Poison1Poison1Poison12",
    "AWS_SECRET_ACCESS_KEY": "PoisonOfTheCloud/0123456789",
    "MLFLOW_TRACKING_PASSWORD": "PoisonOfTheRegistry",
    "MLFLOW_TRACKING_URI": "http://me:PoisonInTheAddress@127.0.0.1:9/",
}
NUMBERS = {"NUMBER": "1", "PULL": "1", "ID": "1"}
ARGUMENTS = {
    "answer": ["--comment", "{comment}"],
    "apply": [],
    "archive": [f"{MODEL}@1.0.0", "--reason", "over"],
    "audit": [],
    "check": ["--base", "ml", "--head", BRANCH],
    "deploy": ["dev", "--github", "--no-apply"],
    "deprecate": [f"{MODEL}@1.0.0", "--reason", "over"],
    "evaluate": [f"{MODEL}@1.0.0", "--ref", BRANCH, "--data", "none.csv", "--target", "x"],
    "plan": ["1"],
    "pr check": ["1"],
    "pr check --head": ["--head", "HEAD"],
    "promote": [f"{MODEL}@1.0.0", "--to", "staging"],
    "record": [f"{MODEL}@1.0.0", "--ref", BRANCH, "--kind", "unit-tests"],
    "rollback": [MODEL, "--env", "dev", "--reason", "worse"],
    "scan": [f"{MODEL}@1.0.0", "--ref", BRANCH],
    "sign": ["1", "--results", "."],
}


def commands(group: click.Group = root, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that there is."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name)


def arguments(words: tuple[str, ...], comment: int) -> list[str]:
    """Something that the command can begin with; most get further than their first line."""
    given = ARGUMENTS.get(" ".join(words)) or ARGUMENTS.get(words[-1]) or []
    if words == ("github", "plan"):
        given = []
    return [one.format(comment=comment) for one in given]


@pytest.fixture
def secrets(hub: HubWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Puts every secret into the environment and the git settings; what must not be seen."""
    private = hub.world.deployer.private.decode()
    known = {**hub.environment(), **POISON, "MODELCTL_SIGNING_KEY": private}
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("MODELCTL_DEBUG", "1")
    # The clone's own address has somebody's token in it, as people do who don't know better.
    hub.world.builder.git("remote", "set-url", "origin", hub.clone_url("ada"))
    monkeypatch.chdir(tmp_path)
    keys = [hub.app.key, private, hub.world.ci.private.decode()]
    lines = [
        line for key in keys for line in key.splitlines() if len(line) > 30 and "--" not in line
    ]
    return [*POISON.values(), *hub.tokens.values(), *lines, "Poison"]


def seen(text: str, hub: HubWorld, secrets: list[str]) -> list[str]:
    """The secrets in a text; those that the forge gave out since are among them."""
    given = [token.value for token in hub.forge.state.tokens.values()]
    return [one for one in (*secrets, *given) if one in text]


def held(hub: HubWorld) -> str:
    """All that others can read on the forge: what was said, and every object of git."""
    repository = hub.forge.state.repositories[REPOSITORY]
    said = [comment.body for comment in repository.comments.values()]
    said += [
        str(run.output) + str(run.annotations) for r in repository.checks.values() for run in r
    ]
    said += [f"{issue.title} {issue.body} {issue.labels}" for issue in repository.issues.values()]
    said.append(repr(repository.settings))
    said.append(git(hub.path, "log", "--all", "--format=%an %ae %B", "--patch"))
    return "\n".join(said)


def test_no_command_shows_a_secret(
    hub: HubWorld, cli: CommandLine, secrets: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    from modelctl.cli import main

    submitted(hub)
    hub.approve(1, ["ben", "lena"])
    check(hub, 1)
    hub.merge("ben", 1)
    comment = hub.comment("ben", 1, "/modelctl explain fairness")
    ran = list(commands())
    assert ("pr", "check") in ran
    for words in ran:
        given = arguments(words, comment)
        code = main(["-C", str(hub.world.directory), "--debug", *words, *given])
        out, error = capsys.readouterr()
        assert code in (0, 1, 2, 3), (words, code)
        assert seen(out + error, hub, secrets) == [], words
    assert seen(held(hub), hub, secrets) == []


@pytest.mark.parametrize("fault", ["refused", "gone", "broken"])
def test_no_error_shows_a_secret(
    hub: HubWorld,
    secrets: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: str,
) -> None:
    from modelctl.cli import main

    number = submitted(hub)
    comment = hub.comment("ben", number, "/modelctl check")
    if fault == "refused":
        hub.app.permissions = {"metadata": "read"}
    elif fault == "gone":
        monkeypatch.setenv("GITHUB_API_URL", "http://x:PoisonInTheAddress@127.0.0.1:9/api/v3")
    else:
        monkeypatch.setenv("MODELCTL_APP_KEY", hub.app.key[:300] + "Poison")
    for words in (
        ("pr", "check", "1"),
        ("pr", "list"),
        ("pr", "answer", "--comment", str(comment)),
        ("deploy", "dev", "--github", "--no-apply"),
        ("evidence", "plan", "1"),
        ("promote", f"{MODEL}@1.0.0", "--to", "staging"),
        ("github", "plan"),
        ("doctor",),
    ):
        main(["-C", str(hub.world.directory), "--debug", *words])
        out, error = capsys.readouterr()
        assert seen(out + error, hub, secrets) == [], words
    assert standing(hub, number) in ("nothing", "in_progress")
    assert seen(held(hub), hub, secrets) == []


def test_a_remote_that_can_not_be_reached_is_named_without_its_credentials(
    hub: HubWorld, secrets: list[str]
) -> None:
    address = "http://ada:PoisonInTheAddress@127.0.0.1:9/acme/models.git"
    hub.world.builder.git("remote", "set-url", "origin", address)
    done = subprocess.run(
        [sys.executable, "-m", "modelctl", "--debug", "pr", "check", "1"],
        cwd=hub.world.directory,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (2, 3)
    assert seen(done.stdout + done.stderr, hub, secrets) == []
    assert "Poison" not in done.stdout + done.stderr
