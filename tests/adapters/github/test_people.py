"""Who we are, and who is in a team."""

from __future__ import annotations

import pytest

from modelctl.adapters.github import GitHub
from modelctl.domain.reviews import User
from modelctl.errors import DependencyError, ModelctlError
from support.api_server import ApiServer, Reply

MEMBERS = "/orgs/acme/teams/ml-leads/members"
TEAMS = "/orgs/acme/teams"
ABSENT = Reply(status=404, body={"message": "Not Found"})
FORBIDDEN = Reply(status=403, body={"message": "Resource not accessible by integration"})


def test_the_members_of_a_team(user: GitHub, server: ApiServer) -> None:
    listed = [{"id": 1, "login": "ada"}, {"id": 2, "login": "lena"}]
    server.on("GET", MEMBERS, Reply(body=listed))
    assert user.people.team("ml-leads") == {"ada", "lena"}
    server.on("GET", MEMBERS, Reply(body=[]))
    assert user.people.team("ml-leads") == frozenset()


@pytest.mark.parametrize("refusal", [FORBIDDEN, ABSENT])
def test_where_no_teams_may_be_seen_nothing_is_known_of_one(
    user: GitHub, server: ApiServer, refusal: Reply
) -> None:
    """The token of a workflow and an App without the permission are refused; a person has none."""
    server.on("GET", MEMBERS, refusal)
    server.on("GET", TEAMS, refusal)
    assert user.people.team("ml-leads") is None
    assert user.people.team("ml-leads") is None
    assert server.sent().count(f"GET {TEAMS}") == 1


def test_a_team_that_is_not_there_has_nobody(user: GitHub, server: ApiServer) -> None:
    server.on("GET", MEMBERS, ABSENT)
    server.on("GET", TEAMS, Reply(body=[]))
    assert user.people.team("ml-leads") == frozenset()


def test_a_team_whose_members_are_kept_from_us_is_an_error(user: GitHub, server: ApiServer) -> None:
    server.on("GET", MEMBERS, FORBIDDEN)
    server.on("GET", TEAMS, Reply(body=[]))
    with pytest.raises(ModelctlError, match="Members"):
        user.people.team("ml-leads")


def test_a_team_of_which_nothing_is_known_is_an_error(user: GitHub, server: ApiServer) -> None:
    server.on("GET", MEMBERS, Reply(status=500))
    with pytest.raises(DependencyError):
        user.people.team("ml-leads")
    server.on("GET", MEMBERS, Reply(status=401, body={"message": "Bad credentials"}))
    with pytest.raises(ModelctlError):
        user.people.team("ml-leads")


def test_a_user_is_asked_for_once(user: GitHub, server: ApiServer) -> None:
    server.on("GET", "/user", Reply(body={"id": 1, "login": "ada", "type": "User"}))
    assert user.people.me() == user.people.me() == User(id=1, login="ada")
    assert user.calls == 1


def test_an_app_is_its_bot(app: GitHub, server: ApiServer) -> None:
    server.on("GET", "/app", Reply(body={"id": 77, "slug": "gatekeeper"}))
    bot = {"id": 9, "login": "gatekeeper[bot]", "type": "Bot"}
    server.on("GET", "/users/gatekeeper%5Bbot%5D", Reply(body=bot))
    assert app.people.me() == User(id=9, login="gatekeeper[bot]", kind="Bot")


def graphql(server: ApiServer, body: object) -> None:
    server.on("GET", "/user", FORBIDDEN)
    server.on("POST", "/api/graphql", Reply(body=body))


def test_the_token_of_a_workflow_knows_its_name_by_graphql(user: GitHub, server: ApiServer) -> None:
    viewer = {"databaseId": 41898282, "login": "github-actions[bot]"}
    graphql(server, {"data": {"viewer": viewer}})
    assert user.people.me() == User(id=41898282, login="github-actions[bot]", kind="Bot")


@pytest.mark.parametrize(
    "body", [{"errors": [{"message": "no"}]}, {"data": None}, {"data": {"viewer": {}}}, []]
)
def test_a_name_that_nobody_tells(user: GitHub, server: ApiServer, body: object) -> None:
    graphql(server, body)
    with pytest.raises(DependencyError, match="GraphQL"):
        user.people.me()
