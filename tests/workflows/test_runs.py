"""Each workflow as GitHub would run it after real events, and what the forge then holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from forge import events
from forge.values import Pull
from modelctl.adapters.documents import dump
from modelctl.domain.pulls import CHECK_NAME, COMMENT_MARKER
from modelctl.services.ledger import ledger_rows
from support.actions import Run
from support.journey import APPROVERS, bring, publish
from support.repos import File, git
from support.workflow_world import WorkflowWorld
from support.world import MODEL, PROJECT, release_data

MakeWorld = Callable[..., WorkflowWorld]


def passes(run: Run, *jobs: str) -> None:
    """Every job of the run, and no other one, has passed."""
    assert run.jobs == dict.fromkeys(jobs, "succeeded"), run.out()
    assert run.passed
    assert not re.search(r"PRIVATE KEY|gh[a-z]_\w|x-access-token:\w", run.log)


def test_a_push_to_a_feature_branch_is_checked_by_its_own_rules(at: MakeWorld) -> None:
    world = at(None)
    world.hub.world.submit()
    world.hub.push("ada", "feature/1.0.0")
    passes(world.pushed("ci.yml", job="documents"), "documents")
    world.hub.world.commit({f"models/{MODEL}/model.yaml": "name: [\n"}, "feature/1.0.0", "ml")
    world.hub.push("ada", "feature/1.0.0")
    run = world.pushed("ci.yml", job="documents")
    assert run.jobs == {"documents": "failed"}
    assert f"models/{MODEL}/model.yaml" in run.out()


def test_a_rollback_is_proposed_by_a_dispatch(at: MakeWorld) -> None:
    world = at("dev", lambda world: bring(world, "dev", "1.1.0"))
    reason = 'recall fell; $(touch "$HOME/owned") `id`'
    run = world.dispatch(
        "rollback.yml", model=MODEL, environment="dev", version="1.0.0", reason=reason
    )
    passes(run, "propose")
    (pull,) = [pull for pull in world.repository.pulls() if pull.state == "open"]
    assert (pull.base, pull.branch) == ("ml", f"rollback/{MODEL}/1.0.0/dev")
    assert pull.user == world.hub.app.bot
    assert pull.body is not None
    assert "recall fell" in pull.body
    author = git(world.hub.path, "show", "--no-patch", "--format=%an <%ae>", pull.head)
    assert author == "pat <5+pat@users.noreply.github.com>"


def test_an_emergency_takes_somebody_who_may_approve(at: MakeWorld) -> None:
    world = at("dev", lambda world: bring(world, "dev", "1.1.0"))
    run = world.dispatch(
        "rollback.yml", model=MODEL, environment="dev", reason="mine", emergency="true"
    )
    assert run.jobs == {"emergency": "failed"}
    assert "pat holds no role that approves for dev" in run.log
    assert world.repository.pulls() == []


def test_which_version_is_to_go_is_asked_of_an_emergency_alone(at: MakeWorld) -> None:
    world = at("dev", lambda world: bring(world, "dev", "1.1.0"))
    of = '1.1.0"; touch "$HOME/owned"; echo "'
    asked = {"model": MODEL, "environment": "dev", "reason": "mine"}
    run = world.dispatch("rollback.yml", **asked, of=of, emergency="true")
    assert run.jobs == {"emergency": "failed"}
    assert of in run.log  # as one word, which is no version
    run = world.dispatch("rollback.yml", **asked, of="1.1.0")
    assert run.jobs == {"propose": "failed"}
    assert "--of has no effect without --emergency" in run.log
    assert world.repository.pulls() == []


def test_rollouts_are_stepped_by_the_clock_and_by_hand(at: MakeWorld) -> None:
    world = at("dev")
    run = world.dispatch("rollout.yml", action="tick")
    passes(run, "tick")


def test_without_the_default_branch_there_is_no_key(at: MakeWorld) -> None:
    world = at("staging")
    run = world.dispatch(
        "rollback.yml", ref="ml", model=MODEL, environment="dev", version="1.0.0", reason="mine"
    )
    assert run.jobs == {"propose": "failed"}
    assert world.repository.pulls() == []


@dataclass(frozen=True, kw_only=True)
class Step:
    """A merge into `base`, with what serves before it."""

    base: str
    environment: str
    stage: str
    before: str | None


STEPS = [
    Step(base="ml", environment="dev", stage="Validation", before=None),
    Step(base="develop", environment="staging", stage="Staging", before="dev"),
    Step(base="main", environment="production", stage="Production", before="staging"),
]
BY_BASE = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.base)


def propose(world: WorkflowWorld, step: Step, *, evidence: bool = True) -> int:
    """The pull request of that step, with the evidence that it takes."""
    inner = world.hub.world
    if step.before is None:
        branch, head = "feature/1.0.0", inner.submit()
    else:
        branch = f"promote/{MODEL}/1.0.0/{step.environment}"
        head = inner.promote("1.0.0", step.environment)
    if evidence:
        inner.evidence("1.0.0", step.environment, head)
    return world.hub.open(step.base, branch)


def deployments(world: WorkflowWorld) -> list[tuple[str, str]]:
    """Which versions the ledger says were deployed where."""
    rows = ledger_rows(world.hub.world.session(), MODEL)
    return [(row.environment, str(row.version)) for row in rows if row.kind == "deployment"]


def standing(world: WorkflowWorld, number: int) -> str:
    """What the App's newest check run says on the head of a pull request."""
    head, app = world.hub.pull(number).head, world.hub.app.id
    runs = [run for run in world.repository.checks.get(head, ()) if run.app == app]
    if not runs:
        return "nothing"
    newest = max(runs, key=lambda run: run.id)
    assert newest.name == CHECK_NAME
    return newest.conclusion or newest.status


def labels(world: WorkflowWorld, number: int) -> list[str]:
    return sorted(world.hub.pull(number).labels)


# Pull requests.


@BY_BASE
def test_a_pull_request_from_a_branch_is_judged(at: MakeWorld, step: Step) -> None:
    world = at(step.before)
    number = propose(world, step)
    passes(world.on_pull("gates.yml", "opened"), "judge")
    assert standing(world, number) == "in_progress"
    (comment,) = world.hub.comments(number)
    assert comment.startswith(COMMENT_MARKER)
    assert labels(world, number) == ["gate: waiting", f"stage: {step.stage}"]
    assert world.hub.pull(number).requested_teams or world.hub.pull(number).requested


@BY_BASE
def test_a_pull_request_without_evidence_is_blocked_on_its_newest_head(
    at: MakeWorld, step: Step
) -> None:
    world = at(step.before)
    number = propose(world, step, evidence=False)
    passes(world.on_pull("gates.yml", "opened"), "judge")
    first = world.hub.pull(number).head
    assert standing(world, number) == "failure"
    branch = world.hub.pull(number).branch
    note = {"models/" + MODEL + "/release.yaml": dump(release_data("1.0.0", strategies={}))}
    world.hub.world.builder.commit(note, branch)
    world.hub.push("ada", branch)
    assert standing(world, number) == "nothing"
    passes(world.on_pull("gates.yml", "synchronize"), "judge")
    assert world.hub.pull(number).head != first
    assert standing(world, number) == "failure"
    assert len(world.hub.comments(number)) == 1


def fork(world: WorkflowWorld, branch: str) -> int:
    """A pull request of an outsider, from a fork of hers."""
    hub = world.hub
    name = hub.api("mallory", "POST", "/forks", {})["full_name"]
    url = f"{hub.forge.url}/{name}.git".replace("://", f"://mallory:{hub.tokens['mallory']}@")
    git(hub.world.directory, "push", "--quiet", url, f"{branch}:refs/heads/{branch}")
    body = {"title": "Mine", "head": f"mallory:{branch}", "base": "ml", "body": ""}
    return int(hub.api("mallory", "POST", "/pulls", body)["number"])


def test_a_pull_request_from_a_fork_is_judged_as_any_other(at: MakeWorld) -> None:
    world = at(None)
    head = world.hub.world.submit()
    world.hub.world.evidence("1.0.0", "dev", head)
    number = fork(world, "feature/1.0.0")
    passes(world.on_pull("gates.yml", "opened"), "judge")
    assert world.hub.pull(number).head == head
    assert standing(world, number) == "in_progress"
    assert len(world.hub.comments(number)) == 1


def test_a_fork_is_not_measured_by_itself(at: MakeWorld) -> None:
    world = at(None)
    world.hub.world.submit()
    number = fork(world, "feature/1.0.0")
    # Alone, since act can't even plan the jobs behind it where it finds nothing.
    passes(world.on_pull("evidence.yml", "opened", job="plan"))
    passes(world.dispatch("evidence.yml", job="plan", pull=str(number)), "plan")


def test_a_workflow_changed_in_the_pull_request_does_not_run(at: MakeWorld, tmp_path: Path) -> None:
    world = at(None)
    owned = tmp_path / "owned"
    hostile = re.sub(
        r"run: .venv/bin/modelctl.*",
        f"run: touch {owned}",
        (PROJECT / ".github/workflows/gates.yml").read_text(),
    )
    files = {
        ".github/workflows/gates.yml": hostile,
        "scripts/setup": File(mode="100755", data=f"#!/bin/sh\ntouch {owned}\n".encode()),
        ".github/actions/modelctl/action.yml": "name: x\n",
    }
    world.hub.world.commit(files, "feature/mine", "main")
    number = world.hub.open("main", "feature/mine")
    passes(world.on_pull("gates.yml", "opened"), "judge")
    assert standing(world, number) != "success"
    assert "1 platform" in world.hub.comments(number)[0]
    assert not owned.exists()


# Reviews.


def test_each_state_of_a_review_is_judged(at: MakeWorld) -> None:
    world = at(None)
    number = propose(world, STEPS[0])
    passes(world.on_pull("gates.yml", "opened"), "judge")

    def reviewed(action: str = "submitted") -> str:
        signal, judged = world.after_review(action)
        passes(signal, "signal")
        passes(judged, "judge")
        return standing(world, number)

    world.hub.review("ben", number, "COMMENT")
    assert reviewed() == "in_progress"
    world.hub.approve(number, ["lena"])
    assert reviewed() == "in_progress"
    approval = world.hub.review("ben", number)
    assert reviewed() == "success"
    assert "gate: ready" in labels(world, number)
    path = f"/pulls/{number}/reviews/{approval}/dismissals"
    world.hub.api("pat", "PUT", path, {"message": "Not yet", "event": "DISMISS"})
    assert reviewed("dismissed") == "in_progress"
    world.hub.review("ben", number, "REQUEST_CHANGES")
    assert reviewed() != "success"
    assert len(world.hub.comments(number)) == 1


def test_a_forged_signal_changes_nothing(at: MakeWorld) -> None:
    world = at(None)
    number = propose(world, STEPS[0])
    passes(world.on_pull("gates.yml", "opened"), "judge")
    before = len(world.hub.forge.requests)
    passes(world.signalled("0" * 40, login="mallory"), "judge")
    passes(world.signalled(world.hub.pull(number).head, login="mallory"), "judge")
    assert standing(world, number) == "in_progress"
    written = [one for one in world.hub.forge.requests[before:] if one.method != "GET"]
    assert {one.path.rpartition("/")[2] for one in written} <= {"access_tokens"}


# Comments and other wishes.


def on_comment(world: WorkflowWorld) -> Run:
    return world.actions.run(
        "gates.yml", "issue_comment", world.last("issue_comment", "created").payload
    )


def test_a_command_in_a_comment_is_answered(at: MakeWorld) -> None:
    world = at(None)
    number = propose(world, STEPS[0])
    comment = world.hub.comment("ben", number, "/modelctl check")
    passes(on_comment(world), "judge")
    assert standing(world, number) == "in_progress"
    assert world.hub.reactions(comment)


def test_what_is_no_command_starts_nothing(at: MakeWorld) -> None:
    world = at(None)
    number = propose(world, STEPS[0])
    for body in ("Looks good", "> /modelctl check", "see /modelctl check"):
        world.hub.comment("ben", number, body)
        passes(on_comment(world))
    issue = world.hub.api("ben", "POST", "/issues", {"title": "Help"})["number"]
    world.hub.comment("ben", issue, "/modelctl check")
    passes(on_comment(world))
    assert standing(world, number) == "nothing"


def test_an_outsider_commands_nothing(at: MakeWorld) -> None:
    world = at(None)
    number = propose(world, STEPS[0])
    world.hub.comment("mallory", number, "/modelctl check")
    on_comment(world)
    assert standing(world, number) == "nothing"


def test_rerun_judges_again(at: MakeWorld) -> None:
    world = at(None)
    number = propose(world, STEPS[0])
    passes(world.on_pull("gates.yml", "opened"), "judge")
    world.hub.approve(number, APPROVERS["dev"])
    check = world.hub.check(world.hub.pull(number).head)
    assert check is not None
    event = events.rerequest(world.hub.forge.state, world.repository, check, "ben")
    passes(world.actions.run("gates.yml", "check_run", event.payload), "judge")
    assert standing(world, number) == "success"
    check.name = "another check"
    event = events.rerequest(world.hub.forge.state, world.repository, check, "ben")
    passes(world.actions.run("gates.yml", "check_run", event.payload))


def test_the_clock_and_a_dispatch_judge_what_no_event_told(at: MakeWorld) -> None:
    world = at(None)
    number = propose(world, STEPS[0])
    passes(world.tick("gates.yml", "*/15 * * * *"), "judge")
    assert standing(world, number) == "in_progress"
    world.hub.approve(number, APPROVERS["dev"])
    passes(world.dispatch("gates.yml"), "judge")
    assert standing(world, number) == "success"
    world.hub.api(
        "lena", "POST", f"/pulls/{number}/reviews", {"event": "REQUEST_CHANGES", "body": "no"}
    )
    passes(world.dispatch("gates.yml", pull=str(number)), "judge")
    assert standing(world, number) != "success"


# Merges.


@BY_BASE
def test_a_merge_is_deployed(at: MakeWorld, step: Step) -> None:
    world = at(step.before)
    hub = world.hub
    number = propose(world, step)
    hub.approve(number, APPROVERS[step.environment])
    merged = hub.merge("pat", number)
    passes(world.on_pull("deploy.yml", "closed"), "deploy", "rejudge")
    assert deployments(world)[-1] == (step.environment, "1.0.0")
    record = git(hub.path, "show", f"env/{step.environment}:{MODEL}/release.json")
    assert merged in record
    (deployed,) = hub.api("pat", "GET", f"/deployments?environment={step.environment}")
    assert deployed["sha"] == merged
    assert deployed["creator"]["login"] == world.deployer.bot
    states = hub.api("pat", "GET", f"/deployments/{deployed['id']}/statuses")
    assert states[0]["state"] == "success"
    assert f"deployed: {step.environment}" in labels(world, number)


def test_what_is_open_is_judged_again_when_its_branch_moves(at: MakeWorld) -> None:
    world = at(None)
    number = propose(world, STEPS[0])
    other = world.hub.world.commit(
        {f"models/{MODEL}/model.yaml": "name: [\n"}, "feature/other", "ml"
    )
    waiting = world.hub.open("ml", "feature/other")
    world.hub.approve(number, APPROVERS["dev"])
    world.hub.merge("pat", number)
    closed = world.last("pull_request", "closed").payload
    run = world.actions.run("deploy.yml", "pull_request_target", closed)
    passes(run, "deploy", "rejudge")
    assert world.hub.pull(waiting).head == other
    assert standing(world, waiting) == "failure"


def test_a_merge_around_the_rules_is_told_and_not_deployed(at: MakeWorld) -> None:
    world = at(None)
    number = propose(world, STEPS[0])
    world.hub.merge("pat", number)
    run = world.on_pull("deploy.yml", "closed")
    assert run.jobs == {"deploy": "failed", "rejudge": "succeeded"}
    assert deployments(world) == []


def test_what_is_closed_without_a_merge_deploys_nothing(at: MakeWorld) -> None:
    world = at(None)
    number = propose(world, STEPS[0])
    world.hub.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    passes(world.on_pull("deploy.yml", "closed"))


def test_every_other_way_to_deploy_reconciles_everything(at: MakeWorld) -> None:
    world = at(None)
    number = propose(world, STEPS[0])
    world.hub.approve(number, APPROVERS["dev"])
    world.hub.merge("pat", number)
    passes(world.tick("deploy.yml", "7,37 * * * *"), "deploy")
    assert deployments(world) == [("dev", "1.0.0")]
    passes(world.dispatch("deploy.yml"), "deploy")
    publish(world.hub.world, "main", {"policies/README.md": "# Rules\n"})
    passes(world.pushed("deploy.yml"), "deploy", "rejudge")
    assert deployments(world) == [("dev", "1.0.0")]


# Housekeeping.


def test_housekeeping_looks_after_settings_and_history(at: MakeWorld) -> None:
    world = at("dev")
    run = world.tick("housekeeping.yml", "23 4 * * *")
    assert run.jobs == {"settings": "failed", "history": "succeeded"}, run.out()
    (issue,) = [i for i in world.repository.issues.values() if not isinstance(i, Pull)]
    assert issue.user == world.hub.app.bot
    world.dispatch("housekeeping.yml")
    assert len([i for i in world.repository.issues.values() if not isinstance(i, Pull)]) == 1
