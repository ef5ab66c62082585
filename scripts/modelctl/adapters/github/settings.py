"""The repository's settings, as JSON in and out: what is wanted of them is decided elsewhere.

Each method may raise ModelctlError, when GitHub refuses or there is no such thing, and
DependencyError, when there is no usable answer. All writes may be repeated without harm.
"""

from __future__ import annotations

from typing import Any

from modelctl.adapters.github import failures
from modelctl.adapters.github.repository import RepositoryApi
from modelctl.adapters.github.transport import path

Json = dict[str, Any]


class Settings:
    """Rulesets, environments, labels, teams, Actions, and the App's installation."""

    def __init__(self, api: RepositoryApi):
        self._api = api
        self._send = api.transport.send

    # The repository itself, https://docs.github.com/rest/repos/repos
    def repository(self) -> Json:
        """The repository's own settings."""
        return self._object(self._api.at())

    def update_repository(self, values: Json) -> Json:
        """Change some of the repository's own settings."""
        return self._changed("PATCH", self._api.at(), values)

    def codeowners_errors(self, ref: str | None = None) -> list[Json]:
        """What GitHub finds wrong with CODEOWNERS on a branch; it ignores those lines."""
        at = self._api.at("codeowners", "errors")
        found = self._api.transport.get(at, {"ref": ref} if ref else {})
        return self._list_in(found, "errors", at)

    # https://docs.github.com/rest/repos/rules
    def rulesets(self) -> list[Json]:
        """The repository's own rulesets, in short: without their rules and conditions."""
        return list(
            self._api.transport.pages(self._api.at("rulesets"), {"includes_parents": False})
        )

    def ruleset(self, ruleset_id: int) -> Json:
        """A ruleset as a whole."""
        return self._object(self._api.at("rulesets", ruleset_id))

    def create_ruleset(self, values: Json) -> Json:
        """Create a ruleset; its name tells it from any other."""
        named = values.get("name")

        def look() -> Json | None:
            return next((one for one in self.rulesets() if one.get("name") == named), None)

        made: Json = self._api.transport.create(self._api.at("rulesets"), values, look=look)
        return made

    def update_ruleset(self, ruleset_id: int, values: Json) -> Json:
        """Replace a ruleset."""
        return self._changed("PUT", self._api.at("rulesets", ruleset_id), values)

    def delete_ruleset(self, ruleset_id: int) -> None:
        """Delete a ruleset."""
        self._send("DELETE", self._api.at("rulesets", ruleset_id), accept=(404,))

    # https://docs.github.com/rest/deployments/environments
    def environments(self) -> list[Json]:
        """The environments with their protection rules."""
        return self._listed(self._api.at("environments"), "environments")

    def put_environment(self, name: str, values: Json) -> Json:
        """Create or replace an environment."""
        return self._changed("PUT", self._api.at("environments", name), values)

    def delete_environment(self, name: str) -> None:
        """Delete an environment with its secrets."""
        self._send("DELETE", self._api.at("environments", name), accept=(404,))

    def branch_policies(self, environment: str) -> list[Json]:
        """The branches and tags that may deploy to an environment."""
        at = self._api.at("environments", environment, "deployment-branch-policies")
        return self._listed(at, "branch_policies")

    def add_branch_policy(self, environment: str, name: str, kind: str = "branch") -> None:
        """Let branches (or tags) of that name deploy to an environment."""
        at = self._api.at("environments", environment, "deployment-branch-policies")
        # GitHub answers 303 where there is one of that name already.
        self._send("POST", at, {"name": name, "type": kind}, accept=(303,))

    def delete_branch_policy(self, environment: str, policy_id: int) -> None:
        """Let branches no longer deploy to an environment."""
        at = self._api.at("environments", environment, "deployment-branch-policies", policy_id)
        self._send("DELETE", at, accept=(404,))

    def secrets(self, environment: str | None = None) -> frozenset[str]:
        """The names of the secrets of the repository, or of an environment. Never a value."""
        where = ("environments", environment) if environment else ("actions",)
        found = self._listed(self._api.at(*where, "secrets"), "secrets")
        return frozenset(str(one.get("name")) for one in found)

    def variables(self, environment: str | None = None) -> dict[str, str]:
        """The variables of the repository, or of an environment."""
        found = self._listed(self._variables(environment), "variables", per_page=30)
        return {str(one.get("name")): str(one.get("value")) for one in found}

    def set_variable(self, name: str, value: str, environment: str | None = None) -> None:
        """Create or change a variable."""
        at, body = self._variables(environment), {"name": name, "value": value}
        changed = self._send("PATCH", f"{at}{path(name)}", body, accept=(404,))
        if changed.status == 404:
            self._send("POST", at, body, accept=(409,))

    # https://docs.github.com/rest/issues/labels
    def labels(self) -> list[Json]:
        """The labels of the repository."""
        return list(self._api.transport.pages(self._api.at("labels")))

    def create_label(self, values: Json) -> None:
        """Create a label: name, color (six hexadecimal digits), description."""
        at = self._api.at("labels")
        answer = self._send("POST", at, values, accept=(422,))
        if answer.status == 422 and "already_exists" not in str(answer.data):
            raise self._api.transport.refusal(f"POST {at}", answer)

    def update_label(self, name: str, values: Json) -> None:
        """Change a label; `new_name` renames it."""
        self._send("PATCH", self._api.at("labels", name), values)

    def delete_label(self, name: str) -> None:
        """Delete a label, and take it off everything."""
        self._send("DELETE", self._api.at("labels", name), accept=(404,))

    # https://docs.github.com/rest/teams/teams
    def teams(self) -> list[Json] | None:
        """The teams of the organisation that we may see; None where the owner is a person."""
        return self._api.transport.listed(
            path("orgs", self._api.access.owner, "teams"), absent=(404,)
        )

    def create_team(self, values: Json) -> None:
        """Create a team of the organisation."""
        at = path("orgs", self._api.access.owner, "teams")
        slug = str(values.get("name")).lower().replace(" ", "-")
        there = path("orgs", self._api.access.owner, "teams", slug)
        self._api.transport.create(
            at, values, look=lambda: self._api.transport.get(there, absent=(404,))
        )

    def team_access(self) -> list[Json]:
        """The teams that have access to the repository, each with its `permission`."""
        return list(self._api.transport.pages(self._api.at("teams")))

    def grant_team(self, slug: str, permission: str) -> None:
        """Give a team access: pull, triage, push, maintain, admin, or a role's name."""
        self._send("PUT", self._team_repository(slug), {"permission": permission})

    def revoke_team(self, slug: str) -> None:
        """Take a team's access away."""
        self._send("DELETE", self._team_repository(slug), accept=(404,))

    # https://docs.github.com/rest/actions/permissions
    def actions_permissions(self) -> Json:
        """Whether Actions run, and whose actions."""
        return self._object(self._actions())

    def put_actions_permissions(self, values: Json) -> None:
        """Say whether Actions run, and whose actions."""
        self._send("PUT", self._actions(), values)

    def selected_actions(self) -> Json | None:
        """The actions that may run; None unless they are selected one by one."""
        found: Json | None = self._api.transport.get(
            self._actions("selected-actions"), absent=(404, 409)
        )
        return found

    def put_selected_actions(self, values: Json) -> None:
        """Select the actions that may run."""
        self._send("PUT", self._actions("selected-actions"), values)

    def workflow_permissions(self) -> Json:
        """What the token of a workflow may do unless it says so itself."""
        return self._object(self._actions("workflow"))

    def put_workflow_permissions(self, values: Json) -> None:
        """Say what the token of a workflow may do unless it says so itself."""
        self._send("PUT", self._actions("workflow"), values)

    # https://docs.github.com/rest/apps/apps
    def installation(self) -> Json:
        """The App's installation on this repository, with its permissions and events."""
        return self._object(self._api.at("installation"), as_app=True)

    def app(self) -> Json:
        """The App itself."""
        return self._object("/app", as_app=True)

    def _object(self, at: str, *, as_app: bool = False) -> Json:
        found = self._api.transport.get(at, as_app=as_app)
        if not isinstance(found, dict):
            raise failures.unreadable(f"GET {at}", "it is no object")
        return found

    def _changed(self, verb: str, at: str, values: Json) -> Json:
        found = self._send(verb, at, values).data
        return found if isinstance(found, dict) else {}

    def _listed(self, at: str, key: str, per_page: int = 100) -> list[Json]:
        return list(self._api.transport.pages(at, key=key, per_page=per_page))

    def _list_in(self, found: Any, key: str, at: str) -> list[Json]:
        listed = found.get(key) if isinstance(found, dict) else None
        if not isinstance(listed, list):
            raise failures.unreadable(f"GET {at}", f"it has no list {key}")
        return listed

    def _variables(self, environment: str | None) -> str:
        where = ("environments", environment) if environment else ("actions",)
        return self._api.at(*where, "variables")

    def _team_repository(self, slug: str) -> str:
        owner, name = self._api.access.owner, self._api.access.name
        return path("orgs", owner, "teams", slug, "repos", owner, name)

    def _actions(self, *parts: str) -> str:
        return self._api.at("actions", "permissions", *parts)
