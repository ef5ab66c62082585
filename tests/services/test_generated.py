"""A change of the rules brings along the files that follow from them, and no other's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.documents import dump
from modelctl.adapters.policies import load_policy
from modelctl.adapters.settings_file import require_settings
from modelctl.domain.codeowners import PATH
from modelctl.domain.settings import PATH as SETTINGS_PATH
from modelctl.domain.verdict import Report
from modelctl.services.checking import check_change
from modelctl.services.generated import code_owners, ruleset_files, stale_rulesets
from support.governed import MATRIX, SETTINGS
from support.world import MODEL, ROLES, World, findings, model_data, submission

TEAMS = {"ml-team": "ml-team", "ml-lead": "ml-leads", "platform": "platform"}
WITH_TEAMS: Mapping[str, Any] = {
    "roles": {
        name: {**row, **({"team": TEAMS[name]} if name in TEAMS else {})}
        for name, row in ROLES["roles"].items()
    }
}
OWNERSHIP = {
    "teams": {
        "oncology": {"contact": "x@example.com", "github": "oncology-ml"},
        "metabolic": {"contact": "y@example.com"},
    },
    "responsibilities": MATRIX,
}


def governed(world: World, **changes: Any) -> dict[str, str | bytes | None]:
    """The files that a repository with settings has on top; all in step."""
    files: dict[str, str | bytes | None] = {
        SETTINGS_PATH: dump({**SETTINGS, **changes.get("settings", {})}),
        "policies/roles.yaml": dump(changes.get("roles", WITH_TEAMS)),
        "policies/ownership.yaml": dump(changes.get("ownership", OWNERSHIP)),
    }
    return {**files, **in_step(world, files)}


def in_step(world: World, files: Mapping[str, Any]) -> dict[str, str | bytes | None]:
    """CODEOWNERS and branch rules for these files on top of main."""
    builder = world.builder
    builder.git("fetch", "--quiet", "origin")
    builder.git("checkout", "--quiet", "--force", "-B", "draft", "origin/main")
    head = builder.commit(dict(files), "draft")
    session = world.session()
    tree = session.repository.tree(head)
    policy, one = load_policy(tree, head), require_settings(tree)
    owners = code_owners(session.repository, policy, one.organisation, [tree])
    return {PATH: owners, **ruleset_files(policy, one)}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World.create(tmp_path)
    made.merge("main", made.commit(governed(made), "rules/adopt", "main"), ["pat"], author="quinn")
    return made


def judge(world: World, files: Mapping[str, Any], branch: str = "rules/x") -> Report:
    head = world.commit(dict(files), branch, "main")
    return check_change(world.session(), "main", head, ask_reviews=False)


def gates(report: Report) -> dict[str, list[tuple[str, str]]]:
    return {
        gate: [(f.outcome.value, f.message) for f in findings(report, gate)]
        for gate in ("codeowners", "rulesets")
    }


def outcomes(report: Report) -> dict[str, set[str]]:
    return {gate: {outcome for outcome, _ in found} for gate, found in gates(report).items()}


WELL = {"codeowners": {"pass"}, "rulesets": {"pass"}}


def test_a_change_that_touches_neither_passes(world: World) -> None:
    assert outcomes(judge(world, {"policies/freezes.yaml": "windows: {}\n"})) == WELL


def test_a_changed_team_needs_a_new_codeowners_and_new_branch_rules(world: World) -> None:
    roles = {**WITH_TEAMS["roles"]}
    roles["ml-lead"] = {**roles["ml-lead"], "team": "leads"}
    files = {"policies/roles.yaml": dump({"roles": roles})}
    report = judge(world, files)
    assert outcomes(report) == {"codeowners": {"fail"}, "rulesets": {"fail"}}
    (found, *_) = findings(report, "codeowners")
    assert (found.location.file, found.command) == (PATH, "modelctl codeowners --write")
    complete = {**files, **in_step(world, files)}
    assert outcomes(judge(world, complete, "rules/y")) == WELL


def test_codeowners_alone_can_not_be_weakened(world: World) -> None:
    text = world.show("origin/main", PATH).rstrip("\n")
    report = judge(world, {PATH: text + "\n/policies/keys/ @eve\n"})
    assert outcomes(report)["codeowners"] == {"fail"}
    assert findings(report, "codeowners")[0].location.line == text.count("\n") + 2


def test_nor_taken_away_nor_emptied(world: World) -> None:
    for number, text in enumerate((None, "", "# nobody\n")):
        assert outcomes(judge(world, {PATH: text}, f"rules/{number}"))["codeowners"] == {"fail"}


def test_nor_put_in_the_shade_by_another_one(world: World) -> None:
    report = judge(world, {".github/CODEOWNERS": "* @eve\n"})
    (found,) = findings(report, "codeowners")
    assert (found.outcome.value, found.location.file) == ("fail", ".github/CODEOWNERS")


@pytest.mark.parametrize("text", [None, "not: settings\n", "organisation: other\n"])
def test_nor_by_way_of_the_settings(world: World, text: str | None) -> None:
    report = judge(world, {SETTINGS_PATH: text})
    assert outcomes(report)["codeowners"] == {"fail"}


def test_policies_that_can_not_be_used_are_told_before_they_are_merged(world: World) -> None:
    report = judge(world, {"policies/roles.yaml": "roles: {}\n"})
    (found,) = findings(report, "codeowners")
    assert found.outcome.value == "fail"
    assert found.command == "modelctl policy lint"


def test_branch_rules_can_not_be_changed_by_hand(world: World) -> None:
    path = ".github/rulesets/into-main.json"
    text = world.show("origin/main", path).replace(
        '"minimum_approvals": 1', '"minimum_approvals": 0'
    )
    report = judge(world, {path: text, ".github/rulesets/more.json": "{}"})
    assert {f.location.file for f in findings(report, "rulesets")} == {
        path,
        ".github/rulesets/more.json",
    }


def test_somebody_elses_model_holds_no_change_of_the_rules(world: World) -> None:
    """A model with a team of its own arrives, and CODEOWNERS has no line for it yet."""
    world.merge("ml", world.submit(), ["ben"])
    assert outcomes(judge(world, {"policies/freezes.yaml": "windows: {}\n"})) == WELL
    session = world.session()
    text = code_owners(session.repository, session.policy, "acme")
    assert f"/models/{MODEL}/" in text  # it is due, as housekeeping says
    assert outcomes(judge(world, {PATH: text}, "rules/line")) == WELL
    wrong = text.replace(
        "@acme/oncology-ml @acme/ml-team @acme/ml-leads", "@acme/platform @acme/ml-team"
    )
    assert wrong != text
    assert outcomes(judge(world, {PATH: wrong}, "rules/wrong"))["codeowners"] == {"fail"}


def test_a_line_stays_good_when_its_model_goes_to_another_owner(world: World) -> None:
    world.merge("ml", world.submit(), ["ben"])
    session = world.session()
    text = code_owners(session.repository, session.policy, "acme")
    lines = world.commit({PATH: text}, "rules/line", "main")
    world.merge("main", lines, ["pat"], author="quinn")
    moved = dump(model_data(owner="metabolic"))
    world.merge("ml", world.commit({f"models/{MODEL}/model.yaml": moved}, "f/x", "ml"), ["ben"])
    assert outcomes(judge(world, {"policies/freezes.yaml": "windows: {}\n"})) == WELL
    assert f"/models/{MODEL}/" not in code_owners(session.repository, session.policy, "acme")


def test_a_change_of_models_is_not_asked(world: World) -> None:
    head = world.submit()
    report = check_change(world.session(), "ml", head, ask_reviews=False)
    assert gates(report) == {"codeowners": [], "rulesets": []}


def test_a_sync_is_not_asked_since_it_must_be_byte_identical(world: World) -> None:
    head = world.builder.git("rev-parse", "origin/main")
    report = check_change(world.session(), "ml", head, ask_reviews=False)
    assert gates(report) == {"codeowners": [], "rulesets": []}


def test_a_repository_without_settings_is_not_asked(tmp_path: Path) -> None:
    bare = World.create(tmp_path / "bare")
    report = judge(bare, {PATH: "* @eve\n"})
    assert gates(report) == {"codeowners": [], "rulesets": []}


def test_a_model_that_can_not_be_read_has_no_line(world: World) -> None:
    files = submission()
    files[f"models/{MODEL}/model.yaml"] = "name: [\n"
    tree = world.session().repository.tree(world.commit(files, "f/broken", "ml"))
    session = world.session()
    assert MODEL not in code_owners(session.repository, session.policy, "acme", [tree])


def test_a_file_that_is_left_over_goes(world: World) -> None:
    session = world.session()
    head = world.commit({".github/rulesets/old.json": "{}"}, "rules/old", "main")
    tree = session.repository.tree(head)
    stale = stale_rulesets(session.policy, require_settings(tree), tree)
    assert stale == {".github/rulesets/old.json": None}
