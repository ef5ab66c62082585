"""Opens the pull request of a waiver that somebody asked for in a comment.

It is a proposal like any other: nothing is waived before the person whom it names has approved it
and it is merged. Its commit is by the person who asked, whose own approval counts for nothing then.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelctl.adapters.git import Author
from modelctl.adapters.github.failures import RefusedError
from modelctl.domain.comment_commands import Waive
from modelctl.domain.pulls import PullSummary
from modelctl.domain.reviews import User
from modelctl.domain.waivers import Waiver
from modelctl.report import replies
from modelctl.services.pointers import locate_exactly
from modelctl.services.proposing import Wanted, open_pull, push
from modelctl.services.pull_heads import bring
from modelctl.services.session import Session
from modelctl.services.waiver_drafts import Draft, Request, draft
from modelctl.services.waivers import read_waiver

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub

USUAL_DAYS = 14
"""For so long a waiver is asked for where nobody says, or for as long as the policy allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A waiver that `author` asks for, of a `version` (`model@version`) that `pull` brings."""

    command: Waive
    version: str
    author: User
    pull: PullSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The pull request of a waiver; `draft` is the file as it would be written now.

    `is_new` is whether this run wrote it there; `note` says what its branch had before.
    """

    pull: PullSummary
    draft: Draft
    is_new: bool
    note: str | None = None


def ask_for_waiver(session: Session, github: GitHub, asked: Asked) -> Opened:
    """The open pull request of the waiver, opened where there is none.

    One that is open stays as it is: whoever wants another waiver of the same gate closes it first.
    Anybody may open one from such a branch, or push to it: it has to be one that was asked for, and
    to bring this waiver and nothing else.

    Raises:
        ModelctlError: it would not count, and why.
        DependencyError: the remote or GitHub can't be reached.
    """
    made = draft(session, _request(session, asked))
    waiver = made.waiver
    title = f"Waive {waiver.gate} for {waiver.name}"
    wanted = Wanted(
        branch=f"waiver/{waiver.model}/{waiver.version}/{waiver.gate}",
        target=made.branch,
        files={made.path: made.text.encode()},
        message=f"{title}\n\nAsked for in #{asked.pull.number}.\n",
        author=_author(asked.author),
    )
    found = _open_already(session, github, wanted, made)
    if found is not None:
        return Opened(pull=found, draft=made, is_new=False)
    body = replies.waiver_body(waiver, made.others, asked.pull.number)
    pushed = push(session, wanted)
    opened = open_pull(github, pushed, title, body)
    # Who can't be asked so is named in the text; the waiver says whose approval it needs.
    with suppress(RefusedError):
        github.pulls.request_reviewers(opened.pull.number, [waiver.approved_by], [])
    return Opened(pull=opened.pull, draft=made, is_new=True, note=pushed.note)


def _open_already(
    session: Session, github: GitHub, wanted: Wanted, made: Draft
) -> PullSummary | None:
    """One of ours, whoever asked for it, from one of the branches that it could be on."""
    named = re.compile(rf"{re.escape(wanted.branch)}(-\d+)?")
    for pull in github.pulls.open(base=made.branch):
        if pull.is_fork or not named.fullmatch(pull.branch):
            continue
        ours = pull.author.id == github.people.me().id
        if ours and _asks_for(session, github, pull, made):
            return pull
    return None


def _asks_for(session: Session, github: GitHub, pull: PullSummary, made: Draft) -> bool:
    """Whether a pull request brings a waiver of the same gate and the same bytes, and no more."""
    pull, repository = bring(session, github, pull), session.repository
    start = repository.merge_base(session.branch_tip(made.branch), pull.head)
    if not pull.is_open or start is None:
        return False
    after = repository.tree(pull.head)
    if [change.path for change in repository.changes(repository.tree(start), after)] != [made.path]:
        return False
    waiver, findings = read_waiver(session, after, made.path)
    return waiver is not None and not findings and _about(waiver) == _about(made.waiver)


def _about(waiver: Waiver) -> tuple[str, ...]:
    return waiver.model, waiver.version, waiver.digest, waiver.gate


def _request(session: Session, asked: Asked) -> Request:
    command, longest = asked.command, session.policy.waiver_limits.longest
    return Request(
        located=locate_exactly(session, asked.version, ref=asked.pull.head),
        gate=command.gate,
        reason=command.reason,
        approver=command.approver,
        requested_by=asked.author.login,
        days=command.days or max(1, min(USUAL_DAYS, longest.days)),
        environments=command.environments,
    )


def _author(user: User) -> Author:
    """The account, by the address that names it and nobody's mailbox."""
    return Author(name=user.login, email=f"{user.id}+{user.login}@users.noreply.github.com")
