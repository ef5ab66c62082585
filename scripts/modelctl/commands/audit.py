"""`modelctl audit`: answers that an auditor can prove."""

from __future__ import annotations

import click

from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.moments import moment
from modelctl.domain.names import parse_model
from modelctl.errors import EXIT_PASS, EXIT_UNDECIDED
from modelctl.services.ledger import require_ledger
from modelctl.services.past import who_served


@click.command(name="who-served", short_help="Tell what an environment served at some time.")
@click.argument("environment", metavar="ENV")
@click.argument("models", metavar="[MODEL]...", nargs=-1)
@click.option(
    "--at",
    "time",
    metavar="TIME",
    default="now",
    show_default=True,
    help="When: an ISO date or time (UTC unless it says so), or '2 days ago'.",
)
@click.option("-v", "--verbose", is_flag=True, help="Tell every digest and piece of evidence too.")
@options.trusted_ref
@options.output_format("terminal", "json", "markdown")
@click.pass_obj
def served(
    settings: Settings,
    environment: str,
    models: tuple[str, ...],
    time: str,
    verbose: bool,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Tell what ENV served at a time: each version with who approved it in which pull request,
    what was waived, and the signed entry of the ledger that proves it; with --verbose also the
    digests, the commits and each piece of evidence. JSON and Markdown always have them.

    Nothing is asked but this clone, so `git fetch` first. Of a model whose entries of that time
    can't be believed nothing is told, and it ends with code 3.

    \b
    Examples:
      modelctl audit who-served production
      modelctl audit who-served production --at 2026-11-20T10:30:00Z tumor-classifier
      modelctl audit who-served production --at "2 days ago" --format json
    """
    from modelctl.report.audit import json, markdown, terminal

    session = options.start(settings, trusted_ref)
    require_ledger(session, "to answer from")
    names = [parse_model(name) for name in models] or None
    audit = who_served(session, environment, moment(time, session.now), names)
    if format_ == "terminal":
        click.echo(terminal(audit, options.look(settings), verbose=verbose), nl=False)
    else:
        click.echo({"json": json, "markdown": markdown}[format_](audit), nl=False)
    return EXIT_UNDECIDED if audit.doubts else EXIT_PASS
