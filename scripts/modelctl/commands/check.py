"""`modelctl check`: judge a change, a version on its way, the work tree, or every document."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Set
from pathlib import Path

import click

from modelctl.adapters.reviews import load_pull_requests
from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.reviews import PullRequest
from modelctl.domain.verdict import Report, exit_code
from modelctl.errors import ModelctlError
from modelctl.report.formats import FORMATS
from modelctl.services.checking import check_change, check_version
from modelctl.services.destinations import target_of, transition_for
from modelctl.services.pointers import locate
from modelctl.services.session import MACHINE, Session
from modelctl.services.tree_check import check_tree

VERSION, CHANGE = "with MODEL@VERSION", "with --base"
EVERYTHING, WORK_TREE = "with --all", "on the work tree"
FITTING: Mapping[str, Set[str]] = {
    VERSION: {"--to", "--ref"},
    CHANGE: {"--base", "--head", "--target", "--reviews", "--no-reviews"},
    EVERYTHING: {"--all", "--ref"},
    WORK_TREE: {"--no-reviews"},
}
"""The options that each form of the command looks at."""


@click.command(short_help="Judge a change, or a version on its way.")
@click.argument("version", metavar="[MODEL@VERSION]", required=False)
@click.option(
    "--to",
    "environment",
    metavar="ENV",
    help="Judge VERSION for this environment.  [default: the next one]",
)
@click.option("--base", metavar="REF", help="The branch that the change goes into.")
@click.option("--head", metavar="REF", help="The head of the change.")
@click.option(
    "--target", metavar="BRANCH", help="The name of the branch, where --base is a commit."
)
@click.option("--all", "everything", is_flag=True, help="Check every document of the work tree.")
@click.option(
    "--reviews",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The pull request and its reviews, as GitHub's API gives them (JSON).",
)
@click.option("--no-reviews", is_flag=True, help="Judge everything but the approvals.")
@click.option("-v", "--verbose", is_flag=True, help="Show what passes, too.")
@options.ref
@options.trusted_ref
@options.output_format(*FORMATS)
@click.pass_obj
def command(
    settings: Settings,
    version: str | None,
    environment: str | None,
    base: str | None,
    head: str | None,
    target: str | None,
    everything: bool,
    reviews: Path | None,
    no_reviews: bool,
    verbose: bool,
    ref: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Judge by the rules of the default branch, with git alone: nothing is checked out.

    \b
    modelctl check                          the work tree, as if it were committed now
    modelctl check --base ml --head HEAD    a pull request: what its merge would bring
    modelctl check MODEL@VERSION --to ENV   whether a version could go to an environment
    modelctl check --all                    every document of the work tree

    Exits with 0 when everything passes, 1 when the policy blocks, 2 on wrong usage, 3 when it
    could not be decided.
    """
    given = {
        "--to": environment,
        "--base": base,
        "--head": head,
        "--target": target,
        "--all": everything or None,
        "--reviews": reviews,
        "--no-reviews": no_reviews or None,
        "--ref": ref,
    }
    _refuse_idle(_form(version, given), {name for name, one in given.items() if one is not None})
    session = options.start(settings, trusted_ref)
    if version is not None:
        located = locate(session, version, ref=ref)
        report = check_version(session, located, transition_for(session, located, environment))
    elif base is not None or head is not None:
        report = _change(session, base, head, target, reviews, no_reviews)
    elif everything:
        report = _every_document(session, ref)
    else:
        report = _work_tree(session)
    click.echo(_render(report, format_, settings, verbose))
    return exit_code(report)


def _form(version: str | None, given: Mapping[str, object]) -> str:
    """Which form of the command this is."""
    if version is not None:
        return VERSION
    if given["--base"] is not None or given["--head"] is not None:
        return CHANGE
    return EVERYTHING if given["--all"] is not None else WORK_TREE


def _refuse_idle(form: str, given: Set[str]) -> None:
    """Whoever gives an option that would be passed over meant something else."""
    idle = sorted(given - FITTING[form])
    if idle:
        raise ModelctlError(
            f"{idle[0]} has no effect {form}", mend="modelctl check --help shows what goes together"
        )


def _change(
    session: Session,
    base: str | None,
    head: str | None,
    target: str | None,
    reviews: Path | None,
    no_reviews: bool,
) -> Report:
    if base is None:
        raise ModelctlError("--head needs --base", mend="name the branch that the change goes into")
    head = "HEAD" if head is None else head
    found = _pull_request(session, reviews, head) if reviews else None
    return check_change(
        session, base, head, target=target, pull_request=found, ask_reviews=not no_reviews
    )


def _pull_request(session: Session, reviews: Path, head: str) -> PullRequest:
    """The pull request of the file that has this head; the only one if there is but one."""
    found, sha = load_pull_requests(reviews), session.repository.resolve(head)
    fitting = [one for one in found if one.head == sha]
    if len(found) == 1:
        return found[0]
    if len(fitting) != 1:
        raise ModelctlError(
            f"{len(fitting)} pull requests of {reviews.name} have the head {sha[:12]}",
            mend="give the file of one pull request",
        )
    return fitting[0]


def _every_document(session: Session, ref: str | None) -> Report:
    repository = session.repository
    commit = repository.resolve(ref) if ref is not None else None
    tree = repository.tree(commit or repository.working_tree())
    if not sys.stderr.isatty():
        return check_tree(session, tree, commit)
    with click.progressbar(length=1, label="judging", file=sys.stderr) as bar:

        def show(done: int, everything: int) -> None:
            bar.length = everything
            bar.update(done - bar.pos)

        return check_tree(session, tree, commit, progress=show)


def _work_tree(session: Session) -> Report:
    """The work tree as if it were committed now, on its way into its branch's target."""
    repository = session.repository
    branch = repository.current_branch()
    target = target_of(session, branch) if branch else None
    if target is None:
        raise ModelctlError(
            f"{branch or 'a detached HEAD'} goes into no branch by the lifecycle",
            mend="say where it goes: modelctl check --base BRANCH",
        )
    at, tip = int(session.now.timestamp()), session.branch_tip(target)
    head = repository.snapshot("the work tree as it is", author=MACHINE, at=at)
    if repository.merge_base(tip, head) is None:
        raise ModelctlError(
            f"{branch} and {target} share no history",
            mend=f"cut it from there: git switch --create NAME {target}",
        )
    return check_change(session, tip, head, target=target, ask_reviews=False)


def _render(report: Report, format_: str, settings: Settings, verbose: bool) -> str:
    if format_ == "terminal":
        from modelctl.report.terminal import render

        return render(report, options.look(settings), verbose=verbose)
    return FORMATS[format_](report)
