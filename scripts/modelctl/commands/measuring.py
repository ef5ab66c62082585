"""`modelctl evidence plan` and `sign`: a pull request is measured where no key is, then signed."""

from __future__ import annotations

import json
from pathlib import Path

import click

from modelctl.cli import Settings
from modelctl.commands import github_options, options
from modelctl.domain.evidence import OFFLINE
from modelctl.domain.pulls import PullSummary
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS, ModelctlError
from modelctl.services import pull_heads
from modelctl.services.evidence import load_signer, record_evidence
from modelctl.services.measuring import Lacking, lacking, read_predicate, results
from modelctl.services.session import Session

MATRIX = 256
"""The most jobs that GitHub makes of a matrix."""


@click.command(short_help="Say what of a pull request has to be measured.")
@click.argument("number", type=click.IntRange(min=1), metavar="PULL")
@github_options.repository
@github_options.api
@options.trusted_ref
@options.output_format("text", "json", "outputs")
@click.pass_obj
def plan(
    settings: Settings,
    number: int,
    repository: str | None,
    api: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """List the evidence about artifacts that the gates ask for and that pull request PULL lacks.

    Its commits are fetched, never checked out. `--format outputs` prints the outputs of a step of
    GitHub Actions: the commit, and a matrix of what to measure.

    \b
    modelctl evidence plan 17
    modelctl evidence plan 17 --format outputs >> "$GITHUB_OUTPUT"
    """
    _, pull, missing = _lacking(settings, number, repository, api, trusted_ref)
    everything = [{"version": m.located.name, "kind": m.kind} for m in missing.measurements]
    rows = everything[:MATRIX] if format_ == "outputs" else everything
    if format_ == "outputs":
        click.echo(f"head={pull.head}\nmeasurements={json.dumps(rows)}")
    elif format_ == "json":
        click.echo(json.dumps({"head": pull.head, "measurements": rows}, indent=2))
    else:
        for row in rows:
            click.echo(f"{row['kind']} of {row['version']}")
        if not rows:
            click.echo("nothing is to be measured")
    if len(rows) < len(everything):
        options.progress(f"{len(everything) - len(rows)} more are for the next run")
    return EXIT_PASS


@click.command(
    short_help="Sign what was measured of a pull request.", epilog=github_options.CREDENTIALS
)
@click.argument("number", type=click.IntRange(min=1), metavar="PULL")
@click.option(
    "--results",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Where the files of `evaluate --out` and `scan --out` are.",
)
@github_options.repository
@github_options.api
@options.key_file
@options.trusted_ref
@click.pass_obj
def sign(
    settings: Settings,
    number: int,
    folder: Path,
    repository: str | None,
    api: str | None,
    key_file: Path | None,
    trusted_ref: str | None,
) -> int:
    """Record the results that other jobs measured of pull request PULL.

    \b
    modelctl evidence sign 7 --results=results            # the key from MODELCTL_SIGNING_KEY
    modelctl evidence sign 7 --results=results --key=ci.pem

    What is lacking is told anew. A result counts only for the very version, digest and kind that it
    was asked for: nothing else in the folder is read. Where one is missing, those that are there
    are signed all the same, and it exits with 1.
    """
    signer = load_signer(key_file, options.signing_secret())
    session, _, missing = _lacking(settings, number, repository, api, trusted_ref)
    found = results(folder, missing.measurements)
    read = [(one, read_predicate(data, one)) for one, data in found]
    for one, predicate in read:
        entry = record_evidence(session, one.located, one.kind, OFFLINE, predicate, signer)
        click.echo(f"{one.kind} of {one.located.name}: recorded as {entry.path}")
    there = {one.file for one, _ in read}
    lost = [one for one in missing.measurements if one.file not in there]
    for one in lost:
        options.progress(f"{one.kind} of {one.located.name}: there is no result")
    return EXIT_BLOCKED if lost else EXIT_PASS


def _lacking(
    settings: Settings, number: int, repository: str | None, api: str | None, trusted: str | None
) -> tuple[Session, PullSummary, Lacking]:
    """The session, the pull request as it is now, and what it lacks."""
    github = github_options.hub(settings, repository, api)
    session = options.start(settings, trusted, fetch=True)
    pull = pull_heads.bring(session, github, github.pulls.get(number))
    if not pull.is_open:
        raise ModelctlError(f"#{number} is closed", mend="measure an open pull request")
    missing = lacking(session, pull.base, pull.head)
    for finding in missing.findings:
        options.progress(f"can't be judged: {finding.message}")
    return session, pull, missing
