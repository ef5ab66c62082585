"""The shipped CODEOWNERS and branch rules are what the shipped policies give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from modelctl.adapters.git import Repository
from modelctl.adapters.policies import load_policy
from modelctl.adapters.settings_file import require_settings
from modelctl.domain.code_owner_rules import lines, owners_of, problems
from modelctl.domain.codeowners import WRITE
from modelctl.domain.policy import Policy
from modelctl.domain.rulesets import FOLDER
from modelctl.domain.settings import Settings
from modelctl.domain.structure import RULE_ROOTS
from modelctl.services.generated import code_owners, ruleset_files
from support.trees import MemoryTree

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CODEOWNERS").read_text()
LINES = lines(TEXT)
PLATFORM, MODELS = ("@example/platform",), ("@example/ml-team", "@example/ml-leads")


@pytest.fixture(scope="module")
def shipped() -> tuple[Policy, Settings]:
    """The policies and the settings as they lie here."""
    paths = [*(ROOT / "policies").rglob("*.yaml"), ROOT / ".github" / "settings.yaml"]
    tree = MemoryTree({str(path.relative_to(ROOT)): path.read_bytes() for path in paths})
    return load_policy(tree, "0" * 40), require_settings(tree)


def test_codeowners_is_what_the_policies_give(
    shipped: tuple[Policy, Settings], tmp_path: Path
) -> None:
    import pygit2

    pygit2.init_repository(str(tmp_path))
    policy, settings = shipped
    made = code_owners(Repository.discover(tmp_path), policy, settings.organisation)
    assert made == TEXT, f"run `{WRITE}`"


def test_the_branch_rules_are_what_the_lifecycle_gives(shipped: tuple[Policy, Settings]) -> None:
    files = {str(p.relative_to(ROOT)): p.read_text() for p in (ROOT / FOLDER).iterdir()}
    assert files == ruleset_files(*shipped), "run `modelctl github rulesets --write`"


def test_the_branch_rules_name_teams_by_slug_and_apps_by_name() -> None:
    teams = yaml.safe_load((ROOT / "policies" / "roles.yaml").read_text())["roles"]
    slugs = {role.get("team") for role in teams.values()}
    for path in (ROOT / FOLDER).iterdir():
        for rule in json.loads(path.read_text())["rules"]:
            for row in rule.get("parameters", {}).get("required_reviewers", ()):
                assert row["reviewer"]["id"] in slugs


def test_the_teams_of_the_roles_may_push(shipped: tuple[Policy, Settings]) -> None:
    """GitHub takes nobody for a code owner who can't."""
    policy, settings = shipped
    named = {role.team for role in policy.roles.values() if role.team}
    assert {slug: settings.teams.get(slug) for slug in named} == {
        "platform": "maintain", "ml-leads": "push", "ml-team": "push",
    }  # fmt: skip


def test_nothing_that_github_would_skip() -> None:
    assert problems(TEXT) == ()


@pytest.mark.parametrize("root", RULE_ROOTS)
def test_every_root_of_the_rules_is_platforms_and_named(root: str) -> None:
    assert owners_of(LINES, f"{root}/any/file.yaml") == PLATFORM
    assert root in {line.pattern.strip("/") for line in LINES}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("models/tumor-classifier/release.yaml", MODELS),
        ("models/README.md", PLATFORM),
        ("policies/keys/ci.yaml", PLATFORM),
        ("policies/models/x.yaml", PLATFORM),
        ("kustomize/overlays/production/models/x/kustomization.yaml", PLATFORM),
        (".github/workflows/gates.yml", PLATFORM),
        ("CODEOWNERS", PLATFORM),
        ("README.md", PLATFORM),
        ("anything/else", PLATFORM),
    ],
)
def test_who_owns_what(path: str, expected: tuple[str, ...]) -> None:
    assert owners_of(LINES, path) == expected


def test_the_last_match_wins_so_the_general_line_is_first() -> None:
    assert LINES[0].pattern == "*"


def test_the_environments_hold_what_the_workflows_take(shipped: tuple[Policy, Settings]) -> None:
    """Every secret that a job of the workflows takes is one of the environment that it names."""
    held = {one.name: set(one.secrets) for one in shipped[1].environments}
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            text = json.dumps(job)
            place = job.get("environment")
            place = place.get("name") if isinstance(place, dict) else place
            taken = {
                secret
                for secret in ("MODELCTL_APP_KEY", "MODELCTL_SIGNING_KEY")
                if f"secrets.{secret}" in text
            }
            assert taken <= held.get(place, set()), f"{path.name}: {name}"
