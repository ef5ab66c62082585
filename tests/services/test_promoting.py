"""Promotions through the forge: what the branch carries; every run ends at the same one."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from forge.server import Forge
from modelctl.adapters.documents import dump
from modelctl.domain.verdict import Outcome
from modelctl.errors import DependencyError, ModelctlError
from modelctl.report.motion import to_do
from modelctl.services import opening, proposing
from modelctl.services.checking import judge_change
from modelctl.services.moving import weigh
from modelctl.services.promoting import plan_promotion
from modelctl.services.proposing import Cut
from support.deploys import run
from support.hub import HubWorld
from support.journey import bring, publish
from support.motions import named, planned, promote, roll_back
from support.world import MODEL, World, blocking, model_data, release_data

BRANCH = f"promote/{MODEL}/1.0.0/staging"
PATHS = [
    f"models/{MODEL}/model.yaml",
    f"models/{MODEL}/release.yaml",
    f"models/{MODEL}/versions/1.0.0.yaml",
]


@pytest.fixture
def hub(served: World, forge: Forge) -> HubWorld:
    """1.0.0 serves in dev, and the shared repository is behind a forge."""
    return HubWorld.create(named(served), forge)


def tip(hub: HubWorld, branch: str = BRANCH) -> str:
    """Where a branch is on the forge, empty where it isn't."""
    return hub.world.builder.git("ls-remote", "origin", f"refs/heads/{branch}").partition("\t")[0]


def pulls(hub: HubWorld, state: str = "open") -> list[int]:
    """The numbers of the pull requests."""
    return [one["number"] for one in hub.api("ada", "GET", f"/pulls?state={state}")]


def test_a_promotion_carries_the_three_files_of_the_deployment(served: World) -> None:
    named(served)
    made = planned(served, "staging")
    assert made.made is not None
    assert made.weighed is not None
    assert [change.path for change in made.weighed.changes] == PATHS
    session = served.session()
    deployed = session.repository.tree(session.branch_tip("ml"))
    for change in made.weighed.changes:
        assert change.after == deployed.entry(change.path)
    commit = session.repository.commit(made.made.head)
    assert (commit.author_name, commit.author_email) == ("Ada", "ada@example.com")
    assert commit.message.startswith(f"Promote {MODEL} 1.0.0 to staging\n\nThe files of commit ")
    assert commit.parents == (session.branch_tip("develop"),)


def test_the_gate_takes_it_for_a_promotion(served: World) -> None:
    named(served)
    made = planned(served, "staging").made
    assert made is not None
    served.evidence("1.0.0", "staging", made.head)
    session = served.session()
    judged = judge_change(session, made.base, made.head, target="develop", ask_reviews=False)
    assert judged.flow is not None
    assert {f.outcome for f in judged.flow.findings} == {Outcome.PASS}
    assert blocking(judged.report) <= {"soak"}


def test_a_dry_run_pushes_nothing_and_leaves_the_work_tree(served: World) -> None:
    named(served)
    before = served.builder.git("ls-remote", "origin"), served.builder.git("status", "--short")
    heads = served.builder.git("for-each-ref")
    assert planned(served, "staging").opened is None
    assert served.builder.git("for-each-ref") == heads
    assert (served.builder.git("ls-remote", "origin"), served.builder.git("status", "-s")) == before


def test_it_takes_what_was_deployed_and_not_what_came_later(served: World) -> None:
    publish(served, "ml", {f"models/{MODEL}/model.yaml": dump(model_data(description="Later."))})
    made = planned(named(served), "staging")
    assert made.made is not None
    assert "Later." not in served.show(made.made.head, f"models/{MODEL}/model.yaml")
    assert "provenance" not in blocking(made.weighed.page.report if made.weighed else None)  # type: ignore[arg-type]


def test_versions_that_passed_by_are_left_out(served: World) -> None:
    named(served)
    bring(served, "dev", "1.1.0")
    made = planned(served, "staging", "1.1.0")
    assert made.weighed is not None
    assert f"models/{MODEL}/versions/1.0.0.yaml" not in {c.path for c in made.weighed.changes}
    assert "provenance" not in blocking(made.weighed.page.report)


def test_an_older_version_of_the_source_can_be_promoted(served: World) -> None:
    named(served)
    bring(served, "dev", "1.1.0")
    made = planned(served, "staging", "1.0.0")
    assert made.weighed is not None
    assert [change.path for change in made.weighed.changes] == PATHS
    assert "provenance" not in blocking(made.weighed.page.report)


def test_the_description_says_what_moves_and_what_is_missing(served: World) -> None:
    body = planned(named(served), "staging").body
    assert "from dev to **staging** (Staging)" in body
    assert "`develop` releases | none → 1.0.0" in body
    assert "approved by ben and lena" in body
    assert "no unit-tests evidence counts" in body
    assert f"modelctl evidence record {MODEL}@1.0.0 --kind unit-tests" in body
    assert "it needs the approval of 1 ml-lead (ben, lena)" in body
    assert "Before the promotion" in body


@pytest.mark.parametrize(
    ("pointer", "environment", "message", "mend"),
    [
        (f"{MODEL}@1.0.0", "production", "was never deployed to staging",
         f"promote it to staging first: modelctl promote {MODEL}@1.0.0 --to staging"),
        (f"{MODEL}@9.0.0", "staging", f"no version 9.0.0 of {MODEL}", "the versions are 1.0.0"),
        (f"{MODEL}@1.0.0", "stagin", "there is no environment stagin", "did you mean staging"),
        ("no-model@1.0.0", "staging", "there is no model no-model", "the models are"),
        (MODEL, "staging", "which version of", "@1.0.0"),
    ],
)  # fmt: skip
def test_what_can_never_pass_is_refused(
    served: World, pointer: str, environment: str, message: str, mend: str
) -> None:
    with pytest.raises(ModelctlError) as error:
        plan_promotion(served.session(), pointer, environment)
    assert message in error.value.message
    assert mend in (error.value.mend or "")


def test_what_is_merged_and_not_deployed_yet_has_to_wait(served: World) -> None:
    head = served.submit("1.1.0")
    served.merge("ml", head, ["ben"])
    with pytest.raises(ModelctlError, match="was never deployed to dev") as error:
        planned(served, "staging", "1.1.0")
    assert error.value.mend == "ml releases it, so its deploy is to come: modelctl deploy dev"


def test_what_was_deployed_from_a_lost_commit_is_refused(served: World) -> None:
    served.builder.git("push", "--quiet", "--force", "origin", "origin/main:refs/heads/ml")
    with pytest.raises(ModelctlError, match="which is not on ml"):
        planned(served, "staging")


def test_without_a_name_nothing_is_written(served: World) -> None:
    with pytest.raises(ModelctlError, match="git doesn't know who you are") as error:
        planned(served, "staging")
    assert "git config user.name" in (error.value.mend or "")


def test_it_opens_one_pull_request_with_few_calls(hub: HubWorld) -> None:
    with hub.requests() as calls:
        done = promote(hub, "staging")
    assert done.opened is not None
    assert done.opened.is_new
    pull = hub.pull(done.opened.pull.number)
    assert (pull.base, pull.branch, pull.title) == (
        "develop", BRANCH, f"Promote {MODEL} 1.0.0 to staging",
    )  # fmt: skip
    assert pull.body.startswith("Promotes **")
    assert done.opened.pull.url.endswith(f"/pull/{pull.number}")
    assert tip(hub) == pull.head == done.made.head if done.made else ""
    assert len([call for call in calls if "/pulls" in call]) == 2
    assert len(calls) <= 4


def test_a_second_run_finds_the_first(hub: HubWorld) -> None:
    first = promote(hub, "staging")
    hub.world.later(minutes=5)
    second = promote(hub, "staging")
    assert first.opened is not None
    assert second.opened is not None
    assert (second.opened.pull.number, second.opened.is_new) == (first.opened.pull.number, False)
    assert len(pulls(hub, "all")) == 1


def test_what_people_wrote_stays(hub: HubWorld) -> None:
    promote(hub, "staging")
    [number] = pulls(hub)
    hub.api("ada", "PATCH", f"/pulls/{number}", {"body": "Mine."})
    promote(hub, "staging")
    assert hub.pull(number).body == "Mine."


def test_a_branch_without_its_pull_request_gets_one(
    hub: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise DependencyError("the line is dead")

    with monkeypatch.context() as patch:
        patch.setattr(opening, "open_pull", gone)
        with pytest.raises(DependencyError) as error:
            promote(hub, "staging")
    head = tip(hub)
    assert error.value.message == (
        f"{BRANCH} is pushed, but its pull request is not opened: the line is dead"
    )
    assert error.value.mend == "run it again; the branch is taken up as it is"
    assert head
    assert pulls(hub) == []
    hub.world.later(minutes=5)
    assert promote(hub, "staging").opened is not None
    assert tip(hub) == head
    assert len(pulls(hub)) == 1


def test_a_target_that_moved_elsewhere_needs_no_new_commit(hub: HubWorld) -> None:
    promote(hub, "staging")
    head = tip(hub)
    other = {"models/risk-scorer/model.yaml": dump(model_data(name="risk-scorer"))}
    publish(hub.world, "develop", other)
    done = promote(hub, "staging")
    assert tip(hub) == head
    assert done.made is not None
    assert done.made.note is None


def test_a_branch_with_another_tree_gets_a_commit_on_top(hub: HubWorld) -> None:
    promote(hub, "staging")
    head = tip(hub)
    world = hub.world
    world.builder.git("fetch", "--quiet", "origin")
    sha = world.builder.commit(
        {f"models/{MODEL}/model.yaml": dump(model_data(description="Mine."))}, "mine", parent=head
    )
    hub.push("ada", BRANCH, sha)
    done = promote(hub, "staging")
    assert done.made is not None
    assert done.made.note == f"{BRANCH} had another tree: a commit on top puts that right"
    assert world.session().repository.commit(tip(hub)).parents == (sha,)
    assert "provenance" not in blocking(done.weighed.page.report if done.weighed else None)  # type: ignore[arg-type]
    assert len(pulls(hub, "all")) == 1


def test_a_target_that_changed_the_same_file_is_merged_on_top(hub: HubWorld) -> None:
    promote(hub, "staging")
    head = tip(hub)
    new = publish(
        hub.world,
        "develop",
        {f"models/{MODEL}/model.yaml": dump(model_data(description="Other."))},
    )
    done = promote(hub, "staging")
    assert done.made is not None
    assert done.made.note is not None
    assert "what develop has outgrown" in done.made.note
    assert hub.world.session().repository.commit(tip(hub)).parents == (head, new)
    assert len(pulls(hub, "all")) == 1


def test_a_closed_one_is_opened_anew(hub: HubWorld) -> None:
    promote(hub, "staging")
    [number] = pulls(hub)
    hub.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    done = promote(hub, "staging")
    assert done.opened is not None
    assert done.opened.is_new
    assert pulls(hub) == [done.opened.pull.number] != [number]


def test_what_others_merged_meanwhile_is_none_of_its_changes(hub: HubWorld) -> None:
    """Also where the two can't be merged as they are."""
    promote(hub, "staging")
    other = {"models/risk-scorer/model.yaml": dump(model_data(name="risk-scorer"))}
    mine = {f"models/{MODEL}/model.yaml": dump(model_data(description="Other."))}
    head = tip(hub)
    publish(hub.world, "develop", {**other, **mine})
    session = hub.world.session()
    planned_ = plan_promotion(session, f"{MODEL}@1.0.0", "staging")
    base = session.branch_tip("develop")
    made = Cut(branch=BRANCH, target="develop", base=base, head=head, tip=head)
    assert [c.path for c in weigh(session, planned_.motion, made).changes] == PATHS


def test_after_the_merge_there_is_nothing_to_open(hub: HubWorld) -> None:
    promote(hub, "staging")
    [number] = pulls(hub)
    hub.merge("ada", number)
    done = promote(hub, "staging")
    assert (done.made, done.opened, done.plan.is_done) == (None, None, True)
    assert len(pulls(hub, "all")) == 1


@pytest.mark.parametrize("deleted", [True, False])
def test_what_was_merged_and_undone_can_be_promoted_again(hub: HubWorld, deleted: bool) -> None:
    promote(hub, "staging")
    [number] = pulls(hub)
    hub.merge("ada", number)
    if deleted:
        hub.world.builder.git("push", "--quiet", "--delete", "origin", BRANCH)
    release = f"models/{MODEL}/model.yaml"
    publish(hub.world, "develop", {release: dump(model_data(description="Undone."))})
    done = promote(hub, "staging")
    assert done.opened is not None
    assert done.opened.is_new
    assert [c.path for c in done.weighed.changes] == [release] if done.weighed else False


def killed(hub: HubWorld, world: World, step: str) -> None:
    """A promotion that dies at a step."""

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if step == "push":
        proposing.shared_tip = die  # type: ignore[assignment]
    elif step == "weigh":
        opening.weigh = die  # type: ignore[assignment]
    elif step == "open":
        opening.open_pull = die  # type: ignore[assignment]
    promote(hub, "staging", world=world)


@pytest.mark.parametrize("step", ["push", "weigh", "open"])
def test_a_promotion_that_was_killed_is_simply_run_again(hub: HubWorld, step: str) -> None:
    job = multiprocessing.get_context("fork").Process(target=killed, args=(hub, hub.world, step))
    job.start()
    job.join(60)
    assert job.exitcode == -signal.SIGKILL
    promote(hub, "staging")
    assert len(pulls(hub, "all")) == 1


def test_several_at_once_open_one(hub: HubWorld, tmp_path: Path) -> None:
    copies = [named(hub.world.copy_clone(tmp_path / f"clone-{n}")) for n in range(4)]
    for number, copy in enumerate(copies):
        copy.builder.git("remote", "set-url", "origin", hub.clone_url("machine"))
        copy.later(seconds=number)
    context = multiprocessing.get_context("fork")
    jobs = [context.Process(target=killed, args=(hub, copy, "")) for copy in copies]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(120)
    assert [job.exitcode for job in jobs] == [0] * len(jobs)
    assert len(pulls(hub, "all")) == 1


# To the first environment.


def submitted(hub: HubWorld, *, push: bool = True) -> str:
    """1.1.0 on a feature branch that is checked out; its head."""
    head = hub.world.submit("1.1.0")
    hub.world.builder.checkout("feature/1.1.0")
    if push:
        hub.push("ada", "feature/1.1.0")
    return head


def test_a_new_version_comes_from_the_branch_that_is_checked_out(hub: HubWorld) -> None:
    head = submitted(hub)
    done = promote(hub, "dev", "1.1.0")
    assert done.opened is not None
    pull = hub.pull(done.opened.pull.number)
    assert (pull.base, pull.branch, pull.head) == ("ml", "feature/1.1.0", head)
    assert pull.title == f"Submit {MODEL} 1.1.0 to dev"
    again = promote(hub, "dev", "1.1.0").opened
    assert again is not None
    assert (again.pull.number, again.is_new) == (pull.number, False)


def test_what_is_not_pushed_can_not_be_opened(hub: HubWorld) -> None:
    submitted(hub, push=False)
    with pytest.raises(ModelctlError, match="is not on origin as it is here") as error:
        promote(hub, "dev", "1.1.0")
    assert error.value.mend == "git push --set-upstream origin feature/1.1.0"


def test_another_version_than_the_branch_releases(hub: HubWorld) -> None:
    hub.world.submit("1.2.0")
    submitted(hub)
    with pytest.raises(ModelctlError, match=rf"releases {MODEL} 1.1.0, not 1.2.0") as error:
        promote(hub, "dev", "1.2.0")
    assert error.value.mend == "it is on feature/1.2.0: git switch feature/1.2.0"


def test_a_version_that_is_there_and_not_released(hub: HubWorld) -> None:
    """The branch has its manifest, and its pointer names the one before."""
    world, path = hub.world, f"models/{MODEL}/release.yaml"
    submitted(hub, push=False)
    world.builder.commit({path: dump(release_data("1.0.0"))}, "feature/1.1.0")
    with pytest.raises(ModelctlError, match=rf"releases {MODEL} 1.0.0, not 1.1.0") as error:
        promote(hub, "dev", "1.1.0")
    assert error.value.mend == f"set the version in {path} and commit it"


def test_a_branch_that_no_version_comes_from(hub: HubWorld) -> None:
    """The version is on a branch of the remote alone."""
    submitted(hub)
    hub.world.builder.checkout("main")
    hub.world.builder.git("branch", "--quiet", "-D", "feature/1.1.0")
    with pytest.raises(
        ModelctlError, match=r"from its feature/\*, and main is checked out"
    ) as error:
        promote(hub, "dev", "1.1.0")
    assert error.value.mend == "it is on origin/feature/1.1.0: git switch feature/1.1.0"


def test_a_submission_that_was_merged_has_nothing_to_open(hub: HubWorld) -> None:
    submitted(hub)
    done = promote(hub, "dev", "1.1.0").opened
    assert done is not None
    hub.merge("ada", done.pull.number)
    again = promote(hub, "dev", "1.1.0")
    assert again.opened is None
    assert again.weighed is None


# Once more, after a rollback.


def after_a_rollback(hub: HubWorld) -> None:
    """dev ran 1.1.0, and 1.0.0 again since."""
    bring(hub.world, "dev", "1.1.0")
    back = roll_back(hub, "dev").opened
    assert back is not None
    hub.approve(back.pull.number, ["ben", "lena"])
    commit = hub.merge("ada", back.pull.number)
    hub.world.pull("ml", hub.pull(back.pull.number).head, ["ben", "lena"])
    hub.world.pulls[-1]["pull_request"]["merge_commit_sha"] = commit
    hub.world.later(minutes=1)
    run(hub.world, "dev")


def test_what_was_rolled_back_is_released_again_by_its_pointer_alone(hub: HubWorld) -> None:
    """ml has its manifest, and releases another version: that is not "has it already"."""
    after_a_rollback(hub)
    done = promote(hub, "dev", "1.1.0")
    assert done.weighed is not None
    assert [c.path for c in done.weighed.changes] == [f"models/{MODEL}/release.yaml"]
    assert done.plan.motion.title == f"Submit {MODEL} 1.1.0 to dev"
    assert "`ml` releases | 1.0.0 → 1.1.0" in done.body
    assert blocking(done.weighed.page.report) == {"quarantine"}
    [told] = [f for _, f in to_do(done.weighed) if f.gate == "quarantine"]
    assert "waiver" in (told.mend or "")
    assert done.opened is not None
    assert promote(hub, "dev", "1.1.0").opened is not None
    assert len(pulls(hub)) == 1


def test_a_version_before_what_runs_is_gone_back_to_and_not_promoted(hub: HubWorld) -> None:
    bring(hub.world, "dev", "1.1.0")
    with pytest.raises(ModelctlError, match="so this would be a rollback") as error:
        promote(hub, "dev", "1.0.0")
    assert error.value.mend == f"modelctl rollback {MODEL} --env dev --to 1.0.0 --reason TEXT"
