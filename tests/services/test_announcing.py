"""What GitHub is told of a deploy: once, in order, and never at the deploy's expense."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from forge.server import Forge
from modelctl.adapters.documents import dump
from modelctl.adapters.github.comments import Comments, Put
from modelctl.adapters.github.deployments import Deployments
from modelctl.domain.pulls import COMMENT_MARKER
from modelctl.domain.settings import DEPLOY, PATH as SETTINGS_PATH, PERMISSIONS
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services import announcing
from modelctl.services.acting import Effects
from modelctl.services.announcing import announce
from modelctl.services.deployed import Deployed
from modelctl.services.deploying import deploy
from modelctl.services.merged_pulls import MergedPulls
from modelctl.services.rollout_people import Word, promote_it
from support.governed import SETTINGS
from support.hub import OWNER, HubWorld
from support.journey import publish
from support.rollouts import Recording, healthy
from support.world import MODEL, World, evaluation, submission

TASK = f"modelctl:{MODEL}"


@pytest.fixture
def hub(world: World, forge: Forge) -> HubWorld:
    """The shared repository behind a forge; no models yet."""
    return HubWorld.create(world, forge)


def merged(
    hub: HubWorld, version: str = "1.0.0", *, good: bool = True, strategy: str | None = None
) -> int:
    """A version that was reviewed and merged into ml; the number of its pull request."""
    strategies = {"strategies": {"dev": strategy}} if strategy else {}
    head = hub.world.submit(version, release=strategies)
    hub.world.builder.git("fetch", "--quiet", "origin")
    number = hub.open("ml", f"feature/{version}")
    if good:
        hub.world.evidence(version, "dev", head)
    else:
        bad = evaluation(metrics={"f1_score": 0.5, "accuracy": 0.94, "roc_auc": 0.98})
        hub.world.record("evaluation", "offline", bad, pointer=f"{MODEL}@{version}^{head}")
    hub.approve(number, ["ben", "lena"])
    hub.merge("ada", number)
    return number


def run(
    hub: HubWorld, *, waits: Sequence[str] = (), tell: bool = True
) -> tuple[Deployed, tuple[str, ...]]:
    """Deploys dev as the job does, by GitHub alone; what is left to tell."""
    world = hub.world
    with hub.github() as github:
        session, transition = world.session(), world.transition("dev")
        pulls = MergedPulls(session, github)
        done = deploy(
            session,
            transition,
            pulls,
            Effects(signer=world.deployer.signer),
        )
        if not tell:
            return done, ()
        return done, announce(session, github, pulls, transition, done, waits=waits)


def told(hub: HubWorld) -> list[tuple[str, str, list[str]]]:
    """Each deployment of the model to dev: version, commit, and its states, oldest first."""
    found = hub.api("ada", "GET", f"/deployments?environment=dev&task={TASK}")
    return [
        (
            _payload(one)["version"],
            one["sha"],
            [
                status["state"]
                for status in reversed(hub.api("ada", "GET", f"/deployments/{one['id']}/statuses"))
            ],
        )
        for one in reversed(found)
    ]


def _payload(one: dict[str, Any]) -> dict[str, Any]:
    payload = one["payload"]
    assert isinstance(payload, dict)
    return payload


def asked(calls: list[str]) -> list[str]:
    """Without those by which the App gets its token."""
    return [call for call in calls if "access_tokens" not in call]


def labels(hub: HubWorld, number: int) -> set[str]:
    return {label["name"] for label in hub.api("ada", "GET", f"/issues/{number}/labels")}


def test_a_model_that_moved_is_a_deployment(hub: HubWorld) -> None:
    number = merged(hub)
    done, left = run(hub)
    assert left == ()
    tip = hub.world.session().branch_tip("ml")
    assert told(hub) == [("1.0.0", tip, ["in_progress", "success"])]
    [one] = hub.api("ada", "GET", "/deployments")
    digest = hub.world.locate("1.0.0", "origin/ml").digest
    payload = {name: one["payload"][name] for name in ("model", "version", "digest", "state")}
    assert payload == {"model": MODEL, "version": "1.0.0", "digest": digest, "state": done.state}
    assert labels(hub, number) == {"deployed: dev", "stage: Validation"}
    [comment] = hub.comments(number)
    assert comment.startswith(f"{COMMENT_MARKER}\n## 🚀 Deployed to dev")
    assert "proved by" in comment


def test_a_second_run_tells_nothing_twice(hub: HubWorld) -> None:
    number = merged(hub)
    run(hub)
    comment = hub.comments(number)
    with hub.requests() as calls:
        assert run(hub)[1] == ()
    assert [call for call in asked(calls) if not call.startswith("GET")] == []
    assert len(asked(calls)) <= 4
    assert len(told(hub)) == 1
    assert hub.comments(number) == comment


def test_what_was_deployed_long_ago_is_not_asked_about(hub: HubWorld) -> None:
    merged(hub)
    run(hub)
    hub.world.later(days=2)
    with hub.requests() as calls:
        run(hub)
    assert asked(calls) == []


def test_the_one_before_is_not_active_any_more(hub: HubWorld) -> None:
    merged(hub)
    run(hub)
    merged(hub, "1.1.0")
    assert run(hub)[1] == ()
    assert [(version, states) for version, _, states in told(hub)] == [
        ("1.0.0", ["in_progress", "success", "inactive"]),
        ("1.1.0", ["in_progress", "success"]),
    ]


def test_what_is_blocked_is_told_loudly(hub: HubWorld) -> None:
    merged(hub)
    run(hub)
    number = merged(hub, "1.1.0", good=False)
    done, left = run(hub)
    assert left == ()
    assert [d.blocked for d in done.decisions] == [True]
    assert [(version, states[-1]) for version, _, states in told(hub)] == [
        ("1.0.0", "success"),
        ("1.1.0", "failure"),
    ]
    assert labels(hub, number) == {"gate: blocked"}
    [comment] = hub.comments(number)
    assert f"## 🛑 NOT deployed to dev: {MODEL}@&#8203;1.1.0" in comment
    assert "**1.0.0 goes on running**" in comment
    assert "f1\\_score" in comment or "F1" in comment
    with hub.requests("POST", "PATCH") as calls:
        run(hub)
    assert asked(calls) == []


def test_what_was_blocked_is_told_again_once_it_serves(hub: HubWorld) -> None:
    merged(hub)
    run(hub)
    number = merged(hub, "1.1.0", good=False)
    run(hub)
    hub.world.later(minutes=1)
    hub.world.evidence("1.1.0", "dev", "origin/ml")
    assert run(hub)[1] == ()
    assert [(version, states[-1]) for version, _, states in told(hub)] == [
        ("1.0.0", "inactive"),
        ("1.1.0", "failure"),
        ("1.1.0", "success"),
    ]
    assert labels(hub, number) == {"deployed: dev", "stage: Validation"}
    [comment] = hub.comments(number)
    assert "NOT deployed" not in comment


def test_what_was_said_before_the_merge_stays_below(hub: HubWorld) -> None:
    number = merged(hub)
    with hub.github() as github:
        github.comments.upsert(number, f"{COMMENT_MARKER}\n## Ready to merge\n\nF1 rose.")
    run(hub, waits=("serve on this machine: no port",))
    run(hub)
    [comment] = hub.comments(number)
    assert comment.startswith(f"{COMMENT_MARKER}\n## 🚀 Deployed to dev")
    assert comment.count("## Ready to merge") == comment.count("🚀") == 1
    assert comment.index("🚀") < comment.index("Ready to merge")


def test_somebody_elses_comment_is_not_taken_for_ours(hub: HubWorld) -> None:
    number = merged(hub)
    hub.comment("eve", number, f"{COMMENT_MARKER}\n## Ready to merge\n\nTrust me.")
    run(hub)
    [comment] = hub.comments(number)
    assert "Trust me" not in comment
    assert hub.comments(number, "eve") == [f"{COMMENT_MARKER}\n## Ready to merge\n\nTrust me."]


def two_apps(hub: HubWorld) -> HubWorld:
    """The same as the App that deploys reaches it; the settings name the one that judges."""
    deploy = hub.forge.add_app("modelctl-deploy", permissions=PERMISSIONS[DEPLOY], owner=OWNER)
    ids = {"gate": {"id": hub.app.id}, "deploy": {"id": deploy.id}}
    publish(hub.world, "main", {SETTINGS_PATH: dump({**SETTINGS, "apps": ids})})
    return replace(hub, app=deploy)


def judged(hub: HubWorld, number: int) -> None:
    """What the gate's App has said of it."""
    with hub.github() as github:
        github.comments.upsert(number, f"{COMMENT_MARKER}\n## Ready to merge\n\nF1 rose.")


def test_with_two_apps_there_is_one_comment_all_the_same(hub: HubWorld) -> None:
    number = merged(hub)
    judged(hub, number)
    assert run(two_apps(hub))[1] == ()
    [comment] = hub.api("ada", "GET", f"/issues/{number}/comments")
    assert comment["user"]["login"] == hub.app.bot
    assert comment["body"].startswith(f"{COMMENT_MARKER}\n## 🚀 Deployed to dev")
    assert comment["body"].index("🚀") < comment["body"].index("Ready to merge")


def test_where_no_app_may_change_anothers_comment_there_are_two(
    hub: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = merged(hub)
    judged(hub, number)
    deploy = two_apps(hub)
    put = Comments.put

    def own_alone(api: Comments, *args: Any, also: int | None = None, **more: Any) -> Put:
        if also is not None:
            raise ModelctlError("Resource not accessible by integration")
        return put(api, *args, **more)

    monkeypatch.setattr(Comments, "put", own_alone)
    assert run(deploy)[1] == ()
    [comment] = deploy.comments(number)
    assert comment.startswith(f"{COMMENT_MARKER}\n## 🚀 Deployed to dev")


def test_a_third_apps_comment_is_not_taken_for_the_gates(hub: HubWorld) -> None:
    number = merged(hub)
    deploy = two_apps(hub)
    third = hub.forge.add_app("copycat", permissions=PERMISSIONS[DEPLOY], owner=OWNER)
    judged(replace(hub, app=third), number)
    assert run(deploy)[1] == ()
    assert deploy.comments(number)[0].startswith(f"{COMMENT_MARKER}\n## 🚀 Deployed to dev")
    assert len(hub.comments(number, third.bot)) == 1
    assert "🚀" not in hub.comments(number, third.bot)[0]


def test_while_something_waits_it_stays_in_progress(hub: HubWorld) -> None:
    number = merged(hub)
    run(hub, waits=("serve on this machine: no port",))
    assert [states for _, _, states in told(hub)] == [["in_progress"]]
    assert "deployed: dev" not in labels(hub, number)
    assert run(hub)[1] == ()
    assert [states for _, _, states in told(hub)] == [["in_progress", "success"]]
    assert "deployed: dev" in labels(hub, number)


def test_a_version_on_its_way_stays_in_progress_until_it_serves(hub: HubWorld) -> None:
    merged(hub)
    run(hub)
    number = merged(hub, "1.1.0", strategy="canary-standard")
    for _ in range(2):
        assert run(hub)[1] == ()
    assert told(hub)[-1][2] == ["in_progress"]
    assert not [name for name in labels(hub, number) if name.startswith("deployed")]
    with hub.github() as github:
        seen = Recording(seen=[healthy(hub.world, minutes=1)])
        effects = Effects(signer=hub.world.deployer.signer, github=github, source={"dev": seen})
        session, transition = hub.world.session(), hub.world.transition("dev")
        word = Word(by="ben", reason="hotfix")
        promote_it(session, transition, MODEL, effects, word, now=True)
        # Whoever ended it didn't tell: the next pass, or the next deploy, does.
    assert run(hub)[1] == ()
    assert told(hub)[-1][2] == ["in_progress", "success"]


def test_the_next_run_tells_what_a_killed_one_did_not(hub: HubWorld) -> None:
    number = merged(hub)
    run(hub, tell=False)
    assert told(hub) == []
    assert run(hub)[1] == ()
    assert [states for _, _, states in told(hub)] == [["in_progress", "success"]]
    assert "deployed: dev" in labels(hub, number)


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed(hub: HubWorld, step: str) -> None:
    setattr(announcing, step, die)
    run(hub)


@pytest.mark.parametrize("step", ["_tell", "_end"])
def test_killed_in_between_nothing_is_lost_or_doubled(hub: HubWorld, step: str) -> None:
    number = merged(hub)
    job = multiprocessing.get_context("fork").Process(target=killed, args=(hub, step))
    job.start()
    job.join(60)
    assert job.exitcode == -signal.SIGKILL
    assert run(hub)[1] == ()
    assert [states for _, _, states in told(hub)] == [["in_progress", "success"]]
    assert len(hub.comments(number)) == 1
    assert "deployed: dev" in labels(hub, number)


def test_of_two_runs_at_once_only_the_first_tells(
    hub: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one looked before the first one had written anything."""
    number = merged(hub)
    run(hub)
    comments = hub.comments(number)
    monkeypatch.setattr(Deployments, "latest", lambda *_: None)
    with hub.requests("POST", "PATCH") as calls:
        assert run(hub)[1] == ()
    assert [states for _, _, states in told(hub)] == [["in_progress", "success"], ["inactive"]]
    assert not [call for call in calls if "/issues/" in call]
    assert hub.comments(number) == comments


def test_a_github_that_fails_undoes_nothing(hub: HubWorld) -> None:
    merged(hub)
    with hub.github() as github:
        session, transition = hub.world.session(), hub.world.transition("dev")
        pulls = MergedPulls(session, github)
        done = deploy(
            session,
            transition,
            pulls,
            Effects(signer=hub.world.deployer.signer),
        )

        def down(*_: object, **__: object) -> None:
            raise DependencyError("GitHub answers 503", mend="later")

        github.deployments.latest = down  # type: ignore[method-assign,assignment]
        left = announce(session, github, pulls, transition, done)
    assert left == ("tell GitHub of dev #1: GitHub answers 503 (later)",)
    assert done.recorded == 1
    assert run(hub)[1] == ()
    assert [states for _, _, states in told(hub)] == [["in_progress", "success"]]


def test_what_is_refused_about_one_is_no_reason_to_be_silent_about_another(
    hub: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged(hub)
    world = hub.world
    files = {
        path.replace(MODEL, "fraud-detector"): str(text).replace(MODEL, "fraud-detector")
        for path, text in submission().items()
    }
    head = world.commit(files, "feature/fraud", "ml")
    world.evidence_for("fraud-detector", head)
    number = hub.open("ml", "feature/fraud")
    hub.approve(number, ["ben", "lena"])
    hub.merge("ada", number)
    told_of = announcing._tell

    def refuses(job: Any, pull: int, brought: Any) -> None:
        if pull == number:
            raise ModelctlError("the conversation is locked")
        told_of(job, pull, brought)

    with monkeypatch.context() as patch:
        patch.setattr(announcing, "_tell", refuses)
        left = run(hub)[1]
    assert left == (f"tell GitHub of dev #{number}: the conversation is locked",)
    assert "deployed: dev" in labels(hub, 1)
    assert run(hub)[1] == ()
    assert "deployed: dev" in labels(hub, number)


# The pull requests behind commits, as GitHub tells them.


def test_only_what_came_since_the_last_deploy_is_looked_up(hub: HubWorld) -> None:
    merged(hub)
    run(hub)
    hub.world.later(days=2)
    number = merged(hub, "1.1.0")
    with hub.requests() as calls:
        run(hub, tell=False)
    assert len([call for call in calls if call.endswith("/pulls")]) == 1
    assert not [call for call in calls if call.endswith(("/pulls/1", "/pulls/1/reviews"))]
    assert [call for call in calls if call.endswith(f"/pulls/{number}/reviews")]


def test_a_merge_around_the_rules_has_nobody_behind_it(hub: HubWorld) -> None:
    merged(hub)
    run(hub)
    world = hub.world
    world.submit("1.1.0")
    world.builder.checkout("feature/1.1.0")
    hub.push("machine", "ml", world.builder.git("rev-parse", "feature/1.1.0"))
    done, left = run(hub)
    [decision] = done.decisions
    assert decision.blocked
    assert left == ()
    assert [(version, states[-1]) for version, _, states in told(hub)][-1] == ("1.1.0", "failure")


def test_without_an_answer_nothing_is_decided(hub: HubWorld) -> None:
    merged(hub)
    with hub.github() as github:
        session, transition = hub.world.session(), hub.world.transition("dev")
        pulls = MergedPulls(session, github)

        def down(*_: object) -> None:
            raise DependencyError("GitHub answers 503")

        github.pulls.merged_as = down  # type: ignore[method-assign,assignment]
        with pytest.raises(DependencyError):
            deploy(
                session,
                transition,
                pulls,
                Effects(signer=hub.world.deployer.signer),
            )
    assert hub.world.session().repository.remote_first("env/dev") is None


@pytest.mark.parametrize("waits", [("serve on this machine: x",), ()])
def test_one_that_a_run_beside_has_just_begun_is_not_ended_too(
    hub: HubWorld, waits: Sequence[str]
) -> None:
    """It had looked before ours was there, and hasn't seen yet that it came second."""
    merged(hub)
    run(hub, waits=waits)
    [(version, commit, _)] = told(hub)
    with hub.github() as github:
        github.deployments.create(
            ref=commit,
            environment="dev",
            task=TASK,
            description="beside",
            payload={"version": version},
        )
    for _ in range(2):
        assert run(hub)[1] == ()
        states = [states for _, _, states in told(hub)]
        assert states == [["in_progress", "success"], ["inactive"]]
