"""`modelctl promote`: open the pull request that brings a version to the next environment."""

from __future__ import annotations

import click

from modelctl.cli import Settings
from modelctl.commands import github_options, motions, options
from modelctl.services.promoting import plan_promotion


@click.command(
    short_help="Open the pull request that promotes a version.", epilog=github_options.CREDENTIALS
)
@click.argument("version", metavar="MODEL@VERSION")
@click.option("--to", "environment", metavar="ENV", required=True, help="Where it is to serve.")
@click.option("--dry-run", is_flag=True, help="Say what would be opened; nothing is pushed.")
@github_options.repository
@github_options.api
@options.trusted_ref
@options.output_format("terminal", "json")
@click.pass_obj
def command(
    settings: Settings,
    version: str,
    environment: str,
    dry_run: bool,
    repository: str | None,
    api: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Cut a branch from ENV's branch that brings MODEL@VERSION, push it, open its pull request.

    \b
    modelctl promote tumor-classifier@1.2.0 --to staging
    modelctl promote tumor-classifier@staging --to production --dry-run

    It carries that model's files alone, byte for byte as the environment before was deployed from
    them. Nothing is checked out. To the first environment a version comes from the branch that is
    checked out, once it is pushed. What would block the merge now is told, and the pull request is
    opened all the same. Run again, it finds the one that is there.
    """
    return motions.run(
        settings,
        lambda session: plan_promotion(session, version, environment),
        repository=repository,
        api=api,
        trusted_ref=trusted_ref,
        dry_run=dry_run,
        format_=format_,
    )
