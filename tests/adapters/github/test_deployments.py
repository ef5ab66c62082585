"""Deployments: one for each request, whatever gets lost on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from modelctl.adapters.github import GitHub
from modelctl.domain.pulls import DeploymentState, ForgeDeployment
from modelctl.errors import ModelctlError
from support.api_server import ApiServer, Asked, Reply

APP_ID = 77
AT, SHA = "/repos/acme/models/deployments", "a" * 40
ME, OTHER = ({"id": 5, "login": "me", "type": "User"}, {"id": 6, "login": "al", "type": "User"})
BOT = {"id": 8, "login": "gate[bot]", "type": "Bot"}
WANTED: dict[str, Any] = {
    "ref": SHA,
    "environment": "dev",
    "task": "deploy:a-b",
    "description": "a-b 1.0.0",
    "payload": {"model": "a-b"},
}


class Kept:
    """The deployments of a repository, newest first, and their statuses."""

    def __init__(self, server: ApiServer, payload: Callable[[Any], Any] = lambda one: one):
        self.made: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self._payload = payload
        server.on("GET", "/user", Reply(body=ME))
        server.on("GET", AT, lambda _: Reply(body=self.made[::-1]))
        server.on("POST", AT, self.post)
        server.on("GET", f"{AT}/1/statuses", lambda _: Reply(body=self.statuses[::-1]))
        server.on("POST", f"{AT}/1/statuses", self.tell)

    def post(self, asked: Asked) -> Reply:
        body = {**asked.body, "payload": self._payload(asked.body["payload"])}
        number, at = len(self.made) + 1, "2026-11-20T10:00:00Z"
        self.made.append(
            {**body, "id": number, "sha": body["ref"], "created_at": at} | {"creator": ME}
        )
        return Reply(status=201, body=self.made[-1])

    def tell(self, asked: Asked) -> Reply:
        self.statuses.append({**asked.body, "creator": ME})
        return Reply(status=201, body=asked.body)

    def then(self, what: Callable[[Asked], Reply], reply: Reply) -> Callable[[Asked], Reply]:
        def both(asked: Asked) -> Reply:
            what(asked)
            return reply

        return both


def test_a_deployment_is_announced(user: GitHub, server: ApiServer) -> None:
    kept = Kept(server)
    found = user.deployments.create(**{**WANTED, "description": "x" * 200})
    assert (found.id, found.ref, found.task, found.state) == (1, SHA, "deploy:a-b", None)
    (body,) = kept.made
    assert (body["auto_merge"], body["required_contexts"]) == (False, [])
    assert body["payload"]["model"] == "a-b"
    assert len(body["description"]) == 140


@pytest.mark.parametrize("payload", [lambda one: one, json.dumps])
def test_one_whose_answer_was_lost_is_found(
    user: GitHub, server: ApiServer, payload: Callable[[Any], Any]
) -> None:
    kept = Kept(server, payload)
    user.deployments.create(**WANTED)
    kept.made.append({**kept.made[0], "id": 9, "payload": "not JSON"})
    server.on("POST", AT, Reply(status=502), kept.then(kept.post, Reply(drop=True)), kept.post)
    assert user.deployments.create(**WANTED).id == 3
    assert len(kept.made) == 3


def test_a_conflict_is_told(user: GitHub, server: ApiServer) -> None:
    server.on("POST", AT, Reply(status=422, body={"message": "No ref found for: x"}))
    with pytest.raises(ModelctlError, match="No ref found"):
        user.deployments.create(**WANTED)


def test_the_newest_of_a_task(user: GitHub, server: ApiServer) -> None:
    kept = Kept(server)
    assert user.deployments.latest("dev", "deploy:a-b") is None
    user.deployments.create(**WANTED)
    assert user.deployments.latest("dev", "deploy:a-b") == ForgeDeployment(
        id=1,
        environment="dev",
        ref=SHA,
        task="deploy:a-b",
        description="a-b 1.0.0",
        created_at=datetime(2026, 11, 20, 10, tzinfo=UTC),
    )
    for told, state in (
        ("success", DeploymentState.SUCCESS),
        ("error", DeploymentState.FAILURE),
        ("queued", None),
    ):
        kept.statuses.append({"state": told, "description": None, "creator": ME})
        found = user.deployments.latest("dev", "deploy:a-b")
        assert found is not None
        assert found.state is state
    assert user.deployments.latest("staging", "deploy:a-b") is None


def test_those_before_it(user: GitHub, server: ApiServer) -> None:
    kept = Kept(server)
    first, second, third = (user.deployments.create(**WANTED) for _ in range(3))
    assert user.deployments.older(third) == (second, first)
    assert user.deployments.older(first) == ()
    assert user.deployments.state_of(first) is None
    kept.statuses.append({"state": "inactive", "creator": ME})
    assert user.deployments.state_of(first) is DeploymentState.INACTIVE


def test_a_state_is_told_once_and_leaves_other_models_alone(
    user: GitHub, server: ApiServer
) -> None:
    kept = Kept(server)
    lost = kept.then(kept.tell, Reply(drop=True))
    server.on("POST", f"{AT}/1/statuses", Reply(status=500), lost, kept.tell)
    state = DeploymentState.SUCCESS
    user.deployments.set_state(1, state, description="Serves", environment_url="http://x")
    assert kept.statuses == [
        {
            "state": "success",
            "description": "Serves",
            "auto_inactive": False,
            "environment_url": "http://x",
            "creator": ME,
        }
    ]
    server.on("POST", f"{AT}/1/statuses", Reply(status=500), kept.tell)
    user.deployments.set_state(1, DeploymentState.INACTIVE)
    assert [one["state"] for one in kept.statuses] == ["success", "inactive"]


def test_those_of_others_are_passed_over(user: GitHub, server: ApiServer) -> None:
    kept = Kept(server)
    ours = user.deployments.create(**WANTED)
    user.deployments.set_state(1, DeploymentState.IN_PROGRESS)
    kept.made.append({**kept.made[0], "id": 2, "creator": OTHER})
    kept.statuses.append({"state": "success", "creator": OTHER})
    found = user.deployments.latest("dev", "deploy:a-b")
    assert found is not None
    assert (found.id, found.state) == (ours.id, DeploymentState.IN_PROGRESS)


def test_an_app_knows_its_own_by_its_id_or_its_account(app: GitHub, server: ApiServer) -> None:
    """Where GitHub names no App beside a deployment, the account of the App does."""
    kept = Kept(server)
    server.on("GET", "/app", Reply(body={"slug": "gate"}))
    server.on("GET", "/users/gate%5Bbot%5D", Reply(body=BOT))
    server.on("GET", f"{AT}/6/statuses", Reply(body=[]))
    one = {**WANTED, "sha": SHA, "created_at": "2026-11-20T10:00:00Z"}
    by = {"id": 1, "creator": BOT, "performed_via_github_app": {"id": APP_ID}}
    kept.made += [
        {**one, **by},
        {**one, **by, "id": 2, "performed_via_github_app": {"id": 9}},
        {**one, **by, "id": 3, "creator": OTHER},
        {**one, **by, "id": 4, "creator": {**BOT, "id": 9}, "performed_via_github_app": None},
        {**one, **by, "id": 5, "creator": None},
    ]
    assert latest_of(app) == 1
    kept.made.append({**one, **by, "id": 6, "performed_via_github_app": None})
    assert latest_of(app) == 6


def latest_of(app: GitHub) -> int | None:
    found = app.deployments.latest("dev", "deploy:a-b")
    return found.id if found is not None else None
