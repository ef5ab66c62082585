"""An environment of the local target, for as long as a measure lasts, and load on it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import stand_in
from modelctl.adapters.local import LocalTarget, processes
from modelctl.adapters.local.http import VERSION_HEADER
from modelctl.adapters.local.processes import LOCALHOST, Command
from modelctl.domain.serving import Route, Serving
from support.load import Load

MODEL = "tumor-classifier"
_SCRIPTS = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What is wrong with a version: the share of answers that fail, and the seconds each takes;
    only while the file `since` is there, if it names one."""

    failing: float = 0.0
    seconds: float = 0.0
    since: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An environment below `root`, whose versions have these faults."""

    root: Path
    port: int
    environment: str = "dev"
    faults: Mapping[str, Faults] = field(default_factory=dict)

    @property
    def target(self) -> LocalTarget:
        """The target, with stand-ins as its servers."""
        return LocalTarget(self.root, self.environment, port=self.port, server_command=self.command)

    @property
    def url(self) -> str:
        """Where the model is asked."""
        return f"http://{LOCALHOST}:{self.port}/{MODEL}/invocations"

    def part(self, name: str, version: str, weight: int, **more: Any) -> Serving:
        """A backend."""
        digest = version.replace(".", "").ljust(64, "0")
        return Serving(
            model=MODEL,
            version=version,
            digest=digest,
            model_path=self.root,
            part=name,
            weight=weight,
            **more,
        )

    def shift(self, *parts: Serving) -> tuple[Route, ...]:
        """Serve these."""
        return self.target.shift(parts, progress=lambda message: None)

    def load(self, rate: float, **bounds: Any) -> Load:
        """Callers who ask at this rate."""
        return Load(url=self.url, rate=rate, **bounds)

    def command(self, serving: Serving, port: int) -> Command:
        """A stand-in under the same server that runs MLflow's."""
        wrong = self.faults.get(serving.version, Faults())
        options = {
            "--app-dir": str(_SCRIPTS),
            "--host": LOCALHOST,
            "--port": str(port),
            "--header": f"{VERSION_HEADER}:{serving.version}",
            "--timeout-keep-alive": "75",
        }
        return Command(
            arguments=(
                *(sys.executable, "-m", "uvicorn", "bench.stand_in:app", "--no-access-log"),
                *(part for option in options.items() for part in option),
            ),
            environment={
                stand_in.FAILING: str(wrong.failing),
                stand_in.SECONDS: str(wrong.seconds),
                stand_in.SINCE: str(wrong.since or ""),
            },
        )


@contextmanager
def site(faults: Mapping[str, Faults] | None = None, environment: str = "dev") -> Iterator[Site]:
    """An environment of one's own; nothing of it is left running."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        port = processes.free_port()
        made = Site(root=Path(name), port=port, environment=environment, faults=faults or {})
        try:
            yield made
        finally:
            made.target.stop()
