"""The repository's settings: JSON in and out, and writes that may be repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from modelctl.adapters.github import GitHub
from modelctl.adapters.github.settings import Settings
from modelctl.errors import DependencyError, ModelctlError
from support.api_server import ApiServer, Asked, Reply

REPO = "/repos/acme/models"
TEAM = "/orgs/acme/teams/ml/repos/acme/models"
ONE: dict[str, Any] = {"name": "one"}
Call = Callable[[Settings], object]

READS: list[tuple[str, object, Call, object]] = [
    (REPO, ONE, lambda s: s.repository(), ONE),
    (f"{REPO}/codeowners/errors", {"errors": [ONE]}, lambda s: s.codeowners_errors("main"), [ONE]),
    (f"{REPO}/codeowners/errors", {"errors": []}, lambda s: s.codeowners_errors(), []),
    (f"{REPO}/rulesets", [ONE], lambda s: s.rulesets(), [ONE]),
    (f"{REPO}/rulesets/5", ONE, lambda s: s.ruleset(5), ONE),
    (f"{REPO}/environments", {"environments": [ONE]}, lambda s: s.environments(), [ONE]),
    (
        f"{REPO}/environments/a%2Fb/deployment-branch-policies",
        {"total_count": 1, "branch_policies": [ONE]},
        lambda s: s.branch_policies("a/b"),
        [ONE],
    ),
    (f"{REPO}/actions/secrets", {"secrets": [ONE]}, lambda s: s.secrets(), {"one"}),
    (f"{REPO}/environments/x/secrets", {"secrets": []}, lambda s: s.secrets("x"), set()),
    (
        f"{REPO}/environments/x/variables",
        {"variables": [{"name": "a", "value": "b"}]},
        lambda s: s.variables("x"),
        {"a": "b"},
    ),
    (f"{REPO}/actions/variables", {"variables": []}, lambda s: s.variables(), {}),
    (f"{REPO}/labels", [ONE], lambda s: s.labels(), [ONE]),
    ("/orgs/acme/teams", [ONE], lambda s: s.teams(), [ONE]),
    (f"{REPO}/teams", [ONE], lambda s: s.team_access(), [ONE]),
    (f"{REPO}/actions/permissions", ONE, lambda s: s.actions_permissions(), ONE),
    (f"{REPO}/actions/permissions/workflow", ONE, lambda s: s.workflow_permissions(), ONE),
    (f"{REPO}/actions/permissions/selected-actions", ONE, lambda s: s.selected_actions(), ONE),
]


@pytest.mark.parametrize(("at", "body", "call", "expected"), READS)
def test_what_is_read(
    user: GitHub, server: ApiServer, at: str, body: object, call: Call, expected: object
) -> None:
    server.on("GET", at, Reply(body=body))
    assert call(user.settings) == expected
    assert (server.unknown, user.calls) == ([], 1)


@pytest.mark.parametrize("call", [lambda s: s.teams(), lambda s: s.selected_actions()])
def test_what_need_not_be_there(user: GitHub, call: Call) -> None:
    assert call(user.settings) is None


WRITES: list[tuple[str, str, object, Call]] = [
    ("PATCH", REPO, ONE, lambda s: s.update_repository(ONE)),
    ("POST", f"{REPO}/rulesets", ONE, lambda s: s.create_ruleset(ONE)),
    ("PUT", f"{REPO}/rulesets/5", ONE, lambda s: s.update_ruleset(5, ONE)),
    ("DELETE", f"{REPO}/rulesets/5", None, lambda s: s.delete_ruleset(5)),
    ("PUT", f"{REPO}/environments/dev", ONE, lambda s: s.put_environment("dev", ONE)),
    ("DELETE", f"{REPO}/environments/dev", None, lambda s: s.delete_environment("dev")),
    (
        "POST",
        f"{REPO}/environments/dev/deployment-branch-policies",
        {"name": "main", "type": "branch"},
        lambda s: s.add_branch_policy("dev", "main"),
    ),
    (
        "DELETE",
        f"{REPO}/environments/dev/deployment-branch-policies/3",
        None,
        lambda s: s.delete_branch_policy("dev", 3),
    ),
    (
        "PATCH",
        f"{REPO}/actions/variables/A",
        {"name": "A", "value": "b"},
        lambda s: s.set_variable("A", "b"),
    ),
    ("POST", f"{REPO}/labels", ONE, lambda s: s.create_label(ONE)),
    ("PATCH", f"{REPO}/labels/gate%3A%20ready", ONE, lambda s: s.update_label("gate: ready", ONE)),
    ("DELETE", f"{REPO}/labels/x", None, lambda s: s.delete_label("x")),
    ("POST", "/orgs/acme/teams", ONE, lambda s: s.create_team(ONE)),
    ("PUT", TEAM, {"permission": "push"}, lambda s: s.grant_team("ml", "push")),
    ("DELETE", TEAM, None, lambda s: s.revoke_team("ml")),
    ("PUT", f"{REPO}/actions/permissions", ONE, lambda s: s.put_actions_permissions(ONE)),
    (
        "PUT",
        f"{REPO}/actions/permissions/selected-actions",
        ONE,
        lambda s: s.put_selected_actions(ONE),
    ),
    ("PUT", f"{REPO}/actions/permissions/workflow", ONE, lambda s: s.put_workflow_permissions(ONE)),
]


@pytest.mark.parametrize(("verb", "at", "body", "call"), WRITES)
def test_what_is_written(
    user: GitHub, server: ApiServer, verb: str, at: str, body: object, call: Call
) -> None:
    answer = Reply(status=204) if verb in ("DELETE", "PUT") else Reply(body=ONE)
    server.on(verb, at, answer)
    call(user.settings)
    assert server.bodies(verb, at) == [body]
    assert user.calls == 1


@pytest.mark.parametrize(("verb", "at", "body", "call"), [w for w in WRITES if w[0] == "DELETE"])
def test_what_is_gone_already(
    user: GitHub, server: ApiServer, verb: str, at: str, body: object, call: Call
) -> None:
    server.on(verb, at, Reply(drop=True), Reply(status=404, body={"message": "Not Found"}))
    call(user.settings)
    assert server.bodies(verb, at) == [body, body]


def test_a_ruleset_whose_answer_was_lost(user: GitHub, server: ApiServer) -> None:
    made: list[dict[str, Any]] = [{"name": "other", "id": 1}]

    def lost(asked: Asked) -> Reply:
        made.append({**asked.body, "id": 2})
        return Reply(drop=True)

    server.on("POST", f"{REPO}/rulesets", lost)
    server.on("GET", f"{REPO}/rulesets", lambda _: Reply(body=made))
    assert user.settings.create_ruleset(ONE) == {"name": "one", "id": 2}
    assert len(made) == 2


def test_a_team_whose_answer_was_lost(user: GitHub, server: ApiServer) -> None:
    server.on("POST", "/orgs/acme/teams", Reply(status=502))
    server.on("GET", "/orgs/acme/teams/ml-leads", Reply(body={"slug": "ml-leads"}))
    user.settings.create_team({"name": "ML Leads"})
    assert server.sent() == ["POST /orgs/acme/teams", "GET /orgs/acme/teams/ml-leads"]


def test_a_label_that_is_there(user: GitHub, server: ApiServer) -> None:
    there = {"message": "Validation Failed", "errors": [{"code": "already_exists"}]}
    server.on("POST", f"{REPO}/labels", Reply(status=422, body=there))
    user.settings.create_label(ONE)
    server.on("POST", f"{REPO}/labels", Reply(status=422, body={"message": "color is invalid"}))
    with pytest.raises(ModelctlError, match="color is invalid"):
        user.settings.create_label(ONE)


def test_a_new_variable(user: GitHub, server: ApiServer) -> None:
    at = f"{REPO}/environments/dev/variables"
    server.on("POST", at, Reply(status=201))
    user.settings.set_variable("A", "b", "dev")
    assert server.sent() == [f"PATCH {at}/A", f"POST {at}"]


@pytest.mark.parametrize("call", [lambda s: s.repository(), lambda s: s.codeowners_errors()])
def test_what_is_no_object(user: GitHub, server: ApiServer, call: Call) -> None:
    for at in (REPO, f"{REPO}/codeowners/errors"):
        server.on("GET", at, Reply(body=[]))
    with pytest.raises(DependencyError, match="can't be used"):
        call(user.settings)
