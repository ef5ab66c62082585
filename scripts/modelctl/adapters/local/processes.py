"""Processes that outlive the command that started them, and are found again whatever happened.

Each carries in its environment the folder that it belongs to and an id of its own, and hands both
on to its children. So what was started is found even if the command died before it could write it
down, or if a server died and left children behind.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil  # noqa: TID253 - this package is imported only where something is served

from modelctl.errors import DependencyError

FOLDER_VARIABLE: Final = "MODELCTL_LOCAL_FOLDER"
ID_VARIABLE: Final = "MODELCTL_LOCAL_PROCESS"
LOCALHOST: Final = "127.0.0.1"
PAUSE: Final = 0.05
"""Seconds between two looks at something that is awaited."""

# The time at which a process began is counted from the machine's start, and where that lies moves
# when the clock is set. The kernel doesn't give out the same pid again within this time.
_CLOCK_STEP = 2.0
_KILL_SECONDS = 10.0
# What a server needs to run. The rest may hold secrets, which code that came with a model must not
# see, or settings of ours that would change how it runs.
_INHERITED: Final = frozenset(
    [
        "PATH",
        "HOME",
        "USER",
        "LANG",
        "LANGUAGE",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "TMPDIR",
        "VIRTUAL_ENV",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessId:
    """A process, told apart from a later one with the same pid. `created` is seconds since the
    epoch."""

    pid: int
    created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run: the arguments, the program first, and what to add to its environment."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]


def spawn(command: Command, *, own_id: str, folder: Path, log: Path) -> ProcessId:
    """Start `command` in a session of its own, in `folder`, with its output in a new `log`.

    Raises:
        DependencyError: the program can't be run.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    # Not truncated: a server of the same name that is on its way out still writes to its own file.
    log.unlink(missing_ok=True)
    inherited = {key: value for key, value in os.environ.items() if key in _INHERITED}
    own = {FOLDER_VARIABLE: str(folder), ID_VARIABLE: own_id}
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                command.arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**inherited, **command.environment, **own},
                start_new_session=True,
            )
    except OSError as error:
        raise DependencyError(f"{command.arguments[0]} can't be run: {error.strerror}") from error
    # It is watched by pid from now on, here and by later commands, so its handle is let go of:
    # one that is neither waited for nor marked warns when it is collected.
    process.returncode = 0
    return ProcessId(pid=process.pid, created=_created(process.pid))


def find(identity: ProcessId) -> psutil.Process | None:
    """The process if it still runs. One that has ended but was not yet waited for doesn't."""
    try:
        process = psutil.Process(identity.pid)
        same = abs(process.create_time() - identity.created) < _CLOCK_STEP
    except psutil.NoSuchProcess:
        return None
    return process if same and not _ended(process) else None


def scan(folder: Path) -> Mapping[str, tuple[psutil.Process, ...]]:
    """Every running process that was started for `folder`, children included, by its id."""
    found: dict[str, tuple[psutil.Process, ...]] = {}
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):
            continue  # Somebody else's, a kernel thread, or just gone: none of them is ours.
        if environment.get(FOLDER_VARIABLE) == str(folder) and not _ended(process):
            own_id = environment.get(ID_VARIABLE, "")
            found[own_id] = (*found.get(own_id, ()), process)
    return found


def listens(process: psutil.Process, port: int) -> bool:
    """Whether the process or a child of it listens on `port`, rather than some other program."""
    try:
        family = [process, *process.children(recursive=True)]
        sockets = [c for p in family for c in p.net_connections(kind="tcp")]
    except psutil.Error:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in sockets)


def stop(folder: Path, ids: Collection[str], leaders: Iterable[ProcessId], *, grace: float) -> None:
    """End processes with all their children: asked first, killed after `grace` seconds.

    `leaders` are asked to end, as they end their children themselves. What has one of the `ids` and
    still runs after that is killed, and so is everything of an id that has no leader.

    Raises:
        DependencyError: something still runs even so.
    """
    if not ids:
        return
    first = [process for leader in leaders if (process := find(leader)) is not None]
    family = {child for process in first for child in _children(process)}
    for process in first:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    left = _await_end(first, grace)
    named = {p for own_id, group in scan(folder).items() if own_id in ids for p in group}
    remaining = list({*left, *named, *family})
    for process in remaining:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    stubborn = _await_end(remaining, _KILL_SECONDS)
    if stubborn:
        pids = ", ".join(str(process.pid) for process in stubborn)
        raise DependencyError(f"these processes don't end: {pids}", mend="end them by hand")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now; somebody may by the time it is used."""
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        port: int = probe.getsockname()[1]
    return port


def is_free(port: int) -> bool:
    """Whether `port` of 127.0.0.1 can be listened on. Connections that linger don't count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCALHOST, port))
        except OSError:
            return False
    return True


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, indented; says so if there are none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        text = ""
    last: Sequence[str] = text.rstrip().splitlines()[-lines:] or ["(the log is empty)"]
    return "\n".join(f"    {line}" for line in last)


def _created(pid: int) -> float:
    """When our own child began. It can't be gone: even if it ended, nobody has waited for it."""
    return psutil.Process(pid).create_time()


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _await_end(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that still run after `seconds`, or nothing as soon as all have ended."""
    deadline = time.monotonic() + seconds
    running = [process for process in processes if not _ended(process)]
    while running and time.monotonic() < deadline:
        time.sleep(PAUSE)
        running = [process for process in running if not _ended(process)]
    return running


def _ended(process: psutil.Process) -> bool:
    """Whether it is gone, or only waits for its parent to take note; if that is us, we do."""
    try:
        if not process.is_running():
            return True
        if process.status() != psutil.STATUS_ZOMBIE:
            return False
        if process.ppid() == os.getpid():
            os.waitpid(process.pid, os.WNOHANG)
    except (psutil.NoSuchProcess, ChildProcessError):
        return True
    return True
