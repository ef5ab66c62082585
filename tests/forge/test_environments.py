"""Environments through the API: protection, branch policies, secrets' names, variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Place

CUSTOM = {"protected_branches": False, "custom_branch_policies": True}


def test_an_environment_is_made_by_its_first_put_and_reset_by_each(place: Place) -> None:
    team = place.forge.add_team("acme", "platform", ["pat"])
    reviewers = [{"type": "Team", "id": team.id}]
    made = place.do(
        "PUT",
        "/environments/production",
        reviewers=reviewers,
        wait_timer=5,
        prevent_self_review=True,
        deployment_branch_policy=CUSTOM,
    )
    rules = {rule["type"]: rule for rule in made["protection_rules"]}
    assert set(rules) == {"wait_timer", "required_reviewers", "branch_policy"}
    assert rules["required_reviewers"]["prevent_self_review"] is True
    assert rules["required_reviewers"]["reviewers"][0]["reviewer"]["slug"] == "platform"
    assert made["deployment_branch_policy"] == CUSTOM
    assert place.do("GET", "/environments/production") == made
    reset = place.do("PUT", "/environments/production", wait_timer=0)
    assert reset["protection_rules"] == []
    assert reset["deployment_branch_policy"] is None
    assert place.do("GET", "/environments")["total_count"] == 1


def test_a_reviewer_who_does_not_exist_and_a_policy_of_nothing_are_refused(place: Place) -> None:
    place.do("PUT", "/environments/x", 422, reviewers=[{"type": "User", "id": 999_999}])
    neither = {"protected_branches": False, "custom_branch_policies": False}
    place.do("PUT", "/environments/x", 422, deployment_branch_policy=neither)
    place.do("GET", "/environments/x", 404)


def test_branch_policies_need_an_environment_that_asks_for_them(place: Place) -> None:
    path = "/environments/dev/deployment-branch-policies"
    place.do("PUT", "/environments/dev", wait_timer=0)
    place.do("POST", path, 404, name="main")
    place.do("PUT", "/environments/dev", deployment_branch_policy=CUSTOM)
    made = place.do("POST", path, name="main")
    assert (made["name"], made["type"]) == ("main", "branch")
    changed = place.do("PUT", f"{path}/{made['id']}", name="release/*")
    assert changed["name"] == "release/*"
    assert place.do("GET", path) == {"total_count": 1, "branch_policies": [changed]}
    place.do("DELETE", f"{path}/{made['id']}", 204)
    assert place.do("GET", path)["total_count"] == 0


def test_a_branch_policy_that_is_there_is_not_made_again(place: Place) -> None:
    path = "/environments/dev/deployment-branch-policies"
    place.do("PUT", "/environments/dev", deployment_branch_policy=CUSTOM)
    place.do("POST", path, name="main")
    place.do("POST", path, 303, name="main")
    assert place.do("GET", path)["total_count"] == 1


def test_secrets_are_known_by_name_alone(place: Place) -> None:
    place.do("PUT", "/environments/dev", wait_timer=0)
    key = place.do("GET", "/environments/dev/secrets/public-key")
    sealed = {"encrypted_value": "c2VjcmV0", "key_id": key["key_id"]}
    place.do("PUT", "/environments/dev/secrets/APP_KEY", 201, **sealed)
    place.do("PUT", "/environments/dev/secrets/APP_KEY", 204, **sealed)
    listed = place.do("GET", "/environments/dev/secrets")
    assert [row["name"] for row in listed["secrets"]] == ["APP_KEY"]
    assert "c2VjcmV0" not in str(listed) + str(place.repository.settings)
    place.do("DELETE", "/environments/dev/secrets/APP_KEY", 204)
    assert place.do("GET", "/environments/dev/secrets")["total_count"] == 0


def test_variables_are_made_changed_and_removed(place: Place) -> None:
    path = "/environments/dev/variables"
    place.do("PUT", "/environments/dev", wait_timer=0)
    place.do("POST", path, 201, name="APP_ID", value="12")
    place.do("POST", path, 409, name="APP_ID", value="12")
    place.do("PATCH", f"{path}/APP_ID", 204, value="13")
    assert place.do("GET", f"{path}/APP_ID")["value"] == "13"
    assert place.do("GET", path)["total_count"] == 1
    place.do("DELETE", f"{path}/APP_ID", 204)
    place.do("GET", f"{path}/APP_ID", 404)


def test_a_deleted_environment_is_gone(place: Place) -> None:
    place.do("PUT", "/environments/dev", wait_timer=0)
    place.do("DELETE", "/environments/dev", 204)
    assert place.do("GET", "/environments")["environments"] == []


def test_a_repository_has_secrets_and_variables_of_its_own(place: Place) -> None:
    place.do("PUT", "/environments/dev", wait_timer=0)
    place.do("POST", "/actions/variables", 201, name="REGISTRY", value="here")
    sealed = {"encrypted_value": "c2VjcmV0", "key_id": "1"}
    place.do("PUT", "/actions/secrets/TOKEN", 201, **sealed)
    assert [row["name"] for row in place.do("GET", "/actions/secrets")["secrets"]] == ["TOKEN"]
    assert place.do("GET", "/actions/variables/REGISTRY")["value"] == "here"
    assert place.do("GET", "/environments/dev/secrets")["total_count"] == 0
    assert place.do("GET", "/environments/dev/variables")["total_count"] == 0
    place.do("GET", "/environments/gone/secrets", 404)
