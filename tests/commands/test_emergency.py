"""`modelctl rollback --emergency` and `rollback rehearse` as somebody types them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from forge.server import Forge
from modelctl.services.state import read_state
from support.command_line import CommandLine
from support.deploys import run
from support.hub import REPOSITORY, HubWorld
from support.journey import bring, trust
from support.motions import named
from support.watched import alerts_of, measured
from support.ways_back import held, kinds, ran
from support.world import MODEL, World

ARGS = ("rollback", MODEL, "--env", "dev", "--reason", "recall  fell", "--emergency")
NOW = (*ARGS, "--by", "ben", "--no-apply")


@pytest.fixture
def twice(served: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """dev ran 1.1.0, whose artifacts are there, and runs 1.2.0."""
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_REPOSITORY", "GITHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "artifacts"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {}\n")
    sha256 = hashlib.sha256(b"flavors: {}\n").hexdigest()
    files = [{"path": "MLmodel", "sha256": sha256, "size": 12}]
    artifacts = {"root": folder.as_uri(), "files": files}
    local = {"serving": {"target": "local"}}
    head = named(served).submit("1.1.0", manifest={"artifacts": artifacts}, model=local)
    served.evidence("1.1.0", "dev", head, artifacts={"MLmodel": sha256})
    served.merge("ml", head, ("ben", "lena"))
    run(served, "dev")
    bring(served, "dev", "1.2.0", model=local)
    return served


@pytest.fixture
def key_of_the_job(twice: World, key: Path) -> Path:
    """A key that may sign what the job records."""
    trust(twice, key, "deployment", "rollback", "quarantine", "rollout", "rollback-rehearsal")
    return key


def test_traffic_goes_back_before_anybody_is_asked(
    twice: World, cli: CommandLine, key_of_the_job: Path
) -> None:
    out = cli(*NOW, "--key", key_of_the_job)
    assert out == f"dev: {MODEL} went back from 1.2.0 to 1.1.0\n"
    assert "GitHub is not told now" in cli.error
    assert ran(twice)[-1] == "1.1.0"
    assert held(twice) == [("1.2.0", "dev", "a person: recall fell")]
    assert read_state(twice.session(), "dev")[MODEL].version == "1.1.0"


def test_it_does_not_wait_for_the_branches(
    twice: World, cli: CommandLine, key_of_the_job: Path
) -> None:
    twice.shared.rename(twice.shared.with_name("gone.git"))
    cli(*NOW, "--key", key_of_the_job, code=3)
    assert "note: it goes by what this clone knows: origin can't be reached" in cli.error
    assert "sent back" not in cli.error  # something else applies it


def test_again_so_soon_takes_a_person_who_says_so(
    twice: World, cli: CommandLine, key_of_the_job: Path
) -> None:
    args = (*NOW, "--key", key_of_the_job)
    cli(*args)
    out = cli(*args, code=1)
    assert "dev went back to 1.1.0 only" in out
    assert "--emergency --again" in out
    done = cli.json(*args, "--again", code=1)  # the artifacts of 1.0.0 are nowhere
    assert done["outcome"] == "nowhere to go"
    assert "1.0.0: its artifacts can't be had" in done["problem"]
    assert kinds(twice).count("rollback") == 1


def test_artifacts_that_are_not_those_of_the_manifest_are_no_way_back(
    twice: World, cli: CommandLine, key_of_the_job: Path, tmp_path: Path
) -> None:
    (tmp_path / "artifacts" / "MLmodel").write_text("flavors: {x}")
    done = cli.json(*NOW, "--key", key_of_the_job, code=1)
    assert "1.1.0: its artifacts are not those of its manifest" in done["problem"]
    assert ran(twice)[-1] == "1.2.0"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ((), "who says so?"),
        (("--by", "eve"), "eve holds no role that approves for dev"),
        (("--by", "ben", "--dry-run"), "--dry-run has no effect with --emergency"),
        (("--by", "ben", "--env", "nowhere"), "there is no environment nowhere"),
        (("--by", "ben", "--to", "0.9.0"), None),
    ],
)
def test_what_it_takes(
    twice: World,
    cli: CommandLine,
    key_of_the_job: Path,
    more: tuple[str, ...],
    message: str | None,
) -> None:
    args = (*ARGS, *more, "--key", key_of_the_job)
    if message is None:
        assert "dev never ran 0.9.0" in cli(*args, code=1)
    else:
        cli(*args, code=2)
        assert message in cli.error
    assert kinds(twice).count("rollback") == 0


@pytest.mark.parametrize("option", [("--by", "ben"), ("--again",), ("--no-apply",)])
def test_what_is_for_emergencies_means_nothing_else(
    twice: World, cli: CommandLine, option: tuple[str, ...]
) -> None:
    message, mend = cli.fails(*ARGS[:-1], *option)
    assert message == f"{option[0]} has no effect without --emergency"
    assert "--emergency" in mend


def test_the_paperwork_follows(
    twice: World,
    cli: CommandLine,
    key_of_the_job: Path,
    forge: Forge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub = HubWorld.create(twice, forge)
    twice.builder.git("remote", "set-url", "origin", hub.clone_url())
    for name, value in hub.environment().items():
        monkeypatch.setenv(name, value)
    cli(*NOW, "--key", key_of_the_job)
    listed = list(forge.state.repositories[REPOSITORY].issues.values())
    [issue] = [one for one in listed if "modelctl:incident" in one.body]
    [pull] = [one for one in listed if getattr(one, "branch", "").startswith("rollback/")]
    assert "by ben" in issue.body
    assert pull.title == f"Roll {MODEL} back to 1.1.0 in dev"


def test_help_shows_the_reviewed_way_and_the_rehearsal(cli: CommandLine, world: World) -> None:
    out = cli("rollback", "--help")
    for text in ("propose", "rehearse", "modelctl rollback MODEL --env ENV", "--emergency"):
        assert text in out
    assert "--emergency" in cli("rollback", MODEL, "--help")


def test_a_rehearsal_needs_a_version_before(
    twice: World, cli: CommandLine, key_of_the_job: Path
) -> None:
    args = ("rollback", "rehearse", MODEL, "--env", "staging", "--key", key_of_the_job)
    message, _ = cli.fails(*args)
    assert message.startswith(f"staging has no version of {MODEL} to go back to")
    message, _ = cli.fails("rollback", "rehearse", MODEL, "--env", "x", "--key", key_of_the_job)
    assert message == "there is no environment x"


def test_the_alerts_follow(twice: World, cli: CommandLine, key_of_the_job: Path) -> None:
    measured(twice)
    cli(*NOW, "--key", key_of_the_job)
    assert alerts_of(twice) == ("1.1.0", {"1.1.0"})
