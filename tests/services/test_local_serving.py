"""The state of an environment in force on this machine: proved artifacts, and servers that follow.

The servers are stand-ins that start fast; what a real one takes is in the tests of the command.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from modelctl.adapters.artifacts import measure
from modelctl.adapters.local import Limits, LocalTarget, processes
from modelctl.adapters.local.metrics import LocalMetrics
from modelctl.adapters.local.processes import Command
from modelctl.adapters.local.registry import Registry, RouterRecord
from modelctl.adapters.manifests import read_objects
from modelctl.commands.effects import Applier, Means
from modelctl.domain import rendering
from modelctl.domain.observations import Endpoint, Watched
from modelctl.domain.release_record import release_record
from modelctl.domain.rollout_events import COOLED
from modelctl.domain.serving import Serving
from modelctl.services import local_serving
from modelctl.services.acting import WHOLE_TARGET, Effects
from modelctl.services.guarding import Guard
from modelctl.services.local_serving import FIRST_PORT, converge, local_target, put_into_force
from modelctl.services.rollout_ticks import tick
from modelctl.services.sources import source_of
from modelctl.services.state import record, state_tree
from support.journey import bring, publish
from support.trees import MemoryTree
from support.world import MODEL, PROJECT, World

STAND_IN = Path(__file__).parents[1] / "adapters" / "local" / "stand_in.py"


def stand_in(serving: Serving, port: int) -> Command:
    """A server that answers for what really lies in the folder of its model."""
    text = (serving.model_path / "MLmodel").read_text()
    if "hangs" in text:
        return Command(
            arguments=(sys.executable, str(STAND_IN), str(port), "hangs", "--hang"), environment={}
        )
    if "broken" in text:
        return Command(arguments=(sys.executable, "-c", "raise SystemExit(1)"), environment={})
    arguments = (sys.executable, str(STAND_IN), str(port), serving.version)
    return Command(arguments=arguments, environment={})


@dataclass(kw_only=True)
class Machine:
    """This machine: what serves on it, and the artifacts of the versions that may."""

    world: World
    folder: Path
    port: int
    said: list[str] = field(default_factory=list)
    requests: tuple[Any, ...] = ()

    @property
    def root(self) -> Path:
        return self.folder / "local"

    def target(self) -> LocalTarget:
        limits = Limits(lock=5, start=20, answer=1, switch=10, settle=0.2, drain=10)
        return LocalTarget(self.root, "dev", port=self.port, limits=limits, server_command=stand_in)

    def converge(self, tree: Any = None) -> list[str]:
        """Puts the state of dev into force; what couldn't be."""
        self.said.clear()
        session = self.world.session()
        state = state_tree(session, "dev") if tree is None else tree
        return converge(session, self.target(), state, self.root, None, self.said.append)

    def deploy(self, version: str, text: str = "flavors: {}") -> Path:
        """A version into dev, with artifacts in a folder of its own."""
        artifacts = self.folder / f"model {version}"
        artifacts.mkdir()
        (artifacts / "MLmodel").write_text(f"{text} # {version}\n")
        rows = [{"path": f.path, "sha256": f.sha256, "size": f.size} for f in measure(artifacts)]
        seen = {row["path"]: row["sha256"] for row in rows}
        manifest = {"artifacts": {"root": artifacts.as_uri(), "files": rows}}
        local = {"serving": {"target": "local"}}
        head = self.world.submit(version, model=local, manifest=manifest)
        self.world.evidence(version, "dev", head, artifacts=seen)
        self.world.merge("ml", head, ["ben", "lena"])
        from support.deploys import run

        run(self.world, "dev")
        self.world.later(minutes=1)
        return artifacts

    def answers(self) -> str | None:
        """The version that answers a prediction."""
        url = f"http://127.0.0.1:{self.port}/{MODEL}/invocations"
        try:
            return httpx.post(url, json={}, trust_env=False).headers.get("X-Model-Version")
        except httpx.HTTPError:
            return None

    def kept(self) -> list[str]:
        """The artifacts that lie here."""
        return sorted(path.name for path in (self.root / ".artifacts").iterdir())


@pytest.fixture
def machine(world: World, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(world=world, folder=tmp_path, port=processes.free_port())
    yield made
    made.target().stop()


def test_versions_follow_each_other(machine: Machine) -> None:
    machine.deploy("1.0.0")
    assert machine.converge() == []
    assert machine.answers() == "1.0.0"
    assert any(line.startswith(f"serving {MODEL} 1.0.0 at ") for line in machine.said)
    machine.deploy("1.1.0")
    assert machine.converge() == []
    assert machine.answers() == "1.1.0"
    assert len(machine.kept()) == 1  # nobody runs the other any more
    assert machine.converge() == []
    assert machine.answers() == "1.1.0"


def test_artifacts_that_are_not_those_of_the_manifest_are_never_loaded(machine: Machine) -> None:
    machine.deploy("1.0.0")
    assert machine.converge() == []
    artifacts = machine.deploy("1.1.0")
    (artifacts / "MLmodel").write_text("evil\n")
    [problem] = machine.converge()
    assert f"the artifacts of {MODEL}@1.1.0 are not those of its manifest" in problem
    assert machine.answers() == "1.0.0"
    (artifacts / "MLmodel").write_text("flavors: {} # 1.1.0\n")
    assert machine.converge() == []
    assert machine.answers() == "1.1.0"


def test_artifacts_that_were_changed_on_this_machine_are_fetched_again(machine: Machine) -> None:
    machine.deploy("1.0.0")
    machine.converge()
    [digest] = machine.kept()
    copy = machine.root / ".artifacts" / digest / "MLmodel"
    copy.write_text("evil\n")
    assert machine.converge() == []
    assert copy.read_text() == "flavors: {} # 1.0.0\n"


def test_artifacts_that_can_not_be_had_are_told_and_nothing_serves(machine: Machine) -> None:
    artifacts = machine.deploy("1.0.0")
    artifacts.rename(machine.folder / "gone")
    [problem] = machine.converge()
    assert problem.startswith(f"{MODEL} 1.0.0: there is no folder ")
    assert machine.answers() is None


def test_a_server_that_does_not_start_is_told_and_the_old_one_stays(machine: Machine) -> None:
    machine.deploy("1.0.0")
    machine.converge()
    machine.deploy("1.1.0", "broken")
    [problem] = machine.converge()
    assert f"{MODEL} 1.1.0 ended before it answered" in problem
    assert machine.answers() == "1.0.0"


def test_its_strategy_says_how_long_a_version_may_take_to_become_healthy(machine: Machine) -> None:
    path, shipped = "policies/strategies.yaml", "health: {timeout: 60s, attempts: 3}"
    text = (PROJECT / path).read_text()
    assert text.count(shipped) == 2
    own = "health: {timeout: 1s, attempts: 2, path: /ready}"
    publish(machine.world, "main", {path: text.replace(shipped, own)})
    machine.deploy("1.0.0", "hangs")
    [problem] = machine.converge()
    assert f"{MODEL} 1.0.0 did not answer within 2 s" in problem
    assert machine.answers() is None
    session, state = machine.world.session(), state_tree(machine.world.session(), "dev")
    one, [backend] = record(state, MODEL), local_serving._backends(state, MODEL)
    assert one is not None
    asked = {
        name: local_serving.serving(
            session, replace(one, strategy=name), backend, machine.root, None
        )
        for name in ("blue-green", "canary-standard", "gone")
    }
    assert {name: (one.patience, one.ping) for name, one in asked.items()} == {
        "blue-green": (2.0, "/ready"),
        "canary-standard": (None, "/ping"),
        "gone": (None, "/ping"),
    }


def test_what_the_state_does_not_hold_any_more_is_stopped(machine: Machine) -> None:
    machine.deploy("1.0.0")
    machine.converge()
    assert machine.converge(MemoryTree({})) == []
    assert machine.answers() is None


def test_models_of_other_targets_are_left_to_others(machine: Machine) -> None:
    bring(machine.world, "dev")
    assert machine.converge() == []
    assert machine.target().status() == ()


def test_a_manifest_that_is_gone_is_told(machine: Machine) -> None:
    """The state of a clone that hasn't got the commit's history."""
    machine.deploy("1.0.0")
    session = machine.world.session()
    tree = state_tree(session, "dev")
    empty = machine.world.builder.git("rev-parse", "origin/main")
    record = (tree.read(f"{MODEL}/release.json") or b"").decode()
    commit = machine.world.builder.git("rev-parse", "origin/ml")
    manifests = tree.read(f"{MODEL}/manifests.yaml") or b""
    other = MemoryTree(
        {
            f"{MODEL}/release.json": record.replace(commit, empty).encode(),
            f"{MODEL}/manifests.yaml": manifests,
        }
    )
    [problem] = machine.converge(other)
    assert f"{MODEL}@1.0.0 has no manifest at {empty}" in problem


def test_each_environment_has_a_port_of_its_own(world: World, tmp_path: Path) -> None:
    session = world.session()
    ports = [
        local_target(session, name, tmp_path, None)._router._port for name in ("dev", "production")
    ]
    assert ports == [FIRST_PORT, FIRST_PORT + 2]
    assert local_target(session, "dev", tmp_path, 4711)._router._port == 4711


def test_a_router_that_runs_stays_where_it_is_unless_somebody_says_so(
    world: World, tmp_path: Path
) -> None:
    process = processes.ProcessId(pid=1, created=1.0)
    record = RouterRecord(id="r", process=process, port=4711, api_port=4712)
    Registry(tmp_path / "dev").save_router(record)
    session = world.session()
    ports = [local_target(session, "dev", tmp_path, p)._router._port for p in (None, 4713)]
    assert ports == [4711, 4713]


def rolling(machine: Machine, *backends: rendering.Backend) -> MemoryTree:
    """The state of dev with the traffic of its version split so."""
    state = state_tree(machine.world.session(), "dev")
    one = record(state, MODEL)
    assert one is not None
    [obj] = [
        obj
        for obj in read_objects((state.read(f"{MODEL}/manifests.yaml") or b"").decode(), file="x")
        if obj["kind"] == "LocalServing"
    ]
    spec = {**obj["spec"], "backends": [backend.as_data() for backend in backends]}
    return MemoryTree(
        {
            f"{MODEL}/release.json": release_record(
                replace(one, backends=backends), namespace="ml-dev"
            ).encode(),
            f"{MODEL}/manifests.yaml": json.dumps({**obj, "spec": spec}).encode(),
        }
    )


def backends(machine: Machine, weight: int) -> tuple[rendering.Backend, rendering.Backend]:
    """What is stable in dev, and the version that was deployed last, as its canary."""
    before, now = machine.requests
    return (
        replace(before.split[0], name="stable", weight=100 - weight),
        replace(now.split[0], name="canary", weight=weight),
    )


@pytest.fixture
def two(machine: Machine) -> Machine:
    """1.0.0 serves, and 1.1.0 is about to take over."""
    machine.deploy("1.0.0")
    first = record(state_tree(machine.world.session(), "dev"), MODEL)
    assert machine.converge() == []
    machine.deploy("1.1.0")
    second = record(state_tree(machine.world.session(), "dev"), MODEL)
    assert first is not None
    assert second is not None
    machine.requests = (first, second)
    return machine


def shift(machine: Machine, tree: MemoryTree, *models: str) -> dict[str, str]:
    session = machine.world.session()
    chosen = models or (MODEL,)
    return dict(
        put_into_force(
            session, machine.target(), tree, chosen, machine.root, None, machine.said.append
        )
    )


def weights(machine: Machine) -> dict[str, int]:
    return {f"{r.part} {r.version}": r.weight for r in machine.target().routes()}


def test_a_rollout_moves_by_steps_and_back(two: Machine) -> None:
    for weight in (5, 50):
        assert shift(two, rolling(two, *backends(two, weight))) == {}
        assert weights(two) == {"stable 1.0.0": 100 - weight, "canary 1.1.0": weight}
    assert len(two.kept()) == 2
    stable, _ = backends(two, 0)
    assert shift(two, rolling(two, *backends(two, 0))) == {}
    assert weights(two) == {"stable 1.0.0": 100, "canary 1.1.0": 0}
    assert {two.answers() for _ in range(5)} == {"1.0.0"}
    assert stable.weight == 100


def by_tick(machine: Machine) -> Any:
    effects = Effects(
        signer=machine.world.deployer.signer,
        apply=Applier(means=Means(root=machine.root, port=machine.port)),
    )
    done = tick(machine.world.session(), machine.world.transition("dev"), effects)
    return done.cooled, done.left


def by_guard(machine: Machine) -> Any:
    effects = Effects(
        signer=machine.world.deployer.signer,
        apply=Applier(means=Means(root=machine.root, port=machine.port)),
        source={"dev": source_of(machine.world.session(), "dev", machine.root)},
    )
    guard = Guard(transitions=[machine.world.transition("dev")], effects=effects)
    done = guard.look(machine.world.session())
    return tuple(one.model for one in done.changes if one.kind == COOLED), done.left


@pytest.mark.parametrize("passed", [by_tick, by_guard])
def test_what_is_kept_warm_here_ends_when_its_time_is_over(machine: Machine, passed: Any) -> None:
    path = "policies/strategies.yaml"
    publish(machine.world, "main", {path: (PROJECT / path).read_text()})
    for version in ("1.0.0", "1.1.0"):
        machine.deploy(version)
        assert machine.converge() == []
    two = machine
    assert weights(two) == {"stable 1.1.0": 100, "previous 1.0.0": 0}
    servers = {one.version: one.pid for one in two.target().status()}
    assert passed(two) == ((), ())
    assert all(psutil.pid_exists(pid) for pid in servers.values())
    two.world.later(hours=1)
    assert passed(two) == ((MODEL,), ())
    assert weights(two) == {"stable 1.1.0": 100}
    assert (psutil.pid_exists(servers["1.1.0"]), psutil.pid_exists(servers["1.0.0"])) == (
        True, False)  # fmt: skip
    assert two.answers() == "1.1.0"
    assert passed(two) == ((), ())


def test_a_version_that_is_to_start_is_proved_first(two: Machine) -> None:
    (two.folder / "model 1.1.0" / "MLmodel").write_text("evil\n")
    problems = shift(two, rolling(two, *backends(two, 5)))
    assert set(problems) == {MODEL}
    assert f"the artifacts of {MODEL}@1.1.0 are not those of its manifest" in problems[MODEL]
    assert weights(two) == {"stable 1.0.0": 100}


def test_a_version_that_does_not_start_is_told_of_its_model(two: Machine) -> None:
    broken = two.target()
    broken._servers._command = lambda serving, port: Command(
        arguments=(sys.executable, "-c", "raise SystemExit('no')"), environment={}
    )
    session = two.world.session()
    tree = rolling(two, *backends(two, 5))
    problems = put_into_force(session, broken, tree, [MODEL], two.root, None, two.said.append)
    assert "1.1.0 ended before it answered" in problems[MODEL]
    assert weights(two) == {"stable 1.0.0": 100}


def test_a_way_back_does_not_wait_for_artifacts_that_run_already(two: Machine) -> None:
    assert shift(two, rolling(two, *backends(two, 50))) == {}
    for version in ("1.0.0", "1.1.0"):
        (two.folder / f"model {version}").rename(two.folder / f"gone {version}")
    for digest in two.kept():
        (two.root / ".artifacts" / digest / "MLmodel").write_text("changed\n")
    assert shift(two, rolling(two, *backends(two, 0))) == {}
    assert {two.answers() for _ in range(5)} == {"1.0.0"}


@pytest.mark.parametrize("whole", [False, True])
def test_what_is_counted_begins_with_the_move(two: Machine, whole: bool) -> None:
    before = two.world.session().now
    tree = rolling(two, *backends(two, 50))
    assert (two.converge(tree) if whole else [*shift(two, tree)]) == []
    for _ in range(4):
        two.answers()
    two.world.later(minutes=1)
    watched = Watched(
        model=MODEL,
        environment="dev",
        namespace="ml-dev",
        since=before,
        sides={"canary": Endpoint(version="1.1.0", service=f"{MODEL}-1.1.0")},
    )
    metrics = LocalMetrics(two.target())
    [found] = metrics.observe([watched], two.world.session().now)[MODEL]
    assert found.sides["canary"].requests == 2


def test_what_is_a_failure_is_what_the_policy_says(two: Machine) -> None:
    path = "policies/metrics.yaml"
    text = (PROJECT / path).read_text()
    here = "dev: {kind: local}"
    assert here in text
    there = here.replace("}", ", errors: '2..'}")
    publish(two.world, "main", {path: text.replace(here, there)})
    before = two.world.session().now
    shift(two, rolling(two, *backends(two, 50)))
    for _ in range(4):
        two.answers()
    two.world.later(minutes=1)
    session = two.world.session()
    watched = Watched(
        model=MODEL,
        environment="dev",
        namespace="ml-dev",
        since=before,
        sides={"canary": Endpoint(version="1.1.0", service=f"{MODEL}-1.1.0")},
    )
    [found] = source_of(session, "dev", two.root).observe([watched], session.now)[MODEL]
    assert (found.sides["canary"].requests, found.sides["canary"].errors) == (2, 2)


def test_without_models_or_with_one_that_is_gone_all_is_put_into_force(two: Machine) -> None:
    session, tree = two.world.session(), rolling(two, *backends(two, 5))
    found = put_into_force(session, two.target(), tree, None, two.root, None, two.said.append)
    assert found == {}
    assert weights(two) == {"stable 1.0.0": 95, "canary 1.1.0": 5}
    assert shift(two, MemoryTree({}), MODEL) == {}
    assert weights(two) == {}


def test_what_lies_beside_the_models_never_serves(machine: Machine) -> None:
    machine.deploy("1.0.0")
    state = state_tree(machine.world.session(), "dev")
    there = {name: state.read(f"{MODEL}/{name}") or b"" for name in state.names(MODEL)}
    beside = MemoryTree({f".monitoring/{name}": data for name, data in there.items()})
    assert machine.converge(beside) == []
    assert machine.target().routes() == ()


def test_models_of_other_targets_are_not_shifted(machine: Machine) -> None:
    bring(machine.world, "dev")
    state = state_tree(machine.world.session(), "dev")
    assert shift(machine, state) == {}
    assert machine.target().routes() == ()


def test_a_whole_that_fails_is_told_of_no_single_model(two: Machine) -> None:
    tree = rolling(two, *backends(two, 5))
    (two.folder / "model 1.1.0").rename(two.folder / "gone")
    session = two.world.session()
    problems = put_into_force(session, two.target(), tree, None, two.root, None, two.said.append)
    assert f"{MODEL} 1.1.0: there is no folder" in problems[WHOLE_TARGET]
    assert two.answers() == "1.0.0"
