"""`modelctl history`: what happened to a model, newest first."""

from __future__ import annotations

import click

from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.names import parse_model
from modelctl.errors import EXIT_PASS
from modelctl.services.ledger import no_ledger
from modelctl.services.timeline import model_timeline


@click.command(short_help="Show what happened to a model, and what serves where.")
@click.argument("model")
@click.option("--env", "environment", metavar="ENV", help="Only what happened in one environment.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="Show so many of the newest events; 0 for all.",
)
@options.trusted_ref
@options.output_format("terminal", "json", "markdown")
@click.pass_obj
def command(
    settings: Settings,
    model: str,
    environment: str | None,
    limit: int,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Show the history of MODEL, newest first: what was measured, deployed, rolled back,
    quarantined and waived, by whose word, since when and until when.

    \b
    Examples:
      modelctl history tumor-classifier
      modelctl history tumor-classifier --env production --limit 0 --format json
    """
    from modelctl.report.timeline import json, markdown, terminal

    session = options.start(settings, trusted_ref)
    shown = model_timeline(session, parse_model(model), environment, limit or None)
    options.note(no_ledger(session.repository, session.policy.lifecycle.ledger_branch))
    if format_ == "terminal":
        click.echo(terminal(shown, options.look(settings)), nl=False)
    else:
        click.echo({"json": json, "markdown": markdown}[format_](shown), nl=False)
    return EXIT_PASS
