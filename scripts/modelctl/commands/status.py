"""`modelctl status`: the board of models by environments."""

from __future__ import annotations

import click

from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.names import parse_model
from modelctl.errors import EXIT_PASS
from modelctl.services.board import board


@click.command(short_help="Show which version is where, and what is next.")
@click.argument("models", metavar="[MODEL]...", nargs=-1)
@click.option(
    "--next/--no-next",
    "judged",
    default=None,
    help="Ask the gates what stands before each next stage.  [default: of at most 20 models]",
)
@options.trusted_ref
@options.output_format("terminal", "json", "markdown")
@click.pass_obj
def command(
    settings: Settings,
    models: tuple[str, ...],
    judged: bool | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Show models by environments: version, stage, since when and by whom, and what stands
    between each version and its next stage."""
    from modelctl.report.board import json, markdown, terminal

    session = options.start(settings, trusted_ref)
    names = [parse_model(name) for name in models] or None
    shown = board(session, names, judged=judged)
    if format_ == "terminal":
        click.echo(terminal(shown, options.look(settings)), nl=False)
    else:
        click.echo({"json": json, "markdown": markdown}[format_](shown), nl=False)
    return EXIT_PASS
