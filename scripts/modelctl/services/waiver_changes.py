"""The waivers that a pull request adds or changes: each must be right, and approved by whom it
names.

The roles that the rules of the repository ask for are asked for beside this. A waiver that goes
away needs nothing more: what it waived blocks again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from modelctl.domain.electorate import Electorate, among
from modelctl.domain.flow_input import FlowInput
from modelctl.domain.policy import ApprovalRule
from modelctl.domain.reviews import PullRequest
from modelctl.domain.verdict import Finding, Outcome
from modelctl.domain.voices import hear
from modelctl.domain.waivers import Waiver
from modelctl.services.session import Session
from modelctl.services.waivers import (
    GATE,
    failed,
    find_case,
    objected,
    passed,
    problems_of,
    read_waiver,
    says,
    waiver_files,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What is to be said of the waivers that a change brings: findings, and who will be asked."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def judge_waivers(
    session: Session, proposal: FlowInput, pull_request: PullRequest | None, *, ask_reviews: bool
) -> Changed:
    """Judges the waivers that a change of the default branch adds or changes.

    They are judged by the rules of the trusted ref, so a change can't make its own waiver a good
    one. Elsewhere rules only arrive by a sync, and were judged before.
    """
    if proposal.branch != proposal.default_branch:
        return Changed()
    findings: list[Finding] = []
    sound: list[Waiver] = []
    kept = (change.path for change in proposal.rule_changes if change.after is not None)
    for path in waiver_files(kept):
        waiver, found = read_waiver(session, proposal.after, path)
        if waiver is not None and not found:
            found = tuple(objected(waiver, problems_of(session, waiver, (proposal.after,))))
            sound.extend(() if found else (waiver,))
        findings.extend(found)
    if not ask_reviews:
        findings.extend(passed(says(waiver)) for waiver in sound)
        notes = tuple(f"{w.file} needs the approval of {w.approved_by}" for w in sound)
        return Changed(findings=tuple(findings), notes=notes)
    for waiver in sound:
        findings.extend(_approved(session, waiver, proposal, pull_request))
    return Changed(findings=tuple(findings))


def _approved(
    session: Session, waiver: Waiver, proposal: FlowInput, pull_request: PullRequest | None
) -> Iterator[Finding]:
    """Whether the people whom a waiver names did what it says of them, on this pull request."""
    approver, place = waiver.approved_by, waiver.at("approved_by")
    missing = f"{waiver.file} says that {approver} approved it, and {approver} has not"
    if pull_request is None or not pull_request.complete:
        yield _undecided(waiver, "there are no reviews that show it")
        return
    electorate = _electorate(session, waiver, proposal, pull_request)
    problems = []
    if not electorate.is_involved(waiver.requested_by):
        message = (
            f"{waiver.file} says that {waiver.requested_by} asked for it, who neither opened the "
            "pull request nor wrote a commit of it"
        )
        mend = f"let {waiver.requested_by} open it, or name who did"
        problems.append(failed(waiver.at("requested_by"), message, mend))
    voices = hear(electorate)
    if not among(approver, (voice.login for voice in voices.counted)):
        why = [voice.reason for voice in voices.not_counted if among(approver, (voice.login,))]
        said = f": {approver} {why[-1]}" if why else ""
        found = failed(place, f"{missing}{said}", f"ask {approver} to approve the head")
        # Who said nothing yet is waited for, like anybody else whose approval is missing.
        problems.append(found if why else replace(found, outcome=Outcome.PENDING))
    yield from problems or (passed(f"{says(waiver)}, approved by {approver}"),)


def _electorate(
    session: Session, waiver: Waiver, proposal: FlowInput, pull_request: PullRequest
) -> Electorate:
    """Who may approve a waiver: the roles that may waive its gate, for the model's owners."""
    policy = session.policy
    gate, case = policy.gate(waiver.gate), find_case(session, waiver, (proposal.after,))
    owners: Sequence[str | None] = case.owners if case else ()
    return Electorate(
        pull_request=pull_request,
        rules=tuple(ApprovalRule(role=role) for role in (gate.waivable_by if gate else ())),
        roles=policy.roles,
        owners=owners or (None,),
    )


def _undecided(waiver: Waiver, why: str) -> Finding:
    return Finding(
        gate=GATE,
        outcome=Outcome.INCONCLUSIVE,
        message=f"{waiver.file} says that {waiver.approved_by} approved it, and {why}",
        location=waiver.at("approved_by"),
        mend="give the pull request with --reviews FILE, or judge without: --no-reviews",
    )
