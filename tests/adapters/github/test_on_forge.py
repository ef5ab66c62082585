"""The adapter on the forge, each request and answer held to GitHub's description of its API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from modelctl.adapters.git_cli import authorize, run
from modelctl.adapters.github import Access, GitHub, Patience, connect
from modelctl.domain.pulls import (
    CHECK_NAME,
    Annotation,
    CheckOutput,
    CheckState,
    DeploymentState,
    Level,
)
from modelctl.errors import DependencyError, ModelctlError
from support.repos import RepoBuilder

if TYPE_CHECKING:
    from pathlib import Path

    from forge.server import Forge

PERMISSIONS = {
    "metadata": "read",
    "actions": "read",
    "administration": "write",
    "checks": "write",
    "contents": "write",
    "deployments": "write",
    "environments": "write",
    "actions_variables": "write",
    "secrets": "read",
    "issues": "write",
    "pull_requests": "write",
    "members": "read",
}
HASTY = Patience(timeout=5, attempts=8, first_pause=0.01, longest_pause=0.1, longest=20)
GREEN = CheckOutput(state=CheckState.SUCCESS, title="Ready", summary="All gates pass.")
MARK = "<!-- modelctl:drift -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Pull request 1 by ada from `feature` into main, approved by lena; `hub` is the App."""

    forge: Forge
    hub: GitHub
    ada: GitHub
    head: str


@pytest.fixture
def scene(forge: Forge, shared: Path, repo: RepoBuilder) -> Iterator[Scene]:
    forge.add_repository("acme", "models", from_bare=shared)
    token = forge.add_user("ada", email="ada@example.com")
    lena = forge.add_user("lena", email="lena@example.com")
    forge.add_team("acme", "ml-leads", ["lena"])
    app = forge.add_app("gatekeeper", permissions=PERMISSIONS)
    api = forge.state.api_url
    access = Access(
        repository="acme/models",
        api_url=api,
        app_id=app.id,
        app_key=app.key,
        installation=app.installation,
    )
    with connect(access, patience=HASTY) as app_itself:
        app_itself.settings.grant_team("ml-leads", "push")
    hub = connect(access, patience=HASTY)
    ada = connect(Access(repository="acme/models", api_url=api, token=token), patience=HASTY)
    remote = f"{forge.url}/acme/models.git"
    head = repo.commit({"models/a/model.yaml": "a: 1\n", "b": "2\n"})
    with authorize(lambda: ada.git_settings(remote)):
        pushed = run("push", remote, f"{head}:refs/heads/feature", directory=repo.directory)
        assert pushed.code == 0, pushed.err
    ada.pulls.create(title="Promote", body="Why", base="main", branch="feature")
    approve(forge, lena)
    yield Scene(forge=forge, hub=hub, ada=ada, head=head)
    hub.close()
    ada.close()


def approve(forge: Forge, token: str) -> None:
    from forge.people import Person

    with Person(forge.url, token, "acme/models") as lena:
        lena.approve(1)


def test_judging_a_pull_request_takes_a_fixed_number_of_requests(scene: Scene) -> None:
    hub = scene.hub
    pull = hub.pulls.get(1)
    assert (pull.head, pull.base, pull.branch) == (scene.head, "main", "feature")
    found = hub.pulls.reviewed(pull, ["ml-leads"])
    assert [(one.state, one.commit) for one in found.reviews] == [("APPROVED", scene.head)]
    assert found.complete
    assert found.active_teams == {"ml-leads": frozenset({"lena"})}
    assert hub.calls == 5  # the token, pull request, reviews, commits, team
    hub.checks.publish(pull.head, CHECK_NAME, GREEN)
    assert hub.comments.upsert(1, "Ready.")
    hub.pulls.set_labels(pull, ["gate: ready"], ["gate: waiting"])
    hub.pulls.request_reviewers(1, [], ["ml-leads"])
    assert hub.calls == 11
    ours = [one for one in scene.forge.requests if one.login == "gatekeeper[bot]"]
    assert len(ours) == hub.calls  # the token that gave the team access was the App's own request


def test_a_check_run_is_updated_and_ours_alone(scene: Scene) -> None:
    hub = scene.hub
    one = Annotation(
        path="b", start_line=1, end_line=1, level=Level.FAILURE, title="f1", message="too low"
    )
    red = CheckOutput(
        state=CheckState.FAILURE, title="Blocked", summary="f1", annotations=(one,) * 60
    )
    for output in (GREEN, red, GREEN):
        hub.checks.publish(scene.head, CHECK_NAME, output, external_id="mark")
    waits = CheckOutput(state=CheckState.WAITING, title="Waits", summary="For lena.", text="x")
    hub.checks.publish(scene.head, CHECK_NAME, waits)
    (run_now,) = hub.checks.of(scene.head, CHECK_NAME)
    assert (run_now.app_id, run_now.status, run_now.title) == (
        hub.access.app_id,
        "in_progress",
        "Waits",
    )
    assert hub.checks.own(scene.head, CHECK_NAME) == run_now


def test_one_comment_is_kept_and_replies_are_added(scene: Scene) -> None:
    assert [scene.hub.comments.upsert(1, text) for text in ("a", "a", "b")] == [True, False, True]
    reply = scene.ada.comments.reply(1, "/modelctl check")
    scene.hub.comments.react(reply.id, "eyes")
    scene.hub.comments.react(reply.id, "eyes")
    assert scene.hub.comments.get(reply.id) == reply
    first, second = scene.hub.comments.of(1)
    assert first.author is not None
    assert first.author.login == "gatekeeper[bot]"
    assert second == reply
    assert scene.hub.people.me() == first.author


def test_pull_requests_are_found(scene: Scene) -> None:
    from forge.people import Person

    hub = scene.hub
    (pull,) = hub.pulls.open(base="main", branch="feature")
    assert hub.pulls.open(branch="other") == ()
    assert hub.pulls.with_head(scene.head) == (pull,)
    assert hub.pulls.merged_as(scene.head) == ()
    assert hub.pulls.files(pull) == ("b", "models/a/model.yaml")
    again = scene.ada.pulls.create(title="Again", body="", base="main", branch="feature")
    assert again.number == pull.number
    hub.pulls.update(1, title="New", body="Text")
    token = scene.forge.add_user("root", role="admin")
    with Person(scene.forge.url, token, "acme/models") as root:
        merged = root.merge(1)
    (done,) = hub.pulls.merged_as(merged)
    assert (done.is_merged, done.merge_commit, done.title) == (True, merged, "New")
    assert hub.pulls.reviewed(done).complete
    with pytest.raises(ModelctlError, match=r"\(404: Not Found\)"):
        hub.pulls.get(99)


def test_a_pull_request_is_closed(scene: Scene) -> None:
    scene.hub.pulls.close(1)
    assert not scene.hub.pulls.get(1).is_open


def test_deployments(scene: Scene) -> None:
    at = scene.hub.deployments
    assert at.latest("dev", "deploy:a") is None
    wanted = {"ref": scene.head, "environment": "dev", "task": "deploy:a", "description": "a 1"}
    made = at.create(**wanted, payload={"model": "a"})
    at.set_state(made.id, DeploymentState.IN_PROGRESS)
    at.set_state(made.id, DeploymentState.SUCCESS, description="Serves", log_url="https://x.y/1")
    found = at.latest("dev", "deploy:a")
    assert found is not None
    assert (found.id, found.ref, found.state) == (made.id, scene.head, DeploymentState.SUCCESS)


def test_one_issue_for_one_matter(scene: Scene) -> None:
    issues = scene.hub.issues
    made = issues.upsert(MARK, "drift", "Drift", "One")
    issues.close(made.number, "Mended.")
    again = issues.upsert(MARK, "drift", "Drift", "Two")
    assert (again.number, again.is_open, again.body) == (made.number, True, f"{MARK}\nTwo")
    assert issues.find(MARK, "other") is None


def test_settings(scene: Scene) -> None:
    settings = scene.hub.settings
    assert settings.repository()["default_branch"] == "main"
    settings.create_label({"name": "gate: ready", "color": "0e8a16", "description": "All pass"})
    settings.create_label({"name": "gate: ready", "color": "0e8a16"})
    settings.update_label("gate: ready", {"color": "ffffff"})
    assert [one["color"] for one in settings.labels() if one["name"] == "gate: ready"] == ["ffffff"]
    settings.delete_label("gate: ready")
    settings.delete_label("gate: ready")
    rules = {
        "name": "main",
        "target": "branch",
        "enforcement": "active",
        "rules": [{"type": "deletion"}],
        "conditions": {"ref_name": {"include": ["~ALL"], "exclude": []}},
    }
    made = settings.create_ruleset(rules)
    settings.update_ruleset(made["id"], {**rules, "enforcement": "disabled"})
    assert [one["enforcement"] for one in settings.rulesets()] == ["disabled"]
    assert settings.ruleset(made["id"])["rules"] == [{"type": "deletion"}]
    settings.delete_ruleset(made["id"])


def test_settings_of_environments_and_teams(scene: Scene) -> None:
    settings = scene.hub.settings
    policy = {"protected_branches": False, "custom_branch_policies": True}
    settings.put_environment("dev", {"deployment_branch_policy": policy})
    for _ in range(2):
        settings.add_branch_policy("dev", "main")
    (branch,) = settings.branch_policies("dev")
    settings.delete_branch_policy("dev", branch["id"])
    settings.set_variable("A", "1", "dev")
    settings.set_variable("A", "2", "dev")
    assert settings.variables("dev") == {"A": "2"}
    assert settings.secrets("dev") == frozenset()
    assert [one["name"] for one in settings.environments()] == ["dev"]
    assert [one["permission"] for one in settings.team_access()] == ["push"]
    settings.revoke_team("ml-leads")
    assert settings.team_access() == []
    with pytest.raises(ModelctlError, match="404"):
        settings.codeowners_errors()  # there is no such file
    assert settings.installation()["permissions"]["checks"] == "write"
    assert settings.app()["slug"] == "gatekeeper"


def test_what_the_token_may_not_do_is_said(scene: Scene) -> None:
    with connect(scene.hub.access, permissions={"metadata": "read"}) as narrow:
        with pytest.raises(ModelctlError) as caught:
            narrow.checks.publish(scene.head, CHECK_NAME, GREEN)
        assert "the permission" in (caught.value.mend or "")
        assert "checks" in (caught.value.mend or "").lower()


FAULTS = ("500", "502", "lost-response", "cut-link", "secondary-limit", "rate-limit")


def test_faults_neither_lose_nor_double_anything(scene: Scene) -> None:
    """Each kind of write, many times over, while every third request fails in some way."""
    hub = scene.hub
    scene.forge.state.faults.add(FAULTS, share=0.3, seed=7, wait=0)
    for number in range(8):
        pull = hub.pulls.get(1)
        assert hub.pulls.reviewed(pull, ["ml-leads"]).complete
        hub.checks.publish(scene.head, CHECK_NAME, GREEN)
        hub.comments.upsert(1, f"Round {number}")
        hub.comments.reply(1, "Done.")
        hub.pulls.set_labels(pull, [f"round: {number}"], pull.labels)
        hub.issues.upsert(MARK, "drift", "Drift", f"Round {number}")
        wanted = {"ref": scene.head, "environment": "dev", "task": "a", "description": str(number)}
        made = hub.deployments.create(**wanted, payload={})
        hub.deployments.set_state(made.id, DeploymentState.SUCCESS)
    assert sum(scene.forge.state.faults.done.values()) > 20
    scene.forge.state.faults.clear()
    bodies = [one.body for one in hub.comments.of(1)]
    assert sorted(body.partition("\n")[2] for body in bodies if "promotion-gate" in body) == [
        "Round 7"
    ]
    assert len(bodies) == 9
    assert hub.pulls.get(1).labels == ("round: 7",)
    transport = hub._transport
    assert len(list(transport.pages("/repos/acme/models/deployments"))) == 8
    issues = list(transport.pages("/repos/acme/models/issues", {"state": "all"}))
    assert len([one for one in issues if "pull_request" not in one]) == 1
    runs = f"/repos/acme/models/commits/{scene.head}/check-runs"
    assert len(list(transport.pages(runs, {"filter": "all"}, key="check_runs"))) == 1


def test_a_forge_that_is_down(scene: Scene) -> None:
    scene.forge.stop()
    began = time.monotonic()
    hasty = Patience(attempts=2, first_pause=0.01)
    with (
        connect(scene.ada.access, patience=hasty) as late,
        pytest.raises(DependencyError, match="gave no usable answer"),
    ):
        late.pulls.get(1)
    assert time.monotonic() - began < 15
