"""Reviews: who may give them, what they count for, what a merge needs by the branch rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from forge.people import Refused
from support.cast import Cast

if TYPE_CHECKING:
    from conftest import Place


@pytest.fixture
def cast(place: Place) -> Iterator[Cast]:
    people = Cast(place.forge, "acme/models")
    for login in ("ada", "bob", "cleo"):
        people.person(login)
    yield people
    people.close()


def demand(place: Place, **parameters: Any) -> dict[str, Any]:
    """A ruleset for the default branch that wants pull requests like this."""
    rule = {
        "required_approving_review_count": 0,
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_review_thread_resolution": False,
        **parameters,
    }
    made: dict[str, Any] = place.do(
        "POST",
        "/rulesets",
        201,
        name="reviews",
        enforcement="active",
        conditions={"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
        rules=[{"type": "pull_request", "parameters": rule}],
    )
    return made


def proposed(place: Place, cast: Cast, files: dict[str, str] | None = None) -> None:
    place.commit("feature", files or {"a": "1\n"})
    cast.person("ada").open_pull("feature", "main")


def refused(cast: Cast, login: str = "bob", **wish: Any) -> str:
    """Why a merge is refused."""
    with pytest.raises(Refused) as told:
        cast.person(login).merge(1, **wish)
    assert told.value.status == 405
    return told.value.message


def test_nobody_approves_their_own(place: Place, cast: Cast) -> None:
    proposed(place, cast)
    ada = cast.person("ada")
    for review in (ada.approve, ada.request_changes):
        with pytest.raises(Refused, match=r"422 Unprocessable Entity.*your own pull request"):
            review(1)
    assert ada.review_comment(1, "Look here.")["state"] == "COMMENTED"


def test_changes_are_not_requested_without_a_word(place: Place, cast: Cast) -> None:
    proposed(place, cast)
    with pytest.raises(Refused, match="Body can't be blank"):
        cast.person("bob").request_changes(1, "")


def test_reviews_stay_with_the_commit_that_they_were_given_for(place: Place, cast: Cast) -> None:
    proposed(place, cast)
    bob = cast.person("bob")
    first = bob.approve(1)
    assert (first["state"], first["user"]["login"]) == ("APPROVED", "bob")
    sha = place.commit("second", {"b": "1\n"})
    bob.call("PATCH", "git/refs/heads/feature", {"sha": sha, "force": True})
    second = bob.review_comment(1, "Again.")
    rows = bob.call("GET", "pulls/1/reviews")
    assert [row["commit_id"] for row in rows] == [first["commit_id"], sha]
    assert second["commit_id"] == sha
    event = place.forge.events[-1]
    assert (event.name, event.payload["review"]["state"]) == ("pull_request_review", "commented")


def test_a_dismissed_review_says_so(place: Place, cast: Cast) -> None:
    proposed(place, cast)
    bob, cleo = cast.person("bob"), cast.person("cleo")
    review = bob.approve(1)
    assert cleo.dismiss(1, review["id"])["state"] == "DISMISSED"
    assert [row["state"] for row in bob.call("GET", "pulls/1/reviews")] == ["DISMISSED"]
    with pytest.raises(Refused, match="Can not dismiss a dismissed review"):
        cleo.dismiss(1, review["id"])
    with pytest.raises(Refused, match="403"):
        cast.person("eve", role=None).dismiss(1, review["id"])


def test_a_pending_review_is_its_authors_alone(place: Place, cast: Cast) -> None:
    proposed(place, cast)
    bob, cleo = cast.person("bob"), cast.person("cleo")
    pending = bob.call("POST", "pulls/1/reviews", {"body": "Not yet."})
    assert pending["state"] == "PENDING"
    assert cleo.call("GET", "pulls/1/reviews") == []
    path = f"pulls/1/reviews/{pending['id']}/events"
    assert bob.call("POST", path, {"event": "APPROVE"})["state"] == "APPROVED"
    assert len(cleo.call("GET", "pulls/1/reviews")) == 1


def test_as_many_approvals_as_the_rules_want(place: Place, cast: Cast) -> None:
    demand(place, required_approving_review_count=2)
    proposed(place, cast)
    cast.person("bob").approve(1)
    cast.person("eve", role=None).approve(1)
    assert "At least 2 approving reviews are required" in refused(cast)
    assert cast.person("ada").pull(1)["mergeable_state"] == "blocked"
    cast.person("cleo").approve(1)
    assert cast.person("ada").pull(1)["mergeable_state"] == "clean"
    assert cast.person("bob").merge(1)


def test_requested_changes_block_until_their_author_agrees(place: Place, cast: Cast) -> None:
    demand(place, required_approving_review_count=1)
    proposed(place, cast)
    cast.person("bob").approve(1)
    cast.person("cleo").request_changes(1)
    assert "Changes have been requested." in refused(cast)
    cast.person("cleo").review_comment(1, "Still.")
    assert "Changes have been requested." in refused(cast)
    cast.person("cleo").approve(1)
    assert cast.person("bob").merge(1)


def test_a_push_dismisses_what_was_approved_before(place: Place, cast: Cast) -> None:
    demand(place, required_approving_review_count=1, dismiss_stale_reviews_on_push=True)
    proposed(place, cast)
    cast.person("bob").approve(1)
    ada = cast.person("ada")
    sha = place.commit("second", {"b": "1\n"})
    ada.call("PATCH", "git/refs/heads/feature", {"sha": sha, "force": True})
    assert [row["state"] for row in ada.call("GET", "pulls/1/reviews")] == ["DISMISSED"]
    assert "At least 1 approving review is required" in refused(cast)
    names = [(one.name, one.payload.get("action")) for one in place.forge.events[-2:]]
    assert names == [("pull_request", "synchronize"), ("pull_request_review", "dismissed")]


def test_the_last_push_is_approved_by_somebody_else(place: Place, cast: Cast) -> None:
    demand(place, required_approving_review_count=1, require_last_push_approval=True)
    proposed(place, cast)
    sha = place.commit("second", {"b": "1\n"})
    bob = cast.person("bob")
    bob.call("PATCH", "git/refs/heads/feature", {"sha": sha, "force": True})
    bob.approve(1)
    assert "someone other than the last pusher" in refused(cast)
    cast.person("cleo").approve(1)
    assert bob.merge(1)


def test_a_team_for_its_files(place: Place, cast: Cast) -> None:
    team = place.forge.add_team("acme", "platform", ["cleo"])
    wanted = {
        "file_patterns": ["policies/**"],
        "minimum_approvals": 1,
        "reviewer": {"id": team.id, "type": "Team"},
    }
    demand(place, required_reviewers=[wanted])
    proposed(place, cast, {"policies/gates.yaml": "x\n"})
    cast.person("bob").approve(1)
    assert "approving review from @acme/platform is required" in refused(cast)
    cast.person("cleo").approve(1)
    assert cast.person("bob").merge(1)


def test_other_files_need_no_such_team(place: Place, cast: Cast) -> None:
    team = place.forge.add_team("acme", "platform", ["cleo"])
    wanted = {
        "file_patterns": ["policies/**"],
        "minimum_approvals": 1,
        "reviewer": {"id": team.id, "type": "Team"},
    }
    demand(place, required_reviewers=[wanted])
    proposed(place, cast, {"models/m/model.yaml": "x\n"})
    assert cast.person("bob").merge(1)


def test_one_owner_of_each_file_by_the_bases_codeowners(place: Place, cast: Cast) -> None:
    place.forge.add_team("acme", "leads", ["bob", "cleo"])
    place.commit("main", {"CODEOWNERS": "* @ada\n/models/ @acme/leads\n"})
    demand(place, require_code_owner_review=True)
    own = {"models/m.yaml": "x\n", "CODEOWNERS": "* @ada\n"}
    place.commit("feature", own)
    cast.person("ada").open_pull("feature", "main")
    # From before CODEOWNERS was there: git sees both sides adding it.
    assert cast.person("ada").pull(1)["mergeable_state"] == "dirty"
    place.commit("other", {"models/m.yaml": "x\n"})
    cast.person("ada").open_pull("other", "main")
    with pytest.raises(Refused, match="Waiting on code owner review"):
        cast.person("ada").merge(2)
    cast.person("bob").approve(2)
    assert cast.person("ada").merge(2)


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_only_the_allowed_ways_to_merge(place: Place, cast: Cast, method: str) -> None:
    demand(place, allowed_merge_methods=["merge"])
    proposed(place, cast)
    assert f"The merge method {method} is not allowed" in refused(cast, method=method)


def test_a_bypass_for_merges_only(place: Place, cast: Cast) -> None:
    team = place.forge.add_team("acme", "platform", ["cleo"])
    made = demand(place, required_approving_review_count=1)
    actor = {"actor_id": team.id, "actor_type": "Team", "bypass_mode": "pull_request"}
    place.do("PUT", f"/rulesets/{made['id']}", bypass_actors=[actor])
    proposed(place, cast)
    refused(cast)
    assert cast.person("cleo").merge(1)


def test_an_outsider_may_not_merge(place: Place, cast: Cast) -> None:
    proposed(place, cast)
    with pytest.raises(Refused, match="403"):
        cast.person("eve", role=None).merge(1)


def test_people_and_teams_are_asked_for_a_review(place: Place, cast: Cast) -> None:
    place.forge.add_team("acme", "leads", ["cleo"])
    place.repository.team_roles["leads"] = "write"
    proposed(place, cast)
    ada = cast.person("ada")
    path = "pulls/1/requested_reviewers"
    ada.call("POST", path, {"reviewers": ["bob"], "team_reviewers": ["leads"]})
    asked = ada.call("GET", path)
    assert [row["login"] for row in asked["users"]] == ["bob"]
    assert [row["slug"] for row in asked["teams"]] == ["leads"]
    cast.person("cleo").approve(1)
    assert ada.call("GET", path)["teams"] == []
    ada.call("DELETE", path, {"reviewers": ["bob"]})
    assert ada.call("GET", path)["users"] == []
    cast.person("eve", role=None)
    for wanted in ({"reviewers": ["eve"]}, {"reviewers": ["ada"]}, {"team_reviewers": ["none"]}):
        with pytest.raises(Refused, match="422 Review"):
            ada.call("POST", path, wanted)


def test_only_who_is_named_may_dismiss(place: Place, cast: Cast) -> None:
    cleo = place.forge.state.user("cleo")
    allowed = {"enabled": True, "allowed_actors": [{"id": cleo.id, "type": "User"}]}
    demand(place, dismissal_restriction=allowed)
    proposed(place, cast)
    review = cast.person("bob").approve(1)["id"]
    with pytest.raises(Refused, match="403"):
        cast.person("ada").dismiss(1, review)
    assert cast.person("cleo").dismiss(1, review)["state"] == "DISMISSED"


def test_opening_for_others_is_not_pushing_for_them(place: Place, cast: Cast) -> None:
    demand(place, required_approving_review_count=1, require_last_push_approval=True)
    sha = place.commit("kept", {"a": "1\n"})
    cast.person("bob").call("POST", "git/refs", {"ref": "refs/heads/feature", "sha": sha})
    cast.person("ada").open_pull("feature", "main")
    cast.person("bob").approve(1)
    assert "someone other than the last pusher" in refused(cast)
