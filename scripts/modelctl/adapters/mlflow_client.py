"""The connection to MLflow: quiet, bounded in time, and with our errors instead of its own."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelctl.errors import DependencyError, ModelctlError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_ALWAYS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
# A call that can't succeed ends within half a minute; who knows a slow server sets them higher.
_UNLESS_SET = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")
_SQLITE = "sqlite:///"
_REFUSALS = frozenset({"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"})
_UNKNOWN = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})
_LONGEST = 300
NOTHING_WRITTEN = "nothing was written"


def prepare() -> None:
    """Import MLflow without its telemetry, progress bars and chatter.

    Raises:
        DependencyError: it is not installed.
    """
    os.environ.update(_ALWAYS)
    for name, value in _UNLESS_SET.items():
        os.environ.setdefault(name, value)
    try:
        import mlflow  # noqa: F401
    except ImportError as error:
        raise DependencyError(
            f"MLflow is not installed here; {NOTHING_WRITTEN}",
            mend="install modelctl with its extra `mlflow` (or `evaluate`, which reads sqlite too)",
        ) from error
    for name in ("mlflow", "alembic", "sqlalchemy", "urllib3"):
        logging.getLogger(name).setLevel(logging.ERROR)


def connect(tracking_uri: str) -> MlflowClient:
    """A client of the tracking server and the registry behind one address.

    Raises:
        DependencyError: MLflow isn't installed, or the address is no MLflow's.
    """
    prepare()
    if tracking_uri.startswith(_SQLITE):
        _check_sqlite(Path(tracking_uri.removeprefix(_SQLITE)))
    from mlflow import MlflowClient

    with translated(tracking_uri):
        return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


def download(client: MlflowClient, tracking_uri: str, root: str, into: Path) -> Path:
    """The folder below `into` that now holds the files of `models:/…` or `runs:/…`.

    Raises:
        ModelctlError: MLflow knows no such model or run.
        DependencyError: MLflow, or the store that it keeps the files in, can't be reached.
    """
    import mlflow.artifacts

    unknown = ModelctlError(
        f"MLflow at {shown(tracking_uri)} knows no {root}",
        mend="was it deleted, or is it on another server (--tracking-uri)?",
    )
    with translated(tracking_uri, unknown=unknown):
        folder = Path(
            mlflow.artifacts.download_artifacts(
                artifact_uri=_location(client, root), tracking_uri=tracking_uri, dst_path=str(into)
            )
        )
    # MLflow leaves this beside a model in a file store whenever somebody loads it: it is no part
    # of what was logged.
    (folder / "registered_model_meta").unlink(missing_ok=True)
    return folder


def _location(client: MlflowClient, root: str) -> str:
    """Where the files are. MLflow's own way there asks the global tracking server, not ours."""
    kind, _, rest = root.partition(":/")
    first, _, path = rest.partition("/")
    if kind == "runs":
        run = client.get_run(first)
        outputs = run.outputs.model_outputs if run.outputs else []
        logged = [client.get_logged_model(output.model_id) for output in outputs]
        here = [one.artifact_location for one in logged if one.name == path]
        return here[-1] if here else f"{run.info.artifact_uri}/{path}"
    if path:
        return _location(client, client.get_model_version(first, path).source or "")
    return str(client.get_logged_model(first).artifact_location)


@contextmanager
def by_default(tracking_uri: str) -> Iterator[None]:
    """MLflow's process-wide address is this one in the block: a registry in a database looks up
    the models that it registers there, whatever its own client was given."""
    import mlflow

    # MLflow also puts it into the environment; None takes it out again, for those who start others.
    is_set: Any = mlflow.tracking.is_tracking_uri_set
    before: Any = mlflow.get_tracking_uri() if is_set() else None
    mlflow.set_tracking_uri(tracking_uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)


@contextmanager
def translated(
    tracking_uri: str,
    *,
    unknown: ModelctlError | None = None,
    consequence: str = NOTHING_WRITTEN,
) -> Iterator[None]:
    """Whatever MLflow raises inside comes out as ours, without the credentials of the address.

    `unknown` is raised when MLflow says that there is no such thing; `consequence` ends every other
    message.
    """
    try:
        yield
    except _failures() as error:
        # The cause is left out: its text holds the address with its password.
        raise _ours(error, tracking_uri, unknown, consequence) from None


def shown(tracking_uri: str) -> str:
    """The address without user and password."""
    return _USERINFO.sub("", tracking_uri)


def _failures() -> tuple[type[Exception], ...]:
    """What may come out of MLflow; SQLAlchemy's errors where full MLflow has brought it in."""
    from mlflow.exceptions import MlflowException

    module = sys.modules.get("sqlalchemy.exc")
    return (MlflowException, OSError, *((module.SQLAlchemyError,) if module else ()))


def _ours(
    error: Exception, tracking_uri: str, unknown: ModelctlError | None, consequence: str
) -> ModelctlError:
    code, where = getattr(error, "error_code", ""), shown(tracking_uri)
    if code in _UNKNOWN and unknown is not None:
        return unknown
    if code in _REFUSALS:
        return DependencyError(
            f"MLflow at {where} refuses us; {consequence}",
            mend="set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD",
        )
    return DependencyError(
        f"MLflow at {where} gave no answer that can be used ({_reason(error)}); {consequence}",
        mend="start it, or name another by --tracking-uri or MLFLOW_TRACKING_URI",
    )


def _reason(error: BaseException) -> str:
    """What lies at the bottom of an error, in a few words."""
    text = str(error)
    for needle, words in (
        ("Connection refused", "connection refused"),
        ("NameResolutionError", "unknown host"),
        ("timed out", "it took too long"),
        ("timeout", "it took too long"),
        ("out-of-date database schema", "its database needs `mlflow db upgrade`"),
        ("unsupported URI", "this kind of address needs full MLflow, or is none"),
        ("maintenance mode", "folders of runs are not read: `mlflow migrate-filestore`"),
        ("No such file or directory", "files of the run are missing"),
    ):
        if needle in text:
            return words
    status = re.search(r"(?:error code|status code:?|too many) (\d{3})", text)
    if status:
        return f"HTTP {status[1]}"
    code = getattr(error, "error_code", "")
    # What the server itself answers is about our request; anything else may quote the address.
    answered = code and text.startswith(f"{code}: ")
    return shown(text.splitlines()[0][:_LONGEST]) if answered else code or type(error).__name__


def _check_sqlite(path: Path) -> None:
    """MLflow would create a missing database, and try a broken one for minutes."""
    problem = None
    if not path.is_file():
        problem = "there is no such file"
    else:
        try:
            with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
                found = base.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'")
                problem = None if found.fetchone() else "it is not a database of MLflow"
        except sqlite3.Error as error:
            problem = str(error)
    if problem:
        raise DependencyError(
            f"{_SQLITE}{path} can't be read: {problem}; {NOTHING_WRITTEN}",
            mend="name the right one by --tracking-uri or MLFLOW_TRACKING_URI",
        )
