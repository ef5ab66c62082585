"""Team access, Actions' permissions, the repository's own settings, CODEOWNERS errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Place

OWNERS = """\
# who reviews what
*            @acme/platform
/docs/       @ada someone@example.com   # the writers
!/private/   @ada
/models/[ab] @ada
/policies/   @acme/ghosts @nobody not-an-owner
"""


def test_a_team_is_given_access_and_loses_it(place: Place) -> None:
    place.forge.add_team("acme", "platform", ["pat"])
    path = "/orgs/acme/teams/platform/repos/acme/models"
    assert place.root.get(path).status_code == 404
    assert place.root.put(path, json={"permission": "maintain"}).status_code == 204
    assert place.root.get(path).status_code == 204
    (team,) = place.do("GET", "/teams")
    assert (team["slug"], team["permission"]) == ("platform", "maintain")
    assert team["permissions"]["push"] is True
    assert team["permissions"]["admin"] is False
    assert place.forge.state.role(place.repository, "pat") == "maintain"
    assert place.root.delete(path).status_code == 204
    assert place.do("GET", "/teams") == []


def test_a_team_is_made_by_who_governs_the_organisation(place: Place) -> None:
    body = {"name": "ML Leads", "description": "lead", "privacy": "closed"}
    made = place.root.post("/orgs/acme/teams", json=body)
    assert made.status_code == 201
    assert made.json()["slug"] == "ml-leads"
    assert place.forge.state.team("acme", "ml-leads").members == {"root": "member"}
    assert place.root.post("/orgs/acme/teams", json=body).status_code == 422
    with place.client("ada") as ada:
        assert ada.post("/orgs/acme/teams", json={"name": "mine"}).status_code == 403


def test_access_that_does_not_exist_is_refused(place: Place) -> None:
    place.forge.add_team("acme", "platform", [])
    path = "/orgs/acme/teams/platform/repos/acme/models"
    assert place.root.put(path, json={"permission": "owner"}).status_code == 422
    gone = "/orgs/acme/teams/ghosts/repos/acme/models"
    assert place.root.put(gone, json={"permission": "push"}).status_code == 404


def test_what_actions_may_do(place: Place) -> None:
    path = "/actions/permissions"
    assert place.do("GET", path)["allowed_actions"] == "all"
    place.do("GET", f"{path}/selected-actions", 409)
    place.do("PUT", path, 204, enabled=True, allowed_actions="selected", sha_pinning_required=True)
    held = place.do("GET", path)
    assert (held["allowed_actions"], held["sha_pinning_required"]) == ("selected", True)
    selected = {
        "github_owned_allowed": True,
        "verified_allowed": False,
        "patterns_allowed": ["astral-sh/setup-uv@*"],
    }
    place.do("PUT", f"{path}/selected-actions", 204, **selected)
    assert place.do("GET", f"{path}/selected-actions") == selected
    place.do("PUT", path, 204, enabled=False)
    assert place.do("GET", path) == {"enabled": False, "sha_pinning_required": True}


def test_what_a_workflows_own_token_may_do(place: Place) -> None:
    path = "/actions/permissions/workflow"
    assert place.do("GET", path)["default_workflow_permissions"] == "read"
    wanted = {"default_workflow_permissions": "write", "can_approve_pull_request_reviews": True}
    place.do("PUT", path, 204, **wanted)
    assert place.do("GET", path) == wanted
    forks = "/actions/permissions/fork-pr-contributor-approval"
    place.do("PUT", forks, 204, approval_policy="all_external_contributors")
    assert place.do("GET", forks) == {"approval_policy": "all_external_contributors"}


def test_the_buttons_of_a_repository(place: Place) -> None:
    changed = place.do("PATCH", "", allow_squash_merge=False, delete_branch_on_merge=True)
    assert (changed["allow_squash_merge"], changed["delete_branch_on_merge"]) == (False, True)
    assert place.do("GET", "")["allow_squash_merge"] is False
    place.do("PATCH", "", 422, allow_merge_commit=False, allow_rebase_merge=False)
    assert place.do("GET", "")["allow_merge_commit"] is True


def test_the_default_branch_has_to_exist(place: Place) -> None:
    place.do("PATCH", "", 422, default_branch="trunk")
    place.commit("trunk", {"a.txt": "a\n"})
    assert place.do("PATCH", "", default_branch="trunk")["default_branch"] == "trunk"
    assert (place.bare / "HEAD").read_text() == "ref: refs/heads/trunk\n"


def test_who_only_writes_changes_no_setting(place: Place) -> None:
    with place.client("ada") as ada:
        patched = ada.patch("/repos/acme/models", json={"allow_auto_merge": True})
        assert patched.status_code == 403
        assert ada.get("/repos/acme/models/actions/permissions").status_code == 403


def test_codeowners_errors_name_the_line_the_column_and_the_kind(place: Place) -> None:
    place.forge.add_user("ada")
    place.forge.add_user("robot", email="someone@example.com")
    place.forge.add_team("acme", "platform", ["ada"])
    place.repository.team_roles["platform"] = "write"
    place.commit("main", {"CODEOWNERS": OWNERS})
    errors = place.do("GET", "/codeowners/errors")["errors"]
    assert [(one["line"], one["column"], one["kind"]) for one in errors] == [
        (4, 1, "Invalid pattern"),
        (5, 1, "Invalid pattern"),
        (6, 14, "Unknown owner"),
        (6, 27, "Unknown owner"),
        (6, 35, "Invalid owner"),
    ]
    assert all(one["path"] == "CODEOWNERS" for one in errors)
    assert errors[2]["message"].endswith("\n\n  " + OWNERS.splitlines()[5] + "\n" + " " * 15 + "^")


def test_codeowners_of_another_branch_and_of_a_team_that_only_reads(place: Place) -> None:
    place.do("GET", "/codeowners/errors", 404)
    place.forge.add_team("acme", "platform", [])
    place.repository.team_roles["platform"] = "read"
    place.commit("topic", {".github/CODEOWNERS": "* @acme/platform\n", "CODEOWNERS": "* @nobody\n"})
    (error,) = place.do("GET", "/codeowners/errors?ref=topic")["errors"]
    assert error["path"] == ".github/CODEOWNERS"
    assert "@acme/platform exists" in error["message"]
