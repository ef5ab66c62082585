"""The `local` serving target: models served on this machine, replaced without a dropped request.

A replacement starts the new server, waits until it answers, moves the router's traffic, waits until
that is in force, and only then lets the old server finish and end. A command may be killed between
any two steps: the next one takes over what is sound and stops the rest.

Traffic between servers that run already moves without waiting for anybody who starts some.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from modelctl.adapters.local import processes
from modelctl.adapters.local.http import Client
from modelctl.adapters.local.limits import Limits
from modelctl.adapters.local.processes import LOCALHOST
from modelctl.adapters.local.registry import ROUTES, Registry, ServerRecord
from modelctl.adapters.local.router import Router
from modelctl.adapters.local.servers import Arrivals, ServerCommand, Servers, mlflow_command
from modelctl.domain.serving import (
    Key,
    Route,
    Server,
    Serving,
    ServingStatus,
    check_desired,
    compared,
    of_models,
    overtaken,
    plan_routes,
    plan_servers,
    shifted,
)
from modelctl.errors import ConflictError, DependencyError

Progress = Callable[[str], None]


def _now() -> datetime:
    return datetime.now(UTC)


def running_port(root: Path, environment: str) -> int | None:
    """The port of the router that was started for an environment; None where there is none."""
    record = Registry(root / environment).router()
    return record.port if record is not None else None


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
        before = self._router.routes()
        with self._registry.lock(self._limits.lock):
            reasons = self._converge(desired, before, progress)
        if reasons:
            raise DependencyError(
                "\n".join(reasons), mend="mend the model; what served before still serves"
            )
        return self.status()

    def shift(
        self, desired: Sequence[Serving], *, progress: Progress, retire: bool = True
    ) -> tuple[Route, ...]:
        """Make the models of `desired` be served so, and don't touch any other.

        Between servers that run already, traffic moves at once. Missing ones are started first. All
        of a model's backends move, or none. `retire` ends the models' servers that have no route
        any more, unless somebody starts servers just now; otherwise the next converge does.

        Raises:
            ModelctlError: the desired state contradicts itself; nothing was done.
            ConflictError: another command is changing the environment.
            DependencyError: a server doesn't start, or the router doesn't take the routes.
        """
        check_desired(desired)
        reasons: tuple[str, ...] = ()
        models = {serving.model for serving in desired}
        if not self._move(desired):
            with self._registry.lock(self._limits.lock):
                reasons = self._start_and_move(desired, models, progress)
        if retire and any(self._leaving(models)):
            # Whoever starts servers now ends these, or the next one does: traffic has moved.
            with suppress(ConflictError), self._registry.lock(0):
                self._retire(models, progress)
        if reasons:
            raise DependencyError(
                "\n".join(reasons), mend="mend the model; what served before still serves"
            )
        return of_models(self._router.routes(), models)

    def running(self) -> frozenset[Key]:
        """What runs now, by the keys of its servers; nobody is asked whether it answers."""
        records = self._registry.servers()
        return frozenset(
            r.server.key for r in records if r.ready and processes.find(r.process) is not None
        )

    def routes(self) -> tuple[Route, ...]:
        """Where the router was last told to send traffic."""
        return self._router.routes()

    def status(self) -> tuple[ServingStatus, ...]:
        """Every backend that the router sends traffic to, or should, by model and version."""
        routes = self._router.routes()
        routed = self._router.in_force(routes)
        records = {(r.server.model, r.server.port): r for r in self._registry.servers()}
        return tuple(
            self._status(route, records.get((route.model, route.port)), routed) for route in routes
        )

    @property
    def folder(self) -> Path:
        """Where everything about the environment lies; its name is the environment's."""
        return self._registry.folder

    def router_id(self) -> str | None:
        """What tells the router's process from an earlier one, whose counters are gone."""
        record = self._registry.router()
        return record.id if record else None

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

    def _converge(
        self, desired: Sequence[Serving], before: Sequence[Route], progress: Progress
    ) -> tuple[str, ...]:
        """Why backends didn't start, or models were left alone."""
        alive = self._clear_away()
        try:
            arrivals = self._bring_up(desired, alive, progress)
            with self._registry.lock(self._limits.lock, ROUTES):
                current = self._router.routes()
                newer = overtaken(desired, before, current)
                failed = {serving.model for serving in arrivals.failed} | newer
                routes = plan_routes(
                    desired,
                    arrivals.ready,
                    current,
                    failed=failed,
                    alive={record.server.port for record in self._registry.servers()},
                )
                moved = {serving.model for serving in desired} - failed
                self._router.switch(routes, moved, progress)
                self._registry.compare(compared(desired), only=None)
        except BaseException:
            self._drop_new(alive)
            raise
        self._retire(None, progress)
        return (*arrivals.failed.values(), *map(_left_alone, sorted(newer)))

    def _move(self, desired: Sequence[Serving]) -> bool:
        """Move traffic to servers that run and answer; no if one of them doesn't."""
        with self._registry.lock(self._limits.lock, ROUTES):
            ready = self._responding({serving.key for serving in desired})
            current = self._router.routes()
            missing = any(serving.key not in ready for serving in desired)
            if missing or not self._router.runs():
                return False
            if not self._router.move(shifted(desired, ready.values(), current)):
                return False
            self._registry.compare(compared(desired), only={s.model for s in desired})
            return True

    def _responding(self, keys: Collection[Key]) -> Mapping[Key, Server]:
        """The servers with these keys that answer, the oldest of equals."""
        found: dict[Key, Server] = {}
        for record in self._registry.servers():
            server = record.server
            if server.key in keys and server.key not in found and self._servers.responds(record):
                found[server.key] = server
        return found

    def _start_and_move(
        self, desired: Sequence[Serving], models: Set[str], progress: Progress
    ) -> tuple[str, ...]:
        """Start what these models lack, then move those whose backends all answer."""
        alive = self._clear_away()
        own = [record for record in alive if record.server.model in models]
        try:
            arrivals = self._bring_up(desired, own, progress)
            failed = {serving.model for serving in arrivals.failed}
            moving = [serving for serving in desired if serving.model not in failed]
            with self._registry.lock(self._limits.lock, ROUTES):
                routes = shifted(moving, arrivals.ready, self._router.routes())
                self._router.switch(routes, models - failed, progress)
                self._registry.compare(compared(moving), only=models - failed)
        except BaseException:
            self._drop_new(alive)
            raise
        return tuple(arrivals.failed.values())

    def _drop_new(self, alive: Sequence[ServerRecord]) -> None:
        """After a failure, or Ctrl-C: what was started just now and serves nobody yet."""
        with self._registry.lock(self._limits.lock, ROUTES):
            routed = {route.port for route in self._router.routes()}
            new = [r for r in self._registry.servers() if not _among(r, alive)]
            self._servers.stop([r for r in new if r.server.port not in routed])

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

    def _leaving(self, models: Collection[str] | None) -> list[ServerRecord]:
        """The servers (of these models) that have no route."""
        ports = {route.port for route in self._router.routes()}
        return [
            record
            for record in self._registry.servers()
            if record.server.port not in ports and (models is None or record.server.model in models)
        ]

    def _retire(self, models: Collection[str] | None, progress: Progress) -> None:
        """End the servers (of these models) that get no more traffic, once they have answered what
        they got."""
        # Under the lock, so that nobody moves traffic back to a server that is about to end.
        with self._registry.lock(self._limits.lock, ROUTES):
            leaving = self._leaving(models)
            for record in leaving:
                self._registry.save(replace(record, ready=False))
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
            part=route.part,
            weight=route.weight,
            mirror=route.mirror,
            header=route.header,
            url=self._router.url(route.model),
            service=route.service,
            pid=process.pid if process else None,
            healthy=routed and record is not None and self._servers.answers(record),
            since=record.started_at if record and process else None,
        )


def _left_alone(model: str) -> str:
    return f"{model} was moved by another command meanwhile and left as that put it; deploy again"


def _among(record: ServerRecord, records: Sequence[ServerRecord]) -> bool:
    return any(record.server.id == other.server.id for other in records)
