"""`modelctl ledger`: read the history and prove that it is whole."""

from __future__ import annotations

import click

from modelctl.adapters.ledger_verify import WHOLE
from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.names import MODELS, parse_model
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS
from modelctl.report import proofs as report
from modelctl.services.ledger import earlier_tip, entry_at, ledger_rows, require_ledger
from modelctl.services.pointers import require_model
from modelctl.services.proofs import prove_deployments
from modelctl.services.session import Session


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
@click.option("--model", metavar="MODEL", help="Only what is about this model.")
@options.trusted_ref
@options.output_format("text", "json")
@click.pass_obj
def verify(
    settings: Settings,
    known: tuple[str, ...],
    model: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Prove that no entry is missing, altered, reordered or signed by a stranger, and that every
    deployment has its manifest, its evidence, its approvals, its path through the branches and its
    record on the environment's branch.

    --known is the full id of a commit that you have seen as the ledger's tip: that it is still in
    the history shows that nothing was cut off or rewritten.

    \b
    modelctl ledger verify
    modelctl ledger verify --model churn-predictor --format json
    """
    session = options.start(settings, trusted_ref)
    require_ledger(session, "to prove")
    known = tuple(earlier_tip(session.repository, commit) for commit in known)
    name = require_model(session, parse_model(model)) if model is not None else None
    found = _verified(session, known, name)
    if format_ == "json":
        click.echo(report.json(found), nl=False)
    else:
        click.echo(report.terminal(found, options.look(settings)), nl=False)
    return EXIT_BLOCKED if found.problems else EXIT_PASS


def _verified(session: Session, known: tuple[str, ...], name: str | None) -> report.Verified:
    """The chain first, then the proofs; a name narrows both to that model."""
    models = session.ledger.models() if name is None else (name,)
    chain = [p for p in session.ledger.verify(known=known) if name is None or _about(p.file, name)]
    proofs = prove_deployments(session, None if name is None else models)
    lines = [report.Line(file=p.file, kind=p.damage.value, message=p.message) for p in chain]
    lines += [
        report.Line(file=p.file, kind=p.part.value, message=p.message) for p in proofs.problems
    ]
    return report.Verified(
        entries=sum(len(session.ledger.entries(model)) for model in models),
        models=len(models),
        deployments=proofs.deployments,
        deployed_models=proofs.models,
        problems=tuple(lines),
    )


def _about(file: str, model: str) -> bool:
    """Whether a problem of the ledger concerns a model; one of the whole ledger does."""
    return file == WHOLE or file.startswith(f"{MODELS}/{model}/")
