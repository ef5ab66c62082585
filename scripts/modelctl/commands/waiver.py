"""`modelctl waiver`: ask for a waiver, and see which are in force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import click

from modelctl.adapters.git import Repository
from modelctl.adapters.work_tree import WorkTree
from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.rules import is_span, parse_span
from modelctl.errors import EXIT_PASS, ModelctlError
from modelctl.services.pointers import locate_exactly
from modelctl.services.waiver_drafts import Draft, Request, draft
from modelctl.services.waivers import Standing, State, standings

_SOON = "waivers.soon"
"""What `--expiring` means without a span: that of the policy."""


@click.command(short_help="Write a waiver of one gate for one version.")
@click.argument("version", metavar="MODEL@VERSION")
@click.option("--gate", required=True, help="The gate that it sets aside.")
@click.option("--reason", required=True, metavar="TEXT", help="Why it is right to go ahead.")
@click.option("--approver", required=True, metavar="LOGIN", help="Who is to approve it.")
@click.option("--requested-by", required=True, metavar="LOGIN", help="Who asks for it.")
@click.option(
    "--days", required=True, type=click.IntRange(min=1, max=3650), help="For how many days."
)
@click.option(
    "--env", "environments", metavar="ENV", multiple=True, help="Only on the way into this one."
)
@click.option("--dry-run", is_flag=True, help="Print the file instead of writing it.")
@options.ref
@options.trusted_ref
@click.pass_obj
def new(
    settings: Settings,
    version: str,
    gate: str,
    reason: str,
    approver: str,
    requested_by: str,
    days: int,
    environments: tuple[str, ...],
    dry_run: bool,
    ref: str | None,
    trusted_ref: str | None,
) -> int:
    """Write a waiver of one gate for one version into policies/waivers/, to be reviewed.

    \b
    modelctl waiver new tumor-classifier@1.2.0 --gate fairness --days 10 \\
      --reason "the small group gets its own model with 1.3.0" \\
      --requested-by ada --approver lena

    It is for the manifest as it is now: another one needs another waiver. Nothing is waived before
    the file is on the default branch, approved by the person that it names. A file that is there
    already is never overwritten.
    """
    session = options.start(settings, trusted_ref)
    request = Request(
        located=locate_exactly(session, version, ref=ref),
        gate=gate,
        reason=reason,
        approver=approver,
        requested_by=requested_by,
        days=days,
        environments=environments,
    )
    made = draft(session, request)
    if dry_run:
        click.echo(made.text, nl=False)
    else:
        top = Repository.discover(settings.directory).directory
        WorkTree(top).write({made.path: made.text}, {})
        click.echo(made.path)
    _tell(made)
    return EXIT_PASS


def _tell(made: Draft) -> None:
    """What comes next, for people."""
    options.progress(
        f"next: open a pull request into {made.branch} that adds {made.path}, as "
        f"{made.waiver.requested_by}\n"
        f"it needs {_whose(made)}"
    )


def _whose(made: Draft) -> str:
    """Whose approvals it needs; one that fills a place of the rules' own is not asked for twice."""
    approver, others = made.waiver.approved_by, " and ".join(made.others)
    if made.counts_as is not None:
        asked = f"{approver}'s approval, which counts as {made.counts_as}'s too"
    else:
        asked = f"the approval of {approver} (as {' or '.join(made.roles)})"
    return f"{asked}, and {others}" if others else asked


@click.command(short_help="List the waivers, and which of them count.")
@click.option(
    "--expiring",
    metavar="[SPAN]",
    is_flag=False,
    flag_value=_SOON,
    help="Only those that count and end within it, such as 7d.  [without SPAN: waivers.soon of "
    "policies/lifecycle.yaml]",
)
@options.trusted_ref
@options.output_format("terminal", "json", "markdown")
@click.pass_obj
def list_(settings: Settings, expiring: str | None, trusted_ref: str | None, format_: str) -> int:
    """List the waivers of the trusted ref: in force, expiring soon, expired, or not counting.

    \b
    modelctl waiver list                    every waiver, those that end first in front
    modelctl waiver list --expiring         what ends soon, as the policy has it
    modelctl waiver list --expiring 14d     what has to be settled in the next fortnight
    """
    from modelctl.report.waivers import Row, json, markdown, terminal

    session = options.start(settings, trusted_ref)
    wanted = _within(expiring, session.policy.waiver_limits.soon)
    rows = [
        Row(
            waiver=one.waiver,
            state=one.state.value,
            reasons=tuple((problem.message, problem.mend) for problem in one.objections),
        )
        for one in standings(session)
        if wanted(one, one.waiver.expires - session.now)
    ]
    if format_ == "terminal":
        rules = options.rules(session, trusted_ref)
        click.echo(terminal(rows, session.now, options.look(settings), rules), nl=False)
    else:
        click.echo({"json": json, "markdown": markdown}[format_](rows, session.now), nl=False)
    return EXIT_PASS


def _within(expiring: str | None, soon: timedelta) -> Callable[[Standing, timedelta], bool]:
    """Whether a waiver is to be listed, by what is left of it."""
    if expiring is None:
        return lambda one, left: True
    if expiring != _SOON and not is_span(expiring):
        raise ModelctlError(f"{expiring!r} is no span of time", mend="write one such as 36h or 7d")
    limit = soon if expiring == _SOON else parse_span(expiring)
    return lambda one, left: one.state in (State.IN_FORCE, State.SOON) and left <= limit
