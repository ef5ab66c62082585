"""`modelctl policy`: check the rules, and say which of them judge what."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from modelctl.adapters.git import Repository
from modelctl.adapters.policies import PolicyError, load_policy
from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.facts import declared, kinds
from modelctl.domain.names import parse_model
from modelctl.domain.policy import Gate, Policy, Transition
from modelctl.domain.verdict import Subject
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS, ModelctlError
from modelctl.report import words
from modelctl.services.candidates import read_model
from modelctl.services.pointers import locate
from modelctl.services.session import Session


@click.command(short_help="Check the policies and the types of their rules.")
@click.option("--ref", metavar="REF", help="Check this ref instead of the work tree.")
@options.output_format("text", "json")
@click.pass_obj
def lint(settings: Settings, ref: str | None, format_: str) -> int:
    """Check every file of policies/: schema, names, and each rule against the declared facts."""
    repository = Repository.discover(settings.directory)
    commit = repository.resolve(ref) if ref is not None else repository.working_tree()
    try:
        policy = load_policy(repository.tree(commit), commit)
    except PolicyError as error:
        _print_problems(error, format_)
        return EXIT_BLOCKED
    rules = sum(len(gate.rules) for gate in policy.gates)
    counts = {
        "gates": len(policy.gates),
        "rules": rules,
        "roles": len(policy.roles),
        "strategies": len(policy.strategies),
        "keys": len(policy.keys),
    }
    if format_ == "json":
        click.echo(json.dumps({"problems": [], **counts}, indent=2))
    else:
        click.echo("✓ " + ", ".join(f"{number} {name}" for name, number in counts.items()))
    return EXIT_PASS


@click.command(short_help="Say which gates judge a version, and why.")
@click.option("--model", help="Only the gates that judge this model.")
@click.option("--to", "environment", metavar="ENV", help="Only on the way to this environment.")
@options.trusted_ref
@options.output_format("text", "json")
@click.pass_obj
def explain(
    settings: Settings,
    model: str | None,
    environment: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Say which gates judge a version, by which rule of which line, and why each applies."""
    from modelctl.report.explain import json as as_json, terminal

    session = options.start(settings, trusted_ref)
    version = locate(session, model) if model is not None and "@" in model else None
    name = version.model if version else model
    asked = [(t, _gates(session, t, name)) for t in _transitions(session.policy, environment)]
    number = str(version.version.version) if version else None
    if format_ == "json":
        documents = [
            json.loads(as_json(gates, t, about=_about(name, number, t))) for t, gates in asked
        ]
        click.echo(json.dumps(documents, indent=2))
        return EXIT_PASS
    for transition, gates in asked:
        about = _about(name, number, transition)
        click.echo(terminal(gates, transition, options.look(settings), about=about))
    return EXIT_PASS


def _about(model: str | None, version: str | None, transition: Transition) -> Subject | None:
    """The version that was asked for, so that commands name it."""
    if model is None:
        return None
    return Subject(model=model, version=version, environment=transition.environment)


@click.command(short_help="List what a rule may read.")
@click.argument("kind", required=False)
def facts(kind: str | None) -> int:
    """List the facts that a rule over this KIND of evidence may read, with their types."""
    if kind is None:
        click.echo("\n".join(kinds()))
        options.progress("Any other kind has the common facts: modelctl policy facts custom")
        return EXIT_PASS
    width = max(len(name) for name in declared(kind))
    click.echo("\n".join(f"{name:<{width}}  {type_}" for name, type_ in declared(kind).items()))
    return EXIT_PASS


def _transitions(policy: Policy, environment: str | None) -> Sequence[Transition]:
    if environment is None:
        return policy.lifecycle.transitions
    found = policy.lifecycle.to_environment(environment)
    if found is None:
        known = ", ".join(policy.lifecycle.environments)
        raise ModelctlError(f"there is no environment {environment}", mend=f"one of: {known}")
    return (found,)


def _gates(session: Session, transition: Transition, name: str | None) -> Sequence[Gate]:
    """The gates on this way; of one model where it is named, as any branch has it."""
    if name is None:
        here = transition.environment
        return [
            g
            for g in session.policy.gates
            if not g.scope.environments or here in g.scope.environments
        ]
    from modelctl.domain.candidate import scope_of

    wanted = parse_model(name)
    for commit in session.places():
        model = read_model(session.repository.tree(commit), wanted)
        if model is not None:
            return session.policy.gates_for([scope_of(model, transition.environment)])
    raise ModelctlError(f"there is no model {wanted}", mend="run `modelctl status`")


def _print_problems(error: PolicyError, format_: str) -> None:
    if format_ == "json":
        rows = [
            {
                "file": p.location.file,
                "line": p.location.line,
                "column": p.location.column,
                "path": p.location.path,
                "message": p.message,
                "mend": p.mend,
            }
            for p in error.problems
        ]
        click.echo(json.dumps({"problems": rows}, indent=2))
        return
    for problem in error.problems:
        click.echo(f"✗ {problem.location}  {problem.location.path}")
        click.echo(f"  {problem.message}")
        if problem.mend:
            click.echo(f"  mend: {problem.mend}")
    click.echo(words.count(len(error.problems), "problem"))
