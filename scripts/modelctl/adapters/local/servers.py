"""MLflow scoring servers: the command, the start, and whether one answers."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from modelctl.adapters.local import processes, scoring_app
from modelctl.adapters.local.http import VERSION_HEADER, Client
from modelctl.adapters.local.limits import Limits
from modelctl.adapters.local.processes import LOCALHOST, PAUSE, Command
from modelctl.adapters.local.registry import Registry, ServerRecord
from modelctl.adapters.local.traefik import IDLE_SECONDS
from modelctl.domain.serving import PING, Server, Serving, own_process, service_name

ServerCommand = Callable[[Serving, int], Command]
"""What to run for a backend on a port. It must answer `GET /ping` with 200 once it can serve."""

_PORT_ATTEMPTS = 3


def mlflow_command(serving: Serving, port: int) -> Command:
    """MLflow's own scoring server, as `mlflow models serve --env-manager local` runs it, but
    without first importing all of MLflow once more to put the command together. It keeps its
    predictions while versions are compared."""
    options = {
        "--host": LOCALHOST,
        "--port": str(port),
        "--header": f"{VERSION_HEADER}:{serving.version}",
        "--timeout-keep-alive": str(IDLE_SECONDS + 15),
    }
    return Command(
        arguments=(
            *(sys.executable, "-m", "uvicorn", "--factory", scoring_app.APP),
            *(part for option in options.items() for part in option),
            "--no-access-log",
        ),
        environment={
            scoring_app.PATH_VARIABLE: serving.model_path.resolve().as_uri(),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
            scoring_app.MODEL_VARIABLE: serving.model,
            scoring_app.VERSION_VARIABLE: serving.version,
            scoring_app.SERVICE_VARIABLE: _name(serving),
            scoring_app.LOG_VARIABLE: os.environ.get(scoring_app.LOG_VARIABLE, ""),
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A server that was started and is awaited until `deadline` (monotonic seconds)."""

    serving: Serving
    record: ServerRecord
    deadline: float
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """What became of the servers that were awaited; `failed` has the reason for each backend."""

    ready: tuple[Server, ...]
    failed: Mapping[Serving, str]


class Servers:
    """The scoring servers of one environment."""

    def __init__(
        self,
        registry: Registry,
        client: Client,
        *,
        command: ServerCommand,
        limits: Limits,
        clock: Callable[[], datetime],
    ):
        self._registry = registry
        self._client = client
        self._command = command
        self._limits = limits
        self._clock = clock

    def start(self, serving: Serving, *, attempt: int = 1) -> Launch:
        """Start a server for `serving` on a free port, and don't wait for it."""
        own_id, port = uuid.uuid4().hex, processes.free_port()
        process = processes.spawn(
            self._command(serving, port),
            own_id=own_id,
            folder=self._registry.folder,
            log=self._registry.log(_name(serving)),
        )
        server = Server(
            id=own_id,
            model=serving.model,
            version=serving.version,
            digest=serving.digest,
            port=port,
            own=own_process(serving.part),
        )
        record = ServerRecord(server=server, process=process, started_at=self._clock())
        self._registry.save(record)
        return self.adopt(serving, record, attempt=attempt)

    def adopt(self, serving: Serving, record: ServerRecord, *, attempt: int = 1) -> Launch:
        """Await a server that was started before, perhaps by a command that was killed."""
        deadline = time.monotonic() + self._patience(serving)
        return Launch(serving=serving, record=record, deadline=deadline, attempt=attempt)

    def await_ready(self, launches: Iterable[Launch], progress: Callable[[str], None]) -> Arrivals:
        """Wait until each server answers or has failed; those that failed are stopped."""
        began = time.monotonic()
        waiting, ready, failed = list(launches), list[Server](), dict[Serving, str]()
        while waiting:
            seen = [(launch, self._look(launch)) for launch in waiting]
            waiting = [now for _, now in seen if isinstance(now, Launch)]
            for launch, now in seen:
                if isinstance(now, Server):
                    ready.append(now)
                    progress(_arrived(launch, time.monotonic() - began))
                elif isinstance(now, str):
                    failed[launch.serving] = now
            if waiting:
                time.sleep(PAUSE)
        return Arrivals(ready=tuple(ready), failed=failed)

    def responds(self, record: ServerRecord) -> bool:
        """Whether a server that served before still does, by one question alone: that its port is
        its own was proved when it became ready."""
        if not record.ready or processes.find(record.process) is None:
            return False
        return self._client.get(f"http://{LOCALHOST}:{record.server.port}{PING}") is not None

    def answers(self, record: ServerRecord, seconds: float = 0, ping: str = PING) -> bool:
        """Whether the server's own process answers, asked again for up to `seconds`."""
        url = f"http://{LOCALHOST}:{record.server.port}{ping}"
        deadline = time.monotonic() + seconds
        while (process := processes.find(record.process)) is not None:
            if self._client.get(url) and processes.listens(process, record.server.port):
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(PAUSE)
        return False

    def stop(self, records: Sequence[ServerRecord]) -> None:
        """End servers: they finish their requests first, for as long as the limit allows."""
        processes.stop(
            self._registry.folder,
            {record.server.id for record in records},
            [record.process for record in records],
            grace=self._limits.drain,
        )
        for record in records:
            self._registry.forget(record)

    def _look(self, launch: Launch) -> Launch | Server | str:
        """Still awaited (perhaps anew, on another port), ready, or why it failed."""
        record = launch.record
        if self.answers(record, ping=launch.serving.ping):
            if not record.ready:
                self._registry.save(replace(record, ready=True))
            return record.server
        log = self._registry.log(_name(launch.serving))
        if processes.find(record.process) is None:
            end = processes.tail(log)
            self.stop([record])
            if "address already in use" in end.lower() and launch.attempt < _PORT_ATTEMPTS:
                return self.start(launch.serving, attempt=launch.attempt + 1)
            return f"{launch.serving} ended before it answered; its log {log} ends with\n{end}"
        if time.monotonic() < launch.deadline:
            return launch
        self.stop([record])
        return (
            f"{launch.serving} did not answer within {self._patience(launch.serving):g} s; its log "
            f"{log} ends with\n{processes.tail(log)}"
        )

    def _patience(self, serving: Serving) -> float:
        return self._limits.start if serving.patience is None else serving.patience


def _arrived(launch: Launch, seconds: float) -> str:
    if launch.record.ready:
        return f"{launch.serving} runs already"
    return f"{launch.serving} answers after {seconds:.1f} s"


def _name(serving: Serving) -> str:
    return service_name(serving.model, serving.version, serving.part)
