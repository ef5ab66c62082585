"""Pull requests as GitHub gives them, and what is written onto them."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from modelctl.adapters.github import GitHub
from modelctl.domain.pulls import PullSummary
from modelctl.domain.reviews import Review, User
from modelctl.errors import ConflictError, DependencyError, ModelctlError
from support.api_server import ApiServer, Asked, Reply

HEAD, MERGE = "a" * 40, "c" * 40
ADA = {"id": 1, "login": "ada", "type": "User"}
LENA = {"id": 2, "login": "lena", "type": "User"}
PULLS = "/repos/acme/models/pulls"
PULL: dict[str, Any] = {
    "number": 7,
    "title": "Promote",
    "body": None,
    "state": "open",
    "draft": False,
    "user": ADA,
    "base": {"ref": "develop", "sha": "b" * 40, "repo": {"id": 10}},
    "head": {"ref": "promote/a-b/1.0.0/staging", "sha": HEAD, "repo": {"id": 10}},
    "html_url": "https://github.com/acme/models/pull/7",
    "labels": [{"name": "stage: Staging"}],
    "requested_reviewers": [LENA],
    "requested_teams": [{"slug": "ml-leads"}],
    "created_at": "2026-11-20T10:00:00Z",
    "updated_at": "2026-11-20T11:00:00Z",
    "merged_at": None,
    "merge_commit_sha": "d" * 40,
    "commits": 1,
    "changed_files": 2,
}
REVIEW = {
    "id": 11,
    "user": LENA,
    "state": "APPROVED",
    "commit_id": HEAD,
    "submitted_at": "2026-11-20T10:00:00Z",
}


def changed(**values: Any) -> dict[str, Any]:
    return {**deepcopy(PULL), **values}


def commit(sha: str) -> dict[str, Any]:
    signature = {"name": "Ada", "email": "ada@example.com"}
    return {
        "sha": sha,
        "author": ADA,
        "committer": ADA,
        "commit": {"author": signature, "committer": signature, "message": "Promote"},
    }


def in_list(**values: Any) -> dict[str, Any]:
    """As lists have it: without counts."""
    listed = changed(**values)
    del listed["commits"], listed["changed_files"]
    return listed


@pytest.fixture
def pull(user: GitHub, server: ApiServer) -> PullSummary:
    server.on("GET", f"{PULLS}/7", Reply(body=PULL))
    found = user.pulls.get(7)
    server.asked.clear()
    return found


def test_a_pull_request_becomes_a_value(pull: PullSummary) -> None:
    ten, eleven = (datetime(2026, 11, 20, hour, tzinfo=UTC) for hour in (10, 11))
    assert pull == PullSummary(
        number=7,
        title="Promote",
        body="",
        author=User(id=1, login="ada"),
        base="develop",
        branch="promote/a-b/1.0.0/staging",
        head=HEAD,
        url="https://github.com/acme/models/pull/7",
        is_open=True,
        is_merged=False,
        is_draft=False,
        is_fork=False,
        labels=("stage: Staging",),
        requested=(User(id=2, login="lena"),),
        requested_teams=("ml-leads",),
        created_at=ten,
        updated_at=eleven,
        merge_commit=None,  # that of an open one is only a trial
        merged_at=None,
        commits=1,
        changed_files=2,
    )


def test_a_merged_one_from_a_fork_that_is_gone(user: GitHub, server: ApiServer) -> None:
    merged = changed(
        state="closed",
        merged_at="2026-11-20T12:00:00Z",
        merge_commit_sha=MERGE,
        user=None,
        head={**PULL["head"], "repo": None},
        labels=None,
    )
    server.on("GET", f"{PULLS}/7", Reply(body=merged))
    found = user.pulls.get(7)
    assert (found.is_open, found.is_merged, found.is_fork) == (False, True, True)
    assert (found.merge_commit, found.author.login, found.labels) == (MERGE, "ghost", ())


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (changed(head={"ref": "x"}), "$.head.sha is missing"),
        (changed(number="7"), "$.number must be a whole number"),
        (changed(created_at="now"), "$.created_at is no time"),
        ([], "$ must be an object"),
    ],
)
def test_an_answer_that_is_no_pull_request(
    user: GitHub, server: ApiServer, broken: object, problem: str
) -> None:
    server.on("GET", f"{PULLS}/7", Reply(body=broken))
    with pytest.raises(DependencyError) as caught:
        user.pulls.get(7)
    assert f"answer to GET {PULLS}/7 can't be used: {problem}" in caught.value.message


def test_open_ones_by_their_branches(user: GitHub, server: ApiServer) -> None:
    """Also where the server gives more than was asked for."""
    fork = in_list(number=8, head={**PULL["head"], "repo": {"id": 11}})
    closed = in_list(number=9, state="closed")
    server.on("GET", PULLS, Reply(body=[in_list(), fork, closed]))
    found = user.pulls.open(base="develop", branch="promote/a-b/1.0.0/staging")
    assert [one.number for one in found] == [7]
    assert server.asked[0].query == {
        "state": "open",
        "base": "develop",
        "head": "acme:promote/a-b/1.0.0/staging",
        "per_page": "100",
    }
    assert [one.number for one in user.pulls.open()] == [7, 8]
    assert user.pulls.open(base="main") == user.pulls.open(branch="x") == ()


def test_those_that_made_a_commit(user: GitHub, server: ApiServer) -> None:
    merged = {"state": "closed", "merged_at": "2026-11-20T12:00:00Z"}
    listed = [
        in_list(number=1, **merged, merge_commit_sha=MERGE),
        in_list(number=2, **merged, merge_commit_sha="e" * 40),
        in_list(number=3, merge_commit_sha=MERGE),
    ]
    server.on("GET", f"/repos/acme/models/commits/{MERGE}/pulls", Reply(body=listed))
    assert [one.number for one in user.pulls.merged_as(MERGE)] == [1]


@pytest.mark.parametrize("status", [404, 422])
def test_a_commit_that_nobody_knows(user: GitHub, server: ApiServer, status: int) -> None:
    at = f"/repos/acme/models/commits/{MERGE}/pulls"
    server.on("GET", at, Reply(status=status, body={"message": "No commit found"}))
    server.on("GET", PULLS, Reply(body=[]))
    assert user.pulls.merged_as(MERGE) == user.pulls.with_head(MERGE) == ()


def test_those_whose_head_is_a_commit(user: GitHub, server: ApiServer) -> None:
    """Forks' too, which GitHub may leave out of those of a commit."""
    older = in_list(number=8, head={**PULL["head"], "sha": "f" * 40})
    fork = in_list(number=12, head={**PULL["head"], "repo": {"id": 11}})
    server.on("GET", PULLS, Reply(body=[in_list(), older, in_list(number=9, state="closed"), fork]))
    assert [one.number for one in user.pulls.with_head(HEAD)] == [7, 12]
    assert len(server.asked) == 1


def reviewed(server: ApiServer, commits: list[dict[str, Any]]) -> None:
    server.on("GET", f"{PULLS}/7/reviews", Reply(body=[REVIEW]))
    server.on("GET", f"{PULLS}/7/commits", Reply(body=commits))


def test_reviews_and_authors_take_one_request_each(
    user: GitHub, server: ApiServer, pull: PullSummary
) -> None:
    reviewed(server, [commit(HEAD)])
    server.on("GET", "/orgs/acme/teams/ml-leads/members", Reply(body=[LENA]))
    found = user.pulls.reviewed(pull, ["ml-leads", "platform", "ml-leads"])
    assert (found.number, found.head, found.base, found.complete) == (7, HEAD, "develop", True)
    assert found.authors == (User(id=1, login="ada"),)
    ten = datetime(2026, 11, 20, 10, tzinfo=UTC)
    lena = User(id=2, login="lena")
    assert found.reviews == (Review(id=11, user=lena, state="APPROVED", commit=HEAD, at=ten),)
    assert found.active_teams == {"ml-leads": frozenset({"lena"})}
    assert server.sent() == [
        f"GET {PULLS}/7/reviews",
        f"GET {PULLS}/7/commits",
        "GET /orgs/acme/teams/ml-leads/members",
        "GET /orgs/acme/teams/platform/members",
        "GET /orgs/acme/teams",
    ]


@pytest.mark.parametrize("count", [2, 250])
def test_commits_that_may_be_hidden_make_it_incomplete(
    user: GitHub, server: ApiServer, count: int
) -> None:
    commits = [commit(HEAD)] * (250 if count == 250 else 1)
    server.on("GET", f"{PULLS}/7", Reply(body=changed(commits=count)))
    server.on("GET", f"{PULLS}/7/reviews", Reply(body=[]))
    pages = [Reply(body=commits[first : first + 100]) for first in (0, 100, 200)]
    server.on("GET", f"{PULLS}/7/commits", *pages)
    assert not user.pulls.reviewed(user.pulls.get(7)).complete


def test_a_push_in_between_is_noticed(user: GitHub, server: ApiServer, pull: PullSummary) -> None:
    reviewed(server, [commit("e" * 40)])
    with pytest.raises(ConflictError, match="#7 moved while it was read"):
        user.pulls.reviewed(pull)


def test_one_from_a_list_is_read_again_for_its_counts(user: GitHub, server: ApiServer) -> None:
    reviewed(server, [commit(HEAD)])
    server.on("GET", PULLS, Reply(body=[in_list()]))
    server.on("GET", f"{PULLS}/7", Reply(body=PULL))
    (listed,) = user.pulls.open()
    assert user.pulls.reviewed(listed).complete
    server.on("GET", f"{PULLS}/7", Reply(body=changed(base={**PULL["base"], "ref": "main"})))
    with pytest.raises(ConflictError, match="moved"):
        user.pulls.reviewed(listed)


def test_a_review_that_cannot_be_read(user: GitHub, server: ApiServer, pull: PullSummary) -> None:
    reviewed(server, [commit(HEAD)])
    server.on("GET", f"{PULLS}/7/reviews", Reply(body=[{**REVIEW, "state": None}]))
    with pytest.raises(DependencyError, match=r"\.state is missing"):
        user.pulls.reviewed(pull)


def test_files_with_both_names_of_what_was_renamed(
    user: GitHub, server: ApiServer, pull: PullSummary
) -> None:
    files = [{"filename": "b", "previous_filename": "a"}, {"filename": "c"}]
    server.on("GET", f"{PULLS}/7/files", Reply(body=files))
    assert user.pulls.files(pull) == ("b", "a", "c")


def test_files_that_may_be_hidden(user: GitHub, server: ApiServer, pull: PullSummary) -> None:
    server.on("GET", f"{PULLS}/7/files", Reply(body=[{"filename": "b"}]))
    with pytest.raises(DependencyError, match=r"files of #7 is not whole: it has 1 of 2"):
        user.pulls.files(pull)
    server.on("GET", f"{PULLS}/7", Reply(body=changed(changed_files=3000)))
    pages = [Reply(body=[{"filename": f"{n}/{i}"} for i in range(100)]) for n in range(30)]
    server.on("GET", f"{PULLS}/7/files", *pages, Reply(body=[]))
    with pytest.raises(DependencyError, match="it has 3000 of 3000"):
        user.pulls.files(user.pulls.get(7))


CREATE = {"title": "Promote", "body": "Why", "base": "develop", "branch": PULL["head"]["ref"]}
EXISTS = {
    "message": "Validation Failed",
    "errors": [{"message": f"A pull request already exists for acme:{PULL['head']['ref']}."}],
}


def test_a_pull_request_is_opened(user: GitHub, server: ApiServer) -> None:
    server.on("POST", PULLS, Reply(status=201, body=PULL))
    assert user.pulls.create(**CREATE).number == 7
    assert server.bodies("POST", PULLS) == [
        {"title": "Promote", "body": "Why", "base": "develop", "head": PULL["head"]["ref"]}
    ]
    assert user.calls == 1


def test_a_second_one_is_the_first(user: GitHub, server: ApiServer) -> None:
    server.on("POST", PULLS, Reply(status=422, body=EXISTS))
    server.on("GET", PULLS, Reply(body=[in_list()]))
    assert user.pulls.create(**CREATE).number == 7


def test_one_whose_answer_was_lost_is_not_opened_twice(user: GitHub, server: ApiServer) -> None:
    opened: list[dict[str, Any]] = []

    def post(asked: Asked) -> Reply:
        del asked
        if opened:
            return Reply(status=422, body=EXISTS)
        opened.append(in_list())
        return Reply(drop=True)

    server.on("POST", PULLS, post)
    server.on("GET", PULLS, Reply(body=[in_list()]))
    assert user.pulls.create(**CREATE).number == 7
    assert len(opened) == 1


@pytest.mark.parametrize("message", ["No commits between develop and x", "already exists"])
def test_one_that_cannot_be_opened(user: GitHub, server: ApiServer, message: str) -> None:
    body = {"message": "Validation Failed", "errors": [{"message": message}]}
    server.on("POST", PULLS, Reply(status=422, body=body))
    server.on("GET", PULLS, Reply(body=[]))
    with pytest.raises(ModelctlError, match=message):
        user.pulls.create(**CREATE)


def test_changes_of_a_pull_request(user: GitHub, server: ApiServer) -> None:
    server.on("PATCH", f"{PULLS}/7", Reply(body=PULL))
    server.on("POST", f"{PULLS}/7/requested_reviewers", Reply(status=201, body=PULL))
    user.pulls.update(7)
    user.pulls.request_reviewers(7, [], [])
    assert user.calls == 0
    user.pulls.update(7, body="New")
    user.pulls.close(7)
    user.pulls.request_reviewers(7, ["lena"], [])
    user.pulls.request_reviewers(7, ["lena"], ["ml-leads"])
    assert [one.body for one in server.asked] == [
        {"body": "New"},
        {"state": "closed"},
        {"reviewers": ["lena"]},
        {"reviewers": ["lena"], "team_reviewers": ["ml-leads"]},
    ]


def test_only_labels_that_differ_are_touched(
    user: GitHub, server: ApiServer, pull: PullSummary
) -> None:
    labels = "/repos/acme/models/issues/7/labels"
    server.on("POST", labels, Reply(body=[]))
    server.on("DELETE", f"{labels}/stage%3A%20Staging", Reply(status=404, body={"message": "x"}))
    user.pulls.set_labels(pull, ["Stage: staging"], ["stage: Staging", "gate: ready"])
    assert server.sent() == []
    user.pulls.set_labels(pull, ["gate: blocked"], ["stage: Staging", "gate: ready"])
    assert server.sent() == [f"POST {labels}", f"DELETE {labels}/stage%3A%20Staging"]
    assert server.bodies("POST", labels) == [{"labels": ["gate: blocked"]}]
