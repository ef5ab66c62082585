"""Pull requests and reviews as GitHub gives them, read from a file."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.reviews import find_merged, load_pull_requests
from modelctl.domain.reviews import PullRequest, Review, User
from modelctl.errors import ModelctlError

HEAD, BASE, MERGE = "a" * 40, "b" * 40, "c" * 40
ADA = {"id": 1, "login": "ada", "type": "User", "site_admin": False}
LENA = {"id": 2, "login": "lena", "type": "User"}
BOT = {"id": 3, "login": "checker[bot]", "type": "Bot"}


def _answers() -> dict[str, Any]:
    """What the API says of a small pull request, with fields that nobody asked for."""
    return {
        "pull_request": {
            "number": 7,
            "user": ADA,
            "base": {"ref": "develop", "sha": BASE},
            "head": {"ref": "promote/a-b/1.0.0/staging", "sha": HEAD, "label": "x"},
            "merge_commit_sha": MERGE,
            "changed_files": 1,
            "commits": 1,
            "requested_reviewers": [LENA],
        },
        "reviews": [
            {
                "id": 11,
                "user": LENA,
                "state": "APPROVED",
                "commit_id": HEAD,
                "submitted_at": "2026-11-20T10:00:00Z",
                "body": "Fine.",
            },
            {"id": 12, "user": None, "state": "commented", "commit_id": None},
            {
                "id": 13,
                "user": BOT,
                "state": "PENDING",
                "commit_id": HEAD,
                "submitted_at": "2026-11-20T11:00:00+01:00",
            },
        ],
        "commits": [
            {
                "sha": HEAD,
                "author": ADA,
                "committer": {"id": 19864447, "login": "web-flow", "type": "User"},
                "commit": {
                    "author": {"name": "Ada", "email": "ada@example.com"},
                    "committer": {"name": "GitHub", "email": "noreply@github.com"},
                    "message": "Promote\n\nCo-authored-by: Max <4+max@users.noreply.github.com>",
                },
            }
        ],
        "teams": {"ml-leads": ["lena", "max"]},
    }


def _write(tmp_path: Path, data: Any) -> Path:
    path = tmp_path / "reviews.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def _load(tmp_path: Path, data: Any) -> PullRequest:
    (found,) = load_pull_requests(_write(tmp_path, data))
    return found


def test_what_the_api_says_becomes_values(tmp_path: Path) -> None:
    lena, ada = User(id=2, login="lena"), User(id=1, login="ada")
    ten = datetime(2026, 11, 20, 10, tzinfo=UTC)
    bot = User(id=3, login="checker[bot]", kind="Bot")
    assert _load(tmp_path, _answers()) == PullRequest(
        number=7,
        author=ada,
        base="develop",
        head=HEAD,
        reviews=(
            Review(id=11, user=lena, state="APPROVED", commit=HEAD, at=ten),
            Review(id=12, user=None, state="COMMENTED", commit=None, at=None),
            Review(id=13, user=bot, state="PENDING", commit=HEAD, at=ten),
        ),
        authors=(ada, User(id=4, login="max")),
        requested=(lena,),
        merge_commit=MERGE,
        active_teams={"ml-leads": frozenset({"lena", "max"})},
    )


def test_what_may_be_left_out(tmp_path: Path) -> None:
    data = _answers()
    del data["teams"], data["pull_request"]["requested_reviewers"]
    del data["pull_request"]["merge_commit_sha"], data["commits"][0]["committer"]
    del data["commits"][0]["commit"]["committer"]
    data["reviews"][0]["user"] = {"id": 2, "login": "lena"}
    found = _load(tmp_path, data)
    assert (found.requested, found.merge_commit, found.active_teams) == ((), None, {})
    assert found.complete


@pytest.mark.parametrize("nobody", [None, {}])
def test_a_commit_of_no_account(tmp_path: Path, nobody: object) -> None:
    data = _answers()
    data["commits"][0] |= {"author": nobody, "committer": nobody}
    found = _load(tmp_path, data)
    assert found.unknown_authors == ("ada@example.com",)
    assert found.authors == (User(id=4, login="max"),)


def _cut(commits: int | None, reviews: int, complete: bool | None) -> dict[str, Any]:
    data = _answers()
    data["pull_request"]["commits"] = commits
    data["reviews"] = [data["reviews"][0] | {"id": number} for number in range(reviews)]
    return data | ({} if complete is None else {"complete": complete})


@pytest.mark.parametrize(
    ("commits", "reviews", "said", "complete"),
    [
        (1, 1, None, True),
        (1, 0, None, True),
        (1, 1, True, True),
        (1, 1, False, False),
        (2, 1, None, False),
        (2, 1, True, False),
        (None, 1, None, False),
        (None, 1, True, True),
        (1, 29, None, True),
        (1, 30, None, False),
        (1, 60, None, False),
        (1, 100, None, False),
        (1, 200, None, False),
        (1, 100, True, True),
    ],
)
def test_lists_count_as_complete_only_when_that_is_shown(
    tmp_path: Path, commits: int | None, reviews: int, said: bool | None, complete: bool
) -> None:
    assert _load(tmp_path, _cut(commits, reviews, said)).complete is complete


def test_a_file_may_hold_many(tmp_path: Path) -> None:
    second = _answers()
    second["pull_request"]["number"] = 8
    found = load_pull_requests(_write(tmp_path, [_answers(), second]))
    assert [pull.number for pull in found] == [7, 8]
    assert load_pull_requests(_write(tmp_path, [])) == ()


DELETE = object()

MISTAKES = [
    (["pull_request"], DELETE, "$.pull_request is missing"),
    (["reviews"], None, "$.reviews is missing"),
    (["commits"], {}, "$.commits must be a list"),
    (["pull_request", "number"], "7", "$.pull_request.number must be a whole number"),
    (["pull_request", "number"], True, "$.pull_request.number must be a whole number"),
    (["pull_request", "user"], None, "$.pull_request.user is missing"),
    (["pull_request", "head"], HEAD, "$.pull_request.head must be an object"),
    (["pull_request", "base", "ref"], 1, "$.pull_request.base.ref must be text"),
    (["reviews", 0, "state"], DELETE, "$.reviews[0].state is missing"),
    (["reviews", 1, "user"], {"id": 5}, "$.reviews[1].user.login is missing"),
    (
        ["reviews", 0, "submitted_at"],
        "yesterday",
        "$.reviews[0].submitted_at is no time such as 2026-11-20T10:00:00Z",
    ),
    (
        ["reviews", 0, "submitted_at"],
        "2026-11-20T10:00:00",
        "$.reviews[0].submitted_at doesn't say its time zone",
    ),
    (["commits", 0, "commit", "message"], [], "$.commits[0].commit.message must be text"),
    (["complete"], "yes", "$.complete must be true or false"),
    (["teams", "ml-leads", 1], 4, "$.teams.ml-leads[1] must be text"),
]


@pytest.mark.parametrize(("where", "value", "message"), MISTAKES)
def test_a_mistake_is_named_by_file_and_path(
    tmp_path: Path, where: list[str | int], value: object, message: str
) -> None:
    data: Any = deepcopy(_answers())
    parent = data
    for part in where[:-1]:
        parent = parent[part]
    if value is DELETE:
        del parent[where[-1]]
    else:
        parent[where[-1]] = value
    path = _write(tmp_path, data)
    with pytest.raises(ModelctlError) as caught:
        load_pull_requests(path)
    assert (caught.value.message, caught.value.location) == (message, str(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a":\n tru}', "it is not JSON (Expecting value, line 2 column 2)"),
        (b'{"a": "\xff"}', "it is not valid UTF-8"),
        (b"[" * 200_000, "it is nested deeper than 32 levels"),
        (b'{"a": 1, "a": 2}', "it has the same name twice in one object"),
        (b"7", "$ must be an object"),
    ],
)
def test_a_file_that_is_no_json(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "reviews.json"
    path.write_bytes(content)
    with pytest.raises(ModelctlError) as caught:
        load_pull_requests(path)
    assert (caught.value.message, caught.value.location) == (message, str(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelctlError, match=r"none\.json can't be read: No such file"):
        load_pull_requests(tmp_path / "none.json")


def _merged(number: int, commit: str | None) -> PullRequest:
    return PullRequest(
        number=number,
        author=User(id=1, login="ada"),
        base="main",
        head=HEAD,
        reviews=(),
        merge_commit=commit,
    )


def test_the_pull_request_of_a_merge_commit() -> None:
    pulls = [_merged(1, None), _merged(2, MERGE), _merged(3, BASE)]
    assert find_merged(pulls, MERGE) is pulls[1]
    assert find_merged(pulls, HEAD) is None


def test_two_claims_to_one_merge_commit_are_refused() -> None:
    with pytest.raises(ModelctlError, match="#1, #2") as caught:
        find_merged([_merged(1, MERGE), _merged(2, MERGE)], MERGE)
    assert caught.value.mend
