"""Deployments and their statuses: what GitHub shows of what went where. Nothing is decided on them.

Whoever may write to the repository can make either; only our own are looked at.

https://docs.github.com/rest/deployments/deployments
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from modelctl.adapters.github import reading
from modelctl.adapters.github.repository import RepositoryApi
from modelctl.adapters.json_node import Node
from modelctl.domain.pulls import DeploymentState, ForgeDeployment

_LONGEST = 140
_LOOKED_BACK = 30
_REQUEST = "request"


class Deployments:
    """The deployments of the repository.

    Each method may raise ModelctlError, when GitHub refuses or there is no such thing, and
    DependencyError, when there is no usable answer.
    """

    def __init__(self, api: RepositoryApi):
        self._api = api

    def latest(self, environment: str, task: str) -> ForgeDeployment | None:
        """The newest deployment of a task to an environment, with its state."""
        found = next(iter(self._newest(environment, task)), None)
        if found is None:
            return None
        deployment = self._api.read(found, "GET /deployments", reading.deployment)
        return dataclasses.replace(deployment, state=self._state(deployment.id))

    def older(self, than: ForgeDeployment) -> tuple[ForgeDeployment, ...]:
        """The last few deployments of its task to its environment before this one, newest first,
        without their states."""
        found = self._newest(than.environment, than.task)
        known = [self._api.read(one, "GET /deployments", reading.deployment) for one in found]
        return tuple(one for one in known if one.id < than.id)

    def state_of(self, deployment: ForgeDeployment) -> DeploymentState | None:
        """Where a deployment stands, None where nobody has said anything yet."""
        return self._state(deployment.id)

    def create(
        self,
        *,
        ref: str,
        environment: str,
        task: str,
        description: str,
        payload: Mapping[str, Any],
    ) -> ForgeDeployment:
        """Announce a deployment of the commit `ref`; nothing is merged and no check is awaited.

        The payload gets one more field, `request`, which tells this deployment from any other.
        """
        request = uuid4().hex
        body = {
            "ref": ref,
            "environment": environment,
            "task": task,
            "description": _short(description),
            "payload": {**payload, _REQUEST: request},
            "auto_merge": False,
            "required_contexts": [],
        }
        at = self._api.at("deployments")
        made = self._api.transport.create(
            at, body, look=lambda: self._requested(environment, task, request)
        )
        return self._api.read(made, f"POST {at}", reading.deployment)

    def set_state(
        self,
        deployment_id: int,
        state: DeploymentState,
        *,
        description: str = "",
        log_url: str | None = None,
        environment_url: str | None = None,
    ) -> None:
        """Say where a deployment stands.

        Others of the environment stay as they are: GitHub would call those of other models
        inactive.
        """
        urls = {"log_url": log_url, "environment_url": environment_url}
        body = {
            "state": state.value,
            "description": _short(description),
            "auto_inactive": False,
            **{name: url for name, url in urls.items() if url is not None},
        }
        self._api.transport.create(
            self._at(deployment_id),
            body,
            look=lambda: self._says(deployment_id, state, body["description"]) or None,
        )

    def _says(self, deployment_id: int, state: DeploymentState, description: object) -> bool:
        found = self._last_status(deployment_id)
        if found is None:
            return False
        return self._api.read(found.value, found.file, _told) == (state.value, description)

    def _state(self, deployment_id: int) -> DeploymentState | None:
        found = self._last_status(deployment_id)
        if found is None:
            return None
        return self._api.read(found.value, found.file, reading.deployment_state)

    def _last_status(self, deployment_id: int) -> Node | None:
        return next(self._ours(self._at(deployment_id), {"per_page": _LOOKED_BACK}), None)

    def _newest(self, environment: str, task: str, most: int = _LOOKED_BACK) -> list[Any]:
        params = {"environment": environment, "task": task, "per_page": most}
        return [
            node.value
            for node in self._ours(self._api.at("deployments"), params)
            if self._api.read(node.value, node.file, _place) == (environment, task)
        ]

    def _ours(self, at: str, params: Mapping[str, Any]) -> Iterator[Node]:
        """Those on the first page that we made ourselves, newest first."""
        found = self._api.transport.get(at, dict(params))
        nodes = self._api.read(found, f"GET {at}", lambda node: list(node.items()))
        return (one for one in nodes if self._api.is_created_by_us(one.value, one.file))

    def _requested(self, environment: str, task: str, request: str) -> Any | None:
        found = self._newest(environment, task, most=100)
        return next((one for one in found if _payload(one).get(_REQUEST) == request), None)

    def _at(self, deployment_id: int) -> str:
        return self._api.at("deployments", deployment_id, "statuses")


def _place(node: Node) -> tuple[str, str]:
    return node.field("environment").text(), node.field("task").text()


def _told(status: Node) -> tuple[str, str]:
    description = status.optional("description")
    return status.field("state").text(), description.text() if description else ""


def _payload(deployment: Any) -> Mapping[str, Any]:
    """What was written beside a deployment; GitHub gives it as an object or as JSON in a text."""
    payload = deployment.get("payload")
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError:
            return {}
    return payload if isinstance(payload, dict) else {}


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
