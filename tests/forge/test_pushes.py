"""Git over HTTP: who may read and push, what rules refuse, what follows from a push."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from forge.people import Person, Refused
from support.cast import Cast
from support.repos import GitError, git

if TYPE_CHECKING:
    from conftest import Place


@pytest.fixture
def cast(place: Place) -> Iterator[Cast]:
    people = Cast(place.forge, "acme/models")
    yield people
    people.close()


def cloned(person: Person, to: Path, repository: str | None = None) -> Path:
    url = person.git_url_of(repository or person.repository)
    git(to.parent, "clone", "--quiet", url, str(to))
    return to


def committed(work: Path, path: str = "a", text: str = "1\n") -> str:
    (work / path).write_text(text)
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message", f"Change {path}")
    return git(work, "rev-parse", "HEAD")


def protect(
    place: Place, *rules: dict[str, Any], include: str = "~DEFAULT_BRANCH", **more: Any
) -> None:
    place.do(
        "POST",
        "/rulesets",
        201,
        name=f"rules {len(place.repository.rulesets)}",
        enforcement="active",
        conditions={"ref_name": {"include": [include], "exclude": []}},
        rules=list(rules),
        **more,
    )


def test_a_push_reaches_the_pull_request(place: Place, cast: Cast, tmp_path: Path) -> None:
    ada, bob = cast.person("ada"), cast.person("bob")
    work = cloned(ada, tmp_path / "work")
    git(work, "checkout", "--quiet", "-b", "feature")
    first = committed(work)
    git(work, "push", "--quiet", "origin", "feature")
    ada.open_pull("feature", "main")
    git(work, "remote", "set-url", "origin", bob.git_url)
    second = committed(work, text="2\n")
    git(work, "push", "--quiet", "origin", "feature")
    assert ada.pull(1)["head"]["sha"] == second
    event = place.forge.events[-1]
    assert (event.name, event.payload["action"]) == ("pull_request", "synchronize")
    assert (event.payload["before"], event.payload["after"]) == (first, second)
    assert event.payload["sender"]["login"] == "bob"
    assert place.repository.pulls()[0].pusher == "bob"
    git(work, "fetch", "--quiet", "origin", "refs/pull/1/head")
    assert git(work, "rev-parse", "FETCH_HEAD") == second


def test_without_a_token_one_may_read_but_not_push(place: Place, tmp_path: Path) -> None:
    url = f"{place.forge.url}/acme/models.git"
    git(tmp_path, "clone", "--quiet", url, "work")
    committed(tmp_path / "work")
    with pytest.raises(GitError, match=r"Authentication|could not read Username|terminal prompts"):
        git(tmp_path / "work", "-c", "core.askPass=true", "push", "origin", "HEAD:refs/heads/x")


def test_an_outsider_may_not_push(place: Place, cast: Cast, tmp_path: Path) -> None:
    work = cloned(cast.person("eve", role=None), tmp_path / "work")
    committed(work)
    with pytest.raises(GitError, match="403"):
        git(work, "push", "origin", "HEAD:refs/heads/x")


def test_a_private_repository_is_hidden(place: Place, cast: Cast, tmp_path: Path) -> None:
    place.repository.private = True
    with pytest.raises(GitError, match="not found"):
        cloned(cast.person("eve", role=None), tmp_path / "work")
    with pytest.raises(Refused, match="404 Not Found"):
        cast.person("eve").call("GET", "/repos/acme/models")
    assert cloned(cast.person("ada"), tmp_path / "work").is_dir()


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("pull_request", "Changes must be made through a pull request."),
        ("update", "Cannot update this protected ref."),
    ],
)
def test_rules_refuse_a_push_and_nothing_moves(
    place: Place, cast: Cast, tmp_path: Path, rule: str, told: str
) -> None:
    parameters = {
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_approving_review_count": 0,
        "required_review_thread_resolution": False,
    }
    one = {"type": rule, "parameters": parameters} if rule == "pull_request" else {"type": rule}
    protect(place, one)
    work = cloned(cast.person("ada"), tmp_path / "work")
    sha = committed(work)
    with pytest.raises(GitError) as refused:
        git(work, "push", "origin", "HEAD:main", "HEAD:refs/heads/other")
    assert "GH013: Repository rule violations found for refs/heads/main." in str(refused.value)
    assert told in str(refused.value)
    branches = {row["name"]: row["commit"]["sha"] for row in place.do("GET", "/branches")}
    assert branches["main"] == place.sha
    assert branches["other"] == sha
    assert [one.payload["ref"] for one in place.forge.events] == ["refs/heads/other"]


def test_a_protected_branch_is_not_rewritten_deleted_or_made(
    place: Place, cast: Cast, tmp_path: Path
) -> None:
    protect(place, {"type": "non_fast_forward"})
    protect(place, {"type": "deletion"}, include="refs/heads/k*")
    protect(place, {"type": "creation"}, include="refs/heads/release/**/*")
    work = cloned(cast.person("ada"), tmp_path / "work")
    committed(work)
    git(work, "push", "--quiet", "origin", "HEAD:main")
    git(work, "commit", "--quiet", "--amend", "--message", "Other")
    with pytest.raises(GitError, match="Cannot force-push to this branch"):
        git(work, "push", "--force", "origin", "HEAD:main")
    git(work, "push", "--quiet", "origin", "HEAD:kept", "HEAD:lost")
    with pytest.raises(GitError, match="Cannot delete this branch"):
        git(work, "push", "origin", ":kept", ":lost")
    assert [row["name"] for row in place.do("GET", "/branches")] == ["kept", "main"]
    with pytest.raises(GitError, match="creations being restricted"):
        git(work, "push", "origin", "HEAD:release/a/b")


def test_who_may_bypass_is_let_through(place: Place, cast: Cast, tmp_path: Path) -> None:
    app = place.forge.add_app("deployer", permissions={"contents": "write"})
    actor = {"actor_id": app.id, "actor_type": "Integration", "bypass_mode": "always"}
    protect(place, {"type": "update"}, bypass_actors=[actor])
    from forge.auth import issue

    token = issue(place.forge.state, app).value
    work = cloned(cast.with_token(token), tmp_path / "work")
    sha = committed(work)
    git(work, "push", "--quiet", "origin", "HEAD:main")
    assert place.do("GET", "/git/ref/heads/main")["object"]["sha"] == sha
    git(work, "remote", "set-url", "origin", cast.person("ada").git_url)
    committed(work, text="2\n")
    with pytest.raises(GitError, match="Cannot update this protected ref"):
        git(work, "push", "origin", "HEAD:main")


def test_the_refs_of_pull_requests_are_the_forges(place: Place, cast: Cast, tmp_path: Path) -> None:
    work = cloned(cast.person("ada"), tmp_path / "work")
    committed(work)
    with pytest.raises(GitError, match="deny updating a hidden ref"):
        git(work, "push", "origin", "HEAD:refs/pull/1/head")


def test_a_fork_proposes_and_follows(place: Place, cast: Cast, tmp_path: Path) -> None:
    eve = cast.person("eve", role=None)
    assert eve.fork() == "eve/models"
    work = cloned(eve, tmp_path / "work", "eve/models")
    git(work, "checkout", "--quiet", "-b", "feature")
    committed(work)
    git(work, "push", "--quiet", "origin", "feature")
    made = eve.open_pull("eve:feature", "main")
    assert (made["head"]["repo"]["full_name"], made["head"]["repo"]["fork"]) == ("eve/models", True)
    assert made["head"]["label"] == "eve:feature"
    sha = committed(work, text="2\n")
    git(work, "push", "--quiet", "origin", "feature")
    assert eve.pull(1)["head"]["sha"] == sha
    bob = cast.person("bob")
    assert [row["number"] for row in bob.call("GET", "pulls", head="eve:feature")] == [1]
    bob.merge(1)
    assert bob.pull(1)["merged"] is True


def test_what_a_base_contains_counts_as_merged(place: Place, cast: Cast, tmp_path: Path) -> None:
    ada = cast.person("ada")
    work = cloned(ada, tmp_path / "work")
    git(work, "checkout", "--quiet", "-b", "feature")
    sha = committed(work)
    git(work, "push", "--quiet", "origin", "feature")
    ada.open_pull("feature", "main")
    git(work, "push", "--quiet", "origin", "HEAD:main")
    pull = ada.pull(1)
    assert (pull["merged"], pull["merge_commit_sha"]) == (True, sha)


def test_without_its_branch_a_pull_request_is_closed(
    place: Place, cast: Cast, tmp_path: Path
) -> None:
    ada = cast.person("ada")
    place.commit("feature", {"a": "1\n"})
    ada.open_pull("feature", "main")
    work = cloned(ada, tmp_path / "work")
    git(work, "push", "--quiet", "origin", ":feature")
    pull = ada.pull(1)
    assert (pull["state"], pull["merged"]) == ("closed", False)


def test_refs_by_the_api_keep_the_same_rules(place: Place, cast: Cast) -> None:
    ada = cast.person("ada")
    sha = place.commit("feature", {"a": "1\n"})
    made = ada.call("POST", "git/refs", {"ref": "refs/heads/x", "sha": sha})
    assert (made["ref"], made["object"]["sha"]) == ("refs/heads/x", sha)
    with pytest.raises(Refused, match="422 Reference already exists"):
        ada.call("POST", "git/refs", {"ref": "refs/heads/x", "sha": sha})
    with pytest.raises(Refused, match="422 Update is not a fast forward"):
        ada.call("PATCH", "git/refs/heads/x", {"sha": place.sha})
    moved = ada.call("PATCH", "git/refs/heads/x", {"sha": place.sha, "force": True})
    assert moved["object"]["sha"] == place.sha
    ada.call("DELETE", "git/refs/heads/x")
    assert ada.call("GET", "git/matching-refs/heads/x") == []
    protect(place, {"type": "update"})
    with pytest.raises(Refused, match="422 Repository rule violations found"):
        ada.call("PATCH", "git/refs/heads/main", {"sha": sha})
