"""`modelctl rollback rehearse`: try the way back, measure it, and record it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelctl.cli import Settings
from modelctl.commands import effects, github_options, options
from modelctl.domain.names import parse_pointer, parse_version
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS
from modelctl.services.pointers import require_model, unknown_environment

if TYPE_CHECKING:
    from modelctl.services.rehearsing import Rehearsed


@click.command(short_help="Try the way back, measure it, and record it.")
@click.argument("pointer", metavar="MODEL[@VERSION]")
@click.option("--env", "environment", metavar="ENV", required=True, help="Where to try it.")
@options.local_root
@effects.local_port
@effects.context
@options.tracking_uri
@options.key_file
@options.trusted_ref
@options.output_format("terminal", "json")
@click.pass_obj
def command(
    settings: Settings,
    /,
    pointer: str,
    environment: str,
    local_root: Path | None,
    trusted_ref: str | None,
    format_: str,
    **given: Any,
) -> int:
    """Move ENV's traffic from VERSION to the version before it and forth again, and measure it.

    \b
    modelctl rollback rehearse tumor-classifier --env staging
    modelctl rollback rehearse tumor-classifier@1.1.0 --env staging --key ci.pem

    Nothing new is deployed: the version before comes up beside what serves, takes all traffic, is
    seen to answer, and gives it back. The seconds, and whether its artifacts and features are still
    there, are signed as `rollback-rehearsal` evidence, which gates ask for. Killed in the middle,
    run it again, or deploy ENV.
    """
    from modelctl.services.rehearsing import rehearse

    github_options.git_access()
    wanted = parse_pointer(pointer)
    session = options.start(settings, trusted_ref, fetch=True)
    lifecycle = session.policy.lifecycle
    transition = lifecycle.to_environment(environment)
    if transition is None:
        raise unknown_environment(environment, lifecycle.environments)
    require_model(session, wanted.model)
    means = effects.Means(
        root=options.local_folder(settings, local_root), port=given.pop("local_port"), **given
    )
    done = rehearse(
        session,
        transition,
        wanted.model,
        means.effects(session, [environment], figures=False),
        version=str(parse_version(wanted.selector)) if wanted.selector else None,
    )
    click.echo(_json(done) if format_ == "json" else _text(done))
    return EXIT_PASS if done.passed else EXIT_BLOCKED


def _json(done: Rehearsed) -> str:
    return json.dumps({name: getattr(done, name) for name in _FIELDS}, indent=1)


def _text(done: Rehearsed) -> str:
    took = f"{done.seconds:.1f} s" if done.seconds is not None else "it never got there"
    problem = f"\n  {done.problem}" if done.problem else ""
    about = f"{done.environment}: {done.model} {done.version} back to {done.back_to}: {took}"
    return f"{about}{problem}\n  recorded as {done.place}"


_FIELDS = (
    "model",
    "environment",
    "version",
    "back_to",
    "seconds",
    "artifacts_present",
    "features_present",
    "passed",
    "problem",
    "place",
)
