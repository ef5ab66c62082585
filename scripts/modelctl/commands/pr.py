"""`modelctl pr`: judge pull requests on GitHub, list them, and answer commands in comments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from random import shuffle
from typing import TYPE_CHECKING

import click

from modelctl.cli import Settings
from modelctl.commands import github_options, options
from modelctl.domain.checked import Checked, worst_code
from modelctl.domain.names import choice
from modelctl.errors import EXIT_PASS, EXIT_UNDECIDED, ModelctlError

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub
    from modelctl.domain.pulls import PullSummary

_SHA = re.compile(r"[0-9a-f]{40}")


@click.command(
    short_help="Judge pull requests and write the verdict onto them.",
    epilog=github_options.CREDENTIALS,
)
@click.argument("number", type=click.IntRange(min=1), required=False)
@click.option("--head", metavar="SHA", help="Every open one with this head.")
@click.option("--open", "all_open", is_flag=True, help="Every open one that may have changed.")
@click.option("--base", metavar="BRANCH", help="With --open: only those into this branch.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@click.option(
    "--exit-zero", is_flag=True, help="Exit with 0 whatever the verdict is, once it is written."
)
@options.trusted_ref
@github_options.repository
@github_options.api
@options.output_format("terminal", "json", "markdown")
@click.pass_obj
def check(
    settings: Settings,
    number: int | None,
    head: str | None,
    all_open: bool,
    base: str | None,
    dry_run: bool,
    exit_zero: bool,
    trusted_ref: str | None,
    repository: str | None,
    api: str | None,
    format_: str,
) -> int:
    """Judge the pull request NUMBER as it is on GitHub, and write the verdict onto it.

    \b
    modelctl pr check 7                  one pull request
    modelctl pr check --head SHA         all that have this commit (its whole id) as their head
    modelctl pr check --open             all that may have changed since they were judged
    modelctl pr check 7 --dry-run        what would be written; any token will do

    It is judged by the rules of the default branch. It writes a check run on the commit, one
    comment, labels, and requests for the reviews that are missing once nothing else is. It may be
    killed and run again at any point; what is there already isn't written again.

    Exits with 0 when everything passes, 1 when a pull request is blocked or waits for somebody, 2
    on wrong usage, 3 when it could not be decided; then the check run says so.
    """
    _refuse_unclear(number, head, all_open, base)
    github = github_options.hub(settings, repository, api)
    if not dry_run:
        _require_app(github)
    _read_in()
    pulls = _meant(github, number, head, base)
    # What was judged before is told by the App's own check runs, which nobody else is shown.
    only_changed = all_open and github.access.app_id is not None
    found = []
    for checked in _checked(settings, trusted_ref, github, pulls, dry_run, only_changed):
        found.append(checked)
        _tell(settings, checked, format_, dry_run, alone=number is not None)
    if format_ == "json":
        from modelctl.report.pull_checks import json

        click.echo(json(found), nl=False)
    if not found:
        _tell_none(settings, trusted_ref, head, base)
    code = worst_code(found)
    return EXIT_PASS if exit_zero and code != EXIT_UNDECIDED else code


def _require_app(github: GitHub) -> None:
    if github.access.app_id is None:
        raise ModelctlError(
            "only a GitHub App can write check runs that count",
            mend="set MODELCTL_APP_ID and MODELCTL_APP_KEY, or look only: pr check --dry-run",
        )


def _refuse_unclear(number: int | None, head: str | None, all_open: bool, base: str | None) -> None:
    if base is not None and not all_open:
        raise ModelctlError(
            "--base has no effect without --open",
            mend=f"modelctl pr check --open --base {shlex.quote(base)}",
        )
    if [number is not None, head is not None, all_open].count(True) != 1:
        raise ModelctlError(
            "say which pull requests are meant", mend="give a NUMBER, --head SHA or --open"
        )
    if head is not None and _SHA.fullmatch(head) is None:
        raise ModelctlError(
            f"{head} is no commit: GitHub looks for a head by its whole id, of 40 digits",
            mend=f'give all of it: --head "$(git rev-parse {shlex.quote(head)})"',
        )


def _tell_none(
    settings: Settings, trusted_ref: str | None, head: str | None, base: str | None
) -> None:
    """That no pull request is meant.

    Raises:
        ModelctlError: there is no such branch either.
    """
    if base is not None:
        session = options.start(settings, trusted_ref)
        known = [t.to_branch for t in session.policy.lifecycle.transitions]
        if session.repository.remote_first(base) is None:
            raise ModelctlError(f"there is no branch {base}", mend=choice(base, known, "one of: "))
    which = f" with the head {head}" if head else f" into {base}" if base else ""
    options.progress(f"no pull request is open{which}")


def _read_in() -> None:
    """Reads in the modules that judge while GitHub is asked for the pull requests."""
    from importlib import import_module
    from threading import Thread

    def read() -> None:
        for name in ("services.pull_requests", "report.pull_checks", "report.terminal"):
            import_module(f"modelctl.{name}")

    Thread(target=read, name="read in", daemon=True).start()


def _meant(
    github: GitHub, number: int | None, head: str | None, base: str | None
) -> Sequence[PullSummary]:
    """The pull requests that are meant. All open ones come in no order: should this process die of
    one of them, it dies of it before others than the next time, and each is judged some day."""
    if number is not None:
        return (_one(github, number),)
    if head is not None:
        return sorted(github.pulls.with_head(head), key=lambda pull: pull.number)
    found = list(github.pulls.open(base=base))
    shuffle(found)
    return found


def _one(github: GitHub, number: int) -> PullSummary:
    from modelctl.adapters.github.failures import RefusedError

    try:
        return github.pulls.get(number)
    except RefusedError as error:
        if error.status != 404:
            raise
        raise ModelctlError(
            f"{github.access.repository} has no pull request #{number}, or doesn't show it to you",
            mend="modelctl pr list names those that are open",
        ) from None


def _checked(
    settings: Settings,
    trusted_ref: str | None,
    github: GitHub,
    pulls: Sequence[PullSummary],
    dry_run: bool,
    only_changed: bool,
) -> Iterator[Checked]:
    """Checks them one by one. What keeps all of them from being judged, such as rules that can't be
    read, is written onto each."""
    from modelctl.services.pull_requests import check_pulls, tell_undecided

    try:
        session = options.start(settings, trusted_ref, fetch=True)
    except ModelctlError as error:
        for pull in pulls:
            yield tell_undecided(github, pull, error, dry_run=dry_run)
        return
    yield from check_pulls(session, github, pulls, dry_run=dry_run, only_changed=only_changed)


def _tell(
    settings: Settings, checked: Checked, format_: str, dry_run: bool, *, alone: bool
) -> None:
    """One pull request as soon as it is judged: the report only where it is the only one."""
    from modelctl.report import pull_checks

    if format_ == "markdown":
        click.echo(pull_checks.markdown(checked), nl=False)
        return
    look = options.look(settings)
    lines = pull_checks.terminal(checked, look, dry_run=dry_run)
    if format_ == "json":
        options.progress(lines.rstrip("\n"))
        return
    if alone and checked.report is not None:
        from modelctl.report.terminal import render

        click.echo(render(pull_checks.shown(checked) or checked.report, look))
    click.echo(lines, nl=False)
    if checked.error is not None and checked.error.__cause__ is not None and settings.debug:
        import traceback

        traceback.print_exception(checked.error.__cause__)


@click.command(
    short_help="List the open pull requests, and what they wait for.",
    epilog=github_options.CREDENTIALS,
)
@click.option("--base", metavar="BRANCH", help="Only those into this branch.")
@click.option(
    "--checks", is_flag=True, help="Tell the verdict by the App's check runs: a request for each."
)
@options.trusted_ref
@github_options.repository
@github_options.api
@options.output_format("terminal", "json", "markdown")
@click.pass_obj
def list_(
    settings: Settings,
    base: str | None,
    checks: bool,
    trusted_ref: str | None,
    repository: str | None,
    api: str | None,
    format_: str,
) -> int:
    """List the open pull requests: their models, where they go, and who has been asked.

    \b
    modelctl pr list                     one request to GitHub for a hundred of them
    modelctl pr list --base main
    modelctl pr list --checks            the verdict by the check runs, which nobody else can write

    Without --checks the verdict is that of the labels. The models are read from git.
    """
    from modelctl.report import pull_list
    from modelctl.services.pull_lists import list_pulls

    github = github_options.hub(settings, repository, api)
    session = options.start(settings, trusted_ref, fetch=True)
    rows = list_pulls(session, github, base=base, checks=checks)
    if format_ == "terminal":
        click.echo(pull_list.terminal(rows, session.now, options.look(settings)), nl=False)
    else:
        render = {"json": pull_list.json, "markdown": pull_list.markdown}[format_]
        click.echo(render(rows, session.now), nl=False)
    return EXIT_PASS


@click.command(short_help="Do what a comment on a pull request asks for.")
@click.option(
    "--comment",
    "comment_id",
    required=True,
    type=click.IntRange(min=1),
    metavar="ID",
    help="The comment's id.",
)
@options.trusted_ref
@github_options.repository
@github_options.api
@click.pass_obj
def answer(
    settings: Settings,
    comment_id: int,
    trusted_ref: str | None,
    repository: str | None,
    api: str | None,
) -> int:
    """Do what a comment asks for: /modelctl check, explain GATE, waive GATE … or help.

    \b
    modelctl pr answer --comment 2381174

    The command is the comment's first line. Author and text are read from GitHub by the id. Only
    people who hold a role for the pull request's models are answered. The same comment may be
    answered again: what it asks for is done once.
    """
    from modelctl.domain.comment_commands import parse_comment
    from modelctl.services.pull_answers import answer as answer_comment

    github = github_options.hub(settings, repository, api)
    _require_app(github)
    comment = github.comments.get(comment_id)
    command = parse_comment(comment.body)
    if command is None:
        options.progress("the comment is no command")
        return EXIT_PASS
    session = options.start(settings, trusted_ref, fetch=True)
    answered = answer_comment(session, github, comment, command)
    click.echo(f"#{answered.pull}: {answered.what}")
    if answered.checked is None:
        return EXIT_PASS
    _tell(settings, answered.checked, "terminal", dry_run=False, alone=False)
    undecided = answered.checked.error is not None
    return EXIT_UNDECIDED if undecided else EXIT_PASS
