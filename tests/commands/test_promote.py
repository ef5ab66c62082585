"""`modelctl promote` as somebody types it: what it opens, what it says, and how it ends."""

from __future__ import annotations

import pytest

from forge.server import Forge
from support.command_line import CommandLine
from support.hub import HubWorld
from support.motions import named
from support.world import MODEL, World

BRANCH = f"promote/{MODEL}/1.0.0/production"
ARGS = ("promote", f"{MODEL}@1.0.0", "--to", "production")


@pytest.fixture
def hub(served: World, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> HubWorld:
    """1.0.0 serves in dev and staging; Ada has the clone, and a token in her environment."""
    found = HubWorld.create(named(served), forge)
    served.builder.git("remote", "set-url", "origin", found.clone_url())
    for name, value in found.environment("ada").items():
        monkeypatch.setenv(name, value)
    return found


def test_it_opens_the_pull_request_and_says_where(hub: HubWorld, cli: CommandLine) -> None:
    out = cli(*ARGS)
    assert out.startswith(f"{BRANCH}  ")
    assert f"+ models/{MODEL}/release.yaml" in out
    assert "what would block it now:" in out
    assert "modelctl evidence record" in out
    assert out.endswith(f"opened #1 {hub.forge.url}/acme/models/pull/1\n")
    assert hub.pull(1).base == "main"
    assert hub.tokens["ada"] not in out + cli.error
    assert cli(*ARGS).endswith(f"#1 is open already: {hub.forge.url}/acme/models/pull/1\n")


def test_the_result_as_json(hub: HubWorld, cli: CommandLine) -> None:
    done = cli.json(*ARGS)
    assert (done["kind"], done["branch"], done["target"]) == ("promotion", BRANCH, "main")
    assert done["pull_request"] == {
        "number": 1,
        "url": f"{hub.forge.url}/acme/models/pull/1",
        "opened": True,
    }
    assert done["commit"] == hub.pull(1).head
    assert done["description"] == hub.pull(1).body
    assert done["outcome"] == "blocked"
    assert [change["added"] for change in done["changes"]] == [True, True, True]
    assert done["api_calls"] <= 8


def test_a_dry_run_needs_no_token_and_writes_nothing(served: World, cli: CommandLine) -> None:
    named(served)
    before = served.builder.git("ls-remote", "origin")
    out = cli(*ARGS, "--dry-run")
    assert f"would open: Promote {MODEL} 1.0.0 to production\n" in out
    assert "from staging to **production** (Production)" in out
    assert "&#8203;" not in out  # nothing takes effect in a terminal
    assert f"**{MODEL}@1.0.0**" in out
    assert served.builder.git("ls-remote", "origin") == before
    done = cli.json(*ARGS, "--dry-run")
    assert (done["pull_request"], done["api_calls"]) == (None, 0)


def test_an_environment_is_a_pointer_too(served: World, cli: CommandLine) -> None:
    named(served)
    done = cli.json("promote", f"{MODEL}@staging", "--to", "production", "--dry-run")
    assert done["version"] == "1.0.0"


def test_what_is_there_already(hub: HubWorld, cli: CommandLine) -> None:
    cli(*ARGS)
    hub.merge("ada", 1)
    assert cli(*ARGS) == f"main has {MODEL}@1.0.0 already: nothing to open\n"
    done = cli.json(*ARGS)
    assert (done["pull_request"], done["report"], done["changes"]) == (None, None, [])


def test_a_branch_that_somebody_changed_is_told(hub: HubWorld, cli: CommandLine) -> None:
    cli(*ARGS)
    head = hub.pull(1).head
    sha = hub.world.builder.commit({f"models/{MODEL}/release.yaml": "x\n"}, "mine", parent=head)
    hub.push("ada", BRANCH, sha)
    assert f"{BRANCH} had another tree: a commit on top puts that right" in cli(*ARGS)


def test_without_a_token_it_says_which_one(served: World, cli: CommandLine) -> None:
    named(served)
    cli(*ARGS, "--repository", "acme/models", code=2)
    assert "GITHUB_TOKEN" in cli.error


def test_what_can_never_pass_ends_at_once(served: World, cli: CommandLine) -> None:
    named(served)
    served.submit("1.1.0")
    cli("promote", f"{MODEL}@1.1.0", "--to", "production", "--dry-run", code=2)
    assert "was never deployed to staging" in cli.error
