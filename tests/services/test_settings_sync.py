"""The settings of a repository on the forge: planned, applied, drifted, put back, reported."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from forge.server import Forge
from modelctl.adapters.github import GitHub, Patience, connect, transport
from modelctl.adapters.github.rate import Pace
from modelctl.domain.codeowners import PATH
from modelctl.domain.settings_plan import Action, Kind
from modelctl.errors import DependencyError, ModelctlError
from modelctl.report import settings_plan as report
from modelctl.services.session import Session
from modelctl.services.settings_sync import LABEL, MARKER, apply, look, report_drift
from support.governed import SETTINGS
from support.hub import MACHINE, HubWorld
from support.repos import GitError, git
from support.settings_world import SECRET, Governed, adopt, fill
from support.world import MODEL, World


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The forge takes more writes in a minute than GitHub does."""
    monkeypatch.setattr(transport, "Pace", partial(Pace, burst=10_000))


@pytest.fixture
def governed(tmp_path: Path, forge: Forge) -> Governed:
    return Governed.create(tmp_path / "world", forge)


@pytest.fixture
def hub(governed: Governed) -> HubWorld:
    """A world with settings on its default branch, behind the judged forge."""
    return governed.hub


@pytest.fixture
def session(hub: HubWorld) -> Session:
    return hub.world.session()


@pytest.fixture
def github(hub: HubWorld) -> Iterator[GitHub]:
    with hub.github("machine") as found:
        yield found


def bring(session: Session, github: GitHub) -> list[str]:
    done: list[str] = []
    apply(look(session, github), github, lambda step: done.append(report.done(step)))
    return done


def ask(hub: HubWorld, verb: str, path: str, body: Any = None) -> Any:
    return hub.api("machine", verb, path, body)


def test_apply_brings_a_bare_repository_in_line_and_then_has_nothing_to_do(
    hub: HubWorld, session: Session, github: GitHub
) -> None:
    first = look(session, github).plan
    assert {step.action for step in first.steps} == {Action.CREATE, Action.CHANGE, Action.WAIT}
    done = bring(session, github)
    assert len(done) == len(first.doable)
    second = look(session, github).plan
    assert second.doable == ()
    assert [step.thing.kind for step in second.steps] == [
        Kind.SECRET, Kind.VARIABLE, Kind.SECRET,
    ]  # fmt: skip
    assert bring(session, github) == []
    names = [row["name"] for row in ask(hub, "GET", "/rulesets")]
    assert len(names) == len(set(names)) == 8


def test_every_step_may_be_the_last_one_before_it_is_killed(
    session: Session, github: GitHub
) -> None:
    total = len(look(session, github).plan.doable)

    class Killed(Exception):  # noqa: N818 - it stands for a signal
        pass

    def kill(_: Any) -> None:
        raise Killed

    for left in range(total, 0, -1):
        one = look(session, github)
        assert len(one.plan.doable) == left
        with pytest.raises(Killed):
            apply(one, github, kill)
    assert look(session, github).plan.doable == ()


def test_what_was_changed_by_hand_is_drift_and_is_put_back(
    hub: HubWorld, session: Session, github: GitHub
) -> None:
    bring(session, github)
    ask(hub, "PATCH", "", {"allow_squash_merge": True})
    ask(hub, "DELETE", "/labels/gate%3A%20ready")
    ask(hub, "POST", "/labels", {"name": "stage: Secret", "color": "ffffff"})
    ask(hub, "POST", "/labels", {"name": "theirs", "color": "ffffff"})
    ask(hub, "POST", "/environments/gates/deployment-branch-policies", {"name": "*"})
    ask(hub, "PUT", "/environments/deploy", {"deployment_branch_policy": None})
    rows = {row["name"]: row["id"] for row in ask(hub, "GET", "/rulesets")}
    main = rows["modelctl: into main by reviewed pull request"]
    ask(hub, "PUT", f"/rulesets/{main}", {"enforcement": "disabled"})
    ask(hub, "DELETE", f"/rulesets/{rows['modelctl: version tags never move']}")
    found = look(session, github).plan
    assert [report.done(step) for step in found.doable] == [
        "changed repository",
        'created label "gate: ready"',
        'changed environment "gates"',
        'changed environment "deploy"',
        'changed ruleset "modelctl: into main by reviewed pull request"',
        'created ruleset "modelctl: version tags never move"',
        'deleted label "stage: Secret"',
    ]
    text = report.terminal(found)
    assert "~ repository\n    allow_squash_merge: true → false" in text
    assert '    only_branches: ["*", "main"] → ["main"]' in text
    assert '    enforcement: "disabled" → "active"' in text
    bring(session, github)
    assert look(session, github).plan.doable == ()
    assert "theirs" in {row["name"] for row in ask(hub, "GET", "/labels")}
    policies = ask(hub, "GET", "/environments/deploy/deployment-branch-policies")
    assert [row["name"] for row in policies["branch_policies"]] == ["main"]


def test_what_people_set_on_an_environment_stays(
    hub: HubWorld, session: Session, github: GitHub
) -> None:
    bring(session, github)
    ask(hub, "PUT", "/environments/deploy", {"wait_timer": 5, "deployment_branch_policy": None})
    bring(session, github)
    raw = ask(hub, "GET", "/environments/deploy")
    timers = [rule["wait_timer"] for rule in raw["protection_rules"] if "wait_timer" in rule]
    assert timers == [5]
    assert raw["deployment_branch_policy"]["custom_branch_policies"]


def test_rules_bite_once_they_are_applied(
    governed: Governed, session: Session, github: GitHub
) -> None:
    hub = governed.hub
    bring(session, github)
    head = hub.world.commit({"README.md": "x\n"}, "f/x", "main")
    for branch in ("main", "ledger", "env/dev"):
        with pytest.raises(GitError, match="rule violations"):
            hub.push("ada", branch, head)
        with pytest.raises(GitError, match="rule violations"):
            hub.push(MACHINE, branch, head)
    app = governed.deploy
    by_app = replace(hub.access(), app_id=app.id, app_key=app.key, installation=app.installation)
    with connect(by_app) as deployer:
        hub.tokens["app"] = deployer.git_token()
    hub.push("app", "ledger", head)
    for bad in (f"+{head}~1:refs/heads/ledger", ":refs/heads/ledger", f"{head}:refs/heads/main"):
        with pytest.raises(GitError, match="rule violations"):
            git(hub.world.directory, "push", "--quiet", hub.clone_url("app"), bad)


@pytest.mark.parametrize(
    "ref",
    [
        *(f"refs/heads/{name}" for name in ("env", "promote", f"rollback/{MODEL}", "waiver/x/1")),
        f"refs/heads/promote/{MODEL}/1.0.0/dev/x",
        "refs/heads/env/dev/x",
        f"refs/tags/{MODEL}@v1.0.0/x",
        f"refs/tags/{MODEL}#dev#1/x/y",
    ],
)
def test_nothing_is_put_in_the_way_of_what_comes_later(
    governed: Governed, session: Session, github: GitHub, ref: str
) -> None:
    hub = governed.hub
    bring(session, github)
    with pytest.raises(GitError, match="rule violations"):
        git(hub.world.directory, "push", hub.clone_url("ada"), f"origin/main:{ref}")
    hub.push("ada", f"promote/{MODEL}/1.0.0/dev", "origin/main")


def test_without_ids_of_apps_the_rules_wait_and_nothing_is_half_pinned(
    hub: HubWorld, github: GitHub
) -> None:
    adopt(hub, {**SETTINGS, "apps": {"gate": {"id": None}, "deploy": {"id": None}}})
    session = hub.world.session()
    bring(session, github)
    names = [row["name"] for row in ask(hub, "GET", "/rulesets")]
    assert sorted(names) == [
        "modelctl: machine branches only ever grow",
        "modelctl: no branch leaves another one without room",
        "modelctl: version tags never move",
    ]
    waits = [
        s.thing.waits or ""
        for s in look(session, github).plan.steps
        if s.thing.kind is Kind.RULESET
    ]
    assert len(waits) == 5
    assert all("App and write its id" in text for text in waits)


def test_settings_of_another_organisation_are_refused(hub: HubWorld, github: GitHub) -> None:
    adopt(hub, {**SETTINGS, "organisation": "other"})
    with pytest.raises(ModelctlError, match="the repository belongs to acme"):
        look(hub.world.session(), github)


def test_a_repository_without_settings(tmp_path: Path, forge: Forge) -> None:
    made = HubWorld.create(World.create(tmp_path / "world"), forge)
    with made.github("machine") as github, pytest.raises(ModelctlError, match="is missing"):
        look(made.world.session(), github)


def test_codeowners_that_is_behind_is_told(hub: HubWorld, github: GitHub) -> None:
    builder = hub.world.builder
    builder.commit({PATH: "* @acme/platform\n"}, "main")
    builder.git("push", "--quiet", "origin", "main")
    steps = look(hub.world.session(), github).plan.steps
    (step,) = [step for step in steps if step.thing.kind is Kind.FILE]
    assert step.thing.waits == "open a pull request with what `modelctl codeowners --write` writes"


def test_one_issue_is_kept_and_closed(hub: HubWorld, session: Session, github: GitHub) -> None:
    found = look(session, github).plan
    for _ in range(3):
        report_drift(github, found, report.markdown(found))
    (issue,) = ask(hub, "GET", "/issues?state=all")
    assert issue["body"].startswith(MARKER)
    assert LABEL in [label["name"] for label in issue["labels"]]
    bring(session, github)
    fill(hub)
    rest = look(session, github).plan
    assert rest.steps == ()
    for _ in range(2):
        report_drift(github, rest, report.markdown(rest))
    (closed,) = ask(hub, "GET", "/issues?state=all")
    assert closed["state"] == "closed"
    report_drift(github, found, report.markdown(found))
    (again,) = ask(hub, "GET", "/issues?state=all")
    assert (again["number"], again["state"]) == (issue["number"], "open")


def test_secrets_are_counted_by_name_and_never_seen(
    hub: HubWorld, session: Session, github: GitHub
) -> None:
    bring(session, github)
    fill(hub)
    found = look(session, github)
    assert found.plan.steps == ()
    value = b64encode(SECRET.encode()).decode()
    assert value not in repr(found) + report.json(found.plan) + report.terminal(found.plan)


@pytest.mark.parametrize("seed", [1, 2])
def test_faults_lose_and_double_nothing(hub: HubWorld, session: Session, seed: int) -> None:
    hub.forge.faults(share=0.2, kinds=("500", "502", "lost-response"), seed=seed)
    hasty = Patience(first_pause=0.01, longest_pause=0.1)
    with connect(hub.access("machine"), patience=hasty) as github:
        for _ in range(5):
            try:
                bring(session, github)
                break
            except DependencyError:
                continue
    hub.forge.state.faults.clear()
    with hub.github("machine") as github:
        assert look(session, github).plan.doable == ()
    names = [row["name"] for row in ask(hub, "GET", "/rulesets")]
    assert len(names) == len(set(names)) == 8


def test_who_may_not_administer_is_told_so(hub: HubWorld, session: Session) -> None:
    with hub.github("ada") as github, pytest.raises(ModelctlError) as caught:
        bring(session, github)
    assert caught.value.mend
