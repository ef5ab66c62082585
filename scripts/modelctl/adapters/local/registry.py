"""What was started for one environment, one small file for each process.

    lock                  held while servers start and end
    routes.lock           held while routes change
    processes/<id>.json   a scoring server
    router.json           the router
    traefik.yaml          its static configuration
    routes/routes.yaml    its dynamic configuration: where traffic goes
    logs/                 the output of each process
    scrapes/              what the router had counted, look by look
    predictions/          which predictions are kept, and those

Files are replaced as a whole, so that a reader never sees half of one.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from modelctl.adapters import prediction_log
from modelctl.adapters.local.processes import PAUSE, ProcessId
from modelctl.domain.agreement import Comparing
from modelctl.domain.serving import Server
from modelctl.errors import ConflictError, ModelctlError

PROCESSES: Final = "lock"
ROUTES: Final = "routes.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRecord:
    """A scoring server with its process. `ready` says that it answered once; until then it may
    still be loading its model. `started_at` is UTC."""

    server: Server
    process: ProcessId
    started_at: datetime
    ready: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterRecord:
    """The router with its process. Callers use `port`; its API and metrics are on `api_port`."""

    id: str
    process: ProcessId
    port: int
    api_port: int


class Registry:
    """The files of one environment, below `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder.resolve()
        self.routes = self.folder / "routes" / "routes.yaml"
        self._processes = self.folder / "processes"
        self._router = self.folder / "router.json"

    def log(self, name: str) -> Path:
        """Where the process `name` writes its output."""
        return self.folder / "logs" / f"{name}.log"

    def servers(self) -> tuple[ServerRecord, ...]:
        """Every server written down, whether it still runs or not, the oldest first."""
        records = [_server(data) for data in map(_read, self._processes.glob("*.json")) if data]
        return tuple(sorted(records, key=lambda r: (r.started_at, r.server.id)))

    def save(self, record: ServerRecord) -> None:
        """Write a server down, in place of what was known of it."""
        data = {**asdict(record), "started_at": record.started_at.isoformat()}
        self.write(self._processes / f"{record.server.id}.json", json.dumps(data, indent=1))

    def forget(self, record: ServerRecord) -> None:
        """Remove a server that has ended."""
        (self._processes / f"{record.server.id}.json").unlink(missing_ok=True)

    def router(self) -> RouterRecord | None:
        """The router as it was written down, whether it still runs or not."""
        data = _read(self._router)
        if data is None:
            return None
        return RouterRecord(**{**data, "process": ProcessId(**data["process"])})

    def save_router(self, record: RouterRecord) -> None:
        """Write the router down."""
        self.write(self._router, json.dumps(asdict(record), indent=1))

    def forget_router(self) -> None:
        """Remove the router, which has ended, and its routes."""
        self._router.unlink(missing_ok=True)
        self.routes.unlink(missing_ok=True)

    def compare(self, models: Mapping[str, Comparing], only: Collection[str] | None) -> None:
        """Have the servers of `models` keep their predictions; those of the other models (among
        `only`) no more. The routes' lock must be held."""
        before = prediction_log.wanted(self.folder)
        kept = {m: before[m] for m in before if only is not None and m not in only}
        wanted = {**kept, **models}
        if wanted != before:
            rows = {model: asdict(how) for model, how in wanted.items()}
            self.write(prediction_log.wanted_file(self.folder), json.dumps(rows))

    def write(self, path: Path, text: str) -> None:
        """Replace `path` as a whole. The new text never lies beside it under another name, because
        the router reads every file of its folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{path.name}.new"
        draft.write_text(text)
        draft.replace(path)

    @contextmanager
    def lock(self, seconds: float, name: str = PROCESSES) -> Iterator[None]:
        """Keep every other writer out. It ends with the process that holds it, however it ends.

        Whoever needs both locks takes that of the processes first. That of the routes is never held
        while a server starts, so that traffic can always move to what runs already.

        Raises:
            ConflictError: another writer held it for all of `seconds`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / name).open("w") as file:
            deadline = time.monotonic() + seconds
            while not _take(file.fileno()):
                if time.monotonic() >= deadline:
                    raise ConflictError(
                        f"another command has been changing {self.folder.name} for {seconds:g} s",
                        mend="wait for it to end, then run this again",
                    )
                time.sleep(PAUSE)
            yield


def _take(descriptor: int) -> bool:
    # flock, not lockf: the lock belongs to the open file, so a server that is just being started
    # holds it as well until it runs its own program, and can't be overlooked by the next writer.
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _read(path: Path) -> dict[str, Any] | None:
    try:
        data: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ModelctlError(
            "this is not a process record; was it changed by hand?",
            mend="remove it: what it stood for is found and stopped by the next deploy",
            location=str(path),
        ) from error
    return data


def _server(data: dict[str, Any]) -> ServerRecord:
    return ServerRecord(
        server=Server(**data["server"]),
        process=ProcessId(**data["process"]),
        started_at=datetime.fromisoformat(data["started_at"]),
        ready=data["ready"],
    )
