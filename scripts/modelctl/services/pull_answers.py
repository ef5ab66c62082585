"""Answers the commands that people write in comments of pull requests.

The comment is read by its id: who wrote it and what it says now is what GitHub tells, never an
event. Only people who hold a role for the models in question are answered; others get a reaction
and nothing else, machines not even that. An answer quotes nothing of the comment. It is one reply
for each comment, found again by the comment's id, so that a command which comes twice is done once.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from modelctl.adapters.github.failures import RefusedError
from modelctl.domain.check_marks import digest_of
from modelctl.domain.checked import Checked
from modelctl.domain.comment_commands import Check, Command, Explain, Mistake, Waive
from modelctl.domain.electorate import Electorate
from modelctl.domain.pulls import Comment, PullSummary
from modelctl.domain.reviews import PullRequest, User
from modelctl.errors import DependencyError, ModelctlError
from modelctl.report import replies
from modelctl.report.pull_checks import waiting
from modelctl.services.checking import judge_change
from modelctl.services.pull_heads import bring
from modelctl.services.pull_judging import Bench, active_teams, is_governed, with_teams
from modelctl.services.pull_requests import check_pull
from modelctl.services.pull_scope import Scope, scope_of_pull
from modelctl.services.session import Session
from modelctl.services.waiver_pulls import Asked, ask_for_waiver

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of a comment: a sentence for the log, and the check where one was asked for."""

    pull: int
    what: str
    checked: Checked | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A command of somebody who has a say, on a pull request whose head is here."""

    session: Session
    github: GitHub
    comment: Comment
    author: User
    pull: PullSummary
    scope: Scope


def answer(session: Session, github: GitHub, comment: Comment, command: Command) -> Answered:
    """Does what a comment asks for, and tells its author.

    Raises:
        ModelctlError: it stands on no pull request, or GitHub refuses.
        DependencyError: it could not be done; it may be tried again.
    """
    author, number = comment.author, comment.pull
    if author is None or author.is_bot:
        return Answered(pull=number, what="nothing: no person wrote it")
    pull = bring(session, github, github.pulls.get(number))
    if not pull.is_open:
        return Answered(pull=number, what="nothing: the pull request is closed")
    scope = scope_of_pull(session, pull)
    if not _has_say(Bench(session=session, github=github), author, pull, scope):
        github.comments.react(comment.id, "-1")
        return Answered(pull=number, what=f"refused: {author.login} holds no role for it")
    question = _Question(
        session=session, github=github, comment=comment, author=author, pull=pull, scope=scope
    )
    if isinstance(command, Check):
        return _check(question)
    return _reply(question, command)


def _has_say(bench: Bench, author: User, pull: PullSummary, scope: Scope) -> bool:
    """Whether somebody holds any role for the models that a pull request touches, as an active
    member of the role's team where that can be seen."""
    roles = bench.session.policy.roles
    teams = active_teams(bench, (author.login,), roles)
    nobody = PullRequest(
        number=pull.number,
        author=pull.author,
        base=pull.base,
        head=pull.head,
        reviews=(),
        active_teams=MappingProxyType(dict(teams)),
    )
    electorate = Electorate(pull_request=nobody, rules=(), roles=roles, owners=scope.owners)
    return electorate.has_voice(author.login)


def _check(question: _Question) -> Answered:
    """The verdict is the answer, in its own place; a reaction says that it is there."""
    checked = check_pull(question.session, question.github, question.pull.number)
    undecided = checked.error is not None
    question.github.comments.react(question.comment.id, "confused" if undecided else "+1")
    return Answered(pull=question.pull.number, what="checked", checked=checked)


def _reply(question: _Question, command: Command) -> Answered:
    github, comment, number = question.github, question.comment, question.pull.number
    marker = f"<!-- modelctl:answer:{comment.id} -->"
    word = f"<!-- {digest_of((comment.body,))} -->"
    before = github.comments.own(number, marker)
    if before is not None and word in before.body:
        return Answered(pull=number, what="nothing: it was answered before")
    text, understood = _said(question, command)
    github.comments.upsert(number, f"{marker}\n{word}\n{text}", marker)
    github.comments.react(comment.id, "+1" if understood else "confused")
    return Answered(pull=number, what="answered" if understood else "told what is wrong with it")


def _said(question: _Question, command: Command) -> tuple[str, bool]:
    """What to reply, and whether that is what was asked for."""
    try:
        match command:
            case Explain():
                return _explained(question, command), True
            case Waive():
                return _waived(question, command), True
            case Mistake():
                return replies.mistaken(command.message), False
        return replies.helped(), True
    except (DependencyError, RefusedError):  # GitHub's word to the job is no answer to the asker
        raise
    except ModelctlError as error:
        return replies.refused(error), False


def _explained(question: _Question, command: Explain) -> str:
    session, pull = question.session, question.pull
    report = None
    if is_governed(session.policy, pull.base):
        tip, bench = session.branch_tip(pull.base), Bench(session=session, github=question.github)
        reviewed = with_teams(
            bench, question.github.pulls.reviewed(pull), rules=not question.scope.models
        )
        judged = judge_change(session, tip, pull.head, target=pull.base, pull_request=reviewed)
        state = judged.approvals
        waits = state is not None and not (state.blocking or state.obstacles)
        report = waiting(judged.report) if waits else judged.report
    return replies.explained(
        session.policy,
        session.policy.lifecycle.to_branch(pull.base),
        command.gate,
        report,
        repository=question.github.web_url,
    )


def _waived(question: _Question, command: Waive) -> str:
    if question.comment.is_edited:
        raise ModelctlError(
            "the comment was edited, perhaps not by its author, so nobody asks for a waiver by it",
            mend="write the command into a new comment",
        )
    asked = Asked(
        command=command,
        version=_version(command, question.scope),
        author=question.author,
        pull=question.pull,
    )
    opened = ask_for_waiver(question.session, question.github, asked)
    made = opened.draft
    return replies.opened(
        opened.pull.number, made.waiver, made.others, is_new=opened.is_new, note=opened.note
    )


def _version(command: Waive, scope: Scope) -> str:
    """The version that a waiver is asked for: one that the pull request releases."""
    if command.version in scope.releases:
        return str(command.version)
    if command.version is None and len(scope.releases) == 1:
        return scope.releases[0]
    if not scope.releases:
        raise ModelctlError(
            "this pull request releases no version, so there is nothing to waive a gate for",
            mend="ask for it on the pull request that brings the version",
        )
    listed = ", ".join(scope.releases[:20])
    raise ModelctlError(
        "name the version that is meant: one that this pull request releases",
        mend=f"write /modelctl waive MODEL@VERSION …, with one of: {listed}",
    )
