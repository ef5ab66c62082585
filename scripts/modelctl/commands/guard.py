"""`modelctl guard`: watch environments, step their rollouts, take back what misbehaves."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelctl.cli import Settings
from modelctl.commands import effects, github_options, options
from modelctl.commands.options import Decorator
from modelctl.commands.spans import Span
from modelctl.domain.history import MOVES, QUARANTINE
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS, EXIT_UNDECIDED, ModelctlError
from modelctl.services.session import Session

if TYPE_CHECKING:
    from types import FrameType

    from modelctl.services.guard_memory import Pass
    from modelctl.services.guarding import Guard

every: Decorator = click.option(
    "--every",
    type=Span(),
    default="1s",
    show_default=True,
    help="How long from one pass to the next.",
)
refresh: Decorator = click.option(
    "--refresh",
    type=Span(),
    default="15s",
    show_default=True,
    help="How long until the branches are fetched again.",
)


@click.command(
    short_help="Step rollouts by their figures, and take back what fails.",
    epilog="Exit codes: 0 pass, 1 a version should go back and can't, 2 wrong usage, 3 it could "
    "not see or do something.",
)
@click.argument("environments", metavar="[ENV]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every environment of the lifecycle.")
@click.option("--once", is_flag=True, help="One pass, then end.")
@every
@refresh
@click.option("--github", "by_github", is_flag=True, help="Do the paperwork on GitHub, too.")
@github_options.repository
@github_options.api
@effects.acting
@options.output_format("terminal", "json")
@click.pass_obj
def command(
    settings: Settings,
    /,
    environments: tuple[str, ...],
    everything: bool,
    once: bool,
    every: timedelta,
    refresh: timedelta,
    trusted_ref: str | None,
    format_: str,
    **given: Any,
) -> int:
    """Watch what ENV serves: step its rollouts, and roll back what breaches policies/rollback.yaml.

    \b
    modelctl guard production
    modelctl guard --all --github --every 5s
    modelctl guard --all --once --format json

    Each pass asks once for the figures of all that is watched. A breach is acted on in the same
    pass: traffic first, then the record with the quarantine, then the pull request, the incident,
    the registry and whoever MODELCTL_NOTIFY_URL tells. It goes only to a version that was approved
    for that environment and ran there. Figures that are missing move nothing forward.

    It may be killed at any point and several may run at once. SIGTERM ends it between two moves.
    """
    means = _means(settings, **given)
    watching = _Watching(settings, trusted_ref, refresh)
    session = watching.open()
    chosen = options.transitions(session.policy.lifecycle, environments, everything=everything)
    names = [one.environment for one in chosen]
    from modelctl.services.guarding import Guard
    from modelctl.services.recording import require_key

    with _until_told() as stops:
        acting = means.effects(session, names)
        for one in chosen:  # not when it is needed
            require_key(session, one, acting.signer, (*sorted(MOVES), QUARANTINE))
        guard = Guard(transitions=chosen, effects=acting, stops=stops)
        return _run(guard, watching, format_, every=None if once else every, stops=stops)


def _means(
    settings: Settings,
    *,
    by_github: bool,
    repository: str | None,
    api: str | None,
    local_root: Path | None,
    local_port: int | None,
    no_apply: bool,
    context: str | None,
    tracking_uri: str | None,
    key_file: Path | None,
) -> effects.Means:
    if not by_github:
        github_options.git_access()
    return effects.Means(
        root=options.local_folder(settings, local_root),
        port=local_port,
        apply=not no_apply,
        context=context,
        tracking_uri=tracking_uri,
        key_file=key_file,
        github=github_options.hub(settings, repository, api) if by_github else None,
    )


class _Watching:
    """The session, fetched again from time to time; the rules may have changed, too."""

    def __init__(self, settings: Settings, trusted_ref: str | None, refresh: timedelta):
        self._settings, self._trusted_ref, self._refresh = settings, trusted_ref, refresh
        self._session: Session | None = None
        self._due = 0.0
        self._told: str | None = None

    def open(self) -> Session:
        """A session of now, fetched."""
        self._session = options.start(self._settings, self._trusted_ref, fetch=True)
        self._due = time.monotonic() + self._refresh.total_seconds()
        return self._session

    def now(self) -> Session:
        """The session at this instant. Where the remote can't be reached the guard goes on with
        what it knows: what serves has to be watched all the same."""
        if self._session is None or time.monotonic() >= self._due:
            try:
                session = self.open()
                self._told = None
            except ModelctlError as error:
                if self._session is None:
                    raise
                if self._told != error.message:
                    options.progress(f"the branches can't be fetched: {error}")
                self._told = error.message
                self._due = time.monotonic() + self._refresh.total_seconds()
                session = self._session
        else:
            session = self._session
        return session.at(datetime.now(UTC))


def _run(
    guard: Guard,
    watching: _Watching,
    format_: str,
    *,
    every: timedelta | None,
    stops: Callable[[], bool],
) -> int:
    """Pass after pass until it is told to end; the exit code of the last one."""
    code = EXIT_PASS
    while not stops():
        begun = time.monotonic()
        done = guard.look(watching.now())
        _print(done, format_)
        code = _code(done)
        if every is None:
            break
        _sleep(every.total_seconds() - (time.monotonic() - begun), stops)
    return code if every is None else EXIT_PASS


def _sleep(seconds: float, stops: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not stops() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.2))


def _code(done: Pass) -> int:
    if done.problems or done.left:
        return EXIT_UNDECIDED
    return EXIT_BLOCKED if done.held else EXIT_PASS


def _print(done: Pass, format_: str) -> None:
    """A line for each change on stderr; with JSON one line for each pass on stdout."""
    for change in done.changes:
        about = "/".join(filter(None, (change.environment, change.model)))
        version = f" {change.version}" if change.version else ""
        options.progress(f"{done.at:%H:%M:%S} {about}{version}: {change.message}")
    for left in done.left:
        options.progress(f"{done.at:%H:%M:%S} to do: {left}")
    if format_ == "json":
        click.echo(json.dumps(_data(done), ensure_ascii=False))


def _data(done: Pass) -> dict[str, object]:
    return {
        "at": done.at.isoformat(),
        "watched": done.watched,
        "heard": done.heard,
        "rollouts": done.rollouts,
        "changes": [
            {
                "environment": one.environment,
                "model": one.model,
                "version": one.version,
                "kind": one.kind,
                "message": one.message,
            }
            for one in done.changes
        ],
        "problems": list(done.problems),
        "held": list(done.held),
        "left": list(done.left),
    }


@contextmanager
def _until_told() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM or SIGINT came: what is being done then is done to its end."""
    told: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        told.append(number)

    before = {one: signal.signal(one, note) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(told)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
