"""Check runs and statuses, and which of them a merge waits for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from forge.auth import issue
from forge.people import Person, Refused
from support.cast import Cast

if TYPE_CHECKING:
    from conftest import Place
    from forge.values import App

OUTPUT = {"title": "Passes", "summary": "All gates pass."}


@pytest.fixture
def cast(place: Place) -> Iterator[Cast]:
    people = Cast(place.forge, "acme/models")
    yield people
    people.close()


def bot(place: Place, cast: Cast, slug: str, **permissions: str) -> tuple[App, Person]:
    app = place.forge.add_app(slug, permissions={"checks": "write", **permissions})
    return app, cast.with_token(issue(place.forge.state, app).value)


def run(person: Person, sha: str, conclusion: str | None = "success", **more: Any) -> Any:
    body = {"name": "promotion-gate", "head_sha": sha, "output": OUTPUT, **more}
    if conclusion is not None:
        body |= {"conclusion": conclusion, "status": "completed"}
    return person.call("POST", "check-runs", body)


def demand(place: Place, app: int | None, **more: Any) -> None:
    check = {"context": "promotion-gate", **({"integration_id": app} if app else {})}
    parameters = {
        "required_status_checks": [check],
        "strict_required_status_checks_policy": False,
        **more,
    }
    place.do(
        "POST",
        "/rulesets",
        201,
        name="checks",
        enforcement="active",
        conditions={"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
        rules=[{"type": "required_status_checks", "parameters": parameters}],
    )


def test_a_run_is_made_and_followed(place: Place, cast: Cast) -> None:
    app, gate = bot(place, cast, "gate")
    made = run(gate, place.sha, None, status="in_progress", external_id="7")
    assert (made["status"], made["conclusion"], made["external_id"]) == ("in_progress", None, "7")
    assert made["app"]["id"] == app.id
    note = {
        "path": "a",
        "start_line": 1,
        "end_line": 1,
        "annotation_level": "failure",
        "message": "No.",
    }
    output = {**OUTPUT, "annotations": [note]}
    path = f"check-runs/{made['id']}"
    gate.call("PATCH", path, {"output": output})
    done = gate.call("PATCH", path, {"conclusion": "failure", "output": output})
    assert (done["status"], done["conclusion"]) == ("completed", "failure")
    assert done["output"]["annotations_count"] == 2
    assert gate.call("GET", f"{path}/annotations")[0]["message"] == "No."
    actions = [event.payload["action"] for event in place.forge.events]
    assert actions == ["created", "completed"]


def test_only_apps_make_runs_and_only_their_own(place: Place, cast: Cast) -> None:
    with pytest.raises(Refused, match=r"403 You must authenticate via a GitHub App."):
        run(cast.person("ada"), place.sha)
    _, gate = bot(place, cast, "gate")
    _, other = bot(place, cast, "other")
    made = run(gate, place.sha)
    with pytest.raises(Refused, match="403 Invalid app_id"):
        other.call("PATCH", f"check-runs/{made['id']}", {"conclusion": "failure"})


def test_a_workflows_token_needs_the_permission(place: Place, cast: Cast) -> None:
    token = place.forge.actions_token("acme/models", {"contents": "read"})
    with pytest.raises(Refused, match="403 Resource not accessible by integration"):
        run(cast.with_token(token), place.sha)
    token = place.forge.actions_token("acme/models", {"checks": "write"})
    assert run(cast.with_token(token), place.sha)["app"]["slug"] == "github-actions"


def test_runs_of_a_commit_by_name_and_app(place: Place, cast: Cast) -> None:
    app, gate = bot(place, cast, "gate")
    _, other = bot(place, cast, "other")
    run(gate, place.sha, "failure")
    last = run(gate, place.sha)
    run(other, place.sha, "failure")
    path = f"commits/{place.sha}/check-runs"
    mine = {"check_name": "promotion-gate", "app_id": str(app.id)}
    found = gate.call("GET", path, **mine)
    assert [row["id"] for row in found["check_runs"]] == [last["id"]]
    assert gate.call("GET", path, **mine, filter="all")["total_count"] == 2
    assert gate.call("GET", path)["total_count"] == 2
    assert gate.call("GET", path, check_name="else")["total_count"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"output": {"title": "T", "summary": "é" * 32_768}},
        {"output": {"title": "T", "summary": "s", "text": "é" * 32_768}},
        {"head_sha": "0" * 40},
    ],
)
def test_what_is_too_long_or_nowhere_is_refused(
    place: Place, cast: Cast, wrong: dict[str, Any]
) -> None:
    _, gate = bot(place, cast, "gate")
    with pytest.raises(Refused, match="422"):
        run(gate, place.sha, **wrong)


def test_a_merge_waits_for_the_check_of_that_app(place: Place, cast: Cast) -> None:
    app, gate = bot(place, cast, "gate")
    _, other = bot(place, cast, "other")
    demand(place, app.id)
    head = place.commit("feature", {"a": "1\n"})
    ada = cast.person("ada")
    ada.open_pull("feature", "main")
    run(other, head)
    ada.status(head, "promotion-gate")
    run(gate, place.sha)
    with pytest.raises(Refused, match=r'(?s)405 .*check "promotion-gate" is expected'):
        ada.merge(1)
    run(gate, head, None, status="in_progress")
    with pytest.raises(Refused, match="405"):
        ada.merge(1)
    run(gate, head)
    run(gate, head, "failure")
    with pytest.raises(Refused, match=r'(?s)405 .*"promotion-gate" is failing'):
        ada.merge(1)
    assert ada.pull(1)["mergeable_state"] == "blocked"
    run(gate, head)
    assert ada.merge(1)


@pytest.mark.parametrize("conclusion", ["skipped", "neutral"])
def test_skipped_and_neutral_count_as_success(place: Place, cast: Cast, conclusion: str) -> None:
    app, gate = bot(place, cast, "gate")
    demand(place, app.id)
    head = place.commit("feature", {"a": "1\n"})
    ada = cast.person("ada")
    ada.open_pull("feature", "main")
    run(gate, head, conclusion)
    assert ada.merge(1)


def test_an_unpinned_check_takes_anybodys_word(place: Place, cast: Cast) -> None:
    demand(place, None)
    head = place.commit("feature", {"a": "1\n"})
    ada = cast.person("ada")
    ada.open_pull("feature", "main")
    ada.status(head, "promotion-gate", "pending")
    with pytest.raises(Refused, match="405"):
        ada.merge(1)
    ada.status(head, "promotion-gate")
    assert ada.merge(1)


def test_a_strict_check_wants_the_base_in_the_branch(place: Place, cast: Cast) -> None:
    app, gate = bot(place, cast, "gate")
    demand(place, app.id, strict_required_status_checks_policy=True)
    head = place.commit("feature", {"a": "1\n"})
    run(gate, head)
    place.commit("main", {"b": "1\n"})
    ada = cast.person("ada")
    assert ada.open_pull("feature", "main")["mergeable_state"] == "behind"
    with pytest.raises(Refused, match="405"):
        ada.merge(1)


def test_statuses_are_combined(place: Place, cast: Cast) -> None:
    ada = cast.person("ada")
    path = f"commits/{place.sha}/status"
    assert ada.call("GET", path)["state"] == "pending"
    ada.status(place.sha, "ci", "failure")
    ada.status(place.sha, "other")
    assert ada.call("GET", path)["state"] == "failure"
    ada.status(place.sha, "ci")
    combined = ada.call("GET", path)
    assert (combined["state"], combined["total_count"]) == ("success", 2)
    assert len(ada.call("GET", f"commits/{place.sha}/statuses")) == 3
    with pytest.raises(Refused, match="403"):
        cast.person("eve", role=None).status(place.sha, "ci")


def test_a_rerequest_is_told_to_the_app(place: Place, cast: Cast) -> None:
    _, gate = bot(place, cast, "gate")
    made = run(gate, place.sha, "failure")
    gate.call("POST", f"check-runs/{made['id']}/rerequest")
    event = place.forge.events[-1]
    assert (event.name, event.payload["action"]) == ("check_run", "rerequested")
    assert event.payload["check_run"]["id"] == made["id"]
