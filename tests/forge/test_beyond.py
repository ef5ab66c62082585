"""What GitHub answers although its own description of the API hasn't got it: judged by nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest

from forge.people import Person, Refused
from forge.server import Forge
from support.cast import Cast
from support.forges import plain_forge
from support.repos import RepoBuilder, git


@pytest.fixture
def cast(tmp_path: Path, shared: Path) -> Iterator[Cast]:
    with plain_forge(tmp_path / "forge") as forge:
        forge.add_repository("acme", "models", from_bare=shared)
        people = Cast(forge, "acme/models")
        yield people
        people.close()


def test_a_head_whose_repository_is_gone(cast: Cast, tmp_path: Path) -> None:
    eve = cast.person("eve", role=None)
    assert eve.fork() == "eve/models"
    git(tmp_path, "clone", "--quiet", eve.git_url_of("eve/models"), "work")
    work = RepoBuilder(tmp_path / "work")
    sha = work.commit({"a": "1"}, "feature", parent="HEAD")
    work.git("push", "--quiet", "origin", "feature")
    eve.open_pull("eve:feature", "main")
    eve.call("DELETE", "/repos/eve/models")
    pull = eve.pull(1)
    assert (pull["head"]["repo"], pull["head"]["sha"], pull["state"]) == (None, sha, "open")
    assert eve.call("GET", "pulls")[0]["head"]["repo"] is None
    assert cast.person("bob").merge(1)


def test_what_the_forge_has_not_is_not_found(cast: Cast) -> None:
    with pytest.raises(Refused, match="404 Not Found"):
        cast.person("ada").call("GET", "milestones")
    with pytest.raises(Refused, match="404 Not Found"):
        cast.person("ada").call("PUT", "pulls/1")


def test_json_that_is_none_is_refused(cast: Cast) -> None:
    forge: Forge = cast.forge
    address = f"{forge.url}/api/v3/repos/acme/models/pulls"
    token = {"Authorization": f"token {forge.add_user('ada')}"}
    answer = httpx.post(address, content=b"{", headers=token, trust_env=False)
    assert (answer.status_code, answer.json()["message"]) == (400, "Problems parsing JSON")


def test_what_is_missing_is_named(cast: Cast) -> None:
    with pytest.raises(Refused) as told:
        cast.person("ada").call("POST", "pulls", {"base": "main"})
    assert told.value.status == 422
    assert told.value.errors == [
        {"resource": "PullRequest", "field": "head", "code": "missing_field"}
    ]


def test_an_apps_installations_are_listed(cast: Cast) -> None:
    # By the description an account would have to be a user and an enterprise at once.
    app = cast.forge.add_app("gate", permissions={})
    now = int(time.time())
    claims = {"iat": now - 30, "exp": now + 300, "iss": str(app.id)}
    itself = cast.with_token(jwt.encode(claims, app.key, "RS256"))
    assert [row["id"] for row in itself.call("GET", "/app/installations")] == [app.installation]
    assert itself.call("GET", f"/app/installations/{app.installation}")["app_id"] == app.id
    assert itself.call("GET", "/orgs/acme/installation")["id"] == app.installation


def test_a_client_library_finds_its_way(cast: Cast) -> None:
    """PyGithub follows the addresses that are in the answers."""
    from github import Auth, Github

    ada = cast.person("ada")
    ada.call("POST", "git/refs", {"ref": "refs/heads/old", "sha": _tip(ada)})
    cast.forge.add_team("acme", "leads", ["bob"])
    token = cast.forge.add_user("ada")
    address = f"{cast.forge.url}/api/v3"
    with Github(
        auth=Auth.Token(token),
        base_url=address,
        seconds_between_requests=0,
        seconds_between_writes=0,
    ) as client:
        repository = client.get_repo("acme/models")
        assert repository.get_branch("old").commit.sha == _tip(ada)
        team = client.get_organization("acme").get_team_by_slug("leads")
        assert [member.login for member in team.get_members()] == ["bob"]
        issue = repository.create_issue("One")
        for number in range(31):
            issue.create_comment(str(number))
        assert len(list(issue.get_comments())) == 31


def _tip(person: Person) -> str:
    return str(person.call("GET", "branches/main")["commit"]["sha"])
