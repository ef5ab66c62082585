"""How a figure is judged: by the product's own gates, approvals and reader, given a value of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from modelctl.adapters.documents import dump, load as load_document
from modelctl.adapters.policies import PolicyError, load_policy
from modelctl.domain.approvals import ApprovalState, approvals
from modelctl.domain.candidate import Candidate
from modelctl.domain.policy import ApprovalRule, Policy
from modelctl.domain.reviews import PullRequest, Review, User
from modelctl.domain.verdict import Finding
from modelctl.domain.waivers import Waiver
from modelctl.gates import judge
from modelctl.gates.approvals import required_approvals
from reference_pages.profiles import Place, Row
from support.judging import DIGEST
from support.keys import NOW
from support.profile_plans import by_calendar, by_plan, by_retention, by_trigger
from support.profiles import COMMIT, Said, files, is_own, place, policy
from support.situations import on_its_way, put, situation
from support.trees import MemoryTree
from support.world import MODEL

HEAD = "a" * 40


def said(row: Row, side: str, found: Policy | None = None) -> Said:
    """What the profile of a row says `inside` or `outside` its figure; or what another policy does.

    Raises:
        LookupError: the policy says nothing at the row's line.
    """
    return JUDGES[row.how["judge"]](found or policy(row.figure.source), row, row.how.get(side, ...))


def told_apart(row: Row, found: Policy) -> bool:
    """Whether a policy lets what is inside of the figure be, and not what is outside."""
    return said(row, "inside", found).lets and not said(row, "outside", found).lets


def by_gates(found: Policy, row: Row, value: Any) -> Said:
    """The findings at the row's line, and what blocks in the other gates of the profile."""
    here = situation()
    varied = {} if value is ... else {row.how["vary"]: value}
    for path, given in {**row.how.get("given", {}), **varied}.items():
        put(here, path, given)
    candidate, facts = on_its_way(here, row.how["to"], found)
    findings, where = judge(candidate, found, facts).findings, place(row)
    own = [finding for finding in findings if _stands_at(finding, row, where)]
    if not own:
        raise LookupError(f"nothing was found by {where.location}")
    others = [f for f in findings if f.outcome.blocks and f not in own]
    mine = {gate.name for gate in found.gates if is_own(row.figure.source, gate.location.file)}
    return Said(
        lets=not any(finding.outcome.blocks for finding in own),
        others=tuple(f"{f.gate}: {f.message}" for f in others if f.gate in mine),
    )


def _stands_at(finding: Finding, row: Row, where: Place) -> bool:
    """A rule's finding names its line; those of a check only the gate, and so does `gate` of a row
    whose figure stands in another file."""
    if "gate" in row.how:
        return bool(finding.gate == row.how["gate"])
    _, gate, *rest = where.path
    is_rule = rest[:1] == ["require"]
    return finding.gate == gate and (not is_rule or finding.policy == where.location)


def by_approvals(found: Policy, row: Row, value: Any) -> Said:
    """So many people of the row's role approve, and as many of every other role as are asked."""
    where = place(row)
    role = where.document.value((*where.path[:-1], "role"))
    candidate, _ = on_its_way(situation(), row.how["to"], found)
    rules = required_approvals(found, [candidate])
    if role not in _roles(rules):
        raise LookupError(f"{role} isn't asked at {where.location}")
    state = _reviewed(found, candidate, {**_everybody(rules), role: value})
    missing = {one.role for one in state.missing}
    return Said(lets=role not in missing, others=tuple(missing - {role}))


def by_decision(found: Policy, row: Row, value: Any) -> Said:
    """A version of the row's tier, with or without approvals, an objection, a gate that is waived.

    `value` has `approved` (else only those that other rules ask for approve), `objected` and
    `waived`; what is left out is not so.
    """
    here = situation()
    put(here, "model.tier", place(row).path[-1])
    if value.get("waived"):
        put(here, row.how["vary"], row.how["fails"])
        found = replace(found, waivers=(_waiver(row.how["gate"]),))
    candidate, facts = on_its_way(here, row.how["to"], found)
    rules = required_approvals(found, [candidate])
    unasked = () if value.get("approved") else candidate.transition.approvals
    given = {role: n for role, n in _everybody(rules).items() if role not in _roles(unasked)}
    state = _reviewed(found, candidate, given, objects=value.get("objected", False))
    blocked = any(f.outcome.blocks for f in judge(candidate, found, facts).findings)
    return Said(lets=state.satisfied and not blocked)


def _roles(rules: Sequence[ApprovalRule]) -> set[str]:
    return {rule.role for rule in rules}


def _everybody(rules: Sequence[ApprovalRule]) -> dict[str, int]:
    return {rule.role: rule.count for rule in rules}


def _reviewed(
    found: Policy, candidate: Candidate, given: Mapping[str, int], *, objects: bool = False
) -> ApprovalState:
    """The approvals of a pull request that so many people of each role approved.

    `objects` lets an ML lead request changes.
    """
    votes = [(f"{role}-{n}", "APPROVED") for role, count in given.items() for n in range(count)]
    votes += [("ml-lead-3", "CHANGES_REQUESTED")] if objects else []
    reviews = tuple(
        Review(user=User(id=100 + n, login=login), state=state, commit=HEAD, at=NOW)
        for n, (login, state) in enumerate(votes)
    )
    author = User(id=1, login="author")
    request = PullRequest(number=1, author=author, base="main", head=HEAD, reviews=reviews)
    rules = required_approvals(found, [candidate])
    return approvals(request, rules, found.roles, [candidate.model.owner])


def _waiver(gate: str) -> Waiver:
    return Waiver(
        file="policies/waivers/one.yaml",
        model=MODEL,
        version="1.1.0",
        digest=DIGEST,
        gate=gate,
        reason="The holdout was relabelled.",
        requested_by="ml-team-0",
        approved_by="ml-lead-0",
        created_at=NOW - timedelta(days=1),
        expires=NOW + timedelta(days=1),
    )


def by_stages(found: Policy, row: Row, value: Any) -> Said:
    """Whether these, and no others, are the stages, and the reader takes each for a version."""
    stages = [stage.name for stage in found.lifecycle.stages]
    taken = [stage for stage in value if _takes(row, stage)]
    return Said(lets=taken == value == stages)


def _takes(row: Row, stage: str) -> bool:
    own, path = files(row.figure.source), f"policies/{row.line.file}"
    edited = {**load_document(own[path], path).data, "initial_stage": stage}
    try:
        load_policy(MemoryTree({**own, path: dump(edited).encode()}), COMMIT)
    except PolicyError:
        return False
    return True


JUDGES: Mapping[str, Callable[[Policy, Row, Any], Said]] = {
    "approvals": by_approvals,
    "calendar": by_calendar,
    "decision": by_decision,
    "gate": by_gates,
    "plan": by_plan,
    "retention": by_retention,
    "stages": by_stages,
    "trigger": by_trigger,
}
"""How a row may be judged; see the functions."""
