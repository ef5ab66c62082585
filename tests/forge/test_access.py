"""Who asks: people, apps by their key, installations' tokens, teams."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest

from forge.people import Person, Refused
from support.cast import Cast

if TYPE_CHECKING:
    from conftest import Place
    from forge.values import App


@pytest.fixture
def cast(place: Place) -> Iterator[Cast]:
    people = Cast(place.forge, "acme/models")
    yield people
    people.close()


def signed(app: App, **claims: Any) -> str:
    now = int(time.time())
    return jwt.encode(
        {"iat": now - 30, "exp": now + 540, "iss": str(app.id), **claims}, app.key, "RS256"
    )


def by_itself(cast: Cast, app: App, **claims: Any) -> Person:
    return cast.with_token(signed(app, **claims))


def test_a_token_that_is_none_is_refused(place: Place, cast: Cast) -> None:
    with pytest.raises(Refused, match="401 Bad credentials"):
        cast.with_token("fg_wrong").call("GET", "/user")
    assert cast.person("ada").call("GET", "/user")["login"] == "ada"
    assert cast.person("ada").call("GET", "/users/ada")["email"] == "ada@example.com"


def test_nobody_may_read_what_is_public_and_write_nothing(place: Place) -> None:
    address = f"{place.forge.url}/api/v3/repos/acme/models"
    with httpx.Client(trust_env=False) as client:
        assert client.get(address).status_code == 200
        assert client.post(f"{address}/pulls", json={"head": "a", "base": "b"}).status_code == 401


def test_an_app_finds_its_installation_and_gets_a_token(place: Place, cast: Cast) -> None:
    app = place.forge.add_app("gate", permissions={"checks": "write", "contents": "write"})
    itself = by_itself(cast, app)
    assert itself.call("GET", "/app")["id"] == app.id
    found = itself.call("GET", "installation")
    assert (found["id"], found["app_slug"]) == (app.installation, "gate")
    path = f"/app/installations/{found['id']}/access_tokens"
    token = itself.call("POST", path)
    assert token["permissions"]["checks"] == "write"
    installed = cast.with_token(token["token"])
    assert installed.call("GET", "commits/main/check-runs")["total_count"] == 0
    repositories = installed.call("GET", "/installation/repositories")["repositories"]
    assert [row["full_name"] for row in repositories] == ["acme/models"]
    with pytest.raises(Refused, match="403 Resource not accessible by integration"):
        installed.call("POST", "issues/1/comments", {"body": "Hi"})


def test_a_token_may_be_narrowed_but_not_widened(place: Place, cast: Cast) -> None:
    place.forge.add_repository("acme", "other")
    app = place.forge.add_app("gate", permissions={"issues": "write", "contents": "read"})
    place.do("POST", "/issues", 201, title="One")
    itself = by_itself(cast, app)
    path = f"/app/installations/{app.installation}/access_tokens"
    wanted = {"permissions": {"issues": "read"}, "repositories": ["models"]}
    narrow = cast.with_token(itself.call("POST", path, wanted)["token"])
    assert narrow.call("GET", "issues/1/comments") == []
    with pytest.raises(Refused, match="403 Resource not accessible"):
        narrow.call("POST", "issues/1/comments", {"body": "Hi"})
    with pytest.raises(Refused, match="403 Resource not accessible"):
        narrow.call("POST", "/repos/acme/other/issues", {"title": "Two"})
    for more in ({"contents": "write"}, {"checks": "read"}):
        with pytest.raises(Refused, match="422 The permissions requested are not granted"):
            itself.call("POST", path, {"permissions": more})


def test_an_app_is_known_by_its_key_alone(place: Place, cast: Cast) -> None:
    app = place.forge.add_app("gate", permissions={})
    other = place.forge.add_app("other", permissions={})
    forged = cast.with_token(signed(other, iss=str(app.id)))
    past = int(time.time()) - 900
    for person in (
        forged,
        by_itself(cast, app, iss="1"),
        by_itself(cast, app, iat=past, exp=past + 600),
        by_itself(cast, app, exp=int(time.time()) + 3600),
    ):
        with pytest.raises(Refused, match="401"):
            person.call("GET", "/app")
    with pytest.raises(Refused, match="404"):
        by_itself(cast, app).call("POST", f"/app/installations/{other.installation}/access_tokens")


def test_a_teams_members_are_seen_with_the_permission(place: Place, cast: Cast) -> None:
    place.forge.add_team("acme", "leads", ["bob"])
    place.forge.add_team("acme", "risk-leads", ["cleo"], parent="leads")
    place.forge.state.team("acme", "leads").pending.add("dan")
    app = place.forge.add_app("gate", permissions={"members": "read"})
    path = f"/app/installations/{app.installation}/access_tokens"
    token = by_itself(cast, app).call("POST", path)["token"]
    gate = cast.with_token(token)
    found = gate.call("GET", "/orgs/acme/teams/leads/members")
    assert [row["login"] for row in found] == ["bob", "cleo"]
    assert gate.call("GET", "/orgs/acme")["login"] == "acme"
    assert gate.call("GET", "/orgs/acme/teams/leads")["members_count"] == 2
    membership = gate.call("GET", "/orgs/acme/teams/leads/memberships/cleo")
    assert membership["state"] == "active"
    job = cast.with_token(place.forge.actions_token("acme/models", {"contents": "read"}))
    with pytest.raises(Refused, match="403"):
        job.call("GET", "/orgs/acme/teams/leads/members")
    with pytest.raises(Refused, match="404"):
        cast.person("eve", role=None).call("GET", "/orgs/acme/teams/leads/members")


def test_what_there_is_for_everybody(place: Place, cast: Cast) -> None:
    ada = cast.person("ada")
    rate = ada.call("GET", "/rate_limit")["rate"]
    assert rate["remaining"] == rate["limit"] - rate["used"]
    app = place.forge.add_app("gate", permissions={})
    assert ada.call("GET", "/apps/gate")["id"] == app.id
    assert ada.call("GET", "commits/main")["sha"] == place.sha
    assert ada.call("GET", "commits")[0]["sha"] == place.sha
    place.commit("main", {"docs/a": "text"})
    assert ada.call("GET", "contents/docs/a")["content"] == "dGV4dA==\n"
    assert [row["path"] for row in ada.call("GET", "contents/docs")] == ["docs/a"]
    with pytest.raises(Refused, match="404"):
        ada.call("GET", "contents/docs/b")


def test_what_somebody_may_do_is_told(place: Place, cast: Cast) -> None:
    place.forge.add_team("acme", "readers", ["rob"])
    place.repository.team_roles["readers"] = "triage"
    cast.person("ada")
    cast.person("eve", role=None)
    path = "collaborators/{}/permission"
    ada = cast.person("ada")
    assert ada.call("GET", path.format("ada"))["permission"] == "write"
    assert ada.call("GET", path.format("rob"))["role_name"] == "triage"
    assert ada.call("GET", path.format("eve"))["permission"] == "read"
    place.repository.private = True
    assert ada.call("GET", path.format("eve"))["permission"] == "none"
