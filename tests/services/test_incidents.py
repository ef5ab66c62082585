"""The paperwork after a rollback: found again by its marks, done once, made good when killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from forge.server import Forge
from modelctl.adapters.github import GitHub
from modelctl.domain.flow import FlowKind
from modelctl.domain.incidents import Incident
from modelctl.domain.landing import TASK
from modelctl.domain.pulls import DeploymentState
from modelctl.services.checking import judge_change
from modelctl.services.incidents import Desk, due
from modelctl.services.state import read_state
from support.hub import REPOSITORY, HubWorld
from support.journey import bring
from support.ways_back import Traffic, back
from support.world import MODEL, World, blocking


@pytest.fixture
def twice(served: World) -> World:
    """dev ran 1.0.0 and runs 1.1.0."""
    bring(served, "dev", "1.1.0")
    served.later(hours=2)
    return served


@pytest.fixture
def hub(twice: World, forge: Forge) -> HubWorld:
    """The same behind a forge."""
    return HubWorld.create(twice, forge)


@contextmanager
def desk(hub: HubWorld, traffic: Traffic | None = None) -> Iterator[tuple[Desk, GitHub]]:
    with hub.github() as github:
        yield Desk(effects=(traffic or Traffic()).effects(hub.world, github=github)), github


def clear(hub: HubWorld, one: Desk) -> tuple[str, ...]:
    return one.clear(hub.world.session(), hub.world.transition("dev"), [MODEL])


def issues(hub: HubWorld) -> list[Any]:
    found = hub.forge.state.repositories[REPOSITORY].issues.values()
    return [one for one in found if "modelctl:incident" in one.body]


def pulls(hub: HubWorld) -> list[Any]:
    found = hub.forge.state.repositories[REPOSITORY].issues.values()
    return [one for one in found if getattr(one, "branch", "").startswith("rollback/")]


def found(hub: HubWorld) -> list[Incident]:
    return list(due(hub.world.session(), hub.world.transition("dev"), MODEL))


def test_all_of_it_is_done_once(hub: HubWorld) -> None:
    traffic = Traffic()
    back(hub.world, "dev", traffic)
    hub.world.later(minutes=2)
    with desk(hub, traffic) as (one, _):
        assert clear(hub, one) == ()
        with hub.requests() as calls:
            assert clear(hub, one) == ()
        assert calls == []
    with desk(hub, traffic) as (one, _):  # another job, later
        assert clear(hub, one) == ()
    [pull], [issue], [event] = pulls(hub), issues(hub), traffic.events
    assert (pull.base, pull.branch) == ("ml", f"rollback/{MODEL}/1.0.0/dev")
    assert pull.title == f"Roll {MODEL} back to 1.0.0 in dev"
    assert f"brought back in line by | #{pull.number} |" in issue.body
    assert issue.title == f"{MODEL}@1.1.0 was rolled back in dev"
    assert event.type == "ml.model.rolledback.v1"
    assert event.data["failed_version"] == "1.1.0"


def test_the_issue_ticks_what_is_known_and_says_until_when(hub: HubWorld) -> None:
    back(hub.world, "dev")
    hub.world.later(minutes=2)
    with desk(hub) as (one, _):
        clear(hub, one)
    body = issues(hub)[0].body
    assert f"- [x] Identify the failing version: {MODEL}@&#8203;1.1.0" in body
    assert "- [x] Say what triggered the rollback, and by whom: `errors`, by the guard" in body
    assert "- [x] Verify that the version before is serving: 1.0.0 serves" in body
    assert "- [ ] Write the incident report" in body
    assert "- [ ] Stakeholders are told" in body
    assert "(within 2 d)" in body
    assert "`live.error_rate` 0.2" in body


def test_the_pull_request_is_a_rollback_that_the_history_proves(hub: HubWorld) -> None:
    back(hub.world, "dev")
    hub.world.later(minutes=2)
    with desk(hub) as (one, _):
        clear(hub, one)
    [pull] = pulls(hub)
    hub.world.builder.git("fetch", "--quiet", "origin")
    session = hub.world.session()
    judged = judge_change(
        session, session.branch_tip("ml"), pull.head, target="ml", ask_reviews=False
    )
    assert judged.flow is not None
    assert judged.flow.kind is FlowKind.ROLLBACK
    assert blocking(judged.report) == set()
    assert hub.world.builder.git("log", "-1", "--format=%an", pull.head) == hub.app.bot


def test_github_shows_what_serves_again(hub: HubWorld) -> None:
    back(hub.world, "dev")
    hub.world.later(minutes=2)
    with desk(hub) as (one, github):
        clear(hub, one)
        last = github.deployments.latest("dev", TASK.format(model=MODEL))
    assert last is not None
    running = read_state(hub.world.session(), "dev")[MODEL]
    assert (last.ref, last.state) == (running.commit, DeploymentState.SUCCESS)


def test_another_jobs_paperwork_is_left_to_it_for_a_while(hub: HubWorld) -> None:
    back(hub.world, "dev")
    with desk(hub) as (one, _):
        clear(hub, one)
        assert (pulls(hub), issues(hub)) == ([], [])
        assert one.waits("dev", MODEL)
        hub.world.later(minutes=2)
        clear(hub, one)
        assert not one.waits("dev", MODEL)
    assert (len(pulls(hub)), len(issues(hub))) == (1, 1)


def test_its_own_is_done_at_once(hub: HubWorld) -> None:
    done = back(hub.world, "dev")
    assert done.incident is not None
    assert done.incident.place is not None
    with desk(hub) as (one, _):
        one.fresh.add(done.incident.place)
        clear(hub, one)
    assert (len(pulls(hub)), len(issues(hub))) == (1, 1)


@pytest.mark.parametrize("step", ["_line_up", "_deployment", "_notify", "_file"])
def test_killed_at_any_step_the_next_run_ends_where_the_first_would(
    hub: HubWorld, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelctl.services import incidents

    back(hub.world, "dev")
    hub.world.later(minutes=2)

    def killed(*args: object, **more: object) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, desk(hub) as (one, _):
        patch.setattr(Desk if step == "_notify" else incidents, step, killed)
        with pytest.raises(KeyboardInterrupt):
            clear(hub, one)
    traffic = Traffic()
    with desk(hub, traffic) as (one, _):
        assert clear(hub, one) == ()
    assert (len(pulls(hub)), len(issues(hub)), len(traffic.events)) == (1, 1, 1)


def test_a_pull_request_that_was_merged_is_not_opened_again(hub: HubWorld) -> None:
    back(hub.world, "dev")
    hub.world.later(minutes=2)
    with desk(hub) as (one, _):
        clear(hub, one)
    hub.merge("ada", pulls(hub)[0].number)
    hub.api("ada", "PATCH", f"/issues/{issues(hub)[0].number}", {"state": "closed"})
    with desk(hub) as (one, _):
        assert clear(hub, one) == ()
    assert (len(pulls(hub)), len(issues(hub))) == (1, 1)


def test_of_two_issues_that_were_filed_at_once_the_first_stays(hub: HubWorld) -> None:
    back(hub.world, "dev")
    hub.world.later(minutes=2)
    with desk(hub) as (one, github):
        beside = Desk(effects=Traffic().effects(hub.world, github=github))
        inner = github.issues.upsert

        def both(*args: Any) -> Any:
            github.issues.upsert = inner  # type: ignore[method-assign]
            clear(hub, beside)
            found = github.issues.find

            def blind(*_: Any) -> None:
                github.issues.find = found  # type: ignore[method-assign]

            github.issues.find = blind  # type: ignore[method-assign, assignment]
            return inner(*args)

        github.issues.upsert = both  # type: ignore[method-assign]
        assert clear(hub, one) == ()
        states = [github.issues.find(args.body.split("\n")[0], "incident") for args in issues(hub)]
    assert len(issues(hub)) == 2
    assert {one.number for one in states if one} == {min(i.number for i in issues(hub))}


def test_what_github_refuses_is_left_to_do_and_tried_again_later(hub: HubWorld) -> None:
    back(hub.world, "dev")
    hub.world.later(minutes=2)
    traffic = Traffic()
    with desk(hub, traffic) as (one, github):
        found = github.issues.find
        github.issues.find = _down  # type: ignore[method-assign]
        [left] = clear(hub, one)
        assert "GitHub is down" in left
        github.issues.find = found  # type: ignore[method-assign]
        assert clear(hub, one) == ()
        assert issues(hub) == []
        hub.world.later(seconds=6)
        assert clear(hub, one) == ()
    assert (len(issues(hub)), len(traffic.events)) == (1, 1)


def _down(*args: object) -> Any:
    from modelctl.errors import DependencyError

    raise DependencyError("GitHub is down")


def test_without_github_whoever_listens_is_told_once(twice: World) -> None:
    traffic = Traffic()
    back(twice, "dev")
    twice.later(minutes=2)
    one = Desk(effects=traffic.effects(twice))
    for _ in range(2):
        assert one.clear(twice.session(), twice.transition("dev"), [MODEL]) == ()
    twice.later(minutes=20)
    late = Desk(effects=traffic.effects(twice))
    late.clear(twice.session(), twice.transition("dev"), [MODEL])
    assert [event.type for event in traffic.events] == ["ml.model.rolledback.v1"]


def test_nowhere_to_go_calls_people(served: World, forge: Forge) -> None:
    hub = HubWorld.create(served, forge)
    done = back(served, "dev")
    traffic = Traffic()
    assert done.incident is not None
    with desk(hub, traffic) as (one, _):
        transition = served.transition("dev")
        assert one.handle(served.session(), transition, done.incident) == ()
        assert one.handle(served.session(), transition, done.incident) == ()
    [issue] = issues(hub)
    assert "somebody has to act now" in issue.body
    assert [event.type for event in traffic.events] == ["ml.model.rollbackheld.v1"]
    assert pulls(hub) == []


def test_what_is_older_than_its_deadline_is_nobodys_paperwork(hub: HubWorld) -> None:
    back(hub.world, "dev")
    assert len(found(hub)) == 1
    hub.world.later(hours=49)
    assert found(hub) == []
