"""`modelctl rollback`: go back by a reviewed pull request, or at once in an emergency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from modelctl.cli import Settings
from modelctl.commands import effects, github_options, motions, options
from modelctl.domain.names import parse_model, parse_version
from modelctl.errors import ModelctlError
from modelctl.services.rolling_back import plan_rollback

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub


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
@click.option(
    "--emergency", is_flag=True, help="Go back at once; the pull request comes afterwards."
)
@click.option(
    "--of",
    metavar="VERSION",
    help="In an emergency during a rollout, which is to go.  [default: what takes over]",
)
@click.option("--by", "login", metavar="LOGIN", help="Who says so, in an emergency.")
@click.option("--again", is_flag=True, help="In an emergency, go back although it just went back.")
@github_options.repository
@github_options.api
@effects.acting
@options.output_format("terminal", "json")
@click.pass_obj
def command(
    settings: Settings,
    /,
    model: str,
    environment: str,
    version: str | None,
    reason: str,
    dry_run: bool,
    emergency: bool,
    repository: str | None,
    api: str | None,
    trusted_ref: str | None,
    format_: str,
    **given: Any,
) -> int:
    """Point the release of MODEL back to a version that ENV ran before, by a pull request.

    \b
    modelctl rollback tumor-classifier --env production --reason "recall fell by a third"
    modelctl rollback tumor-classifier --env production --to 1.1.0 --reason "drift" --dry-run
    modelctl rollback tumor-classifier --env production --reason "wrong" --emergency --by lena

    Only the version in release.yaml changes, so the history proves it. A version that was rolled
    back from there before is not gone back to. Run again, it finds the pull request that is there.

    With --emergency, and --by, --of, --again, --no-apply and --key, which mean something there
    alone, traffic goes back at once, signed by the job's key; then come the quarantine,
    the pull request, the incident issue and the registry. LOGIN must hold a role that approves for
    ENV. During a rollout the new version goes, and all traffic back to what it was to take over
    from; where it has none, as in a shadow, what serves goes back. --of says which is meant.
    """
    name = parse_model(model)
    if emergency:
        asked = {"model": name, "environment": environment, "to": version, "reason": reason}
        hub = (repository, api)
        return _at_once(settings, {**given, **asked, "dry_run": dry_run}, hub, trusted_ref, format_)
    _only_in_emergency(given)
    return motions.run(
        settings,
        lambda session: plan_rollback(session, name, environment, version=version, reason=reason),
        repository=repository,
        api=api,
        trusted_ref=trusted_ref,
        dry_run=dry_run,
        format_=format_,
    )


def _at_once(
    settings: Settings,
    given: Mapping[str, Any],
    hub: tuple[str | None, str | None],
    trusted_ref: str | None,
    format_: str,
) -> int:
    from modelctl.commands import emergency as at_once

    version, of = given["to"], given["of"]
    asked = at_once.Asked(
        model=given["model"],
        environment=given["environment"],
        to=str(parse_version(version.removeprefix("v"))) if version else None,
        of=str(parse_version(of.removeprefix("v"))) if of else None,
        again=given["again"],
        login=given["login"],
        reason=given["reason"],
        dry_run=given["dry_run"],
    )
    means = _means(settings, at_once.hub_if_any(settings, *hub), given)
    return at_once.run(settings, means, asked, trusted_ref=trusted_ref, format_=format_)


def _means(settings: Settings, hub: GitHub | None, given: Mapping[str, Any]) -> effects.Means:
    return effects.Means(
        root=options.local_folder(settings, given["local_root"]),
        port=given["local_port"],
        apply=not given["no_apply"],
        context=given["context"],
        tracking_uri=given["tracking_uri"],
        key_file=given["key_file"],
        github=hub,
    )


_EMERGENCY = {
    "--by": "login",
    "--of": "of",
    "--again": "again",
    "--no-apply": "no_apply",
    "--key": "key_file",
}
"""Options that mean something in an emergency alone."""


def _only_in_emergency(given: Mapping[str, Any]) -> None:
    for name, key in _EMERGENCY.items():
        if given[key]:
            mend = "give --emergency as well, or leave it out"
            raise ModelctlError(f"{name} has no effect without --emergency", mend=mend)
