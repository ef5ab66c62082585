"""A local target with servers that start fast, and the certainty that nothing is left running."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from modelctl.adapters.local import Limits, LocalTarget, processes
from modelctl.adapters.local.processes import Command
from modelctl.adapters.local.servers import ServerCommand
from modelctl.domain.serving import Serving

STAND_IN = Path(__file__).with_name("stand_in.py")


def stand_in(serving: Serving, port: int) -> Command:
    """A backend whose folder doesn't exist fails as it starts, like a broken model."""
    arguments = (sys.executable, str(STAND_IN), str(port), serving.version)
    if not serving.model_path.exists():
        arguments = (sys.executable, "-c", f"raise SystemExit('no model in {serving.model_path}')")
    return Command(arguments=arguments, environment={})


@dataclass(kw_only=True)
class Site:
    """One environment in a folder of its own, with what a test asks it."""

    root: Path
    port: int
    said: list[str] = field(default_factory=list)
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=30))

    @property
    def folder(self) -> Path:
        return (self.root / "dev").resolve()

    def target(self, **options: Any) -> LocalTarget:
        limits = Limits(lock=5, start=20, answer=1, switch=10, settle=0.2, drain=10)
        defaults = {"port": self.port, "limits": limits, "server_command": stand_in}
        return LocalTarget(self.root, "dev", **{**defaults, **options})

    def converge(self, *desired: Serving, **options: Any) -> tuple[Any, ...]:
        self.said.clear()
        return self.target(**options).converge(desired, progress=self.said.append)

    def serving(
        self, version: str, weight: int = 100, model: str = "churn-predictor", **fields: Any
    ) -> Serving:
        digest = version.replace(".", "")[:1] * 64
        fields = {"digest": digest, "model_path": self.root, **fields}
        return Serving(model=model, version=version, weight=weight, **fields)

    def ask(self, model: str = "churn-predictor", *, path: str = "invocations") -> str:
        """The version that answers a prediction."""
        url = f"http://127.0.0.1:{self.port}/{model}/{path}"
        answer = self.client.post(url, json={})
        assert answer.status_code == 200, answer
        return answer.headers["X-Model-Version"]

    def running(self) -> set[int]:
        """The pids of everything that was started for the environment, children included."""
        return {p.pid for group in processes.scan(self.folder).values() for p in group}

    def leaders(self) -> set[int]:
        """The pids of servers and router alone."""
        pids = self.running()
        return {pid for pid in pids if psutil.Process(pid).ppid() not in pids}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(root=tmp_path / "local", port=processes.free_port())
    site.root.mkdir()
    with site.client:
        yield site
    site.target().stop()
    assert site.running() == set()


@pytest.fixture
def stand_in_command() -> ServerCommand:
    return stand_in
