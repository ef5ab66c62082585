"""The router of one environment: one Traefik, its routes, and whether they are in force."""

from __future__ import annotations

import shutil
import sysconfig
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from modelctl.adapters import documents
from modelctl.adapters.local import processes, traefik
from modelctl.adapters.local.http import Answer, Client
from modelctl.adapters.local.limits import Limits
from modelctl.adapters.local.processes import LOCALHOST, PAUSE, Command
from modelctl.adapters.local.registry import Registry, RouterRecord
from modelctl.domain.serving import Route
from modelctl.errors import DependencyError

_LOG = "traefik"
_PORT_ATTEMPTS = 3
_SHORT_PAUSE = 0.01
"""Seconds between two looks at whether new routes are in force, which takes about a tenth."""


class Router:
    """Traefik, started with its entry point on 127.0.0.1:`port`; callers reach a model at
    `/<model>/`."""

    def __init__(self, registry: Registry, client: Client, *, port: int, limits: Limits):
        self._registry = registry
        self._client = client
        self._port = port
        self._limits = limits

    def url(self, model: str) -> str:
        """Where callers reach a model."""
        return f"http://{LOCALHOST}:{self._entry()}/{model}"

    def routes(self) -> tuple[Route, ...]:
        """Where the router was last told to send traffic."""
        try:
            text = self._registry.routes.read_text()
        except FileNotFoundError:
            return ()
        return traefik.from_text(text, str(self._registry.routes))

    def switch(
        self, routes: Sequence[Route], moved: Iterable[str], progress: Callable[[str], None]
    ) -> None:
        """Put `routes` in force, starting the router if it doesn't run; all of them or none.

        Raises:
            DependencyError: the router doesn't start, doesn't take the routes, or one of the models
                that `moved` doesn't answer through it. What was in force before is so again.
        """
        before = self.routes()
        try:
            self._publish(routes)
            self._ensure(progress)
            self._await(routes)
            for model in sorted(moved):
                self._await_model(model, [r for r in routes if r.model == model])
        except BaseException:
            self._restore(before)
            raise

    def move(self, routes: Sequence[Route]) -> bool:
        """Put `routes` in force on the router that runs, without asking any server through it; no
        where it runs no more.

        Raises:
            DependencyError: the router doesn't take them; what was in force before is so again.
        """
        before = self.routes()
        try:
            self._publish(routes)
            self._await(routes)
        except BaseException as error:
            self._restore(before)
            if isinstance(error, DependencyError) and not self.runs():
                return False
            raise
        return True

    def runs(self) -> bool:
        """Whether the router's process runs."""
        record = self._registry.router()
        return record is not None and processes.find(record.process) is not None

    def in_force(self, routes: Iterable[Route]) -> bool:
        """Whether the router runs and sends traffic exactly along `routes`."""
        return self._get(traefik.revision_path(routes)) is not None

    def stop(self) -> None:
        """End the router, and forget its routes."""
        record = self._registry.router()
        if record is not None:
            self._end(record)
        self._registry.forget_router()

    def _restore(self, routes: Sequence[Route]) -> None:
        """Tell the router the former routes, and wait for them as far as it still answers at all:
        the servers of the new ones are about to be stopped."""
        self._publish(routes)
        if self.runs():
            with suppress(DependencyError):
                self._await(routes)

    def _publish(self, routes: Iterable[Route]) -> None:
        text = traefik.to_text(routes)
        if not self._registry.routes.exists() or self._registry.routes.read_text() != text:
            self._registry.write(self._registry.routes, text)

    def _ensure(self, progress: Callable[[str], None]) -> None:
        if self.runs() and self._entry() == self._port:
            return
        if not processes.is_free(self._port):
            raise DependencyError(
                f"port {self._port} is taken by another program",
                mend="stop that program, or choose another port",
            )
        record = self._registry.router()
        if record is not None:
            self._end(record)
        progress(f"starting the router on port {self._port}")
        self._start()

    def _start(self) -> None:
        for _ in range(_PORT_ATTEMPTS):
            record = self._spawn()
            if self._comes_up(record):
                return
            self._end(record)
        raise DependencyError(
            f"Traefik did not start; its log ends with\n{self._log()}", mend="see that log"
        )

    def _spawn(self) -> RouterRecord:
        own_id, api_port = uuid.uuid4().hex, processes.free_port()
        config = self._registry.folder / "traefik.yaml"
        static = traefik.static_config(self._port, api_port, self._registry.routes.parent)
        self._registry.write(config, documents.dump(static))
        command = Command(
            arguments=(str(_program()), f"--configFile={config}"),
            environment={},
        )
        log, folder = self._registry.log(_LOG), self._registry.folder
        process = processes.spawn(command, own_id=own_id, folder=folder, log=log)
        record = RouterRecord(id=own_id, process=process, port=self._port, api_port=api_port)
        self._registry.save_router(record)
        return record

    def _comes_up(self, record: RouterRecord) -> bool:
        """Whether the router answers in time; no if it ends, as when its API's port was taken."""
        deadline = time.monotonic() + self._limits.switch
        while time.monotonic() < deadline and processes.find(record.process) is not None:
            if self.in_force(self.routes()):
                return True
            time.sleep(PAUSE)
        return False

    def _end(self, record: RouterRecord) -> None:
        processes.stop(
            self._registry.folder, {record.id}, [record.process], grace=self._limits.drain
        )

    def _await(self, routes: Sequence[Route]) -> None:
        deadline = time.monotonic() + self._limits.switch
        while not self.in_force(routes):
            if time.monotonic() >= deadline or not self.runs():
                raise DependencyError(
                    f"the router did not take the new routes within {self._limits.switch:g} s; "
                    f"its log ends with\n{self._log()}"
                )
            time.sleep(_SHORT_PAUSE)

    def _await_model(self, model: str, routes: Sequence[Route]) -> None:
        """Wait until a version that should get traffic answers through the router."""
        expected = {route.version for route in routes if route.weight or route.header}
        deadline = time.monotonic() + self._limits.switch
        while True:
            answer = self._get(f"/{model}/ping")
            if answer is not None and answer.version in expected:
                return
            if time.monotonic() >= deadline:
                raise DependencyError(
                    f"{model} does not answer through the router at {self.url(model)}; the "
                    f"router's log ends with\n{self._log()}"
                )
            time.sleep(PAUSE)

    def _get(self, path: str) -> Answer | None:
        """The answer at a path of the entry point, or None unless it is a 200."""
        return self._client.get(f"http://{LOCALHOST}:{self._entry()}{path}")

    def _entry(self) -> int:
        """The port that the router was started with: only what starts it may choose another."""
        record = self._registry.router()
        return record.port if record else self._port

    def _log(self) -> str:
        return processes.tail(self._registry.log(_LOG))


def _program() -> Path:
    """Traefik of this virtual environment, or else of the PATH."""
    own = Path(sysconfig.get_path("scripts")) / "traefik"
    if own.exists():
        return own
    found = shutil.which("traefik")
    if found is None:
        raise DependencyError("Traefik is not installed", mend="pip install 'modelctl[local]'")
    return Path(found)
