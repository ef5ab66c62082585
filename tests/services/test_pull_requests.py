"""Pull requests judged through the forge: what is written onto them, and what never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from forge.server import Forge
from modelctl.domain.checked import Checked
from modelctl.domain.pulls import COMMENT_MARKER
from modelctl.services import pull_requests
from modelctl.services.pull_judging import Bench, look_at
from modelctl.services.pull_requests import check_pull, check_pulls
from support.hub import MACHINE, HubWorld
from support.world import MODEL, World

WRITES = ("POST", "PATCH", "PUT", "DELETE")


@pytest.fixture
def hub(world: World, forge: Forge) -> HubWorld:
    """A world behind a forge."""
    return HubWorld.create(world, forge)


def check(hub: HubWorld, number: int, **options: bool) -> Checked:
    """One check by the App, as a job does it."""
    with hub.github() as github:
        return check_pull(hub.world.session(), github, number, **options)


def check_open(hub: HubWorld) -> list[Checked]:
    """What the scheduled job does."""
    with hub.github() as github:
        pulls = github.pulls.open()
        return list(check_pulls(hub.world.session(), github, pulls, only_changed=True))


def submitted(hub: HubWorld, version: str = "1.0.0", **metrics: Any) -> int:
    """A pull request with a version that has its evidence; its number."""
    head = hub.world.submit(version)
    number = hub.open("ml", f"feature/{version}")
    hub.world.evidence(version, "dev", head, **metrics)
    return number


def state(hub: HubWorld, sha: str) -> str | None:
    """The conclusion of the App's check run on a commit; its status before it has one."""
    run = hub.check(sha)
    return (run.conclusion or run.status) if run else None


def test_a_submission_waits_and_is_ready_once_it_is_approved(hub: HubWorld) -> None:
    number = submitted(hub)
    pull = hub.pull(number)
    assert check(hub, number).exit_code == 1
    assert state(hub, pull.head) == "in_progress"
    assert "ml-team" in hub.check(pull.head).output["title"]
    assert sorted(pull.labels) == ["gate: waiting", "stage: Validation"]
    assert sorted(pull.requested) == ["ben", "lena"]
    hub.approve(number, ["ben", "lena"])
    ready = check(hub, number)
    assert (ready.exit_code, ready.left, ready.error) == (0, (), None)
    assert state(hub, pull.head) == "success"
    assert sorted(pull.labels) == ["gate: ready", "stage: Validation"]
    [comment] = hub.comments(number)
    assert comment.startswith(COMMENT_MARKER)
    assert comment == ready.body


def test_nothing_is_written_twice(hub: HubWorld) -> None:
    number = submitted(hub)
    check(hub, number)
    with hub.requests(*WRITES) as written:
        again = check(hub, number)
    assert [one for one in written if "access_tokens" not in one] == []
    assert again.written == ()


def test_what_is_blocked_says_so_and_nobody_is_asked(hub: HubWorld) -> None:
    number = submitted(hub, metrics={"f1_score": 0.5, "accuracy": 0.94, "roc_auc": 0.98})
    blocked = check(hub, number)
    pull = hub.pull(number)
    assert blocked.exit_code == 1
    assert state(hub, pull.head) == "failure"
    assert "gate: blocked" in pull.labels
    assert pull.requested == []
    assert "classification-quality" in hub.comments(number)[0]


def test_a_success_is_taken_back_when_somebody_objects(hub: HubWorld) -> None:
    number = submitted(hub)
    hub.approve(number, ["ben", "lena"])
    check(hub, number)
    head = hub.pull(number).head
    assert state(hub, head) == "success"
    hub.review("lena", number, "REQUEST_CHANGES")
    assert check(hub, number).exit_code == 1
    assert state(hub, head) == "failure"
    assert "gate: blocked" in hub.pull(number).labels


def test_a_new_head_needs_its_own_verdict(hub: HubWorld) -> None:
    number = submitted(hub)
    hub.approve(number, ["ben", "lena"])
    check(hub, number)
    old = hub.pull(number).head
    new = hub.world.commit(
        {f"models/{MODEL}/model.yaml": hub.world.show("feature/1.0.0", f"models/{MODEL}/model.yaml")
         + "\n"}, "feature/1.0.0", "ml",
    )  # fmt: skip
    hub.push("ada", "feature/1.0.0")
    assert check(hub, number).exit_code == 1
    assert state(hub, new) in ("in_progress", "failure")
    assert state(hub, old) == "success"


def test_a_push_while_it_is_judged_leaves_the_verdict_on_the_judged_commit(hub: HubWorld) -> None:
    number = submitted(hub)
    hub.approve(number, ["ben", "lena"])
    with hub.github() as github:
        bench = Bench(session=hub.world.session(), github=github)
        look = look_at(bench, github.pulls.get(number))
        new = hub.world.commit({"models/x-y/model.yaml": "no\n"}, "feature/1.0.0", "ml")
        hub.push("ada", "feature/1.0.0")
        done = pull_requests._conclude(bench, look, dry_run=False, refresh=False)
    assert done.exit_code == 0
    assert state(hub, look.pull.head) == "success"
    assert state(hub, new) is None
    assert hub.comments(number) == []
    assert hub.pull(number).labels == []


@pytest.mark.parametrize("merged", [True, False])
def test_what_is_over_is_told_and_not_judged(hub: HubWorld, merged: bool) -> None:
    number = submitted(hub)
    if merged:
        hub.merge("ben", number)
    else:
        hub.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    done = check(hub, number)
    assert done.skipped == ("it is merged" if merged else "it is closed")
    assert done.exit_code == 0
    assert hub.check(hub.pull(number).head) is None


def test_a_branch_beside_the_lifecycle_is_never_a_success(hub: HubWorld) -> None:
    hub.world.builder.branch("elsewhere", "origin/ml")
    hub.push(MACHINE, "elsewhere")
    hub.world.submit()
    number = hub.open("elsewhere", "feature/1.0.0")
    done = check(hub, number)
    assert done.exit_code == 1
    run = hub.check(hub.pull(number).head)
    assert run.conclusion == "failure"
    assert "no branch of the lifecycle" in run.output["title"]
    assert hub.comments(number) == []


def test_one_commit_in_two_pull_requests_passes_only_with_both(hub: HubWorld) -> None:
    number = submitted(hub)
    hub.approve(number, ["ben", "lena"])
    assert check(hub, number).exit_code == 0
    other = hub.open("main", "feature/1.0.0")
    head = hub.pull(number).head
    assert check(hub, other).exit_code == 1
    assert state(hub, head) == "failure"
    # Whichever of them is judged, the verdict of the worse one stays.
    assert check(hub, number).exit_code == 1
    assert state(hub, head) == "failure"
    run = hub.check(head)
    assert f"#{other}" in run.output["title"]
    assert f"#{number}" in run.output["summary"]
    hub.api("ada", "PATCH", f"/pulls/{other}", {"state": "closed"})
    assert check(hub, number).exit_code == 0
    assert state(hub, head) == "success"


def test_what_could_not_be_decided_is_seen_and_tells_no_secret(
    hub: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = submitted(hub)
    hub.approve(number, ["ben", "lena"])
    check(hub, number)
    head = hub.pull(number).head
    assert state(hub, head) == "success"

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr("modelctl.services.pull_judging.judge_change", broken)
    done = check(hub, number)
    assert done.exit_code == 3
    run = hub.check(head)
    assert (run.conclusion, run.output["title"]) == ("failure", "Could not be decided")
    assert "hunter2" not in str(run.output) + str(done.error)
    monkeypatch.undo()
    assert check(hub, number).exit_code == 0
    assert state(hub, head) == "success"


def test_an_older_run_never_overwrites_a_newer_one(hub: HubWorld) -> None:
    number = submitted(hub)
    hub.approve(number, ["ben", "lena"])
    with hub.github() as github:
        bench = Bench(session=hub.world.session(), github=github)
        slow = look_at(bench, github.pulls.get(number))
        # The seconds of marks must differ, as they do between two runs.
        slow = replace(slow, at=slow.at.replace(year=slow.at.year - 1))
        hub.review("lena", number, "REQUEST_CHANGES")
        assert check(hub, number).exit_code == 1
        done = pull_requests._conclude(bench, slow, dry_run=False, refresh=False)
    assert done.written == ()
    assert "later run" in done.left[0]
    assert state(hub, hub.pull(number).head) == "failure"


def test_the_schedule_judges_what_changed(hub: HubWorld) -> None:
    number = submitted(hub)
    assert [one.skipped for one in check_open(hub)] == [None]
    # What was written touched the pull request, so it is looked at once more.
    assert [one.skipped for one in check_open(hub)] == [None]
    hub.grow_old(number)
    check_open(hub)
    with hub.requests() as asked:
        [done] = check_open(hub)
    assert "nothing changed" in (done.skipped or "")
    assert len([one for one in asked if "access_tokens" not in one]) <= 2
    hub.approve(number, ["ben", "lena"])
    hub.pull(number).updated_at = hub.pull(number).updated_at.replace(year=2030)
    [done] = check_open(hub)
    assert (done.skipped, done.exit_code) == (None, 0)


def test_a_review_in_the_second_of_the_look_is_not_missed(hub: HubWorld) -> None:
    """GitHub tells by the second when a pull request was touched."""
    number = submitted(hub)
    hub.approve(number, ["ben"])
    check_open(hub)
    hub.grow_old(number)
    check_open(hub)
    at = datetime.now(UTC).replace(microsecond=0)
    hub.pull(number).updated_at = at
    check_open(hub)
    hub.approve(number, ["lena"])
    hub.pull(number).updated_at = at
    [done] = check_open(hub)
    assert (done.skipped, done.exit_code) == (None, 0)


def test_one_that_fails_does_not_keep_the_others(hub: HubWorld) -> None:
    first = submitted(hub)
    hub.world.submit("2.0.0")
    second = hub.open("ml", "feature/2.0.0")
    with hub.github() as github:
        pulls = [github.pulls.get(first), github.pulls.get(second)]
        broken = replace(pulls[0], number=999, commits=None)
        found = list(check_pulls(hub.world.session(), github, [broken, pulls[1]]))
    assert [one.exit_code for one in found] == [3, 1]
    assert hub.check(hub.pull(second).head) is not None


def test_a_dry_run_writes_nothing(hub: HubWorld) -> None:
    number = submitted(hub)
    with hub.requests(*WRITES) as written:
        planned = check(hub, number, dry_run=True)
    assert [one for one in written if "access_tokens" not in one] == []
    told = "\n".join(planned.written)
    assert "+gate: waiting" in told
    assert "reviews asked of" in told
    assert "check run: " in told


def test_what_others_did_to_labels_and_requests_stays(hub: HubWorld) -> None:
    number = submitted(hub)
    hub.api("ada", "POST", f"/issues/{number}/labels", {"labels": ["urgent", "gate: ready"]})
    hub.api("ada", "POST", f"/pulls/{number}/requested_reviewers", {"reviewers": ["lena"]})
    check(hub, number)
    pull = hub.pull(number)
    assert sorted(pull.labels) == ["gate: waiting", "stage: Validation", "urgent"]
    # lena can lead; of the ML team ben alone is left.
    assert sorted(pull.requested) == ["ben", "lena"]
    hub.review("ben", number, "COMMENT")
    check(hub, number)
    assert sorted(hub.pull(number).requested) == ["lena"]


def test_a_draft_is_judged_and_nobody_is_asked(hub: HubWorld) -> None:
    head = hub.world.submit()
    hub.world.evidence("1.0.0", "dev", head)
    number = hub.open("ml", "feature/1.0.0", draft=True)
    check(hub, number)
    assert state(hub, head) == "in_progress"
    assert hub.pull(number).requested == []


def test_somebody_who_left_the_team_approves_nothing(hub: HubWorld) -> None:
    hub.with_teams()
    number = submitted(hub)
    hub.approve(number, ["ben", "lena"])
    assert check(hub, number).exit_code == 0
    del hub.forge.state.team("acme", "ml-leads").members["lena"]
    assert check(hub, number).exit_code == 1
    assert "no active member of team ml-leads" in hub.comments(number)[0]


def test_a_check_takes_few_requests(hub: HubWorld) -> None:
    hub.with_teams()
    number = submitted(hub)
    with hub.requests() as first:
        check(hub, number)
    hub.approve(number, ["ben", "lena"])
    with hub.requests() as second:
        check(hub, number)
    # Beside the one for a token. The second looks at two teams and changes a label.
    assert len(first) - 1 <= 10, first
    assert len(second) - 1 <= 12, second


@pytest.mark.parametrize("survived", range(6))
def test_it_may_be_killed_at_any_write(
    hub: HubWorld, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    number = submitted(hub)
    writes = 0
    from modelctl.adapters.github.transport import Transport

    send, create = Transport.send, Transport.create

    def counting(method: Any) -> Any:
        def sent(self: Transport, *args: Any, **options: Any) -> Any:
            nonlocal writes
            writes += 1
            if writes > survived:
                raise KeyboardInterrupt
            return method(self, *args, **options)

        return sent

    monkeypatch.setattr(Transport, "send", counting(send))
    monkeypatch.setattr(Transport, "create", counting(create))
    try:
        check(hub, number)
    except KeyboardInterrupt:
        pass
    else:
        assert survived > 3
    monkeypatch.undo()
    check(hub, number)
    pull = hub.pull(number)
    assert state(hub, pull.head) == "in_progress"
    assert sorted(pull.labels) == ["gate: waiting", "stage: Validation"]
    assert sorted(pull.requested) == ["ben", "lena"]
    assert len(hub.comments(number)) == 1


def test_a_success_that_no_longer_holds_is_taken_back_before_anything_else(
    hub: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever kills it while it writes its comment must not leave the way to a merge open."""
    from modelctl.adapters.github.comments import Comments

    number = submitted(hub)
    hub.approve(number, ["ben", "lena"])
    check(hub, number)
    head = hub.pull(number).head
    assert state(hub, head) == "success"
    hub.review("lena", number, "REQUEST_CHANGES")

    def killed(*_args: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Comments, "put", killed)
    with pytest.raises(KeyboardInterrupt):
        check(hub, number)
    assert state(hub, head) != "success"
