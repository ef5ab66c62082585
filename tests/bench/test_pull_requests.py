"""The measures about pull requests: what stands behind the forge, and what they would notice."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench import crowd
from bench.forge_lab import Behind, Message, Watch, behind
from bench.lab import Lab
from bench.measures import pull_requests
from bench.process import program
from bench.repos.documents import model_name, version_name
from forge.routes_deployments import deployments
from support.hub import REPOSITORY


@pytest.fixture(scope="module")
def there() -> Iterator[Behind]:
    with behind(3, 2) as found:
        yield found


def check(there: Behind) -> str:
    done = subprocess.run(
        [program("modelctl"), "pr", "check", str(there.number)],
        cwd=there.hub.world.directory,
        env=there.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_the_pull_request_lacks_nothing_but_approvals(there: Behind) -> None:
    there.forget()
    assert "waiting for" in check(there)
    there.hub.approve(there.number, pull_requests.APPROVERS)
    assert "ready to merge" in check(there)


def test_what_was_said_is_forgotten(there: Behind) -> None:
    there.forget()
    check(there)
    there.forget()
    pull = there.hub.pull(there.number)
    assert there.hub.comments(there.number) == []
    assert there.hub.check(pull.head) is None
    assert (pull.labels, pull.requested, pull.reviews) == ([], [], [])


def test_past_pull_requests_are_merged_ones(there: Behind) -> None:
    repository = there.hub.forge.state.repositories[REPOSITORY]
    past = [pull for pull in repository.pulls() if pull.number != there.number]
    assert [(pull.number, pull.state) for pull in past] == [(1, "closed"), (2, "closed")]
    assert len({pull.merge_commit for pull in past}) == 2


def test_a_look_and_a_promotion_keep_to_their_calls(there: Behind) -> None:
    lab = Lab(store=None, say=lambda text: None)  # type: ignore[arg-type]
    limits = {one.name: one.limit for one in pull_requests.MEASURES}
    assert 0 < pull_requests._judged(lab, there) <= limits["pr-check-calls"]
    [pair] = pull_requests._promotion(lab)
    assert 0 < pair.ours <= limits["promote-calls"]


def test_the_network_is_what_was_awaited_of_it() -> None:
    watch = Watch(answers=[(1.0, 2.0), (1.5, 3.0), (5.0, 9.0)])
    assert watch.awaited(0.0, 10.0) == 6.0
    assert watch.awaited(1.5, 6.0) == 2.5
    assert watch.awaited(3.0, 4.0) == 0.0


def test_answers_take_longer_and_are_noted() -> None:
    async def app(scope: Message, receive: object, send: object) -> None:
        scope["seen"] = True

    scope: Message = {}
    watch = Watch(delay=0.05).wrap(app)
    asyncio.run(watch(scope, None, None))  # type: ignore[arg-type]
    [(began, ended)] = watch.answers
    assert ended - began >= 0.05
    assert scope["seen"]


def test_a_crowd_gets_through_and_what_is_lost_or_doubled_is_noticed() -> None:
    with behind(2, deployed=False) as found:
        many = crowd.Crowd(behind=found, workers=2)
        many.begin(lambda text: None)
        assert next(iter(crowd.wrong(found, 2))) == f"{model_name(0)} isn't served"
        found.hub.forge.faults(1.0, ["lost-response"], match=r"^POST .*/pulls$", count=1)
        assert many.promote(2, lambda text: None) > 0
        assert list(crowd.wrong(found, 2)) == []
        repository = found.hub.forge.state.repositories[REPOSITORY]
        one = deployments(repository)[min(deployments(repository))]
        deployments(repository)[0] = replace(one, id=0)
        pull = next(p for p in repository.pulls() if model_name(1) in p.branch)
        repository.issues[99] = replace(pull, number=99)
        told = "\n".join(crowd.wrong(found, 2))
        assert "has 2 deployments on the forge" in told
        assert f"{model_name(1)} has 2 pull requests" in told
        assert "#99 has another number of comments than one" in told


def test_what_a_crowd_promotes_is_what_the_repository_has() -> None:
    assert version_name(0) == crowd.VERSION
