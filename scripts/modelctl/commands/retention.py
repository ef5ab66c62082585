"""`modelctl retention`: how long versions are kept, and the end of those that expired."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from modelctl.cli import Settings
from modelctl.commands import github_options, options
from modelctl.domain.keeping import Kept
from modelctl.domain.names import parse_model
from modelctl.errors import EXIT_PASS, EXIT_UNDECIDED
from modelctl.report import retention as report
from modelctl.services.evidence import load_signer
from modelctl.services.pointers import require_model
from modelctl.services.retention import Removal, apply, clean, expired, overview
from modelctl.services.session import Session

_models = click.argument("models", metavar="[MODEL]...", nargs=-1)


@click.command(name="list", short_help="List when versions expire and what keeps them.")
@_models
@options.trusted_ref
@options.output_format("terminal", "json", "markdown")
@click.pass_obj
def list_(
    settings: Settings, models: tuple[str, ...], trusted_ref: str | None, format_: str
) -> int:
    """List each version with its stage, when it expires by policies/retention.yaml, and what
    keeps it all the same.

    \b
    modelctl retention list
    modelctl retention list churn-predictor --format json
    """
    session = options.start(settings, trusted_ref)
    rows = overview(session, _names(session, models))
    if format_ == "terminal":
        click.echo(report.terminal(rows, session.now, options.look(settings)), nl=False)
    else:
        render = {"json": report.json, "markdown": report.markdown}[format_]
        click.echo(render(rows, session.now), nl=False)
    return EXIT_PASS


@click.command(name="apply", short_help="Archive and retire what has expired.")
@_models
@click.option("--dry-run", is_flag=True, help="Say what would be done, sign and remove nothing.")
@options.tracking_uri
@options.key_file
@options.trusted_ref
@options.output_format("terminal", "json")
@click.pass_obj
def apply_(
    settings: Settings,
    models: tuple[str, ...],
    dry_run: bool,
    tracking_uri: str | None,
    key_file: Path | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Record the end of each version that has expired, and take retired ones out of MLflow.

    Nothing that serves, is released by a branch, is pinned or is the rollback target of an
    environment is touched. It may be killed and run again at any point, and several may run at
    once. Artifacts and runs stay in MLflow; only the registry's entries go.

    \b
    modelctl retention apply --dry-run
    modelctl retention apply --key registrar.pem --tracking-uri sqlite:///mlflow.db
    """
    signer = None if dry_run else load_signer(key_file, options.signing_secret())
    github_options.git_access()

    def refresh() -> Session:
        return options.start(settings, trusted_ref, fetch=True)

    session = refresh()
    names = _names(session, models)
    due = expired(session, names) if signer is None else apply(session, signer, names)
    gone = Removal()
    if signer is not None and tracking_uri is not None:
        gone = clean(refresh, tracking_uri, names)
    _tell(settings, session, due, gone, dry_run=dry_run, format_=format_)
    return EXIT_UNDECIDED if gone.left else EXIT_PASS


def _tell(
    settings: Settings,
    session: Session,
    due: Sequence[Kept],
    gone: Removal,
    *,
    dry_run: bool,
    format_: str,
) -> None:
    if format_ == "json":
        document = {
            "dry_run": dry_run,
            "ended": [report.document(one, session.now) for one in due],
            "removed": list(gone.removed),
            "left_to_do": list(gone.left),
        }
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(report.applied(due, dry_run=dry_run, look=options.look(settings)), nl=False)
    for name in gone.removed:
        click.echo(f"{name} left the registry")
    for task in gone.left:
        click.echo(f"still to do: {task}", err=True)


def _names(session: Session, models: Sequence[str]) -> list[str] | None:
    """The models that are asked for; None for all."""
    return [require_model(session, parse_model(name)) for name in models] or None
