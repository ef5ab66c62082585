"""A pull request that brings rules of its own: workflows, policies, keys, roles, owners."""

from __future__ import annotations

import pytest

from modelctl.adapters.documents import dump
from modelctl.adapters.signing_keys import key_document
from modelctl.services.session import open_session
from support.attacks import (
    BRANCH,
    check,
    deployed,
    is_refused,
    said,
    sign_as,
    standing,
    submitted,
)
from support.hub import HubWorld
from support.keys import NOW, person
from support.waivers import FILE, UNFAIR, text, waiver
from support.world import ROLES

NAMES = ("origin/main", "refs/heads/main", "refs/remotes/origin/main")
EVERYBODY = ("ben", "lena", "max", "pat", "quinn")
MINE = {"roles": {**ROLES["roles"], "platform": {"description": "me", "members": ["eve"]}}}
RULES = {
    ".github/workflows/gates.yml": "on: push\n",
    ".github/settings.yaml": "organisation: mine\n",
    ".github/rulesets/into-ml.json": "{}\n",
    "CODEOWNERS": "* @eve\n",
    "policies/gates/quality.yaml": "gates: {}\n",
    "policies/roles.yaml": dump(MINE),
    "scripts/modelctl/cli.py": "print('mine')\n",
}


@pytest.mark.parametrize("path", RULES)
def test_a_rule_beside_a_model_is_blocked_whoever_approves(hub: HubWorld, path: str) -> None:
    hub.world.commit({path: RULES[path]}, BRANCH, "ml")
    number = submitted(hub)
    hub.approve(number, EVERYBODY)
    assert check(hub, number).exit_code == 1
    assert standing(hub, number) == "failure"
    assert "mixing" in said(hub, number)


def test_rules_that_were_merged_beside_a_model_deploy_nothing(hub: HubWorld) -> None:
    hub.world.commit(RULES, BRANCH, "ml")
    number = submitted(hub)
    hub.approve(number, EVERYBODY)
    hub.merge("ben", number)
    assert "models" in is_refused(hub)


@pytest.mark.parametrize("path", ["policies/roles.yaml", "CODEOWNERS"])
def test_a_rule_by_itself_goes_into_no_branch_but_the_default_one(hub: HubWorld, path: str) -> None:
    hub.world.commit({path: RULES[path]}, "mine", "ml")
    number = hub.open("ml", "mine")
    hub.approve(number, EVERYBODY)
    check(hub, number)
    assert standing(hub, number) == "failure"


def test_a_role_that_a_pull_request_gives_approves_nothing_in_it(hub: HubWorld) -> None:
    hub.world.commit({"policies/roles.yaml": dump(MINE)}, "mine", "main")
    number = hub.open("main", "mine")
    hub.approve(number, ["eve"])
    check(hub, number)
    assert standing(hub, number) != "success"
    assert "1 platform" in said(hub, number)


def test_a_key_that_a_pull_request_brings_signs_nothing_for_it(hub: HubWorld) -> None:
    mine = person("mine")
    key = key_document(
        "mine",
        owner="oncology",
        public=mine.signer.public,
        valid_from=NOW.replace(year=2020),
        valid_until=NOW.replace(year=2030),
        kinds=["evaluation", "security-scan"],
        environments=["*"],
    )
    head = hub.world.submit("2.0.0")
    sign_as(hub, mine, "2.0.0", head)
    hub.world.commit({"policies/keys/mine.yaml": key}, "feature/2.0.0", "ml")
    number = hub.open("ml", "feature/2.0.0")
    hub.approve(number, EVERYBODY)
    check(hub, number)
    assert standing(hub, number) == "failure"
    assert "classification-quality" in said(hub, number)
    hub.merge("ben", number)
    assert "no evaluation" in is_refused(hub)


def test_a_waiver_that_a_pull_request_brings_lifts_nothing(hub: HubWorld) -> None:
    head = hub.world.submit("2.0.0")
    hub.world.evidence("2.0.0", "dev", head, **UNFAIR)
    hub.world.commit({FILE: text(waiver(version="2.0.0"))}, "feature/2.0.0", "ml")
    number = hub.open("ml", "feature/2.0.0")
    hub.approve(number, EVERYBODY)
    check(hub, number)
    assert standing(hub, number) == "failure"
    assert "fairness" in said(hub, number)


def test_what_the_default_branch_reverted_does_not_come_back_by_another_target(
    hub: HubWorld,
) -> None:
    """One head, harmless where it was approved, takes a newer rule back where it goes next."""
    builder = hub.world.builder
    old = hub.world.show("origin/main", "policies/roles.yaml")
    strict = {"policies/roles.yaml": old + "# stricter\n"}
    builder.git("checkout", "--quiet", "-B", "main", "origin/main")
    builder.commit(strict)
    builder.git("push", "--quiet", "origin", "main")
    builder.git("checkout", "--quiet", "-B", "turn", "main")
    builder.commit({"policies/roles.yaml": old}, "turn")
    builder.checkout("turn")
    builder.git("merge", "--quiet", "--no-edit", BRANCH)
    first = hub.open("ml", "turn")
    hub.approve(first, ["ben", "lena"])
    check(hub, first)
    assert standing(hub, first) == "success"
    second = hub.open("main", "turn")
    check(hub, second)
    assert standing(hub, second) == "failure"
    check(hub, first)
    assert standing(hub, first) == "failure"
    hub.merge("ben", second)
    is_refused(hub, "production")
    hub.merge("ben", first)
    deployed(hub)


@pytest.mark.parametrize("trusted", [None, "main"])
def test_a_branch_or_tag_with_a_name_of_ours_changes_no_rule(
    hub: HubWorld, trusted: str | None
) -> None:
    """Names that git could take for the trusted branch, pushed by who may push branches."""
    builder = hub.world.builder
    good = builder.git("rev-parse", "origin/main")
    builder.branch("mine", "origin/main")
    mine = builder.commit({"policies/roles.yaml": dump(MINE)}, "mine")
    names = ("heads/HEAD", *(f"{kind}/{n}" for kind in ("heads", "tags") for n in NAMES))
    refs = [f"{mine}:refs/{name}" for name in names]
    builder.git("push", "--quiet", hub.clone_url("eve"), *refs)
    for _ in range(2):
        session = open_session(hub.world.directory, trusted=trusted, fetch=True)
        assert session.policy.commit == session.branch_tip("main") == good
