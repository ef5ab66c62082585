"""The page of a pull request: what is proposed, what was said, how checks and merge stand."""

from __future__ import annotations

from datetime import datetime
from html import escape

from forge import diffs, page_parts as parts
from forge.checks import latest_runs, latest_statuses
from forge.merging import mergeable_state, trial_of
from forge.requirements import missing, opinions
from forge.state import State
from forge.values import Pull, Repository, Trial

MOST_FILES = 100
LONGEST_PATCH = 20_000
_SAYS = {
    "clean": ("good", "This branch can be merged"),
    "unstable": ("wait", "This branch can be merged, though some checks have not succeeded"),
    "behind": ("wait", "This branch is out of date with the base branch"),
    "blocked": ("wait", "Merging is blocked"),
    "dirty": ("bad", "This branch has conflicts that must be resolved"),
    "draft": ("", "This pull request is still a draft"),
}


def pull_page(state: State, repository: Repository, pull: Pull) -> str:
    """The inside of the page."""
    trial = trial_of(repository, pull)
    stand = mergeable_state(state, repository, pull, trial)
    against = missing(state, repository, pull, trial, None) if stand == "blocked" else []
    with state.lock:
        main = [*_conversation(repository, pull), _checks(state, repository, pull)]
        main.append(_merge_box(pull, stand, against))
        side = _side(repository, pull)
        head = _head(repository, pull, trial)
    main.append(_files(repository, trial))
    return f'{head}<div class="columns"><div>{"".join(main)}</div><aside>{side}</aside></div>'


def _head(repository: Repository, pull: Pull, trial: Trial) -> str:
    source = (
        pull.branch
        if pull.repository == repository.full_name
        else f"{pull.repository}:{pull.branch}"
    )
    count = len(trial.commits)
    verb = "merged" if pull.merged_at else "wants to merge"
    who = pull.merged_by if pull.merged_at and pull.merged_by else pull.user
    return (
        f'<h1>{escape(pull.title)} <span class="number">#{pull.number}</span></h1>'
        f'<p class="lead">{parts.badge(pull)} {parts.person(who)} {verb} '
        f"{count} commit{'' if count == 1 else 's'} into "
        f'<span class="branch">{escape(pull.base)}</span> from '
        f'<span class="branch">{escape(source)}</span> '
        f'<span class="dim">at {pull.head[:7]} · +{trial.additions} &minus;{trial.deletions}'
        "</span></p>"
    )


def _conversation(repository: Repository, pull: Pull) -> list[str]:
    """The description, then comments and reviews as they came."""
    said: list[tuple[datetime, int, str]] = [
        (
            one.created_at,
            one.id,
            parts.comment(one.user, one.created_at, one.body, anchor=f"issuecomment-{one.id}"),
        )
        for one in repository.comments.values()
        if one.number == pull.number
    ]
    said += [
        (one.submitted_at, one.id, parts.review(one, pull.head))
        for one in pull.reviews
        if one.state != "PENDING"
    ]
    first = parts.comment(pull.user, pull.created_at, pull.body)
    return [first, *(text for *_, text in sorted(said))]


def _checks(state: State, repository: Repository, pull: Pull) -> str:
    rows = [
        parts.check_run(run, state.apps[run.app].slug) for run in latest_runs(repository, pull.head)
    ]
    rows += [parts.status(one) for one in latest_statuses(repository, pull.head)]
    inside = "".join(rows) or '<div class="row dim">No checks have reported on this commit.</div>'
    return (
        f'<section class="box" id="checks"><header><strong>Checks</strong> of {pull.head[:7]}'
        f"</header>{inside}</section>"
    )


def _merge_box(pull: Pull, stand: str, against: list[str]) -> str:
    if pull.merged_at is not None:
        kind, says = "done", f"Merged as {(pull.merge_commit or '')[:7]} into {pull.base}"
    elif pull.state == "closed":
        kind, says = "bad", "Closed with unmerged commits"
    else:
        kind, says = _SAYS[stand]
    reasons = "".join(f"<li>{escape(text)}</li>" for text in against)
    return (
        f'<section class="box merge {kind}" id="merge"><div class="body"><h2>{escape(says)}</h2>'
        f"{f'<ul>{reasons}</ul>' if reasons else ''}</div></section>"
    )


def _side(repository: Repository, pull: Pull) -> str:
    marks = {"APPROVED": parts.GOOD, "CHANGES_REQUESTED": parts.BAD, "DISMISSED": parts.PLAIN}
    reviewers = [
        f"{parts.mark(marks[review.state])} {parts.person(login)}"
        for login, review in opinions(pull).items()
    ]
    reviewers += [f"{parts.mark(parts.WAIT)} {parts.person(login)}" for login in pull.requested]
    reviewers += [
        f"{parts.mark(parts.WAIT)} {escape(repository.owner)}/{escape(slug)}"
        for slug in pull.requested_teams
    ]
    return "".join(
        (
            parts.aside("Reviewers", reviewers),
            parts.aside("Assignees", [parts.person(login) for login in pull.assignees]),
            parts.aside("Labels", [parts.labels(repository, pull)] if pull.labels else []),
        )
    )


def _files(repository: Repository, trial: Trial) -> str:
    rows = diffs.files(repository.path, trial.base, trial.head)
    shown = [
        f'<div class="row"><details><summary><code>{escape(row.path)}</code> '
        f'<span class="dim">{row.status} · +{row.additions} &minus;{row.deletions}</span></summary>'
        f"{parts.patch(row.patch[:LONGEST_PATCH])}</details></div>"
        for row in rows[:MOST_FILES]
    ]
    if len(rows) > MOST_FILES:
        shown.append(f'<div class="row dim">and {len(rows) - MOST_FILES} more</div>')
    return (
        f'<section class="box" id="files"><header><strong>Files changed</strong> {len(rows)}'
        f"</header>{''.join(shown)}</section>"
    )
