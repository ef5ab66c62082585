"""A world behind a forge whose default branch has settings of its repository."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forge.server import Forge
from forge.values import App
from modelctl.adapters.documents import dump
from modelctl.adapters.policies import load_policy
from modelctl.adapters.settings_file import require_settings
from modelctl.domain.codeowners import PATH
from modelctl.domain.settings import PATH as SETTINGS_PATH
from modelctl.services.generated import code_owners, ruleset_files
from support.governed import MATRIX, SETTINGS
from support.hub import MACHINE, OWNER, ROLE_TEAMS, HubWorld
from support.world import ROLES, World

SECRET = "ssh-very-secret"


@dataclass(kw_only=True)
class Governed:
    """The world, and the App that writes the machine branches."""

    hub: HubWorld
    deploy: App

    @classmethod
    def create(cls, directory: Path, forge: Forge) -> Governed:
        """Settings, CODEOWNERS and branch rules on main, all in step; nothing applied yet."""
        hub = HubWorld.create(World.create(directory), forge)
        permissions = {"contents": "write", "metadata": "read"}
        deploy = forge.add_app("modelctl-deploy", permissions=permissions, owner=OWNER)
        ids = {"gate": {"id": hub.app.id}, "deploy": {"id": deploy.id}}
        adopt(hub, {**SETTINGS, "apps": ids})
        return cls(hub=hub, deploy=deploy)


def adopt(hub: HubWorld, settings: Any) -> None:
    """Puts the settings, and what follows from them, onto main."""
    builder = hub.world.builder
    builder.git("fetch", "--quiet", "origin")
    builder.git("checkout", "--quiet", "--force", "-B", "main", "origin/main")
    roles = {
        name: {**row, **({"team": ROLE_TEAMS[name]} if name in ROLE_TEAMS else {})}
        for name, row in ROLES["roles"].items()
    }
    teams = {"oncology": {"contact": "x@example.com"}, "metabolic": {"contact": "y@example.com"}}
    files = {
        SETTINGS_PATH: dump(settings),
        "policies/roles.yaml": dump({"roles": roles}),
        "policies/ownership.yaml": dump({"teams": teams, "responsibilities": MATRIX}),
    }
    head = builder.commit(files, "main")
    session = hub.world.session(fetch=False)
    tree = session.repository.tree(head)
    policy, one = load_policy(tree, head), require_settings(tree)
    made = {PATH: code_owners(session.repository, policy, one.organisation)}
    builder.commit({**made, **ruleset_files(policy, one)}, "main")
    builder.git("push", "--quiet", "origin", "main")


def fill(hub: HubWorld) -> None:
    """What only a person can do."""
    value = b64encode(SECRET.encode()).decode()
    for name in ("gates", "deploy"):
        key = hub.api(MACHINE, "GET", f"/environments/{name}/secrets/public-key")["key_id"]
        body = {"encrypted_value": value, "key_id": key}
        hub.api(MACHINE, "PUT", f"/environments/{name}/secrets/MODELCTL_APP_KEY", body)
    hub.api(
        MACHINE, "POST", "/environments/gates/variables", {"name": "MODELCTL_APP_ID", "value": "1"}
    )
