"""`modelctl rollback`: open the pull request by which an environment goes back to a version."""

from __future__ import annotations

import click

from modelctl.cli import Settings
from modelctl.commands import github_options, motions, options
from modelctl.domain.names import parse_model
from modelctl.services.rolling_back import plan_rollback


@click.command(
    short_help="Open the pull request that goes back to a version.",
    epilog=github_options.CREDENTIALS,
)
@click.argument("model", metavar="MODEL")
@click.option("--env", "environment", metavar="ENV", required=True, help="Where to go back.")
@click.option(
    "--to",
    "version",
    metavar="VERSION",
    help="The version to go back to.  [default: the last good one before]",
)
@click.option("--reason", metavar="TEXT", required=True, help="What is wrong, for those who read.")
@click.option("--dry-run", is_flag=True, help="Say what would be opened; nothing is pushed.")
@github_options.repository
@github_options.api
@options.trusted_ref
@options.output_format("terminal", "json")
@click.pass_obj
def command(
    settings: Settings,
    model: str,
    environment: str,
    version: str | None,
    reason: str,
    dry_run: bool,
    repository: str | None,
    api: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Point the release of MODEL back to a version that ENV ran before, by a pull request.

    \b
    modelctl rollback tumor-classifier --env production --reason "recall fell by a third"
    modelctl rollback tumor-classifier --env production --to 1.1.0 --reason "drift" --dry-run

    Only the version in release.yaml changes, so the history proves it. A version that was rolled
    back from there before is not gone back to. Run again, it finds the pull request that is there.
    """
    name = parse_model(model)
    return motions.run(
        settings,
        lambda session: plan_rollback(session, name, environment, version=version, reason=reason),
        repository=repository,
        api=api,
        trusted_ref=trusted_ref,
        dry_run=dry_run,
        format_=format_,
    )
