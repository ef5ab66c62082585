"""Deployments on the forge that somebody with the right to write made, in place of our own."""

from __future__ import annotations

from typing import Any

from support.attacks import deployed, ready
from support.hub import HubWorld
from support.world import MODEL


def told(hub: HubWorld) -> list[dict[str, Any]]:
    """Our own deployments, newest first."""
    found = hub.api("ada", "GET", "/deployments?environment=dev")
    return [one for one in found if one["creator"]["login"] == hub.app.bot]


def state_of(hub: HubWorld, deployment: dict[str, Any]) -> list[str]:
    """What was said of it, newest first."""
    found = hub.api("ada", "GET", f"/deployments/{deployment['id']}/statuses")
    return [one["state"] for one in found]


def test_a_deployment_that_somebody_forged_silences_nothing(hub: HubWorld) -> None:
    number = ready(hub)
    body = {
        "ref": hub.merge("ben", number),
        "environment": "dev",
        "task": f"modelctl:{MODEL}",
        "auto_merge": False,
        "required_contexts": [],
    }
    forged = hub.api("ada", "POST", "/deployments", body)
    path = f"/deployments/{forged['id']}/statuses"
    hub.api("ada", "POST", path, {"state": "success", "description": "evil@9.9.9 serves"})
    deployed(hub)
    [own] = told(hub)
    assert state_of(hub, own)[0] == "success"
    assert "deployed: dev" in hub.pull(number).labels
    deployed(hub)
    assert told(hub) == [own]


def test_a_state_that_somebody_forged_ends_nothing(hub: HubWorld) -> None:
    """Somebody says that a deployment of ours is over, before it is."""
    number = ready(hub)
    hub.merge("ben", number)
    with hub.github() as github:
        begun = github.deployments.create(
            ref=hub.pull(number).merge_commit or "",
            environment="dev",
            task=f"modelctl:{MODEL}",
            description="",
            payload={},
        )
    hub.api("ada", "POST", f"/deployments/{begun.id}/statuses", {"state": "success"})
    deployed(hub)
    [own] = told(hub)
    assert own["id"] == begun.id
    assert state_of(hub, own).count("success") == 2
    assert "deployed: dev" in hub.pull(number).labels
