"""`modelctl diff`: two versions side by side."""

from __future__ import annotations

import click

from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.errors import EXIT_PASS
from modelctl.services.differences import differences


@click.command(short_help="Show what differs between two versions.")
@click.argument("before", metavar="MODEL@A")
@click.argument("after", metavar="MODEL@B")
@options.ref
@options.trusted_ref
@options.output_format("terminal", "json", "markdown")
@click.pass_obj
def command(
    settings: Settings,
    before: str,
    after: str,
    ref: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Show what differs between two versions: the signature and the bump that it needs, metrics
    with what their change means, dependencies, data, parameters, artifacts, and the changelogs
    between them.

    Measured values are those of the newest signed evaluation; a change is within the noise unless
    its 95 % interval leaves out zero. Versions may be named by pointer.

    \b
    Examples:
      modelctl diff tumor-classifier@1.0.0 tumor-classifier@1.1.0
      modelctl diff tumor-classifier@production tumor-classifier@latest --format markdown
    """
    from modelctl.report.differences import json, markdown, terminal

    session = options.start(settings, trusted_ref)
    comparison = differences(session, before, after, ref=ref)
    if format_ == "terminal":
        click.echo(terminal(comparison, options.look(settings)), nl=False)
    else:
        click.echo({"json": json, "markdown": markdown}[format_](comparison), nl=False)
    return EXIT_PASS
