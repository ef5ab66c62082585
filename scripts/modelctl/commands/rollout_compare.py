"""`modelctl rollout compare`: whether the version that takes over answers as what serves does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.agreement import Comparing, comparing
from modelctl.domain.names import parse_model
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS, EXIT_UNDECIDED, ModelctlError

if TYPE_CHECKING:
    from modelctl.report.agreement import Compared
    from modelctl.services.comparing_predictions import Logs, Result
    from modelctl.services.session import Session

KIND = "shadow"

_log = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Compare the answers of a rollout's two versions.")
@click.argument("model")
@click.option("--env", "environment", metavar="ENV", required=True, help="Where they serve.")
@click.option("--stable", type=_log, help="The log of what serves.  [default: kept here]")
@click.option("--canary", type=_log, help="The log of what takes over.  [default: kept here]")
@click.option(
    "--slice",
    "slices",
    metavar="COLUMN",
    multiple=True,
    help="Compare by this column of the input.  [default: the protected groups]",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0),
    metavar="SHARE",
    help="Numbers agree that differ by no more.  [default: 0.01 for regression, else equal]",
)
@click.option(
    "--at-least",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Fail (exit 1) unless so much agrees, of each slice too, by the lower limit.",
)
@click.option(
    "--since", metavar="TIME", help="Only predictions from then on, such as 2026-11-20T10:00Z."
)
@click.option("--record", is_flag=True, help=f"Sign it, and record it as evidence `{KIND}`.")
@options.key_file
@options.local_root
@options.trusted_ref
@options.output_format("terminal", "markdown", "json")
@click.pass_obj
def command(
    settings: Settings,
    model: str,
    environment: str,
    stable: Path | None,
    canary: Path | None,
    slices: tuple[str, ...],
    tolerance: float | None,
    at_least: float | None,
    since: str | None,
    record: bool,
    key_file: Path | None,
    local_root: Path | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Hold the predictions of MODEL's new version against those of what serves in ENV.

    Answers to the same request are compared one by one, on the whole and by slice, and the
    distributions of all answers. On this machine the servers keep their predictions while versions
    are compared; elsewhere name two logs: a JSON object a line, with `time`, `request`, `version`,
    `inputs` (column to values) and `outputs`.

    \b
    Examples:
      modelctl rollout compare tumor-classifier --env production
      modelctl rollout compare tumor-classifier --env production --slice site --at-least 0.98
      modelctl rollout compare tumor-classifier --env production \\
          --stable stable.jsonl --canary shadow.jsonl --record
    """
    from modelctl.services.comparing_predictions import compare_logs

    session = options.start(settings, trusted_ref)
    name = parse_model(model)
    _check(session, environment)
    task, groups = _about(session, name)
    how = comparing(task, slices or groups, tolerance)
    logs = _logs(settings, session, name, environment, (stable, canary), local_root)
    result = compare_logs(logs, how, since=_time(since))
    shown = _shown(name, environment, result, how, at_least)
    if record:
        place = _record(session, name, environment, result, at_least, key_file)
        shown = replace(shown, place=place)
    return _tell(settings, shown, format_)


def _check(session: Session, environment: str) -> None:
    from modelctl.services.pointers import unknown_environment

    known = session.policy.lifecycle.environments
    if environment not in known:
        raise unknown_environment(environment, known)


def _shown(
    model: str, environment: str, result: Result, how: Comparing, at_least: float | None
) -> Compared:
    from modelctl.probes.agreement import passed
    from modelctl.report.agreement import Compared

    return Compared(
        model=model,
        environment=environment,
        stable=result.stable,
        canary=result.canary,
        found=result.found,
        tolerance=how.tolerance,
        passed=passed(result.found, at_least),
        at_least=at_least,
    )


def _tell(settings: Settings, shown: Compared, format_: str) -> int:
    """Print the comparison; the exit code."""
    from modelctl.report.agreement import json, markdown, terminal

    if format_ == "terminal":
        click.echo(terminal(shown, options.look(settings)), nl=False)
    else:
        click.echo({"markdown": markdown, "json": json}[format_](shown), nl=False)
    if not shown.found.whole.rows:
        options.progress("no request was answered by both: nothing can be said of their agreement")
        return EXIT_UNDECIDED
    return EXIT_PASS if shown.passed else EXIT_BLOCKED


def _about(session: Session, model: str) -> tuple[str, tuple[str, ...]]:
    """The model's task and its protected groups."""
    from modelctl.services.candidates import read_model

    for commit in session.places():
        found = read_model(session.repository.tree(commit), model)
        if found is not None:
            return found.task, tuple(found.data_contract.protected_groups)
    raise ModelctlError(f"there is no model {model}", mend="modelctl status lists them")


def _logs(
    settings: Settings,
    session: Session,
    model: str,
    environment: str,
    named: tuple[Path | None, Path | None],
    root: Path | None,
) -> Logs:
    from modelctl.services.comparing_predictions import Logs, logs_here
    from modelctl.services.local_serving import local_target

    stable, canary = named
    if stable is not None and canary is not None:
        return Logs(stable=stable, canary=canary)
    if stable is not None or canary is not None:
        raise click.UsageError("--stable and --canary are given together, or neither")
    folder = options.local_folder(settings, root)
    return logs_here(local_target(session, environment, folder, None), model)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ModelctlError(f"{text!r} is no time", mend="write 2026-11-20T10:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _record(
    session: Session,
    model: str,
    environment: str,
    result: Result,
    at_least: float | None,
    key_file: Path | None,
) -> str:
    """Signs the comparison as evidence about the version that takes over; where it stands."""
    from modelctl.commands import github_options
    from modelctl.probes.agreement import predicate_of
    from modelctl.services.evidence import load_signer, record_evidence
    from modelctl.services.pointers import locate_exactly

    located = locate_exactly(session, f"{model}@{result.canary}")
    predicate = predicate_of(
        result.found, result.predictions, against=result.stable, at_least=at_least
    )
    signer = load_signer(key_file, options.signing_secret())
    github_options.git_access()
    return record_evidence(session, located, KIND, environment, predicate, signer).path
