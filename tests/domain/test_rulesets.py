"""Branch rules agree with the lifecycle and the roles, and never ask for more than the gate."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from modelctl.domain.policy import ApprovalRule, Policy, Role
from modelctl.domain.rulesets import (
    PREFIX,
    missing,
    resolved,
    rulesets,
    teams_in,
    text,
    unasked,
)
from modelctl.domain.structure import RULE_ROOTS
from support.governed import policy, settings

IDS = {"platform": 1, "ml-leads": 2, "ml-team": 3}
APPS = {"gate": 11, "deploy": 22}


def made(rules: Policy | None = None) -> dict[str, Any]:
    return dict(rulesets(rules or policy(), settings()))


def parameters(ruleset: Any, kind: str) -> Any:
    return next(rule["parameters"] for rule in ruleset["rules"] if rule["type"] == kind)


def reviewers(ruleset: Any, path: str) -> dict[str, int]:
    rows = parameters(ruleset, "pull_request")["required_reviewers"]
    first = path.split("/", maxsplit=1)[0]
    return {
        row["reviewer"]["id"]: row["minimum_approvals"]
        for row in rows
        if any(pattern.split("/")[0] == first for pattern in row["file_patterns"])
    }


def stepped(**changes: Any) -> Policy:
    base = policy()
    steps = base.lifecycle.transitions
    first = replace(steps[0], **changes)
    return replace(base, lifecycle=replace(base.lifecycle, transitions=(first, *steps[1:])))


def test_a_file_for_each_branch_and_for_what_machines_write() -> None:
    assert sorted(made()) == [
        "into-develop.json", "into-main.json", "into-ml.json",
        "machine-branches-stay.json", "machine-branches.json", "room-for-branches.json",
        "tags-stay.json", "tags.json",
    ]  # fmt: skip
    assert all(one["name"].startswith(PREFIX) for one in made().values())
    assert len({one["name"] for one in made().values()}) == 8


@pytest.mark.parametrize(
    ("branch", "models"),
    [
        ("ml", {"ml-team": 1}),
        ("develop", {"ml-leads": 1}),
        ("main", {"platform": 1, "ml-leads": 1}),
    ],
)
def test_reviewers_are_those_of_the_lifecycle(branch: str, models: dict[str, int]) -> None:
    ruleset = made()[f"into-{branch}.json"]
    assert reviewers(ruleset, "models/a/model.yaml") == models
    for root in RULE_ROOTS:
        assert reviewers(ruleset, root) == {"platform": 1}


@pytest.mark.parametrize("branch", ["ml", "develop", "main"])
def test_what_every_branch_of_the_lifecycle_asks(branch: str) -> None:
    ruleset = made()[f"into-{branch}.json"]
    asked = parameters(ruleset, "pull_request")
    assert ruleset["conditions"]["ref_name"]["include"] == [f"refs/heads/{branch}"]
    assert ruleset["bypass_actors"] == []
    assert [rule["type"] for rule in ruleset["rules"]][:2] == ["deletion", "non_fast_forward"]
    assert asked["required_approving_review_count"] == 1
    assert asked["dismiss_stale_reviews_on_push"]
    assert asked["require_last_push_approval"]
    assert asked["require_code_owner_review"]
    assert asked["allowed_merge_methods"] == ["merge"]
    checks = parameters(ruleset, "required_status_checks")
    assert checks["required_status_checks"] == [
        {"context": "promotion-gate", "integration_id": "gate"}
    ]


@pytest.mark.parametrize("name", ["machine-branches.json", "tags.json"])
def test_only_the_deploy_app_writes_what_machines_write(name: str) -> None:
    (actor,) = made()[name]["bypass_actors"]
    assert (actor["actor_id"], actor["actor_type"]) == ("deploy", "Integration")
    assert {"type": "creation"} in made()[name]["rules"]


@pytest.mark.parametrize("name", ["machine-branches-stay.json", "tags-stay.json"])
def test_nobody_forces_or_deletes_it(name: str) -> None:
    assert made()[name]["bypass_actors"] == []
    kinds = {rule["type"] for rule in made()[name]["rules"]}
    assert {"deletion", "non_fast_forward"} <= kinds


def test_the_branches_of_machines_are_those_of_the_lifecycle() -> None:
    refs = made()["machine-branches.json"]["conditions"]["ref_name"]["include"]
    assert refs == ["refs/heads/env/*", "refs/heads/ledger"]


def test_no_branch_may_leave_another_one_without_room() -> None:
    ruleset = made()["room-for-branches.json"]
    assert ruleset["rules"] == [{"type": "creation"}]
    assert ruleset["bypass_actors"] == []
    assert ruleset["conditions"]["ref_name"]["include"] == [
        f"refs/heads/{name}"
        for name in (
            "env", "env/*/**/*", "ledger/**/*",
            *(f"{first}{below}" for first in ("promote", "rollback", "waiver")
              for below in ("", "/*", "/*/*", "/*/*/*/**/*")),
        )
    ]  # fmt: skip


def test_nor_a_tag() -> None:
    for name in ("tags.json", "tags-stay.json"):
        refs = made()[name]["conditions"]["ref_name"]["include"]
        names = ("*@v*", "*@v*/**/*", "*#*", "*#*/**/*")
        assert refs == [f"refs/tags/{one}" for one in names]


@pytest.mark.parametrize("changes", [{"decision": "automated"},
                                     {"decisions": {"experimental": "hybrid"}}])  # fmt: skip
def test_where_the_gates_decide_github_asks_nobody_about_models(changes: Any) -> None:
    ruleset = made(stepped(**changes))["into-ml.json"]
    asked = parameters(ruleset, "pull_request")
    assert reviewers(ruleset, "models/x") == {}
    assert reviewers(ruleset, "policies/x") == {"platform": 1}
    assert asked["required_approving_review_count"] == 0
    assert not asked["require_last_push_approval"]
    assert not asked["require_code_owner_review"]


def test_more_approvals_than_one() -> None:
    rules = (ApprovalRule(role="ml-team", count=12), ApprovalRule(role="ml-lead"))
    base = stepped(approvals=rules)
    changed = replace(base, rule_approvals=(ApprovalRule(role="platform", count=11),))
    ruleset = made(changed)["into-ml.json"]
    assert parameters(ruleset, "pull_request")["required_approving_review_count"] == 10
    assert reviewers(ruleset, "models/x") == {"ml-team": 10, "ml-leads": 1}


def test_a_role_without_a_team_is_left_to_the_gate() -> None:
    base = policy()
    loose = Role(name="ml-team", description="x", members=frozenset({"ada"}))
    changed = replace(base, roles={**base.roles, "ml-team": loose})
    ruleset = made(changed)["into-ml.json"]
    assert reviewers(ruleset, "models/x") == {}
    assert not parameters(ruleset, "pull_request")["require_code_owner_review"]
    assert unasked(changed) == ("ml-team",)
    assert unasked(base) == ()


def test_a_default_branch_without_an_environment_takes_rules_only() -> None:
    base = policy()
    two = base.lifecycle.transitions[:2]
    changed = replace(base, lifecycle=replace(base.lifecycle, transitions=two))
    ruleset = made(changed)["into-main.json"]
    assert reviewers(ruleset, "models/x") == {}
    assert reviewers(ruleset, "policies/x") == {"platform": 1}
    assert parameters(ruleset, "pull_request")["require_code_owner_review"]


def test_a_branch_with_a_slash_has_a_file() -> None:
    assert "into-release--one.json" in made(stepped(to_branch="release/one"))


def test_names_become_ids() -> None:
    for ruleset in made().values():
        assert not missing(ruleset, IDS, APPS)
        found = resolved(ruleset, IDS, APPS)
        assert not any(name in json.dumps(found) for name in ('"gate"', '"deploy"', '"ml-leads"'))
        for rule in found["rules"]:
            assert rule.get("parameters", 1)
    into = resolved(made()["into-main.json"], IDS, APPS)
    assert [row["reviewer"]["id"] for row in
            parameters(into, "pull_request")["required_reviewers"]] == [1, 2, 1]  # fmt: skip
    (check,) = parameters(into, "required_status_checks")["required_status_checks"]
    assert check["integration_id"] == 11


def test_what_has_no_id_is_told() -> None:
    lacking = missing(made()["into-main.json"], {"platform": 1}, {"gate": None})
    assert (lacking.teams, lacking.apps) == (("ml-leads",), ("gate",))
    assert missing(made()["tags.json"], {}, {"deploy": None}).apps == ("deploy",)
    assert not missing(made()["tags-stay.json"], {}, {})


def test_the_teams_are_those_of_the_roles() -> None:
    assert teams_in(made().values()) == {"platform", "ml-leads", "ml-team"}


def test_the_text_is_the_ruleset() -> None:
    one = made()["tags.json"]
    assert json.loads(text(one)) == one
    assert text(one).endswith("}\n")
