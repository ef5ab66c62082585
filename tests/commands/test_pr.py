"""`modelctl pr` against the forge: judging, listing, and answering comments."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from forge.server import Forge
from modelctl.adapters.documents import dump, load
from modelctl.domain.pulls import CHECK_NAME, CheckOutput, CheckState
from modelctl.domain.settings import PATH as SETTINGS_PATH
from modelctl.domain.waivers import waiver_from
from support.command_line import CommandLine
from support.governed import SETTINGS
from support.hub import MACHINE, OWNER, HubWorld
from support.journey import publish
from support.waivers import REASON, unfair
from support.world import MODEL, World

WRITES = ("POST", "PATCH", "PUT", "DELETE")


@pytest.fixture
def hub(world: World, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> HubWorld:
    """A world behind a forge, which the command line finds by its environment."""
    found = HubWorld.create(world, forge)
    for name in ("GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in found.environment().items():
        monkeypatch.setenv(name, value)
    return found


def submitted(hub: HubWorld, version: str = "1.0.0") -> int:
    """A pull request with a version that has its evidence; its number."""
    head = hub.world.submit(version)
    number = hub.open("ml", f"feature/{version}")
    hub.world.evidence(version, "dev", head)
    return number


# check


def test_a_check_says_what_it_found_and_wrote(hub: HubWorld, cli: CommandLine) -> None:
    number = submitted(hub)
    out = cli("pr", "check", number, code=1)
    assert f"… #{number}  Change feature/1.0.0" in out
    assert "wrote  #1: comment" in out
    assert "1 approval by ml-team is missing" in out
    hub.approve(number, ["ben", "lena"])
    found = cli.json("pr", "check", number)
    [row] = found["pull_requests"]
    assert (row["number"], row["state"], row["exit_code"]) == (number, "ready", 0)
    assert row["report"]["outcome"] == "pass"
    assert cli("pr", "check", number, "--format", "markdown") == hub.comments(number)[0]


def test_exit_zero_is_for_verdicts_alone(hub: HubWorld, cli: CommandLine) -> None:
    number = submitted(hub)
    cli("pr", "check", number, "--exit-zero")
    publish(hub.world, "main", {"policies/roles.yaml": "roles: [\n"})
    out = cli("pr", "check", number, "--exit-zero", code=3)
    assert "could not be decided" in out
    run = hub.check(hub.pull(number).head)
    assert run is not None
    assert (run.conclusion, run.output["title"]) == ("failure", "Could not be decided")
    assert "policies/roles.yaml" in run.output["summary"]


def test_every_one_with_a_head_or_every_open_one(hub: HubWorld, cli: CommandLine) -> None:
    number = submitted(hub)
    head = hub.pull(number).head
    assert f"#{number}" in cli("pr", "check", "--head", head, code=1)
    hub.grow_old(number)
    assert f"#{number}" in cli("pr", "check", "--open", "--base", "ml", code=1)
    assert "nothing changed" in cli("pr", "check", "--open", "--base", "ml")
    assert cli("pr", "check", "--open", "--base", "main") == ""
    assert "no pull request is open" in cli.error
    assert cli("pr", "check", "--head", "0" * 40) == ""


def test_what_only_waits_is_not_called_blocked(hub: HubWorld, cli: CommandLine) -> None:
    """The terminal says what the comment says, and a second look that nothing is new."""
    number = submitted(hub)
    out = cli("pr", "check", number, code=1)
    assert "BLOCKED" not in out
    assert "mend approvals" not in out
    assert "verdict  waiting for" in out
    assert "Waiting" in hub.comments(number)[0] or "waiting" in hub.comments(number)[0]
    again = cli("pr", "check", number, code=1)
    assert "unchanged  all of it was there already" in again
    assert "wrote" not in again


@pytest.mark.parametrize(
    ("args", "message", "mend"),
    [
        (("--head", "abc1234"), "abc1234 is no commit", "git rev-parse abc1234"),
        (("--base", "ml"), "--base has no effect", "modelctl pr check --open --base ml"),
        (("--open", "--base", "nowhere"), "there is no branch nowhere", "ml"),
    ],
)
def test_what_is_not_there_is_told_as_that(
    hub: HubWorld, cli: CommandLine, args: tuple[str, ...], message: str, mend: str
) -> None:
    """Nothing of it passes for "nothing to judge"."""
    said, what = cli.fails("pr", "check", *args)
    assert message in said
    assert mend in what


def test_a_person_sees_the_check_of_the_app_that_the_settings_name(
    hub: HubWorld, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one that another App has posted by the same name."""
    number = submitted(hub)
    cli("pr", "check", number, code=1)
    other = hub.forge.add_app("copycat", permissions={"checks": "write"}, owner=OWNER)
    with replace(hub, app=other).github() as github:
        done = CheckOutput(state=CheckState.SUCCESS, title="All is well", summary="So it is.")
        github.checks.publish(hub.pull(number).head, CHECK_NAME, done)
    for name in ("MODELCTL_APP_ID", "MODELCTL_APP_KEY", "MODELCTL_APP_INSTALLATION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GH_TOKEN", hub.tokens["ada"])
    message, mend = cli.fails("pr", "list", "--checks")
    assert "nothing says which App's" in message
    assert "apps.gate.id" in mend
    ids = {"gate": {"id": hub.app.id}, "deploy": {"id": None}}
    publish(hub.world, "main", {SETTINGS_PATH: dump({**SETTINGS, "apps": ids})})
    [row] = cli.json("pr", "list", "--checks")["pull_requests"]
    assert row["verdict"] == "waiting"


def test_a_dry_run_needs_no_app_and_a_verdict_does(
    hub: HubWorld, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = submitted(hub)
    for name in ("MODELCTL_APP_ID", "MODELCTL_APP_KEY", "MODELCTL_APP_INSTALLATION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GH_TOKEN", hub.tokens["ada"])
    before = len(hub.forge.requests)
    for which in (number, "--open"):
        assert "would write" in cli("pr", "check", which, "--dry-run", code=1)
    assert {one.method for one in hub.forge.requests[before:]} == {"GET"}
    for args in (("check", number), ("answer", "--comment", 1)):
        message, mend = cli.fails("pr", *args)
        assert "only a GitHub App" in message
        assert "--dry-run" in mend


@pytest.mark.parametrize(
    "args", [(), (1, "--open"), (1, "--head", "x"), (1, "--base", "ml"), (0,), ("x",)]
)
def test_wrong_usage_is_told(cli: CommandLine, args: tuple[object, ...], world: World) -> None:
    cli.fails("pr", "check", *args)


def test_a_number_that_there_is_not_is_wrong_usage(hub: HubWorld, cli: CommandLine) -> None:
    message, mend = cli.fails("pr", "check", 77)
    assert "has no pull request #77" in message
    assert "modelctl pr list" in mend


# list


def test_the_list_says_what_waits_for_whom(hub: HubWorld, cli: CommandLine) -> None:
    assert "no pull request is open" in cli("pr", "list")
    number = submitted(hub)
    cli("pr", "check", number, code=1)
    hub.world.commit({"policies/x.yaml": "a: 1\n"}, "rules", "main")
    other = hub.open("main", "rules", title="Evil | @everyone")
    before = len(hub.forge.requests)
    out = cli("pr", "list")
    asked = [one for one in hub.forge.requests[before:] if "access_tokens" not in one.path]
    assert len(asked) == 1
    assert "waiting" in out
    assert "ben, lena" in out
    rows = cli.json("pr", "list", "--checks")["pull_requests"]
    assert [row["number"] for row in rows] == [number, other]
    assert (rows[0]["verdict"], rows[1]["verdict"]) == ("waiting", None)
    assert rows[0]["models"] == [f"{MODEL}@1.0.0"]
    assert rows[1]["models"] == []
    assert "ml-team" in rows[0]["check"]
    assert sorted(rows[0]["asked"]["people"]) == ["ben", "lena"]
    text = cli("pr", "list", "--format", "markdown")
    assert "⏳ waiting" in text
    assert "@everyone" not in text
    assert [r["number"] for r in cli.json("pr", "list", "--base", "main")["pull_requests"]] == [
        other
    ]


# answer


def asks(hub: HubWorld, cli: CommandLine, number: int, login: str, body: str) -> tuple[int, str]:
    """A comment and its answer: the comment's id, and what the command printed."""
    comment = hub.comment(login, number, body)
    return comment, cli("pr", "answer", "--comment", comment)


def test_a_comment_has_the_pull_request_judged_again(hub: HubWorld, cli: CommandLine) -> None:
    number = submitted(hub)
    comment, out = asks(hub, cli, number, "ben", "/modelctl check")
    assert "checked" in out
    assert hub.reactions(comment) == ["+1"]
    assert hub.check(hub.pull(number).head) is not None


def test_an_outsider_gets_a_reaction_and_nothing_else(hub: HubWorld, cli: CommandLine) -> None:
    number = submitted(hub)
    for login in ("mallory", "max", "eve"):  # nobody, a lead of others, no role at all
        comment, out = asks(hub, cli, number, login, "/modelctl waive load --approver pat because")
        assert "refused" in out
        assert hub.reactions(comment) == ["-1"]
    assert hub.comments(number) == []
    assert hub.check(hub.pull(number).head) is None


def test_comments_and_machines_are_passed_over(hub: HubWorld, cli: CommandLine) -> None:
    number = submitted(hub)
    comment, out = asks(hub, cli, number, "ben", "nice\n/modelctl check")
    assert out == ""
    assert hub.reactions(comment) == []
    with hub.github() as github:
        own = github.comments.reply(number, "/modelctl check").id
    assert "no person" in cli("pr", "answer", "--comment", own)
    assert hub.check(hub.pull(number).head) is None


def test_an_explanation_is_of_one_gate_as_the_reviews_stand(
    hub: HubWorld, cli: CommandLine
) -> None:
    """It is no verdict on the pull request, and says no next step."""
    number = submitted(hub)
    asks(hub, cli, number, "ada", "/modelctl explain approvals")
    [waits] = hub.comments(number)
    assert "#### ⏳ `approvals` 1 approval by ml-lead is missing" in waits
    hub.approve(number, ["ben", "lena"])
    asks(hub, cli, number, "ada", "/modelctl explain approvals")
    reply = hub.comments(number)[-1]
    assert "judges nothing" not in reply
    assert "is missing" not in reply
    assert "1 gate passes" in reply
    assert "Next:" not in reply
    assert "\n## " not in reply


@pytest.mark.parametrize(
    ("body", "says", "reaction"),
    [
        ("/modelctl help", "/modelctl waive", "+1"),
        ("/modelctl explain fairness", "fairness", "+1"),
        ("/modelctl explain provenance", "no waiver lifts it", "+1"),
        ("/modelctl explain approvals", "approval by ml-lead is missing", "+1"),
        ("/modelctl explain fairnes", "did you mean fairness?", "confused"),
        ("/modelctl explain approval", "did you mean approvals?", "confused"),
        ("/modelctl merge @everyone", "no such command", "confused"),
        ("/modelctl waive load --approver ada because of it all", "would not count", "confused"),
        (
            f"/modelctl waive {MODEL}@9.9.9 load --approver pat because of it all",
            f"{MODEL}@",
            "confused",
        ),
    ],
)
def test_a_reply_answers_once_and_quotes_nothing(
    hub: HubWorld, cli: CommandLine, body: str, says: str, reaction: str
) -> None:
    number = submitted(hub)
    comment, _ = asks(hub, cli, number, "ada", body)
    [reply] = hub.comments(number)
    assert says in reply.replace("&#8203;", "")
    assert "@everyone" not in reply
    assert hub.reactions(comment) == [reaction]
    assert "answered before" in cli("pr", "answer", "--comment", comment)
    assert hub.comments(number) == [reply]
    hub.api("ada", "PATCH", f"/issues/comments/{comment}", {"body": "/modelctl help"})
    cli("pr", "answer", "--comment", comment)
    [changed] = hub.comments(number)
    assert "/modelctl waive" in changed


def test_a_waiver_is_asked_for_and_opened_once(hub: HubWorld, cli: CommandLine) -> None:
    unfair(hub.world)
    number = hub.open("ml", "feature/1.0.0")
    line = f"/modelctl waive fairness --days 5 --env dev --approver @lena {REASON} @everyone `x`"
    comment, out = asks(hub, cli, number, "ben", line)
    assert "answered" in out
    [pull] = [p for p in hub.forge.state.repositories["acme/models"].pulls() if p.base == "main"]
    assert pull.branch == f"waiver/{MODEL}/1.0.0/fairness"
    assert pull.user == hub.app.bot
    assert pull.requested == ["lena"]
    assert "@everyone" not in (pull.body or "")
    assert f"#{pull.number}" in hub.comments(number)[0]
    path = f"policies/waivers/{MODEL}-1.0.0-fairness.yaml"
    hub.world.builder.git("fetch", "--quiet", "origin")
    text = hub.world.show(f"origin/{pull.branch}", path)
    waiver = waiver_from(load(text.encode(), path))
    assert (waiver.requested_by, waiver.approved_by) == ("ben", "lena")
    assert (waiver.length.days, waiver.environments) == (5, ("dev",))
    changed = hub.world.builder.git("diff", "--name-only", "origin/main", f"origin/{pull.branch}")
    assert changed == path
    # Who asked is its author: ben's approval counts for nothing there.
    cli("pr", "check", pull.number, code=1)
    hub.approve(pull.number, ["lena"])
    cli("pr", "check", pull.number)
    before = len(hub.forge.state.repositories["acme/models"].pulls())
    assert "answered before" in cli("pr", "answer", "--comment", comment)
    _, again = asks(hub, cli, number, "ada", line)
    assert "answered" in again
    assert f"#{pull.number}" in hub.comments(number)[-1]
    assert "already" in hub.comments(number)[-1]
    assert len(hub.forge.state.repositories["acme/models"].pulls()) == before


def test_an_edited_comment_asks_for_no_waiver(hub: HubWorld, cli: CommandLine) -> None:
    unfair(hub.world)
    number = hub.open("ml", "feature/1.0.0")
    comment = hub.comment("ben", number, "nice")
    line = f"/modelctl waive fairness --approver lena {REASON}"
    hub.api(MACHINE, "PATCH", f"/issues/comments/{comment}", {"body": line})
    found = hub.forge.state.repositories["acme/models"].comments[comment]
    found.created_at = found.created_at.replace(year=2025)
    cli("pr", "answer", "--comment", comment)
    [reply] = hub.comments(number)
    assert "edited" in reply
    assert hub.reactions(comment) == ["confused"]
    assert [p.number for p in hub.forge.state.repositories["acme/models"].pulls()] == [number]


def test_all_open_ones_are_judged_in_no_order(hub: HubWorld, cli: CommandLine) -> None:
    """A process that dies of one of them gets to the others another time."""
    for name in ("a", "b", "c"):
        hub.world.builder.commit({f"{name}.md": "x\n"}, f"feature/{name}", parent="origin/ml")
        hub.open("ml", f"feature/{name}")

    def first() -> int:
        return int(
            cli.json("pr", "check", "--open", "--dry-run", "--exit-zero")["pull_requests"][0][
                "number"
            ]
        )

    firsts = set()
    for seed in range(8):
        random.seed(seed)
        firsts.add(first())
    assert len(firsts) > 1
