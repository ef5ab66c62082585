"""The folder that the demo plays in: made by it, marked as its own, and wiped by its next run."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.failure import DemoError

PROJECT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("dev", "staging", "production")
_LOCALHOST = "127.0.0.1"
_MARKER = ".made-by-the-demo"
_OURS = ("MODELCTL_", "MLFLOW_", "GITHUB_", "GH_", "GIT_", "LOCUST_", "PYTEST_", "COV_")
# One thread each: the demo fills the cores with processes. PYTHONDONTWRITEBYTECODE would have each
# of dozens of processes compile the same packages again. The models' tests need none of the plugins
# that an environment for work on this project has.
_DROPPED = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONSAFEPATH", "COLUMNS", "FORCE_COLOR")
_SETTINGS = {
    "DO_NOT_TRACK": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """Where everything of the demo lies, below `root` (absolute)."""

    root: Path

    @property
    def forge(self) -> Path:
        """What stands for GitHub: its repositories, and where its process is found again."""
        return self.root / "forge"

    @property
    def data(self) -> Path:
        """The datasets."""
        return self.root / "data"

    @property
    def results(self) -> Path:
        """What test tools wrote."""
        return self.root / "results"

    @property
    def keys(self) -> Path:
        """Private keys and tokens."""
        return self.root / "keys"

    @property
    def pages(self) -> Path:
        """The pages of pull requests, as files."""
        return self.root / "pages"

    @property
    def serving(self) -> Path:
        """The state of the local servers."""
        return self.root / "serving"

    @property
    def log(self) -> Path:
        """Every command with its output."""
        return self.root / "demo.log"

    @property
    def tracking_uri(self) -> str:
        """MLflow's database."""
        return f"sqlite:///{self.root}/mlflow/mlflow.db"

    def clone(self, name: str) -> Path:
        """The clone of a person, or of the jobs."""
        return self.root / name

    def environment(self) -> dict[str, str]:
        """The variables of every command: the user's, without what would steer the tools."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_OURS) and name not in _DROPPED
        }
        path = os.pathsep.join((*self._programs(), os.environ.get("PATH", os.defpath)))
        direct = ",".join(filter(None, (_direct(kept), _LOCALHOST, "localhost")))
        return {
            **kept,
            **_SETTINGS,
            "NO_PROXY": direct,
            "no_proxy": direct,
            "PATH": path,
            "MLFLOW_TRACKING_URI": self.tracking_uri,
            "MODELCTL_LOCAL_ROOT": str(self.serving),
        }

    def create(self) -> None:
        """Make the empty folders; whatever an earlier run left was removed before."""
        folders = (self.data, self.results, self.keys, self.forge, self.root / "mlflow")
        for folder in (self.root, *folders):
            folder.mkdir(parents=True, exist_ok=True)
        (self.root / _MARKER).write_text("The next `make demo` removes this folder.\n")
        self.keys.chmod(0o700)
        self._write_shim()
        self.write_env()

    def exists(self) -> bool:
        """Whether an earlier run made it.

        Raises:
            DemoError: the folder holds something, and that isn't ours.
        """
        if (self.root / _MARKER).is_file():
            return True
        if self.root.exists() and (not self.root.is_dir() or any(self.root.iterdir())):
            raise DemoError(
                f"{self.root} was not made by the demo, so it isn't touched",
                "choose another folder: make demo ARGS='--sandbox DIR'",
            )
        return False

    def remove(self) -> None:
        """Remove what an earlier run left."""
        if self.exists():
            shutil.rmtree(self.root)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep a second demo out for as long as this one runs.

        Raises:
            DemoError: another one runs.
        """
        self.root.parent.mkdir(parents=True, exist_ok=True)
        with self.root.with_name(f".{self.root.name}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DemoError(f"another demo runs in {self.root}") from None
            yield

    def _programs(self) -> tuple[str, ...]:
        """Where `modelctl`, `python`, `pytest` and `locust` are taken from."""
        return (str(self.root / "bin"), str(Path(sys.executable).parent))

    def _write_shim(self) -> None:
        """A `modelctl` for where the package is not installed but lies in the project."""
        if shutil.which("modelctl", path=str(Path(sys.executable).parent)):
            return
        shim = self.root / "bin" / "modelctl"
        shim.parent.mkdir()
        path, python = shlex.quote(str(PROJECT / "scripts")), shlex.quote(sys.executable)
        shim.write_text(f'#!/bin/sh\nPYTHONPATH={path} exec {python} -m modelctl "$@"\n')
        shim.chmod(0o755)

    def write_env(self, more: Iterable[str] = ()) -> None:
        """`env.sh`, for whoever explores the sandbox afterwards, with `more` lines."""
        programs = os.pathsep.join(self._programs())
        key = shlex.quote(str(self.keys / "deployer.pem"))
        lines = [
            "# . this file in a shell, then explore: cd jobs && modelctl status",
            f'export PATH={shlex.quote(programs)}:"$PATH"',
            f"export MLFLOW_TRACKING_URI={shlex.quote(self.tracking_uri)}",
            f"export MODELCTL_LOCAL_ROOT={shlex.quote(str(self.serving))}",
            f'export MODELCTL_SIGNING_KEY="$(cat {key})"',
            "export MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true",
            *more,
        ]
        (self.root / "env.sh").write_text("\n".join(lines) + "\n")


def _direct(environment: Mapping[str, str]) -> str:
    """What the user has no proxy asked for."""
    return environment.get("NO_PROXY") or environment.get("no_proxy") or ""


def free_ports(usual: Mapping[str, int]) -> Mapping[str, int]:
    """The usual ports where all of them are free, else any that are."""
    if all(map(_is_free, usual.values())):
        return usual
    with ExitStack() as held:
        sockets = {name: held.enter_context(socket.socket()) for name in usual}
        for one in sockets.values():
            one.bind((_LOCALHOST, 0))
        return {name: one.getsockname()[1] for name, one in sockets.items()}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOCALHOST, port))
        except OSError:
            return False
    return True
