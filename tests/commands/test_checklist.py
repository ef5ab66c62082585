"""`modelctl checklist`: what facts tick, and what is left to people."""

from __future__ import annotations

import json
from pathlib import Path

from support.command_line import CommandLine
from support.journey import bring
from support.world import MODEL, World

VERSION = f"{MODEL}@1.0.0"


def items(cli: CommandLine, name: str, *args: object) -> dict[str, tuple[str, str]]:
    """The items of a list: text → state and why."""
    found = cli.json("checklist", *args)["lists"][name]
    return {item["text"]: (item["state"], item["why"]) for item in found}


def test_gates_tick_what_they_pass(served: World, cli: CommandLine) -> None:
    found = items(cli, "before", VERSION, "--to", "production")
    assert found["Every protected group is served well"] == ("done", "gate fairness passes")
    state, why = found["The load test holds the SLA"]
    assert state == "open"
    assert why.startswith("gate load: ")
    assert found["The documentation is up to date"] == ("by-hand", None)
    assert found["Platform approved it"] == ("open", "the reviews aren't given (--reviews FILE)")
    assert "Regression metrics meet their thresholds" not in found


def test_the_verdict_is_that_of_check(served: World, cli: CommandLine) -> None:
    served.now = served.now.replace(microsecond=0)
    [verdict] = cli.json("check", VERSION, "--to", "production", code=1)["verdicts"]
    rows = cli.json("checklist", VERSION, "--to", "production")["lists"]["before"]
    told = {row["name"]: row["state"] == "done" for row in rows if row["by"] == "gate"}
    assert told
    assert {gate: verdict["gates"][gate] == "pass" for gate in told} == told


def test_what_follows_is_ticked_when_it_is_deployed(served: World, cli: CommandLine) -> None:
    text = "The environment's manifests name the version"
    before = items(cli, "after", VERSION, "--to", "production")[text]
    assert before == ("waiting", "it isn't deployed to production yet")
    state, why = items(cli, "after", VERSION, "--to", "staging")[text]
    assert state == "done"
    assert why.startswith("deployment of ")
    approved = items(cli, "before", VERSION, "--to", "staging")["An ML lead approved it"]
    assert approved == ("done", "approved by ben")


def test_reviews_tick_the_roles(served: World, cli: CommandLine, tmp_path: Path) -> None:
    head = served.promote("1.0.0", "production")
    served.builder.git("fetch", "--quiet", "origin")
    served.pull("main", head, ["ben"])
    reviews = ("--reviews", served.pulls_file())
    found = items(cli, "before", VERSION, "--to", "production", *reviews)
    assert found["An ML lead approved it"] == ("done", "approved by ben")
    assert found["Platform approved it"] == ("open", "nobody approved as platform yet")
    served.pulls[:] = [row for row in served.pulls if row["pull_request"]["base"]["ref"] != "main"]
    message, mend = cli.fails(
        "checklist", VERSION, "--to", "production", "--reviews", served.pulls_file()
    )
    assert message == "pulls.json has no pull request into main"
    assert "production" in mend


def test_one_person_ticks_each_role_that_they_hold(served: World, cli: CommandLine) -> None:
    head = served.promote("1.0.0", "production")
    served.builder.git("fetch", "--quiet", "origin")
    served.pull("main", head, ["lena"])  # both platform and ml-lead
    reviews = ("--reviews", served.pulls_file())
    found = items(cli, "before", VERSION, "--to", "production", *reviews)
    assert found["An ML lead approved it"] == ("done", "approved by lena")
    assert found["Platform approved it"] == ("done", "approved by lena")


def test_it_reads_as_text_and_as_markdown(served: World, cli: CommandLine) -> None:
    text = cli("checklist", VERSION, "--to", "production")
    assert text.startswith(f"{VERSION} → production\n\nBefore the promotion  ")
    assert "  [✓] All artifacts are there" in text
    assert "  [ ] The documentation is up to date\n" in text
    assert "After the rollback" not in text
    page = cli("checklist", VERSION, "--to", "production", "--format", "markdown")
    assert "### Before the promotion\n" in page
    assert "- [x] Every protected group is served well (gate fairness passes)\n" in page
    assert "- [ ] The documentation is up to date\n" in page


def test_by_default_it_is_for_the_next_step(served: World, cli: CommandLine) -> None:
    assert cli.json("checklist", VERSION)["environment"] == "production"


def test_what_can_not_be_judged_has_no_list(world: World, cli: CommandLine) -> None:
    bring(world, "dev")
    path = f"models/{MODEL}/model.yaml"
    text = world.show("origin/ml", path).replace("owner: oncology", "owner: [")
    head = world.commit({path: text}, "feature/broken", "ml")
    message, mend = cli.fails("checklist", VERSION, "--to", "dev", "--ref", head)
    assert message == f"{VERSION} can't be judged"
    assert mend == f"run `modelctl check {VERSION}`"


def test_json_is_a_document_of_its_own(served: World, cli: CommandLine) -> None:
    found = cli.json("checklist", VERSION, "--to", "production")
    assert (found["schema"], found["subject"]) == (1, VERSION)
    first = found["lists"]["before"][0]
    assert set(first) == {"text", "state", "why", "by", "name", "policy"}
    assert first["policy"]["file"] == "policies/checklists.yaml"
    assert json.dumps(found)
