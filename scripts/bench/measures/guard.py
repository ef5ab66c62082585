"""What a pass of the guard costs where many rollouts are under way, against one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.errors import BenchError
from bench.lab import Lab
from bench.measure import Measure, Pair
from bench.metrics_lab import moment, prometheus, source
from bench.repos import rollouts
from bench.repos.people import person, rule_files
from bench.repos.stream import git
from modelctl.adapters.policies import load_policy
from modelctl.adapters.prometheus_http import PrometheusApi
from modelctl.domain.policy import Transition
from modelctl.services.acting import Effects
from modelctl.services.guarding import Guard
from modelctl.services.rollouts import watched
from modelctl.services.session import Session, open_session
from support.trees import MemoryTree

MANY = 1_000
_BEGAN = moment(20)
_TURNS = 5
_QUESTIONS = 20
"""So many at most in a pass, whatever the number of rollouts."""


class _Watchman:
    """A guard that has looked once: each further pass fetches, and looks again a scrape later."""

    def __init__(self, clone: Path, api: PrometheusApi):
        self._clone, self._api, self._scrapes = clone, api, 40
        session = open_session(clone, now=moment(self._scrapes), fetch=True)
        effects = Effects(signer=person("deployer").signer, source={rollouts.PLACE: source(api)})
        self._guard = Guard(transitions=[_transition(session)], effects=effects)
        self.found = self._guard.look(session).rollouts

    def seconds(self) -> float:
        """One pass: the branches are fetched, the rules read, and every rollout is looked at."""
        self._scrapes += 1
        asked, begun = self._api.asked, perf_counter()
        session = open_session(self._clone, now=moment(self._scrapes), fetch=True)
        done = self._guard.look(session)
        took = perf_counter() - begun
        if (done.heard, done.changes, done.problems) != (self.found, (), ()):
            raise BenchError("a rollout isn't well", "\n".join([*map(str, done.changes)][:3]))
        if (questions := self._api.asked - asked) > _QUESTIONS:
            raise BenchError(f"a pass asked {questions} questions")
        return took


def _transition(session: Session) -> Transition:
    found = session.policy.lifecycle.to_environment(rollouts.PLACE)
    assert found is not None
    return found


def _shared(lab: Lab, count: int) -> Path:
    """A repository with so many rollouts that are under way."""
    strategy = load_policy(MemoryTree(rule_files()), "0" * 40).strategies[rollouts.STRATEGY]
    stage = rollouts.Stage(began=_BEGAN)
    make = partial(rollouts.create, models=count, strategy=strategy, stage=stage)
    return lab.store.get(f"guarded-{count}", make)


def _pass(lab: Lab) -> Iterator[Pair]:
    with TemporaryDirectory(prefix="modelctl-bench-") as folder:
        clones = {count: Path(folder) / str(count) for count in (1, MANY)}
        for count, clone in clones.items():
            address = _shared(lab, count).as_uri()
            git(Path(folder), "clone", "--quiet", "--no-checkout", address, str(clone))
        session = open_session(clones[MANY], now=_BEGAN)
        with prometheus(lab, watched(session, _transition(session), _BEGAN)) as api:
            few, many = (_Watchman(clones[count], api) for count in (1, MANY))
            assert (few.found, many.found) == (1, MANY)
            yield from lab.turns(_TURNS, many.seconds, few.seconds)


MEASURES = (
    Measure(
        name="guard-pass",
        what=f"one pass of the guard over {MANY:,} rollouts that are under way",
        against="one pass over 1",
        limit=20,
        take=_pass,
        note="each pass fetches the branches, reads the rules, and asks a real Prometheus at most "
        f"{_QUESTIONS} times; of what it knows by then a guard reads again only what changed on "
        "the ledger",
    ),
)
