"""Comments, reactions and labels of a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from forge.people import Refused
from support.cast import Cast

if TYPE_CHECKING:
    from conftest import Place


@pytest.fixture
def cast(place: Place) -> Iterator[Cast]:
    people = Cast(place.forge, "acme/models")
    place.commit("feature", {"a": "1\n"})
    people.person("ada").open_pull("feature", "main")
    yield people
    people.close()


def test_a_comment_is_written_and_changed(place: Place, cast: Cast) -> None:
    eve, ada = cast.person("eve", role=None), cast.person("ada")
    made = eve.comment(1, "Hi")
    assert (made["user"]["login"], made["author_association"]) == ("eve", "NONE")
    path = f"issues/comments/{made['id']}"
    assert ada.call("GET", path)["body"] == "Hi"
    assert eve.call("PATCH", path, {"body": "Bye"})["body"] == "Bye"
    assert [row["body"] for row in ada.comments(1)] == ["Bye"]
    events = [e.payload["action"] for e in place.forge.events if e.name == "issue_comment"]
    assert events == ["created", "edited"]
    assert "pull_request" in place.forge.events[-1].payload["issue"]


def test_others_comments_stay(place: Place, cast: Cast) -> None:
    made = cast.person("ada").comment(1, "Mine")
    path = f"issues/comments/{made['id']}"
    with pytest.raises(Refused, match="403"):
        cast.person("eve", role=None).call("PATCH", path, {"body": "Yours"})
    token = place.forge.actions_token("acme/models", {"issues": "read"})
    with pytest.raises(Refused, match="403"):
        cast.with_token(token).call("PATCH", path, {"body": "Ours"})


def test_an_app_that_may_write_changes_what_others_wrote(place: Place, cast: Cast) -> None:
    made = cast.person("ada").comment(1, "Mine")
    path = f"issues/comments/{made['id']}"
    token = place.forge.actions_token("acme/models", {"issues": "write"})
    changed = cast.with_token(token).call("PATCH", path, {"body": "Ours"})
    assert (changed["body"], changed["user"]["login"]) == ("Ours", "ada")


@pytest.mark.parametrize("body", ["", "x" * 65_537])
def test_a_comment_has_something_to_say_and_an_end(cast: Cast, body: str) -> None:
    with pytest.raises(Refused, match="422"):
        cast.person("ada").comment(1, body)


def test_nothing_is_there_to_comment_on(cast: Cast) -> None:
    with pytest.raises(Refused, match="404"):
        cast.person("ada").comment(99, "Hi")


def test_a_reaction_is_there_once(cast: Cast) -> None:
    ada = cast.person("ada")
    path = f"issues/comments/{ada.comment(1, '/modelctl check')['id']}/reactions"
    first = ada.call("POST", path, {"content": "eyes"})
    assert ada.call("POST", path, {"content": "eyes"})["id"] == first["id"]
    cast.person("bob").call("POST", path, {"content": "eyes"})
    assert [row["user"]["login"] for row in ada.call("GET", path)] == ["ada", "bob"]
    assert ada.comments(1)[0]["reactions"]["eyes"] == 2


def test_labels_come_and_go(place: Place, cast: Cast) -> None:
    ada = cast.person("ada")
    path = "issues/1/labels"

    def names() -> list[str]:
        return [row["name"] for row in ada.call("GET", path)]

    ada.call("POST", path, {"labels": ["gate: blocked", "bug"]})
    assert names() == ["gate: blocked", "bug"]
    ada.call("DELETE", f"{path}/gate:%20blocked")
    assert names() == ["bug"]
    ada.call("PUT", path, {"labels": ["gate: ready"]})
    assert names() == ["gate: ready"]
    assert [row["name"] for row in ada.pull(1)["labels"]] == ["gate: ready"]
    with pytest.raises(Refused, match="404 Label does not exist"):
        ada.call("DELETE", f"{path}/bug")
    actions = [e.payload["action"] for e in place.forge.events if e.name == "pull_request"]
    assert actions == ["opened", "labeled", "labeled", "unlabeled", "unlabeled", "labeled"]
    with pytest.raises(Refused, match="403"):
        cast.person("eve", role=None).call("POST", path, {"labels": ["x"]})
    ada.call("DELETE", path)
    assert names() == []
