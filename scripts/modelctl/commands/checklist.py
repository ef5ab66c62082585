"""`modelctl checklist`: what is done and what is to do for a promotion."""

from __future__ import annotations

from pathlib import Path

import click

from modelctl.adapters.reviews import load_pull_requests
from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.policy import Transition
from modelctl.domain.reviews import PullRequest
from modelctl.errors import EXIT_PASS, ModelctlError
from modelctl.services.checklists import checklist
from modelctl.services.destinations import transition_for
from modelctl.services.pointers import locate


@click.command(short_help="Show what is done and what is to do for a promotion.")
@click.argument("version", metavar="MODEL@VERSION")
@click.option(
    "--to",
    "environment",
    metavar="ENV",
    help="On the way to this environment.  [default: the next one]",
)
@click.option(
    "--reviews",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The pull request and its reviews, as GitHub's API gives them (JSON).",
)
@options.ref
@options.trusted_ref
@options.output_format("terminal", "markdown", "json")
@click.pass_obj
def command(
    settings: Settings,
    version: str,
    environment: str | None,
    reviews: Path | None,
    ref: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Show the checklists of policies/checklists.yaml for MODEL@VERSION on its way to ENV.

    \b
    modelctl checklist tumor-classifier@1.2.0 --to production
    modelctl checklist tumor-classifier@staging --format markdown >> pull-request.md

    Facts tick what they can: gates that pass, evidence, the history, approvals. What no fact tells
    is left to be ticked by hand. A list blocks nothing: `modelctl check` decides.
    """
    from modelctl.report.checklist import json, markdown, terminal

    session = options.start(settings, trusted_ref)
    located = locate(session, version, ref=ref)
    transition = transition_for(session, located, environment)
    pull = _pull_request(reviews, transition) if reviews else None
    shown = checklist(session, located, transition, pull)
    if format_ == "terminal":
        click.echo(terminal(shown, options.look(settings)), nl=False)
    else:
        click.echo({"json": json, "markdown": markdown}[format_](shown), nl=False)
    return EXIT_PASS


def _pull_request(reviews: Path, transition: Transition) -> PullRequest:
    """The newest pull request of the file into the branch of the transition."""
    found = [one for one in load_pull_requests(reviews) if one.base == transition.to_branch]
    if not found:
        raise ModelctlError(
            f"{reviews.name} has no pull request into {transition.to_branch}",
            mend=f"give the one that brings the version to {transition.environment}",
        )
    return max(found, key=lambda one: one.number)
