"""`modelctl monitoring`: alerts, their routes and dashboards, as objects of a cluster."""

from __future__ import annotations

from pathlib import Path

import click

from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import to_json
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS
from modelctl.services.monitoring import Monitored, as_yaml, files_of, monitored, routes
from modelctl.services.pointers import unknown_environment
from modelctl.services.session import Session


@click.command(short_help="Print alerts, their routes and the dashboard of an environment.")
@click.argument("environment", metavar="ENV")
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the files here.  [default: print]",
)
@options.output_format("yaml", "json")
@options.trusted_ref
@click.pass_obj
def render(
    settings: Settings,
    environment: str,
    folder: Path | None,
    format_: str,
    trusted_ref: str | None,
) -> int:
    """Print the objects that watch what ENV serves: a PrometheusRule for each model, an
    AlertmanagerConfig, and a ConfigMap with the dashboard for Grafana.

    \b
    modelctl monitoring render production
    modelctl monitoring render production | kubectl apply --server-side -f -
    modelctl monitoring render staging --out monitoring/

    What can't become an alert is told, and then it exits with 1.
    """
    session = options.start(settings, trusted_ref)
    found = monitored(session, _transition(session, environment))
    if folder is not None:
        _write(folder, found, format_)
    elif format_ == "json":
        click.echo(to_json({"apiVersion": "v1", "kind": "List", "items": found.objects}), nl=False)
    else:
        click.echo("---\n".join(as_yaml(found).values()), nl=False)
    return _told(found)


@click.command(name="routes", short_help="Print the routes for an Alertmanager of your own.")
@click.argument("environments", metavar="[ENV]...", nargs=-1)
@options.output_format("yaml", "json")
@options.trusted_ref
@click.pass_obj
def routes_(
    settings: Settings, environments: tuple[str, ...], format_: str, trusted_ref: str | None
) -> int:
    """Print `route` and `receivers` for the alertmanager.yml of those without the operator. Secrets
    are named as files; the address of the mail server belongs into `global`, which is yours.

    \b
    modelctl monitoring routes
    modelctl monitoring routes production > routes.yml
    """
    from modelctl.adapters.documents import load

    session = options.start(settings, trusted_ref)
    known = session.policy.lifecycle.environments
    for environment in environments:
        _transition(session, environment)
    text = routes(session, environments or known)
    as_json = format_ == "json"
    click.echo(to_json(load(text.encode(), "routes").data) if as_json else text, nl=False)
    return EXIT_PASS


@click.command(short_help="Check that every condition becomes an alert that Prometheus takes.")
@click.argument("environment", metavar="ENV")
@options.output_format("terminal", "json")
@options.trusted_ref
@click.pass_obj
def check(settings: Settings, environment: str, format_: str, trusted_ref: str | None) -> int:
    """Say which conditions of the policies can't become an alert for what ENV serves, and why.

    With promtool on the PATH, Prometheus' own check is done, too.

    \b
    modelctl monitoring check production
    """
    from modelctl.adapters.promtool import check_rules, find_promtool

    session = options.start(settings, trusted_ref)
    found = monitored(session, _transition(session, environment))
    promtool = find_promtool()
    refused = check_rules(promtool, found.groups) if promtool else ()
    problems = [*map(str, found.problems), *refused]
    rules = [rule for group in found.groups for rule in group["rules"]]
    alerts = sum("alert" in rule for rule in rules)
    if format_ == "json":
        counts = {"alerts": alerts, "records": len(rules) - alerts, "models": len(found.groups)}
        said = {**counts, "promtool": promtool is not None, "problems": problems}
        click.echo(to_json(said), nl=False)
    else:
        for problem in problems:
            click.echo(f"✗ {problem}")
        with_ = "promtool agrees" if promtool and not refused else "without promtool"
        told = f"{_many(alerts, 'alert')} for {_many(len(found.groups), 'model')}"
        bad = _many(len(problems), "problem")
        click.echo(f"{told}: {bad}" if problems else f"✓ {told}, {with_}")
    return EXIT_BLOCKED if problems else EXIT_PASS


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _transition(session: Session, environment: str) -> Transition:
    transition = session.policy.lifecycle.to_environment(environment)
    if transition is None:
        raise unknown_environment(environment, session.policy.lifecycle.environments)
    return transition


def _write(folder: Path, found: Monitored, format_: str) -> None:
    texts = as_yaml(found) if format_ == "yaml" else files_of(found)
    for path, text in texts.items():
        target = folder / Path(path).name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        options.progress(str(target))


def _told(found: Monitored) -> int:
    for problem in found.problems:
        options.progress(f"✗ {problem}")
    return EXIT_BLOCKED if found.problems else EXIT_PASS
