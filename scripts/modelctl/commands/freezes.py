"""`modelctl policy freezes`: what is frozen, and when it opens."""

from __future__ import annotations

import click

from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.moments import moment
from modelctl.errors import EXIT_PASS, ModelctlError
from modelctl.services.freezes import frozen

_LAST_YEAR = 2100


@click.command(short_help="Show what is frozen, and when it opens.")
@click.argument("model", required=False)
@click.option("--at", metavar="TIME", default="now", show_default=True, help="At this time.")
@click.option("--env", "environment", metavar="ENV", help="Only on the way to this environment.")
@options.trusted_ref
@options.output_format("terminal", "json")
@click.pass_obj
def command(
    settings: Settings,
    model: str | None,
    at: str,
    environment: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Show what policies/freezes.yaml keeps from moving, when it opens, and what comes next.

    \b
    modelctl policy freezes                                     now, whatever the model
    modelctl policy freezes tumor-classifier --env production   one model, one environment
    modelctl policy freezes --at 2026-12-24                     on another day

    Without MODEL, freezes of some models only are listed but hold no environment.
    """
    from modelctl.report.freezes import json, terminal

    session = options.start(settings, trusted_ref)
    when = moment(at, session.now)
    if not when.year < _LAST_YEAR:
        raise ModelctlError(f"{at} is too far away", mend=f"choose a time before {_LAST_YEAR}")
    board = frozen(session, at=when, model=model, environment=environment)
    if format_ == "json":
        click.echo(json(board), nl=False)
    else:
        rules = options.rules(session, trusted_ref)
        click.echo(terminal(board, options.look(settings), rules), nl=False)
    return EXIT_PASS
