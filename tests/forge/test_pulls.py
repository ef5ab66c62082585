"""Pull requests through the API: opened, listed, followed, merged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pygit2
import pytest

from forge.people import Refused
from support.cast import Cast

if TYPE_CHECKING:
    from conftest import Place


@pytest.fixture
def cast(place: Place) -> Iterator[Cast]:
    people = Cast(place.forge, "acme/models")
    yield people
    people.close()


def test_an_opened_pull_request_is_told_whole(place: Place, cast: Cast) -> None:
    head = place.commit("feature", {"a": "1\n", "b": "2\n"})
    made = cast.person("ada").open_pull("feature", "main", "Add", "Because.")
    assert (made["number"], made["state"], made["user"]["login"]) == (1, "open", "ada")
    assert (made["title"], made["body"], made["draft"]) == ("Add", "Because.", False)
    assert (made["head"]["ref"], made["head"]["sha"]) == ("feature", head)
    assert made["head"]["label"] == "acme:feature"
    assert (made["base"]["ref"], made["base"]["sha"]) == ("main", place.sha)
    assert (made["commits"], made["changed_files"], made["additions"]) == (1, 2, 2)
    assert (made["mergeable"], made["mergeable_state"]) == (True, "clean")
    event = place.forge.events[-1]
    assert (event.name, event.payload["action"]) == ("pull_request", "opened")
    assert event.payload["sender"]["login"] == "ada"


def test_git_has_the_refs_of_a_pull_request(place: Place, cast: Cast) -> None:
    head = place.commit("feature", {"a": "1"})
    made = cast.person("ada").open_pull("feature", "main")
    git = pygit2.Repository(str(place.bare))
    assert str(git.references["refs/pull/1/head"].target) == head
    trial = git[git.references["refs/pull/1/merge"].target].peel(pygit2.Commit)
    assert str(trial.id) == made["merge_commit_sha"]
    assert [str(parent) for parent in trial.parent_ids] == [place.sha, head]


@pytest.mark.parametrize(
    ("branch", "base", "told"),
    [
        ("feature", "nowhere", "base"),
        ("nowhere", "main", "head"),
        ("stranger:feature", "main", "head"),
        ("main", "main", "No commits between main and main"),
        ("old", "main", "No commits between main and old"),
        ("taken", "main", "A pull request already exists for acme:taken."),
    ],
)
def test_ends_that_do_not_do_are_refused(
    place: Place, cast: Cast, branch: str, base: str, told: str
) -> None:
    place.commit("feature", {"a": "1"})
    place.commit("taken", {"a": "2"})
    pygit2.Repository(str(place.bare)).references.create("refs/heads/old", place.sha)
    ada = cast.person("ada")
    ada.open_pull("taken", "main")
    with pytest.raises(Refused) as refused:
        ada.open_pull(branch, base)
    assert refused.value.status == 422
    assert told in str(refused.value.errors)


def test_a_list_is_filtered(place: Place, cast: Cast) -> None:
    ada = cast.person("ada")
    place.commit("next", {"n": "1"})
    for number, branch in enumerate(("one", "two", "three")):
        place.commit(branch, {branch: str(number)})
        ada.open_pull(branch, "next" if branch == "three" else "main")
    ada.close_pull(2)

    def numbers(**query: str) -> list[int]:
        return [pull["number"] for pull in ada.call("GET", "pulls", **query)]

    assert numbers() == [3, 1]
    assert numbers(state="all") == [3, 2, 1]
    assert numbers(state="closed") == [2]
    assert numbers(base="next") == [3]
    assert numbers(head="acme:one") == [1]
    assert numbers(head="other:one") == []
    assert numbers(sort="created", direction="asc") == [1, 3]


def test_pages_are_linked_and_cut_at_a_hundred(place: Place, cast: Cast) -> None:
    ada = cast.person("ada")
    place.commit("feature", {"a": "1"})
    ada.open_pull("feature", "main")
    for number in range(5):
        ada.comment(1, str(number))
    path = "/repos/acme/models/issues/1/comments"
    answer = place.root.get(path, params={"per_page": 2, "page": 2})
    assert [row["body"] for row in answer.json()] == ["2", "3"]
    links = {name: link["url"] for name, link in answer.links.items()}
    assert set(links) == {"prev", "first", "next", "last"}
    last = place.root.get(links["last"])
    assert [row["body"] for row in last.json()] == ["4"]
    assert "next" not in last.links


def test_the_same_answer_is_not_sent_twice(place: Place) -> None:
    first = place.root.get("/repos/acme/models")
    assert int(first.headers["x-ratelimit-remaining"]) < 15_000
    assert first.headers["x-github-request-id"]
    etag = {"If-None-Match": first.headers["etag"]}
    again = place.root.get("/repos/acme/models", headers=etag)
    assert (again.status_code, again.content) == (304, b"")


def test_commits_and_files_are_those_since_the_branch_was_cut(place: Place, cast: Cast) -> None:
    ada = cast.person("ada")
    place.commit("feature", {"a": "1\n"})
    head = place.commit("feature", {"b/c": "2\n"})
    place.commit("main", {"elsewhere": "3\n"})
    ada.open_pull("feature", "main")
    commits = ada.call("GET", "pulls/1/commits")
    assert (len(commits), commits[-1]["sha"]) == (2, head)
    assert commits[-1]["author"]["login"] == "ada"
    files = ada.call("GET", "pulls/1/files")
    assert [(row["filename"], row["status"]) for row in files] == [
        ("a", "added"),
        ("b/c", "added"),
    ]
    assert files[0]["patch"].startswith("@@")


def test_a_conflict_can_not_be_merged(place: Place, cast: Cast) -> None:
    ada = cast.person("ada")
    place.commit("feature", {"a": "1\n"})
    place.commit("main", {"a": "2\n"})
    made = ada.open_pull("feature", "main")
    assert (made["mergeable"], made["mergeable_state"]) == (False, "dirty")
    with pytest.raises(Refused, match="405 Pull Request is not mergeable"):
        ada.merge(1)


def test_a_draft_waits_until_it_is_none(place: Place, cast: Cast) -> None:
    ada = cast.person("ada")
    place.commit("feature", {"a": "1\n"})
    made = ada.open_pull("feature", "main", draft=True)
    assert made["mergeable_state"] == "draft"
    with pytest.raises(Refused, match="405 Pull Request is still a draft"):
        ada.merge(1)


def test_merging_makes_a_merge_commit(place: Place, cast: Cast) -> None:
    ada, bob = cast.person("ada"), cast.person("bob")
    head = place.commit("feature", {"a": "1\n"})
    ada.open_pull("feature", "main", "Add a")
    sha = bob.merge(1, sha=head)
    git = pygit2.Repository(str(place.bare))
    commit = git[sha].peel(pygit2.Commit)
    assert str(git.references["refs/heads/main"].target) == sha
    assert [str(parent) for parent in commit.parent_ids] == [place.sha, head]
    assert commit.message == "Merge pull request #1 from acme/feature\n\nAdd a\n"
    assert commit.author.email == "bob@example.com"
    pull = ada.pull(1)
    assert (pull["state"], pull["merged"], pull["merge_commit_sha"]) == ("closed", True, sha)
    assert (pull["merged_by"]["login"], pull["mergeable"]) == ("bob", None)
    assert pull["changed_files"] == 1
    names = [(one.name, one.payload.get("action")) for one in place.forge.events[-2:]]
    assert names == [("pull_request", "closed"), ("push", None)]
    with pytest.raises(Refused, match="405"):
        bob.merge(1)


@pytest.mark.parametrize(("method", "count"), [("squash", 1), ("rebase", 2)])
def test_other_ways_to_merge(place: Place, cast: Cast, method: str, count: int) -> None:
    ada = cast.person("ada")
    place.commit("feature", {"a": "1\n"})
    place.commit("feature", {"b": "1\n"})
    base = place.commit("main", {"c": "1\n"})
    ada.open_pull("feature", "main")
    sha = ada.merge(1, method=method)
    git = pygit2.Repository(str(place.bare))
    walker = git.walk(pygit2.Oid(hex=sha))
    walker.hide(pygit2.Oid(hex=base))
    commits = list(walker)
    assert len(commits) == count
    assert all(len(commit.parent_ids) == 1 for commit in commits)
    assert {entry.name for entry in commits[0].tree} >= {"a", "b", "c"}


def test_only_the_head_that_was_seen_is_merged(place: Place, cast: Cast) -> None:
    ada = cast.person("ada")
    place.commit("feature", {"a": "1\n"})
    ada.open_pull("feature", "main")
    with pytest.raises(Refused, match="409 Head branch was modified"):
        ada.merge(1, sha=place.sha)


def test_closed_and_opened_again(place: Place, cast: Cast) -> None:
    ada = cast.person("ada")
    place.commit("feature", {"a": "1\n"})
    ada.open_pull("feature", "main")
    assert ada.close_pull(1)["closed_at"] is not None
    opened = ada.call("PATCH", "pulls/1", {"state": "open", "title": "New"})
    assert (opened["state"], opened["closed_at"], opened["title"]) == ("open", None, "New")
    actions = [event.payload["action"] for event in place.forge.events]
    assert actions == ["opened", "closed", "edited", "reopened"]


def test_a_commit_names_its_pull_requests(place: Place, cast: Cast) -> None:
    ada = cast.person("ada")
    first = place.commit("feature", {"a": "1\n"})
    head = place.commit("feature", {"a": "2\n"})
    place.commit("other", {"b": "1\n"})
    ada.open_pull("feature", "main")
    ada.open_pull("other", "main")

    def numbers(sha: str) -> list[int]:
        return [pull["number"] for pull in ada.call("GET", f"commits/{sha}/pulls")]

    assert numbers(head) == numbers(first) == [1]
    merged = ada.merge(1)
    assert numbers(merged) == numbers(first) == [1]
    ada.close_pull(2)
    other = str(pygit2.Repository(str(place.bare)).references["refs/heads/other"].target)
    assert numbers(other) == []
