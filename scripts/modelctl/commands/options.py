"""Options that several commands take, each declared once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from modelctl.adapters.git import Repository
from modelctl.cli import Settings
from modelctl.errors import ModelctlError
from modelctl.services.evidence import SIGNING_KEY
from modelctl.services.pointers import unknown_environment
from modelctl.services.session import Session, open_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelctl.domain.board import LedgerRow
    from modelctl.domain.policy import Lifecycle, Transition
    from modelctl.report.look import Look
    from modelctl.report.words import Rules

_F = TypeVar("_F", bound=Callable[..., Any])


class Decorator(Protocol):
    """What adds an option to a command."""

    def __call__(self, function: _F, /) -> _F:
        """The same command, with the option."""
        ...


trusted_ref: Decorator = click.option(
    "--trusted-ref",
    metavar="REF",
    envvar="MODELCTL_TRUSTED_REF",
    show_envvar=True,
    help="Take the rules from this ref instead of the default branch. A branch is taken as the "
    "remote has it; refs/heads/BRANCH is your own.",
)
key_file: Decorator = click.option(
    "--key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"Private key to sign with.  [default: the secret in {SIGNING_KEY}]",
)
ref: Decorator = click.option("--ref", metavar="REF", help="Look for the version at this ref.")
tracking_uri: Decorator = click.option(
    "--tracking-uri",
    metavar="URI",
    envvar="MLFLOW_TRACKING_URI",
    show_envvar=True,
    help="The MLflow server or database.",
)


local_root: Decorator = click.option(
    "--local-root",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="MODELCTL_LOCAL_ROOT",
    show_envvar=True,
    help="Where the local target keeps its state.  [default: .modelctl/local]",
)


def local_folder(settings: Settings, root: Path | None) -> Path:
    """Where the local target keeps its state: `root`, else at the top of the repository, so that
    every folder below it means the same one."""
    if root is not None:
        return root
    return Repository.discover(settings.directory).directory / ".modelctl" / "local"


def output_format(*choices: str) -> Decorator:
    """`--format` with these choices; the first is the default."""
    return click.option(
        "--format",
        "format_",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help="How to print the result.",
    )


def start(settings: Settings, trusted: str | None, *, fetch: bool = False) -> Session:
    """The session that a command works in; `fetch` first brings the shared branches here."""
    return open_session(settings.directory, trusted=trusted, fetch=fetch)


def transitions(
    lifecycle: Lifecycle, named: Sequence[str], *, everything: bool = False
) -> tuple[Transition, ...]:
    """The transitions into the environments that are meant, in the order of the lifecycle.

    Raises:
        ModelctlError: none is named, one that there isn't, or some beside `everything`.
    """
    if everything and named:
        raise ModelctlError("--all has no effect with ENV", mend="give one of them")
    if not everything and not named:
        raise ModelctlError(
            "which environment?",
            mend=f"name one or more of {', '.join(lifecycle.environments)}, or give --all",
        )
    for name in named:
        if lifecycle.to_environment(name) is None:
            raise unknown_environment(name, lifecycle.environments)
    return tuple(t for t in lifecycle.transitions if everything or t.environment in named)


def rules(session: Session, trusted: str | None) -> Rules:
    """By which rules the session judges, and where they were found."""
    from modelctl.report.words import Rules

    repository, ref = session.repository, trusted or session.policy.lifecycle.default_branch
    shared = f"{repository.remote}/{ref}"
    try:
        repository.resolve(f"refs/remotes/{shared}")
    except ModelctlError:  # a commit, a full name, or a repository without a remote
        shared = ref
    return Rules(commit=session.policy.commit, ref="HEAD" if ref == "HEAD" else shared)


def look(settings: Settings) -> Look:
    """What stdout can show: its width, colours and letters."""
    import shutil
    import sys

    from modelctl.report.look import Look

    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    width = shutil.get_terminal_size((100, 24)).columns
    return Look(width=width, color=settings.color, unicode=encoding.startswith("utf"))


def signing_secret() -> str | None:
    """The signing key that the job was given as a secret, if any."""
    return os.environ.get(SIGNING_KEY)


def progress(message: str) -> None:
    """A line for people, on stderr, so that stdout stays data."""
    click.echo(message, err=True)


def note(lacking: tuple[str, str] | None) -> None:
    """What was lacking, and its mend, for people, on stderr."""
    if lacking is not None:
        progress(f"note: {lacking[0]}\n  mend: {lacking[1]}")


def ledger(rows: Sequence[LedgerRow], format_: str, settings: Settings) -> str:
    """Entries of the ledger, as text for this terminal or as JSON."""
    from modelctl.report.ledger import json, terminal

    return json(rows) if format_ == "json" else terminal(rows, look(settings))
