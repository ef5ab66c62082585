"""The `local` serving target: models served on this machine, replaced without a dropped request.

A replacement starts the new server, waits until it answers, moves the router's traffic, waits until
that is in force, and only then lets the old server finish and end. A command may be killed between
any two steps: the next one takes over what is sound and stops the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from modelctl.adapters.local import processes
from modelctl.adapters.local.http import Client
from modelctl.adapters.local.limits import Limits
from modelctl.adapters.local.processes import LOCALHOST
from modelctl.adapters.local.registry import Registry, ServerRecord
from modelctl.adapters.local.router import Router
from modelctl.adapters.local.servers import Arrivals, ServerCommand, Servers, mlflow_command
from modelctl.domain.serving import (
    Route,
    Serving,
    ServingStatus,
    check_desired,
    plan_routes,
    plan_servers,
)
from modelctl.errors import DependencyError

Progress = Callable[[str], None]


def _now() -> datetime:
    return datetime.now(UTC)


class LocalTarget:
    """What one environment serves on this machine.

    `root` is the folder for the state of all environments. Callers reach a model at
    `http://127.0.0.1:<port>/<model>/invocations`; each response says in `X-Model-Version` which
    version answered. Servers and router outlive the command that started them.
    """

    def __init__(
        self,
        root: Path,
        environment: str,
        *,
        port: int,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = _now,
        server_command: ServerCommand = mlflow_command,
    ):
        self._limits = limits or Limits()
        self._registry = Registry(root / environment)
        client = Client()
        self._router = Router(self._registry, client, port=port, limits=self._limits)
        self._servers = Servers(
            self._registry, client, command=server_command, limits=self._limits, clock=clock
        )

    def converge(
        self, desired: Sequence[Serving], *, progress: Progress
    ) -> tuple[ServingStatus, ...]:
        """Make the environment serve `desired`, and nothing else.

        A backend that already serves with the same digest is kept. A model with a backend that
        doesn't start stays as it was; the other models move on.

        Raises:
            ModelctlError: the desired state contradicts itself; nothing was done.
            ConflictError: another command is changing the environment; nothing was done.
            DependencyError: a server or the router doesn't start; the message has the end of its
                log, and what served before still does.
        """
        check_desired(desired)
        with self._registry.lock(self._limits.lock):
            reasons = self._converge(desired, progress)
        if reasons:
            raise DependencyError(
                "\n".join(reasons), mend="mend the model; what served before still serves"
            )
        return self.status()

    def status(self) -> tuple[ServingStatus, ...]:
        """Every backend that the router sends traffic to, or should, by model and version."""
        routes = self._router.routes()
        routed = self._router.in_force(routes)
        records = {(r.server.model, r.server.port): r for r in self._registry.servers()}
        return tuple(
            self._status(route, records.get((route.model, route.port)), routed) for route in routes
        )

    def metrics_url(self) -> str | None:
        """Where the router's metrics are, in Prometheus' format; None when it was never started."""
        record = self._registry.router()
        return f"http://{LOCALHOST}:{record.api_port}/metrics" if record else None

    def stop(self) -> None:
        """End every process that was started for this environment, the router last.

        Raises:
            ConflictError: another command is changing the environment.
        """
        with self._registry.lock(self._limits.lock):
            self._servers.stop(self._registry.servers())
            self._router.stop()
            self._stop_strays(known=frozenset())

    def _converge(self, desired: Sequence[Serving], progress: Progress) -> tuple[str, ...]:
        """Why backends didn't start, if any didn't."""
        alive = self._clear_away()
        try:
            arrivals = self._bring_up(desired, alive, progress)
            failed = {serving.model for serving in arrivals.failed}
            routes = plan_routes(
                desired,
                arrivals.ready,
                self._router.routes(),
                failed=failed,
                alive={record.server.port for record in self._registry.servers()},
            )
            moved = {serving.model for serving in desired} - failed
            self._router.switch(routes, moved, progress)
        except BaseException:
            # Ctrl-C as well: what was started just now serves nobody yet.
            self._servers.stop([r for r in self._registry.servers() if not _among(r, alive)])
            raise
        self._retire(routes, progress)
        return tuple(arrivals.failed.values())

    def _bring_up(
        self, desired: Sequence[Serving], alive: Sequence[ServerRecord], progress: Progress
    ) -> Arrivals:
        """Start what is missing, all at once, and wait until everything desired answers."""
        sound = {record.server.id: record for record in alive if self._sound(record)}
        plan = plan_servers(desired, [record.server for record in sound.values()])
        launches = [self._servers.adopt(s, sound[server.id]) for s, server in plan.keep]
        for serving in plan.start:
            progress(f"starting {serving}")
            launches.append(self._servers.start(serving))
        return self._servers.await_ready(launches, progress)

    def _sound(self, record: ServerRecord) -> bool:
        """Whether a running server may be kept: it is still loading its model, or it answers."""
        return not record.ready or self._servers.answers(record, self._limits.answer)

    def _retire(self, routes: Sequence[Route], progress: Progress) -> None:
        """End the servers that get no more traffic, once they have answered what they got."""
        ports = {route.port for route in routes}
        leaving = [r for r in self._registry.servers() if r.server.port not in ports]
        if not leaving:
            return
        # The router may have taken in a request just before the switch and not passed it on yet.
        # Once it has reached the server, the server itself finishes it before it ends.
        time.sleep(self._limits.settle)
        for record in leaving:
            progress(f"stopping {record.server}")
        self._servers.stop(leaving)

    def _clear_away(self) -> tuple[ServerRecord, ...]:
        """Forget servers that have ended and stop what nothing is known of; the rest is alive."""
        records = self._registry.servers()
        alive = tuple(r for r in records if processes.find(r.process) is not None)
        self._servers.stop([record for record in records if record not in alive])
        router = self._registry.router()
        known = {record.server.id for record in alive} | ({router.id} if router else set())
        self._stop_strays(known)
        return alive

    def _stop_strays(self, known: Collection[str]) -> None:
        """End what was started here but never written down, because its command was killed."""
        folder = self._registry.folder
        processes.stop(folder, processes.scan(folder).keys() - known, [], grace=0)

    def _status(self, route: Route, record: ServerRecord | None, routed: bool) -> ServingStatus:
        process = processes.find(record.process) if record else None
        return ServingStatus(
            model=route.model,
            version=route.version,
            digest=record.server.digest if record else None,
            weight=route.weight,
            url=self._router.url(route.model),
            service=route.service,
            pid=process.pid if process else None,
            healthy=routed and record is not None and self._servers.answers(record),
            since=record.started_at if record and process else None,
        )


def _among(record: ServerRecord, records: Sequence[ServerRecord]) -> bool:
    return any(record.server.id == other.server.id for other in records)
