"""Rollouts that are under way: one of each model, at the first step of a canary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.repos.ledger import chained
from bench.repos.people import person, rule_files
from bench.repos.registry import BRANCHES, INIT, model_files
from bench.repos.states import Place, request
from bench.repos.stream import Stream, git
from modelctl.adapters.signing import sign
from modelctl.domain.evidence import Statement
from modelctl.domain.history import DEPLOYMENT, ROLLOUT
from modelctl.domain.names import version_path
from modelctl.domain.release_record import release_record
from modelctl.domain.rendering import MANIFESTS, RELEASE, RenderRequest
from modelctl.domain.rollout_events import Side, Told, event_statement
from modelctl.domain.rollout_split import split
from modelctl.domain.rollout_state import RUNNING, State
from modelctl.domain.strategies import Strategy
from modelctl.services.accounted import told
from support.world import ENVIRONMENTS

PLACE = ENVIRONMENTS[-1]
STRATEGY = "canary-standard"
STABLE, CANARY = "1.0.0", "1.0.1"
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the rollouts are: at this step since `began` (UTC), on this target, by these rules."""

    step: int = 0
    began: datetime = BEGAN
    target: str = "gateway-api"
    rules: Mapping[str, bytes] = field(default_factory=rule_files)


_FIRST = Stage()


def create(directory: Path, models: int, strategy: Strategy, stage: Stage = _FIRST) -> None:
    """So many models, of each of which a second version has its share of a step, the first one if
    nothing else is asked for, in the last environment."""
    git(directory, *INIT)
    files = (file for index in range(models) for file in model_files(index, 2))
    with Stream(directory) as stream:
        stream.commit("main", [*stage.rules.items(), *files], message="Everything")
        for branch in BRANCHES[1:]:
            stream.branch(branch, "main")
    commit, branch = git(directory, "rev-parse", "main"), f"env/{PLACE}"
    stable = [_request(i, STABLE, commit, stage) for i in range(models)]
    coming = [replace(_request(i, CANARY, commit, stage), strategy=STRATEGY) for i in range(models)]
    weight = strategy.steps[stage.step].weight
    shared = [
        split(strategy, before, after, weight=weight)
        for before, after in zip(stable, coming, strict=True)
    ]
    clock = int(stage.began.timestamp())
    first = _state(directory, branch, stable, clock)
    states = (first, _state(directory, branch, shared, clock, first))
    state = State(phase=RUNNING, step=stage.step, weight=weight, since=stage.began)
    with Stream(directory, clock=clock) as stream:
        entries = (
            entry
            for before, after in zip(stable, coming, strict=True)
            for entry in _entries(before, after, states, state)
        )
        stream.commit("ledger", entries, message="Rollouts")
    git(directory, "pack-refs", "--all")
    git(directory, "reset", "--quiet", "--hard", "main")


def _request(index: int, version: str, commit: str, stage: Stage) -> RenderRequest:
    place = Place(index=index, version=version, environment=PLACE)
    return replace(request(place, commit), target=stage.target)


def _state(
    directory: Path,
    branch: str,
    found: Iterable[RenderRequest],
    clock: int,
    start: str | None = None,
) -> str:
    """A commit of the environment's branch that has these records."""
    with Stream(directory, clock=clock) as stream:
        files = [file for one in found for file in _files(one)]
        stream.commit(branch, files, message="Move", start=start)
    return git(directory, "rev-parse", branch)


def _files(one: RenderRequest) -> Iterator[tuple[str, bytes]]:
    yield f"{one.model}/{RELEASE}", release_record(one, namespace=PLACE).encode()
    yield f"{one.model}/{MANIFESTS}", f"# {one.model} {one.version}\n".encode()


def _entries(
    before: RenderRequest, after: RenderRequest, states: tuple[str, str], state: State
) -> Iterator[tuple[str, bytes]]:
    deployed, started = states
    first = _deployed(before, {**told(before), "state_commit": deployed}, state.since)
    second = event_statement(
        after,
        Told(kind="started", state=state),
        stable=Side(version=before.version, digest=before.digest),
        policy=after.commit,
        state_commit=started,
        made_at=state.since,
        more=told(after),
    )
    signer = person("deployer").signer
    envelopes = ((DEPLOYMENT, sign(first, signer)), (ROLLOUT, sign(second, signer)))
    for entry in chained(before.model, envelopes):
        yield entry.path, entry.data


def _deployed(one: RenderRequest, predicate: dict[str, Any], at: datetime) -> Statement:
    return Statement(
        kind=DEPLOYMENT,
        subject=version_path(one.model, one.version),
        digest=one.digest,
        made_at=at,
        environment=PLACE,
        predicate=predicate,
    )
