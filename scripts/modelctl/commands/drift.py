"""`modelctl drift`: where a cluster has something else than the environment's branch says."""

from __future__ import annotations

import json

import click

from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.names import parse_model
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS
from modelctl.services.pointers import unknown_environment
from modelctl.services.state import state_tree


@click.command(
    short_help="Show where a cluster differs from what it should run.",
    epilog="Exit codes: 0 it is as it should be, 1 it differs, 2 wrong usage, 3 it can't be asked.",
)
@click.argument("environment", metavar="ENV")
@click.option("--model", "models", multiple=True, help="Only this model; may be repeated.")
@click.option(
    "--context",
    metavar="NAME",
    envvar="MODELCTL_CONTEXT",
    show_envvar=True,
    required=True,
    help="The cluster, by a context of your kubeconfig; in-cluster in a pod.",
)
@options.trusted_ref
@options.output_format("terminal", "json")
@click.pass_obj
def command(
    settings: Settings,
    environment: str,
    models: tuple[str, ...],
    context: str,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Compare a cluster with the state of ENV, by a server-side apply that changes nothing.

    Told are fields that modelctl sets and the cluster has otherwise, with who set them; objects
    that are missing; and objects that modelctl applied once and the state has no more. Fields that
    others set and the state doesn't name are theirs, and no drift. Weights that a controller writes
    aren't either.

    \b
    Examples:
      modelctl drift production --context production
      modelctl drift staging --model tumor-classifier --context staging --format json
    """
    from modelctl.adapters.kubectl import Kubectl
    from modelctl.report.drift import as_json, terminal
    from modelctl.services.cluster import Cluster
    from modelctl.services.drifting import drift

    session = options.start(settings, trusted_ref, fetch=True)
    if session.policy.lifecycle.to_environment(environment) is None:
        raise unknown_environment(environment, session.policy.lifecycle.environments)
    cluster = Cluster(kubectl=Kubectl(context=context), progress=options.progress)
    cluster.kubectl.require_context()
    options.progress(f"cluster: {cluster.kubectl.where()}")
    names = [parse_model(name) for name in models] or None
    found = drift(cluster, state_tree(session, environment), names)
    if format_ == "json":
        click.echo(json.dumps(as_json(environment, found), indent=2, ensure_ascii=False))
    else:
        click.echo(terminal(environment, found), nl=False)
    return EXIT_BLOCKED if found else EXIT_PASS
