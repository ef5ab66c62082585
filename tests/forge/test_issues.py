"""Issues through the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Place


def test_an_issue_is_made_found_and_closed(place: Place) -> None:
    made = place.do("POST", "/issues", 201, title="Drift", body="- x", labels=["settings: drift"])
    assert [one["name"] for one in made["labels"]] == ["settings: drift"]
    assert (made["number"], made["state"], made["comments"]) == (1, "open", 0)
    assert place.do("GET", "/issues?labels=settings: drift") == [made]
    closed = place.do("PATCH", "/issues/1", state="closed")
    assert (closed["state"], closed["state_reason"]) == ("closed", "completed")
    assert closed["closed_by"]["login"] == "root"
    assert place.do("GET", "/issues") == []
    assert [one["number"] for one in place.do("GET", "/issues?state=all")] == [1]
    again = place.do("PATCH", "/issues/1", state="open", title="Drift again")
    assert (again["state"], again["state_reason"], again["title"]) == (
        "open",
        "reopened",
        "Drift again",
    )


def test_a_list_is_narrowed_and_ordered(place: Place) -> None:
    for number, labels in enumerate((["a"], ["a", "b"], []), start=1):
        place.do("POST", "/issues", 201, title=f"issue {number}", labels=labels)
    with place.client("ada") as ada:
        assert ada.post("/repos/acme/models/issues", json={"title": "of Ada"}).status_code == 201

    def found(query: str) -> list[int]:
        return [one["number"] for one in place.do("GET", f"/issues?{query}")]

    assert found("labels=a") == [2, 1]
    assert found("labels=a,b") == [2]
    assert found("creator=ada") == [4]
    assert found("direction=asc") == [1, 2, 3, 4]
    assert found("per_page=2&page=2") == [2, 1]
    assert found("since=2100-01-01T00:00:00Z") == []


def test_a_pull_request_is_among_the_issues(place: Place) -> None:
    place.commit("topic", {"a.txt": "a\n"})
    place.do("POST", "/pulls", 201, title="Add a", head="topic", base="main")
    (one,) = place.do("GET", "/issues")
    assert one["pull_request"]["html_url"].endswith("/acme/models/pull/1")
    changed = place.do("PATCH", "/issues/1", labels=["stage: Staging"])
    assert [label["name"] for label in changed["labels"]] == ["stage: Staging"]
    (pull,) = place.do("GET", "/pulls")
    assert [label["name"] for label in pull["labels"]] == ["stage: Staging"]
    assert place.forge.events[-1].payload["action"] == "labeled"
    assert place.do("PATCH", "/issues/1", state="closed")["state"] == "closed"
    assert (place.forge.events[-1].name, place.do("GET", "/pulls")) == ("pull_request", [])


def test_an_outsider_may_report_and_label_nothing(place: Place) -> None:
    with place.client("eve", role=None) as eve:
        body = {"title": "hello", "labels": ["gate: ready"], "assignees": ["eve"]}
        made = eve.post("/repos/acme/models/issues", json=body).json()
        assert (made["labels"], made["assignees"]) == ([], [])
        place.do("POST", "/issues", 201, title="of root")
        refused = eve.patch("/repos/acme/models/issues/2", json={"state": "closed"})
        assert refused.status_code == 403


def test_what_cannot_be_is_refused(place: Place) -> None:
    place.do("POST", "/issues", 422, title="")
    place.do("POST", "/issues", 422, title="x" * 257)
    place.do("POST", "/issues", 422, title="x", body="y" * 65_537)
    place.do("GET", "/issues/9", 404)


def test_events_tell_what_changed(place: Place) -> None:
    place.do("POST", "/issues", 201, title="Drift", labels=["drift"])
    place.do("PATCH", "/issues/1", body="more")
    place.do("PATCH", "/issues/1", state="closed", labels=[])
    told = [(e.name, e.payload["action"]) for e in place.forge.events if e.name == "issues"]
    assert [action for _, action in told] == ["opened", "labeled", "edited", "closed", "unlabeled"]
    edited = next(e.payload for e in place.forge.events if e.payload.get("action") == "edited")
    assert edited["changes"] == {"body": {"from": ""}}
