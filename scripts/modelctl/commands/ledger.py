"""`modelctl ledger`: read the history and prove that it is whole."""

from __future__ import annotations

import json

import click

from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.names import parse_model
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS
from modelctl.report import words
from modelctl.services.ledger import entry_at, ledger_rows
from modelctl.services.pointers import require_model


@click.command(name="list", short_help="List the history of a model.")
@click.argument("model", required=False)
@options.trusted_ref
@options.output_format("text", "json")
@click.pass_obj
def list_(settings: Settings, model: str | None, trusted_ref: str | None, format_: str) -> int:
    """List every signed statement about MODEL, oldest first; without MODEL about all."""
    session = options.start(settings, trusted_ref)
    names = session.ledger.models()
    if model is not None:
        names = (require_model(session, parse_model(model)),)
    rows = [row for name in names for row in ledger_rows(session, name)]
    click.echo(options.ledger(rows, format_, settings), nl=False)
    return EXIT_PASS


@click.command(short_help="Show one entry of the history.")
@click.argument("model")
@click.argument("seq", type=int)
@options.trusted_ref
@click.pass_obj
def show(settings: Settings, model: str, seq: int, trusted_ref: str | None) -> int:
    """Print entry SEQ of MODEL as JSON: the statement, its signers, its place in the chain."""
    session = options.start(settings, trusted_ref)
    click.echo(entry_at(session, parse_model(model), seq))
    return EXIT_PASS


@click.command(short_help="Verify that the history is whole and signed.")
@click.option(
    "--known", multiple=True, metavar="COMMIT", help="A commit that was the ledger's tip."
)
@options.trusted_ref
@options.output_format("text", "json")
@click.pass_obj
def verify(
    settings: Settings, known: tuple[str, ...], trusted_ref: str | None, format_: str
) -> int:
    """Prove that no entry is missing, altered, reordered or signed by a stranger.

    --known names a commit that you have seen as the ledger's tip: that it is still in the history
    shows that nothing was cut off or rewritten.
    """
    session = options.start(settings, trusted_ref)
    problems = session.ledger.verify(known=known)
    models = session.ledger.models()
    count = sum(len(session.ledger.entries(model)) for model in models)
    if format_ == "json":
        rows = [{"file": p.file, "damage": p.damage.value, "message": p.message} for p in problems]
        click.echo(
            json.dumps({"entries": count, "models": len(models), "problems": rows}, indent=2)
        )
    else:
        for problem in problems:
            click.echo(f"✗ {problem}")
        found = words.count(len(problems), "problem")
        verdict = found if problems else "nothing is missing, altered or out of order"
        entries = "1 entry" if count == 1 else f"{count:,} entries"
        total = f"{entries} about {words.count(len(models), 'model')}"
        click.echo(f"{'✗' if problems else '✓'} {total}: {verdict}")
    return EXIT_BLOCKED if problems else EXIT_PASS
