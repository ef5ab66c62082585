"""`modelctl deprecate`, `reject`, `archive`, `retire`, `reinstate`: the end of a version's life."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from modelctl.cli import Settings
from modelctl.commands import github_options, options
from modelctl.domain.history import ARCHIVAL, DEPRECATION, REINSTATEMENT, REJECTION, RETIREMENT
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS
from modelctl.report.endings import terminal
from modelctl.services.endings import Wish, end_version
from modelctl.services.evidence import load_signer
from modelctl.services.pointers import locate_exactly

_DECORATORS = (
    click.argument("version", metavar="MODEL@VERSION"),
    click.option("--reason", required=True, help="Why, in a sentence."),
    click.option("--by", metavar="LOGIN", required=True, help="Who decided it."),
    click.option("--dry-run", is_flag=True, help="Say what would be done, sign nothing."),
    options.key_file,
    options.ref,
    options.trusted_ref,
    click.pass_obj,
)
_replaced_by = click.option(
    "--replaced-by", metavar="VERSION", help="The version to use instead of it."
)


def _common(function: Any) -> Any:
    """The options that all of them take."""
    for decorator in reversed(_DECORATORS):
        function = decorator(function)
    return function


@click.command(short_help="Mark a version that people should move away from.")
@_replaced_by
@_common
def deprecate(settings: Settings, **given: Any) -> int:
    """Say that MODEL@VERSION is being phased out.

    It goes on serving, but is promoted no further. Move its traffic to another version, then
    archive it.

    \b
    modelctl deprecate churn-predictor@1.2.0 --reason "drifts on new customers" --by ada \\
        --replaced-by 1.3.0 --key registrar.pem
    """
    return _end(settings, DEPRECATION, **given)


@click.command(short_help="Rule out a version that failed its validation.")
@_replaced_by
@_common
def reject(settings: Settings, **given: Any) -> int:
    """Say that MODEL@VERSION failed its validation: it can't be promoted any more.

    What serves, is released, pinned or the rollback target of an environment can't be rejected.

    \b
    modelctl reject churn-predictor@1.2.0 --reason "unfair to small groups" --by ada
    """
    return _end(settings, REJECTION, **given)


@click.command(short_help="Keep a version, but let it serve no more.")
@_replaced_by
@_common
def archive(settings: Settings, **given: Any) -> int:
    """Say that MODEL@VERSION is kept for the record only: no promotion, no rollback to it.

    What serves, is released, pinned or the rollback target of an environment can't be archived.

    \b
    modelctl archive churn-predictor@1.2.0 --reason "replaced by 1.3.0" --by ada
    """
    return _end(settings, ARCHIVAL, **given)


@click.command(short_help="Let an archived or rejected version be removed.")
@_common
def retire(settings: Settings, **given: Any) -> int:
    """Say that MODEL@VERSION is out of use for ever.

    It must be archived or rejected. Then its manifest may be removed by a pull request, and
    `modelctl retention apply` takes it out of the registry. It can't be taken back.

    \b
    modelctl retire churn-predictor@1.2.0 --reason "kept for a year" --by ada
    """
    return _end(settings, RETIREMENT, **given)


@click.command(short_help="Take back that a version was ended by mistake.")
@_common
def reinstate(settings: Settings, **given: Any) -> int:
    """Take back that MODEL@VERSION was deprecated, rejected or archived. What is retired stays so.

    \b
    modelctl reinstate churn-predictor@1.2.0 --reason "archived by mistake" --by ada
    """
    return _end(settings, REINSTATEMENT, **given)


def _end(
    settings: Settings,
    kind: str,
    *,
    version: str,
    reason: str,
    by: str,
    dry_run: bool,
    key_file: Path | None,
    ref: str | None,
    trusted_ref: str | None,
    replaced_by: str | None = None,
) -> int:
    signer = None if dry_run else load_signer(key_file, options.signing_secret())
    github_options.git_access()
    session = options.start(settings, trusted_ref, fetch=True)
    located = locate_exactly(session, version, ref=ref)
    wish = Wish(kind=kind, reason=reason, by=by, replaced_by=replaced_by)
    done = end_version(session, located, wish, signer)
    click.echo(terminal(done, options.look(settings)), nl=False)
    return EXIT_BLOCKED if done.obstacles else EXIT_PASS
