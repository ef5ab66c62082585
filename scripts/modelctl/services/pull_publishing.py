"""Writes onto GitHub what was judged, so that it may be killed at any point and run again.

The check run is what counts, the rest is paperwork. So a success that no longer holds is taken back
first. Then come the comment, the labels and the requests for reviews; and last the check run with
its mark, which says that everything before it is done. Paperwork that fails is told and never keeps
the check run from being written. Nothing is written that is there already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from modelctl.domain.check_marks import NO_MARK, Mark, due, joint_facts, output_digest, parse_mark
from modelctl.domain.policy import Policy
from modelctl.domain.pull_labels import LabelChange, label_change, labels_of
from modelctl.domain.pulls import CHECK_NAME, CheckOutput, CheckState, PullSummary
from modelctl.domain.review_requests import Requests, requests
from modelctl.errors import ModelctlError
from modelctl.services.pull_judging import Bench, Look

if TYPE_CHECKING:
    from modelctl.adapters.github import CheckRun, GitHub


@dataclass(frozen=True, slots=True, kw_only=True)
class Paperwork:
    """What a pull request gets beside its check run."""

    body: str
    labels: LabelChange
    requests: Requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written, and what could not be, each as a sentence for people. `comment` is the id
    of the comment, where there is one alone, and `pull` what it stands on."""

    done: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    comment: int | None = None
    pull: int | None = None


def paperwork(look: Look, policy: Policy) -> Paperwork | None:
    """What a pull request is to get; None where nothing was judged."""
    if look.page is None or look.body is None:
        return None
    wanted = labels_of(look.page, policy.lifecycle)
    return Paperwork(
        body=look.body,
        labels=label_change(look.pull.labels, wanted, is_open=True),
        requests=_requests(look, policy),
    )


def _requests(look: Look, policy: Policy) -> Requests:
    """Nobody is asked while something has to be mended: the mend is a push, which would undo their
    approval. Nor for a draft, which its author hasn't offered yet."""
    page, reviewed = look.page, look.reviewed
    if page is None or reviewed is None or page.approvals is None:
        return Requests()
    if page.failing or look.pull.is_draft:
        return Requests()
    return requests(look.pull, reviewed, page.approvals, policy.roles)


def planned(output: CheckOutput, papers: Sequence[tuple[Look, Paperwork]]) -> Written:
    """What `publish` would write; whether the comment is there already isn't known."""
    done = [
        f"#{look.pull.number}: {what}"
        for look, paper in papers
        for what in ("comment", *(str(part) for part in (paper.labels, paper.requests) if part))
    ]
    return Written(done=(*done, f"check run: {output.title}"))


def publish(
    bench: Bench,
    looks: Sequence[Look],
    output: CheckOutput,
    papers: Sequence[tuple[Look, Paperwork]],
    *,
    refresh: bool = False,
) -> Written:
    """Writes a verdict: `output` on the commit that all `looks` are about, and the papers of the
    pull requests that still have it as their head.

    With `refresh` the mark is written anew where nothing else is, so that the next run sees by it
    that nothing changed since.

    Raises:
        ModelctlError, DependencyError: the check run could not be written.
    """
    checks, sha, mark = bench.github.checks, looks[0].pull.head, _mark(looks, output)
    standing = checks.own(sha, CHECK_NAME)
    before = parse_mark(standing.external_id) if standing else None
    if before is not None and before.is_later_than(mark.at, datetime.now(UTC)):
        return Written(left=("nothing was written: a later run has judged it already",))
    revoked = output.state is not CheckState.SUCCESS and _lets_through(standing)
    if revoked:
        standing = checks.publish(
            sha,
            CHECK_NAME,
            replace(output, annotations=()),
            external_id=NO_MARK,
            standing=standing,
            look=False,
        )
    written = _write_papers(bench.github, papers, _known(before, mark, papers))
    unsaid = standing is not None and not _says(standing, output.state)
    if revoked or unsaid or written.left or before is None or _differs(before, mark, refresh):
        # Without a mark the next run does all of it again.
        marked = replace(mark, comment=written.comment, pull=written.pull)
        external_id = NO_MARK if written.left else str(marked)
        checks.publish(
            sha, CHECK_NAME, output, external_id=external_id, standing=standing, look=False
        )
        return replace(written, done=(*written.done, f"check run: {output.title}"))
    return written


def _known(before: Mark | None, mark: Mark, papers: Sequence[tuple[Look, Paperwork]]) -> int | None:
    """The comment to be changed, where it is known and says something else. It is that of the one
    pull request that is written onto: another with this head had it before, and keeps its own."""
    if before is None or before.output == mark.output or len(papers) != 1:
        return None
    return before.comment if before.pull == papers[0][0].pull.number else None


def _lets_through(standing: CheckRun | None) -> bool:
    """GitHub takes a check that was skipped, or is neutral, for one that passed."""
    return standing is not None and standing.conclusion in ("success", "neutral", "skipped")


def _says(standing: CheckRun, state: CheckState) -> bool:
    """Whether the check run is still as we left it: GitHub turns one that waits for long stale."""
    return (standing.conclusion or standing.status) == state.value


def _mark(looks: Sequence[Look], output: CheckOutput) -> Mark:
    reports = [(look.page.report if look.page is not None else None, look.at) for look in looks]
    return Mark(
        facts=joint_facts(look.facts for look in looks),
        output=output_digest(output),
        at=min(look.at for look in looks),
        due=min(due(report, at) for report, at in reports),
    )


def _differs(before: Mark, after: Mark, refresh: bool) -> bool:
    """Whether the check run has to be written again."""
    stale = before.facts != after.facts or before.due <= after.at
    return before.output != after.output or (refresh and stale)


def _write_papers(
    github: GitHub, papers: Sequence[tuple[Look, Paperwork]], known: int | None
) -> Written:
    done: list[str] = []
    left: list[str] = []
    put: list[int] = []
    for look, paper in papers:
        for what, write in _writes(github, look.pull, paper, known, put).items():
            said = f"#{look.pull.number}: {what}"
            try:
                done.extend([said] if write() else [])
            except ModelctlError as error:
                left.append(f"{said}: {error}")
    told = Written(done=tuple(done), left=tuple(left))
    if len(papers) == len(put) == 1:
        return replace(told, comment=put[0], pull=papers[0][0].pull.number)
    return told


def _writes(
    github: GitHub, pull: PullSummary, paper: Paperwork, known: int | None, put: list[int]
) -> Mapping[str, Callable[[], bool]]:
    """Each piece of paperwork by what it is, with what writes it and says whether it had to. The
    comment's id comes into `put`."""
    labels, asked = paper.labels, paper.requests

    def comment() -> bool:
        found = github.comments.put(pull.number, paper.body, known=known)
        put.append(found.id)
        return found.is_new

    def label() -> bool:
        github.pulls.set_labels(pull, labels.add, labels.remove)
        return True

    def ask() -> bool:
        github.pulls.request_reviewers(pull.number, asked.people, asked.teams)
        return True

    found: dict[str, Callable[[], bool]] = {"comment": comment}
    if labels:
        found[str(labels)] = label
    if asked:
        found[str(asked)] = ask
    return found
