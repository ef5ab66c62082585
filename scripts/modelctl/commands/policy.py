"""`modelctl policy`: check the rules, and say which of them judge what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import click

from modelctl.adapters.git import Repository
from modelctl.adapters.policies import PolicyError, load_policy
from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.facts import declared, kinds
from modelctl.domain.names import parse_model
from modelctl.domain.policy import Gate, Policy, Transition
from modelctl.domain.triggers import LIVE, LIVE_KIND, MEANINGS
from modelctl.domain.verdict import Subject
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS
from modelctl.report import words
from modelctl.services.candidates import read_model
from modelctl.services.installation import installation_problems
from modelctl.services.pointers import known_models, locate, unknown_environment, unknown_model
from modelctl.services.session import Session
from modelctl.services.waiver_lint import other_notes, waiver_lines


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
    problems, notes = waiver_lines(repository, policy, commit)
    problems += installation_problems(repository.tree(commit), policy)
    if problems:
        _print_problems(PolicyError(problems), format_)
        return EXIT_BLOCKED
    notes += other_notes(repository, policy, commit)
    rules = sum(len(gate.rules) for gate in policy.gates)
    counts = {
        "gates": len(policy.gates),
        "rules": rules,
        "roles": len(policy.roles),
        "strategies": len(policy.strategies),
        "keys": len(policy.keys),
    }
    if format_ == "json":
        click.echo(json.dumps({"problems": [], "notes": list(notes), **counts}, indent=2))
    else:
        click.echo("✓ " + ", ".join(f"{number} {name}" for name, number in counts.items()))
        click.echo("".join(f"! {note}\n" for note in notes), nl=False)
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
    """List the facts that a rule over this KIND of evidence may read, with their types.

    KIND `live` is what the conditions in strategies.yaml, rollback.yaml and monitoring.yaml read.
    """
    if kind is None:
        click.echo("\n".join((*kinds(), LIVE_KIND)))
        options.progress("Any other kind has the common facts: modelctl policy facts custom")
        return EXIT_PASS
    if kind == LIVE_KIND:
        click.echo("\n".join(_live_lines()))
        return EXIT_PASS
    if kind not in kinds():
        click.echo(f"{kind} is no kind known here; facts of any kind:")
    width = max(len(name) for name in declared(kind))
    click.echo("\n".join(f"{name:<{width}}  {type_}" for name, type_ in declared(kind).items()))
    return EXIT_PASS


def _live_lines() -> Iterator[str]:
    """What a condition may read: its type, and what it is in which unit."""
    width = max(map(len, LIVE))
    for name, type_ in LIVE.items():
        _, meaning = MEANINGS.get(name, (type_, "as model.yaml has it"))
        yield f"{name:<{width}}  {type_:<19}  {meaning}"


@click.command(short_help="Say which versions a changed policy would decide otherwise.")
@click.option("--base", required=True, metavar="REF", help="The policy as it is.")
@click.option("--head", metavar="REF", help="The changed policy.  [default: the work tree]")
@options.output_format("terminal", "json", "markdown")
@click.pass_obj
def backtest(settings: Settings, base: str, head: str | None, format_: str) -> int:
    """Judge every deployment on the ledger by two policies, with what was known when it happened,
    and say which would change verdict, by which rule.

    \b
    modelctl policy backtest --base main                 the policy in the work tree
    modelctl policy backtest --base main --head BRANCH --format markdown

    Reviews are not judged again. It says what would have been, so nothing it finds is an error.
    """
    from modelctl.report.backtest import json as as_json, markdown, terminal
    from modelctl.services.backtest import backtest as run, read_rules
    from modelctl.services.ledger import no_ledger

    repository = Repository.discover(settings.directory)
    base_rules = read_rules(repository, base)
    found = run(
        repository,
        base_rules,
        read_rules(repository, head),
        options.progress,
    )
    options.note(no_ledger(repository, base_rules.policy.lifecycle.ledger_branch))
    if format_ == "terminal":
        click.echo(terminal(found, options.look(settings)), nl=False)
    else:
        click.echo({"json": as_json, "markdown": markdown}[format_](found), nl=False)
    return EXIT_PASS


def _transitions(policy: Policy, environment: str | None) -> Sequence[Transition]:
    if environment is None:
        return policy.lifecycle.transitions
    found = policy.lifecycle.to_environment(environment)
    if found is None:
        raise unknown_environment(environment, policy.lifecycle.environments)
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
    raise unknown_model(wanted, known_models(session))


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
