"""A policy with GitHub teams, in memory, and the settings that go with it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from modelctl.adapters.policies import load_policy
from modelctl.domain.policy import Ownership, Policy, Role, Team
from modelctl.domain.settings import Settings, settings_from
from support.trees import MemoryTree
from support.world import PROJECT

MATRIX = {
    "code": "ml-team",
    "pipelines": "ml-team",
    "registry": "platform",
    "serving": "platform",
    "monitoring": "platform",
    "rollback": "platform",
}
SETTINGS: dict[str, Any] = {
    "organisation": "acme",
    "apps": {"gate": {"id": 11}, "deploy": {"id": 22}},
    "environments": {
        "gates": {"secrets": ["MODELCTL_APP_KEY"], "variables": ["MODELCTL_APP_ID"]},
        "deploy": {"secrets": ["MODELCTL_APP_KEY"]},
    },
    "labels": {
        "stage": "1d76db",
        "gate": {"ready": "0e8a16"},
        "others": {"x": {"colour": "ffffff"}},
    },
    "teams": {"platform": "maintain", "ml-team": "push"},
    "actions": {"patterns": ["b/*", "a/*"]},
}


@cache
def policy() -> Policy:
    """The shipped policy, with people, and a team `oncology` that is `@…/oncology-ml` on GitHub."""
    folder = PROJECT / "policies"
    files = {
        str(path.relative_to(PROJECT)): path.read_bytes()
        for path in folder.rglob("*.yaml")
        if path.is_file()
    }
    base = load_policy(MemoryTree(files), "c" * 40)
    teams = {
        "oncology": Team(name="oncology", contact="x@example.com", github="oncology-ml"),
        "metabolic": Team(name="metabolic", contact="y@example.com"),
    }
    roles = {
        **base.roles,
        "devops": Role(name="devops", description="x", members=frozenset({"dora"})),
    }
    return replace(base, roles=roles, ownership=Ownership(teams=teams, responsibilities=MATRIX))


def settings(**changes: Any) -> Settings:
    """The settings, changed as asked for."""
    return settings_from({**SETTINGS, **changes})
