"""The predictions of the two versions of a rollout: found, read, and compared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from modelctl.adapters.local.target import LocalTarget
from modelctl.adapters.prediction_log import log_file, read
from modelctl.domain.agreement import Agreement, Comparing, Prediction, compare
from modelctl.domain.serving import HELD_AGAINST, STABLE
from modelctl.errors import DependencyError, ModelctlError

_MOST = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """The files that hold the predictions of what serves, and of what is held against it."""

    stable: Path
    canary: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was compared: the versions by the newest prediction of each log."""

    stable: str
    canary: str
    predictions: tuple[Prediction, ...]
    found: Agreement


def logs_here(target: LocalTarget, model: str) -> Logs:
    """The logs that the servers of this machine keep of a model's rollout.

    Raises:
        ModelctlError: no version of the model is held against another one here.
    """
    routes = [route for route in target.routes() if route.model == model]
    services = {route.part: route.service for route in routes}
    held = next((services[part] for part in sorted(HELD_AGAINST) if part in services), None)
    if held is None or STABLE not in services:
        raise ModelctlError(
            f"no version of {model} is held against another one here",
            mend="name the two logs: --stable FILE --canary FILE",
        )
    folder = target.folder
    return Logs(stable=log_file(folder, services[STABLE]), canary=log_file(folder, held))


def compare_logs(logs: Logs, how: Comparing, *, since: datetime | None = None) -> Result:
    """Compare what stands in two logs (since a time, UTC).

    Raises:
        ModelctlError: a line is no prediction, or a log holds those of several versions.
        DependencyError: a log holds nothing yet.
    """
    stable, canary = (read(file, since=since, at_most=_MOST) for file in (logs.stable, logs.canary))
    return Result(
        stable=_version(stable, logs.stable),
        canary=_version(canary, logs.canary),
        predictions=tuple(canary),
        found=compare(stable, canary, how),
    )


def _version(predictions: list[Prediction], file: Path) -> str:
    versions = sorted({one.version for one in predictions})
    if not versions:
        raise DependencyError(
            f"{file.name} holds no predictions yet", mend="wait until requests were answered"
        )
    if len(versions) > 1:
        raise ModelctlError(
            f"the log holds predictions of several versions: {', '.join(versions)}",
            location=str(file),
            mend="say since when: --since TIME",
        )
    return versions[0]
