"""Rulesets through the API: what is filled in, what is refused, who sees what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Place

PULL_REQUEST = {
    "type": "pull_request",
    "parameters": {
        "required_approving_review_count": 1,
        "dismiss_stale_reviews_on_push": True,
        "require_code_owner_review": False,
        "require_last_push_approval": True,
        "required_review_thread_resolution": False,
    },
}


def ruleset(**changes: Any) -> dict[str, Any]:
    return {
        "name": "production",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": ["refs/heads/main"]}},
        "rules": [PULL_REQUEST, {"type": "deletion"}],
        **changes,
    }


def test_what_is_left_out_is_filled_in_as_github_does(place: Place) -> None:
    made = place.do("POST", "/rulesets", 201, **ruleset())
    assert made["target"] == "branch"
    assert made["source_type"] == "Repository"
    assert made["source"] == "acme/models"
    assert made["bypass_actors"] == []
    assert made["conditions"]["ref_name"] == {"include": ["refs/heads/main"], "exclude": []}
    parameters = made["rules"][0]["parameters"]
    assert parameters["required_reviewers"] == []
    assert parameters["allowed_merge_methods"] == ["merge", "squash", "rebase"]
    assert made["rules"][1] == {"type": "deletion"}
    assert place.do("GET", f"/rulesets/{made['id']}") == made
    assert place.repository.rulesets[made["id"]]["rules"] == made["rules"]


def test_a_list_leaves_out_rules_and_conditions(place: Place) -> None:
    place.do("POST", "/rulesets", 201, **ruleset())
    place.do("POST", "/rulesets", 201, **ruleset(name="tags", target="tag"))
    listed = place.do("GET", "/rulesets")
    assert [row["name"] for row in listed] == ["tags", "production"]
    assert not any({"rules", "conditions", "bypass_actors"} & set(row) for row in listed)
    assert [row["name"] for row in place.do("GET", "/rulesets?targets=branch")] == ["production"]


def test_a_put_changes_only_what_it_names(place: Place) -> None:
    made = place.do("POST", "/rulesets", 201, **ruleset())
    changed = place.do("PUT", f"/rulesets/{made['id']}", enforcement="disabled")
    assert changed["enforcement"] == "disabled"
    assert changed["rules"] == made["rules"]


def test_a_deleted_one_is_gone(place: Place) -> None:
    made = place.do("POST", "/rulesets", 201, **ruleset())
    place.do("DELETE", f"/rulesets/{made['id']}", 204)
    place.do("GET", f"/rulesets/{made['id']}", 404)
    assert place.do("GET", "/rulesets") == []


def test_two_of_a_name_are_refused(place: Place) -> None:
    place.do("POST", "/rulesets", 201, **ruleset())
    refused = place.do("POST", "/rulesets", 422, **ruleset())
    assert refused["errors"][0]["message"] == "Name must be unique"


def test_a_bypass_for_an_app_that_does_not_exist_is_refused(place: Place) -> None:
    actor = {"actor_type": "Integration", "actor_id": 999_999}
    place.do("POST", "/rulesets", 422, **ruleset(bypass_actors=[actor]))
    app = place.forge.add_app("modelctl", permissions={"contents": "write"})
    made = place.do(
        "POST", "/rulesets", 201, **ruleset(bypass_actors=[actor | {"actor_id": app.id}])
    )
    assert made["bypass_actors"] == [actor | {"actor_id": app.id, "bypass_mode": "always"}]


def test_only_an_admin_changes_rules_or_sees_who_bypasses_them(place: Place) -> None:
    made = place.do("POST", "/rulesets", 201, **ruleset())
    with place.client("ada") as ada:
        assert ada.put(
            f"/repos/acme/models/rulesets/{made['id']}", json={"enforcement": "disabled"}
        ).status_code in {403, 404}
        seen = ada.get(f"/repos/acme/models/rulesets/{made['id']}").json()
    assert seen["rules"] == made["rules"]
    assert "bypass_actors" not in seen


def test_the_rules_of_a_branch_are_those_of_every_active_ruleset(place: Place) -> None:
    first = place.do("POST", "/rulesets", 201, **ruleset())
    place.do("POST", "/rulesets", 201, **ruleset(name="off", enforcement="disabled"))
    found = place.do("GET", "/rules/branches/main")
    assert [(rule["type"], rule["ruleset_id"]) for rule in found] == [
        ("pull_request", first["id"]),
        ("deletion", first["id"]),
    ]
    assert found[0]["parameters"] == first["rules"][0]["parameters"]
    assert place.do("GET", "/rules/branches/promote/tumor/1.0.0/staging") == []
