"""Checks pull requests: reads them from GitHub, judges them, and writes onto them what came of it.

A check run belongs to a commit and not to a pull request. So all open pull requests with the same
head are judged together, and the check run says the worst of any branch: else a commit that may go
into one would be let into another.

Anybody can open any number of those from forks, so no more than some of each branch are looked at.
That is no way in: the best of a branch counts, so one that isn't seen could only make it better.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from modelctl.domain.check_marks import NO_MARK, joint_facts, parse_mark
from modelctl.domain.checked import Checked
from modelctl.domain.policy import Policy
from modelctl.domain.pulls import CHECK_NAME, PullSummary
from modelctl.errors import ConflictError, DependencyError, ModelctlError
from modelctl.report.pull_verdicts import joint, undecided
from modelctl.services.pull_heads import fetch
from modelctl.services.pull_judging import Bench, Look, facts_of, is_governed, look_at
from modelctl.services.pull_publishing import paperwork, planned, publish
from modelctl.services.session import Session

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub

_TRIES = 3
"""So often a pull request is looked at when it moves under our eyes, and so many of one head are
tried when they can't be decided."""

_MOST = 10
"""So many open pull requests of one head are looked at for each branch."""


def check_pull(session: Session, github: GitHub, number: int, *, dry_run: bool = False) -> Checked:
    """Judges a pull request and writes the verdict onto it.

    Whatever keeps it from being decided ends as a check run that says so, and in `error`.

    Raises:
        ModelctlError, DependencyError: there is no such pull request, or not even that could be
            written.
    """
    bench = Bench(session=session, github=github)
    return _check(bench, github.pulls.get(number), dry_run=dry_run)


def check_pulls(
    session: Session,
    github: GitHub,
    pulls: Sequence[PullSummary],
    *,
    dry_run: bool = False,
    only_changed: bool = False,
) -> Iterator[Checked]:
    """The same for several, one after the other; one that fails doesn't keep the others.

    Of those with the same head one is judged, and the others with it.

    With `only_changed` those are passed over of which nothing changed since they were judged. That
    is told by one look at the check run of each (see `modelctl.domain.check_marks`).
    """
    bench = Bench(session=session, github=github)
    # One may be gone by now; each fetches its own where this fails, and tells what is wrong.
    with suppress(ModelctlError):
        fetch(session, pulls)
    over: dict[str, str] = {}
    failed: Counter[str] = Counter()
    for pull in pulls:
        head = pull.head
        try:
            if only_changed and head not in over and _stands(bench, _of(pulls, head)):
                over[head] = "nothing changed since it was judged"
            if head in over:
                yield Checked(pull=pull, skipped=over[head])
                continue
            # One that was read by itself was read just now; those of a list may be old.
            read = pull if pull.commits is not None else github.pulls.get(pull.number)
            done = _check(bench, read, dry_run=dry_run, refresh=only_changed)
        except ModelctlError as error:
            done = Checked(pull=pull, error=error)
        failed[head] += done.error is not None
        if done.skipped is None and (done.error is None or failed[head] >= _TRIES):
            over[done.pull.head] = f"it has the same head as #{pull.number}, and its verdict"
        yield done


def _of(pulls: Sequence[PullSummary], head: str) -> list[PullSummary]:
    return [pull for pull in pulls if pull.head == head]


def tell_undecided(
    github: GitHub, pull: PullSummary, error: Exception, *, dry_run: bool = False
) -> Checked:
    """Writes that a pull request could not be decided; nothing of an unforeseen error's text, which
    may hold a secret. That it could not be written either is in `left`."""
    output = undecided(error)
    left: tuple[str, ...] = ()
    if not pull.is_open:
        return Checked(pull=pull, error=_ours(error))
    try:
        if not dry_run:
            github.checks.publish(pull.head, CHECK_NAME, output, external_id=NO_MARK)
    except ModelctlError as failure:
        left = (f"check run: {failure}",)
    done = () if left else (f"check run: {output.title}",)
    return Checked(pull=pull, output=output, written=done, left=left, error=_ours(error))


def _ours(error: Exception) -> ModelctlError:
    if isinstance(error, ModelctlError):
        return error
    ours = DependencyError(
        f"this is a bug in modelctl: {type(error).__name__}",
        mend="run it again with --debug and report what it prints",
    )
    ours.__cause__ = error
    return ours


def _stands(bench: Bench, pulls: Sequence[PullSummary]) -> bool:
    """Whether the verdict on a commit, which is the head of these, needs no second look."""
    run = bench.github.checks.own(pulls[0].head, CHECK_NAME)
    mark = parse_mark(run.external_id) if run is not None else None
    facts = joint_facts(facts_of(bench.session, pull) for pull in pulls)
    touched = max(pull.updated_at for pull in pulls)
    return mark is not None and mark.holds(facts, datetime.now(UTC), touched)


def _check(
    bench: Bench, pull: PullSummary, *, dry_run: bool = False, refresh: bool = False
) -> Checked:
    if not pull.is_open:
        return Checked(pull=pull, skipped="it is merged" if pull.is_merged else "it is closed")
    try:
        look = _look(bench, pull, around=True)
        return _conclude(bench, look, dry_run=dry_run, refresh=refresh)
    except Exception as error:  # noqa: BLE001 - told on the pull request, and to the caller
        return tell_undecided(bench.github, pull, error, dry_run=dry_run)


def _look(bench: Bench, pull: PullSummary, *, around: bool = False) -> Look:
    """A look at a pull request; another one when it moved meanwhile."""
    for _ in range(_TRIES - 1):
        try:
            return look_at(bench, pull, around=around)
        except ConflictError:
            pull = bench.github.pulls.get(pull.number)
    return look_at(bench, pull, around=around)


def _conclude(bench: Bench, look: Look, *, dry_run: bool, refresh: bool) -> Checked:
    """Writes what one look saw, together with those at other pull requests of the same commit."""
    if look.output is None:
        return Checked(pull=look.pull, skipped="it was closed meanwhile")
    pull = look.pull
    found = bench.github.pulls.with_head(pull.head) if look.beside is None else look.beside
    others, unseen = _others(bench, look, [one for one in found if one.number != pull.number])
    seen = [look, *others]
    output = joint([(o.pull, o.output) for o in seen if o.output], [o.pull.number for o in unseen])
    # Whoever pushed meanwhile made this an old verdict: it stays on the commit that it is about,
    # and the pull request hears of the newer one alone.
    is_listed = any(one.number == pull.number for one in found)
    told = seen if is_listed or _is_current(bench, pull) else others
    papers = [(one, paper) for one in told if (paper := paperwork(one, bench.session.policy))]
    if dry_run:
        written = planned(output, papers)
    else:
        written = publish(bench, [*seen, *unseen], output, papers, refresh=refresh)
    return Checked(
        pull=pull,
        output=output,
        report=look.page.report if look.page is not None else None,
        body=look.body,
        written=written.done,
        left=written.left,
    )


def _others(
    bench: Bench, look: Look, found: Sequence[PullSummary]
) -> tuple[list[Look], list[Look]]:
    """The looks at the others with the same head, and those that are passed over, with nothing but
    what is known of them without a look.

    Raises:
        ConflictError: of a branch all that were looked at moved, and others are left.
    """
    policy = bench.session.policy
    left = Counter({_into(policy, look.pull): _MOST - 1})
    looks: list[Look] = []
    unseen: list[PullSummary] = []
    # Whoever opens one from no fork may write to this repository.
    for one in sorted(found, key=lambda one: (one.is_fork, one.number)):
        into = _into(policy, one)
        if left.setdefault(into, _MOST) > 0:
            left[into] -= 1
            looks.append(_twin(bench, one))
        else:
            unseen.append(one)
    seen = [one for one in looks if one.pull.head == look.pull.head and one.output]
    judged = {_into(policy, one.pull) for one in (look, *seen)}
    missing = [one for one in unseen if _into(policy, one) not in judged]
    if missing:
        raise ConflictError(
            f"the pull requests with this commit into {missing[0].base} go on moving",
            mend=f"close those that are not needed, such as #{missing[0].number}",
        )
    facts = ((one, facts_of(bench.session, one)) for one in unseen)
    return seen, [Look(pull=one, at=look.at, facts=known) for one, known in facts]


def _into(policy: Policy, pull: PullSummary) -> str | None:
    """The branch that a pull request is counted for; None for all that are never judged."""
    return pull.base if is_governed(policy, pull.base) else None


def _twin(bench: Bench, pull: PullSummary) -> Look:
    """A look at another one with the same head. One that can't be decided blocks its branch alone,
    and that only while no other one into it passes; without facts, it is looked at again soon."""
    try:
        return _look(bench, pull)
    except Exception as error:  # noqa: BLE001 - told in the check run
        return Look(pull=pull, at=datetime.now(UTC), output=undecided(error))


def _is_current(bench: Bench, pull: PullSummary) -> bool:
    """Whether a pull request that isn't listed by its head is open and has it all the same: GitHub
    takes a moment to list a new one."""
    now = bench.github.pulls.get(pull.number)
    return now.is_open and now.head == pull.head
