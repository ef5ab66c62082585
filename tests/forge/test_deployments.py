"""Deployments through the API, with what GitHub does to the older ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Place


def deploy(place: Place, **changes: Any) -> dict[str, Any]:
    body = {
        "ref": place.sha,
        "task": "deploy:tumor",
        "auto_merge": False,
        "required_contexts": [],
        "environment": "staging",
        "payload": {"model": "tumor", "version": "1.0.0"},
        "description": "tumor 1.0.0",
        **changes,
    }
    made: dict[str, Any] = place.do("POST", "/deployments", 201, **body)
    return made


def state_of(place: Place, deployment: dict[str, Any]) -> str:
    statuses = place.do("GET", f"/deployments/{deployment['id']}/statuses")
    return str(statuses[0]["state"])


def say(place: Place, deployment: dict[str, Any], state: str, **more: Any) -> dict[str, Any]:
    path = f"/deployments/{deployment['id']}/statuses"
    made: dict[str, Any] = place.do("POST", path, 201, state=state, **more)
    return made


def test_a_deployment_is_found_by_environment_and_task(place: Place) -> None:
    first = deploy(place)
    other = deploy(place, task="deploy:heart")
    deploy(place, environment="dev")
    assert first["payload"] == {"model": "tumor", "version": "1.0.0"}
    assert (first["sha"], first["production_environment"]) == (place.sha, False)
    found = place.do("GET", "/deployments?environment=staging&task=deploy:tumor")
    assert [row["id"] for row in found] == [first["id"]]
    both = place.do("GET", "/deployments?environment=staging")
    assert [row["id"] for row in both] == [other["id"], first["id"]]
    assert place.do("GET", f"/deployments/{first['id']}") == first


def test_a_deployment_makes_its_environment(place: Place) -> None:
    deploy(place)
    assert place.do("GET", "/environments/staging")["protection_rules"] == []


def test_the_last_status_comes_first(place: Place) -> None:
    made = deploy(place)
    say(place, made, "in_progress")
    last = say(place, made, "success", description="serving", log_url="https://ci.example/1")
    assert last["target_url"] == last["log_url"] == "https://ci.example/1"
    states = place.do("GET", f"/deployments/{made['id']}/statuses")
    assert [one["state"] for one in states] == ["success", "in_progress"]
    one = place.do("GET", f"/deployments/{made['id']}/statuses/{last['id']}")
    assert one == last


def test_a_success_retires_the_older_ones_of_its_environment_whatever_their_task(
    place: Place,
) -> None:
    older, elsewhere = deploy(place), deploy(place, environment="dev")
    failed, newer = deploy(place), deploy(place, task="deploy:heart")
    for one, state in ((older, "success"), (elsewhere, "success"), (failed, "failure")):
        say(place, one, state, auto_inactive=False)
    say(place, newer, "success")
    assert [state_of(place, one) for one in (older, elsewhere, failed, newer)] == [
        "inactive",
        "success",
        "failure",
        "success",
    ]


def test_nothing_is_retired_in_production_or_where_it_is_not_wanted(place: Place) -> None:
    for environment, wanted in (("production", True), ("staging", False)):
        older = deploy(place, environment=environment)
        say(place, older, "success")
        newer = deploy(place, environment=environment)
        say(place, newer, "success", auto_inactive=wanted)
        assert state_of(place, older) == "success"


def test_checks_that_have_not_passed_stand_in_the_way(place: Place) -> None:
    status = {"state": "pending", "context": "gate"}
    assert place.root.post(f"/repos/acme/models/statuses/{place.sha}", json=status).is_success
    body = {"ref": "main", "environment": "staging"}
    refused = place.root.post("/repos/acme/models/deployments", json=body)
    assert refused.status_code == 409
    assert "Commit status checks failed for main" in refused.text
    place.do("POST", "/deployments", 201, **body, required_contexts=[])


def test_what_cannot_be_is_refused(place: Place) -> None:
    place.do("POST", "/deployments", 422, ref="nowhere")
    made = deploy(place)
    path = f"/deployments/{made['id']}/statuses"
    place.do("POST", path, 422, state="success", description="x" * 141)
    place.do("GET", "/deployments/1", 404)


def test_an_active_one_is_not_deleted_while_there_are_others(place: Place) -> None:
    first, _ = deploy(place), deploy(place)
    say(place, first, "success")
    place.do("DELETE", f"/deployments/{first['id']}", 422)
    say(place, first, "inactive")
    place.do("DELETE", f"/deployments/{first['id']}", 204)
    place.do("GET", f"/deployments/{first['id']}", 404)


def test_events_tell_of_both(place: Place) -> None:
    say(place, deploy(place), "success")
    created, status = place.forge.events[-2:]
    assert (created.name, status.name) == ("deployment", "deployment_status")
    assert status.payload["deployment_status"]["state"] == "success"
    assert status.payload["deployment"]["environment"] == "staging"
    assert status.payload["repository"]["full_name"] == "acme/models"
    assert status.payload["sender"]["login"] == "root"
