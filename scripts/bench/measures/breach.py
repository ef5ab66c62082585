"""How long callers are answered by a version that fails, until the guard has taken it back.

The guard is a process of its own that looks at the router each second. In its environment many
rollouts are under way, which break one after the other, each at another moment between two looks.
The clock runs from the first answer that failed to the one from which on all are of the version
before.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Thread

import yaml

from bench.errors import BenchError
from bench.lab import Lab
from bench.measure import Measure, Pair
from bench.process import environment
from bench.repos import rollouts
from bench.repos.documents import model_name, version_text
from bench.repos.people import private_key, rule_files
from bench.repos.stream import git
from bench.serving_lab import Faults, Site, site
from modelctl.adapters.documents import dump
from modelctl.adapters.local.processes import LOCALHOST
from modelctl.adapters.policies import load_policy
from modelctl.domain.serving import Serving
from support.load import Load
from support.trees import MemoryTree

ROUNDS = 50
RATE = 60.0
"""Requests a second to both versions together."""

SCRAPE = 1.0
"""Seconds from one look at the router to the next."""

_STEP, _SHARE = 2, 50
_TOGETHER = 10
_HEALTHY = 1.2 * SCRAPE
_ENOUGH, _AFTERWARDS = 10, 20
_PATIENCE = 60.0
_RULES = "policies/rollback.yaml"
_PAUSE = 0.02


@dataclass(kw_only=True)
class _Guarded:
    """The environment, a guard of it, and the file whose presence makes every new version fail."""

    place: Site
    guard: subprocess.Popen[str]
    said: list[str]
    broken: Path

    def serve(self, models: Sequence[str]) -> None:
        """Serve both versions of these models, and nothing else."""
        self.place.target.converge(
            [one for model in models for one in self._parts(model)], progress=lambda message: None
        )

    def breach(self, model: str, phase: float) -> float:
        """The seconds from the first failing answer until the stable version gives all of them."""
        url = f"http://{LOCALHOST}:{self.place.port}/{model}/invocations"
        load = Load(url=url, rate=RATE, seconds=2 * _PATIENCE)
        with load.running():
            time.sleep(_HEALTHY + phase * SCRAPE)
            if load.failed:
                raise BenchError(f"{load.failed} requests failed before the breach")
            self.broken.touch()
            self._await(lambda: self._went_back(model), f"{model} to go back")
            self._await(lambda: _back(load) is not None, f"all traffic of {model} to be back")
        self.broken.unlink()
        took = _back(load)
        assert took is not None
        return took

    def _went_back(self, model: str) -> bool:
        """Whether the guard has told that it is done with it."""
        changes = (change for line in self.said for change in json.loads(line)["changes"])
        return any((one["model"], one["kind"]) == (model, "rolled-back") for one in changes)

    def _await(self, done: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + _PATIENCE
        while not done():
            if self.guard.poll() is not None or time.monotonic() > until:
                raise BenchError(f"waited in vain for {what}", "\n".join(self.said[-3:]))
            time.sleep(_PAUSE)

    def _parts(self, model: str) -> Iterator[Serving]:
        index = int(model.rpartition("-")[2])
        parts = {"stable": rollouts.STABLE, "canary": rollouts.CANARY}
        for part, version in parts.items():
            yield Serving(
                model=model,
                version=version,
                digest=sha256(version_text(index, version)).hexdigest(),
                model_path=self.place.root,
                part=part,
                weight=_SHARE,
            )


def _back(load: Load) -> float | None:
    """From the first failing answer to the first one after the new version's last; None as long as
    it isn't plain that it was the last."""
    answers = sorted(load.times)
    after = max(n for n, (_, version) in enumerate(answers) if version == rollouts.CANARY) + 1
    if not load.wrong or len(answers) - after < _AFTERWARDS:
        return None
    return answers[after][0] - min(load.wrong)


def _rules() -> Mapping[str, bytes]:
    """As shipped, but by the requests of one look alone, of which fewer are enough."""
    rules = yaml.safe_load(rule_files()[_RULES])
    [emergency] = [one for one in rules["triggers"] if one.get("emergency")]
    emergency["requests"] = _ENOUGH
    return {**rule_files(), _RULES: dump({**rules, "window": f"{SCRAPE:g}s"}).encode()}


def _repository(folder: Path, models: int) -> Path:
    """A clone of a repository in which these models have reached half of the traffic."""
    shared, clone, rules = folder / "shared", folder / "clone", _rules()
    shared.mkdir()
    strategy = load_policy(MemoryTree(rules), "0" * 40).strategies[rollouts.STRATEGY]
    assert strategy.steps[_STEP].weight == _SHARE
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    stage = rollouts.Stage(step=_STEP, began=began, target="local", rules=rules)
    rollouts.create(shared, models, strategy, stage)
    git(folder, "clone", "--quiet", "--no-checkout", shared.as_uri(), str(clone))
    return clone


@contextmanager
def _guarded(lab: Lab, models: Sequence[str]) -> Iterator[_Guarded]:
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        clone, key, broken = _repository(folder, len(models)), folder / "key", folder / "broken"
        key.write_bytes(private_key("deployer"))
        key.chmod(0o600)
        faults = {rollouts.CANARY: Faults(failing=1.0, since=broken)}
        with site(faults, rollouts.PLACE) as place:
            command = [
                *(lab.modelctl, "-C", str(clone), "guard", rollouts.PLACE, "--format", "json"),
                *("--every", f"{SCRAPE:g}s", "--key", str(key)),
                *("--local-root", str(place.root), "--local-port", str(place.port)),
            ]
            said: list[str] = []
            with _process(command, folder / "log", said) as guard:
                yield _Guarded(place=place, guard=guard, said=said, broken=broken)


@contextmanager
def _process(command: Sequence[str], log: Path, said: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A process for as long as this lasts; what it says is added to `said`, line by line."""
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment()
        ) as process,
    ):
        reader = Thread(target=lambda: said.extend(process.stdout or ()))
        reader.start()
        try:
            yield process
        finally:
            process.terminate()
            reader.join()


def _breaches(lab: Lab) -> Iterator[Pair]:
    models, phases = [model_name(index) for index in range(ROUNDS)], Random(1)
    lab.say(f"generating {ROUNDS} rollouts")
    with _guarded(lab, models) as guarded:
        for number, model in enumerate(models):
            if number % _TOGETHER == 0:
                guarded.serve(models[number : number + _TOGETHER])
            lab.say(f"breach {number + 1} of {ROUNDS}")
            began = time.perf_counter()
            took = guarded.breach(model, phases.random())
            yield Pair(ours=took / SCRAPE, other=time.perf_counter() - began)


MEASURES = (
    Measure(
        name="breach-to-back",
        what=f"a version begins to fail: until all traffic is back, {ROUNDS} times",
        against="",
        limit=3,
        worst=6,
        unit="scrapes",
        take=_breaches,
        note=f"a guard that looks each {SCRAPE:g} s, at a moment by chance in between; "
        f"{RATE:g} requests/s, half of them to the failing version; from its first failing answer",
    ),
)
