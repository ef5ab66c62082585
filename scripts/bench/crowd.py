"""Many promotions at once: each is opened, reviewed, judged, merged and deployed by one of several
workers with a clone of its own, through a forge that fails now and then. As a job or a person
would, it does again what could not be done, and nothing else."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

import httpx

from bench.errors import BenchError
from bench.forge_lab import Behind
from bench.process import program
from bench.repos import promotable
from bench.repos.documents import model_name, version_name
from bench.repos.people import private_key
from forge.routes_deployments import deployments as forge_deployments
from forge.values import Repository
from modelctl.domain.history import deployments
from modelctl.services.session import open_session
from modelctl.services.state import record, state_tree
from support.hub import REPOSITORY
from support.repos import clone
from support.world import ENVIRONMENTS

PROMOTER, REVIEWERS, MERGER = "ada", ("lena", "ben"), "ben"
ENVIRONMENT, VERSION = ENVIRONMENTS[1], version_name(0)
_UNDECIDED, _TOLD = 3, 3000
_TRIES, _PAUSE = 25, 0.2


@dataclass(kw_only=True)
class Crowd:
    """`deploys` counts the deploys that were run; `slots` as many may run at once."""

    behind: Behind
    workers: int
    slots: int = 2
    deploys: int = 0
    again: int = 0
    """How often something had to be done again."""

    _merged: int = 0
    _deployed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _clones: SimpleQueue[Path] = field(default_factory=SimpleQueue)
    _key: Path = field(default_factory=Path)

    def begin(self, say: Callable[[str], None]) -> None:
        """Deploys what is to be promoted, and gives each worker a clone."""
        say("generating: deploying what is to be promoted")
        self._prepare()
        self._serve_first()

    def promote(self, models: int, say: Callable[[str], None]) -> float:
        """Promotes so many models; how many seconds that took.

        Raises:
            BenchError: a worker had to give up.
        """
        gate, began = threading.Semaphore(self.slots), time.perf_counter()
        with ThreadPoolExecutor(self.workers) as pool:
            jobs = [pool.submit(self._one, index, gate) for index in range(models)]
            try:
                for done, job in enumerate(jobs, start=1):
                    job.result()
                    say(f"{done} of {models} are through, {self.deploys} deploys")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return time.perf_counter() - began

    def _prepare(self) -> None:
        folder = self.behind.hub.world.directory.parent
        self._key = folder / "deployer.pem"
        self._key.write_bytes(private_key("deployer"))
        self._key.chmod(0o600)
        for number in range(self.workers):
            made = clone(self.behind.hub.path, folder / f"worker-{number}")
            made.git("remote", "set-url", "origin", self.behind.hub.clone_url())
            self._clones.put(made.directory)

    def _serve_first(self) -> None:
        """Deploys what is on the first branch, for a promotion starts from what is served."""
        world, first = self.behind.hub.world, promotable.FIRST
        commits = world.builder.git("rev-list", "--reverse", f"origin/main..origin/{first}").split()
        for commit in commits:
            world.pull(first, commit, REVIEWERS, author=PROMOTER)
            world.pulls[-1]["pull_request"]["merge_commit_sha"] = commit
        reviews = ("--reviews", str(world.pulls_file()))
        self._run(world.directory, self.behind.env, *self._deploying(ENVIRONMENTS[0], *reviews))

    def _deploying(self, environment: str, *options: str) -> Sequence[str]:
        return ("deploy", environment, *options, "--no-apply", "--key", str(self._key))

    def _one(self, index: int, gate: threading.Semaphore) -> None:
        where = self._clones.get()
        try:
            name = f"{model_name(index)}@{VERSION}"
            as_app, as_person = self.behind.env, self.behind.as_person(PROMOTER)
            told = self._run(
                where, as_person, "promote", name, "--to", ENVIRONMENT, "--format", "json"
            )
            number = int(json.loads(told)["pull_request"]["number"])
            for reviewer in REVIEWERS:
                self._ask(reviewer, "POST", f"/pulls/{number}/reviews", {"event": "APPROVE"})
            self._run(where, as_app, "pr", "check", str(number))
            self._merge(number)
            with gate:
                self._deploy(where, as_app, self._count())
        finally:
            self._clones.put(where)

    def _merge(self, number: int) -> None:
        at = f"/pulls/{number}/merge"
        for _ in self._tries(f"merge #{number}"):
            answer = self._once(MERGER, "PUT", at, {"merge_method": "merge"})
            if answer is not None and answer.is_success:
                return
            looked = self._ask(MERGER, "GET", f"/pulls/{number}")
            if looked["merged"]:  # the answer was lost after it was done
                return

    def _count(self) -> int:
        with self._lock:
            self._merged += 1
            return self._merged

    def _deploy(self, where: Path, env: Mapping[str, str], mine: int) -> None:
        """Deploys, unless a deploy that began after this merge has done so."""
        with self._lock:
            if self._deployed >= mine:
                return
            covered = self._merged
            self.deploys += 1
        self._run(where, env, *self._deploying(ENVIRONMENT, "--github"))
        with self._lock:
            self._deployed = max(self._deployed, covered)

    def _run(self, where: Path, env: Mapping[str, str], *args: str) -> str:
        """What a command says once it ends well; while it couldn't decide it is run again.

        Raises:
            BenchError: it says no, or can't decide again and again.
        """
        for _ in self._tries(" ".join(args)):
            done = subprocess.run(
                [program("modelctl"), *args], cwd=where, env=env, capture_output=True, check=False
            )
            if done.returncode == 0:
                return done.stdout.decode()
            if done.returncode != _UNDECIDED:
                said = (done.stdout + done.stderr).decode(errors="replace")
                raise BenchError(f"{' '.join(args)} ended with {done.returncode}", said[-_TOLD:])
        raise AssertionError("the last try raises")

    def _ask(
        self, login: str, method: str, path: str, body: Mapping[str, str] | None = None
    ) -> Mapping[str, object]:
        """What the forge answers somebody, once it does."""
        for _ in self._tries(f"{method} {path}"):
            answer = self._once(login, method, path, body)
            if answer is not None and answer.is_success:
                return dict(answer.json())
        raise AssertionError("the last try raises")

    def _once(
        self, login: str, method: str, path: str, body: Mapping[str, str] | None = None
    ) -> httpx.Response | None:
        hub = self.behind.hub
        try:
            return httpx.request(
                method,
                f"{hub.api_url}/repos/{hub.access().repository}{path}",
                headers={"Authorization": f"Bearer {hub.tokens[login]}"},
                json=body,
                timeout=120,
            )
        except httpx.TransportError:
            return None

    def _tries(self, what: str) -> Iterator[None]:
        """One after the other as they are needed, with pauses that grow.

        Raises:
            BenchError: all were in vain.
        """
        for number in range(_TRIES):
            if number:
                with self._lock:
                    self.again += 1
                time.sleep(_PAUSE * number)
            yield
        raise BenchError(f"{what} failed {_TRIES} times")


def wrong(there: Behind, models: int) -> Iterator[str]:
    """What was lost or doubled: everything is read anew, from a fresh clone and from the forge."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = clone(there.hub.path, Path(name) / "clone").directory
        yield from _wrong_in(folder, models)
    yield from _wrong_on_the_forge(there, models)


def _wrong_in(folder: Path, models: int) -> Iterator[str]:
    verify = [program("modelctl"), "ledger", "verify"]
    if subprocess.run(verify, cwd=folder, capture_output=True, check=False).returncode != 0:
        yield "the ledger doesn't verify"
    session = open_session(folder)
    state = state_tree(session, ENVIRONMENT)
    for name in map(model_name, range(models)):
        running = record(state, name)
        if running is None or running.version != VERSION:
            yield f"{name} isn't served"
        found = deployments(session.signed(name))
        told = [one.version for one in found if one.environment == ENVIRONMENT]
        if told != [VERSION]:
            yield f"{name} has {len(told)} deployments on the ledger"


def _wrong_on_the_forge(there: Behind, models: int) -> Iterator[str]:
    repository = there.hub.forge.state.repositories[REPOSITORY]
    pulls = [pull for pull in repository.pulls() if pull.branch.startswith("promote/")]
    successes = Counter(_succeeded(repository))
    for name in map(model_name, range(models)):
        own = [pull for pull in pulls if pull.branch.split("/")[1] == name]
        if len(own) != 1 or own[0].merged_at is None:
            yield f"{name} has {len(own)} pull requests"
        for pull in own:
            if len(there.hub.comments(pull.number)) != 1:
                yield f"#{pull.number} has another number of comments than one"
        if successes[name] != 1:
            yield f"{name} has {successes[name]} deployments on the forge"


def _succeeded(repository: Repository) -> Iterator[str]:
    """The model of each deployment that stands."""
    for made in forge_deployments(repository).values():
        if made.state == "success":
            yield made.task.partition(":")[2]
