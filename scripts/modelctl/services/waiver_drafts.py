"""A waiver as it would be proposed: all that can be known is checked before it is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from modelctl.adapters.documents import dump, load
from modelctl.adapters.schema import validate
from modelctl.adapters.waiver_problems import waiver_problems
from modelctl.domain.electorate import among
from modelctl.domain.policy import Policy
from modelctl.domain.waivers import Waiver, waiver_document, waiver_path
from modelctl.domain.waiving import objections
from modelctl.errors import ModelctlError
from modelctl.services.pointers import Located
from modelctl.services.session import Session
from modelctl.services.waivers import find_case

_SCHEMA = "../../scripts/modelctl/schemas/waiver.schema.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody asks for. `approver` and `requested_by` are logins."""

    located: Located
    gate: str
    reason: str
    approver: str
    requested_by: str
    days: int
    environments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A waiver that would count once it is approved on `branch`: by its approver as one of `roles`,
    who fills a place of the role `counts_as` too, and by `others`, such as `1 platform`."""

    waiver: Waiver
    path: str
    text: str
    branch: str
    roles: tuple[str, ...]
    counts_as: str | None
    others: tuple[str, ...]


def draft(session: Session, request: Request) -> Draft:
    """The file for a request, valid from now on.

    Raises:
        ModelctlError: it would not count; every reason is told.
    """
    policy, waiver = session.policy, _waiver(session, request)
    text = dump(waiver_document(waiver), schema=_SCHEMA)
    document = load(text.encode(), waiver.file)
    problems = [
        *((f"{document.locate(p.path).path}: {p.message}", p.mend)
          for p in validate(document, "waiver")),
        *((p.message, p.mend) for p in waiver_problems(policy, (document,))),
    ]  # fmt: skip
    if not problems:
        case = find_case(session, waiver, (request.located.tree,))
        found = objections(waiver, policy, case, session.now) if case else ()
        problems = [(problem.message, problem.mend) for problem in found]
    if problems:
        message = "; ".join(message for message, _ in problems)
        raise ModelctlError(f"such a waiver would not count: {message}", mend=problems[0][1])
    gate, counts_as = policy.gate(waiver.gate), _fills(policy, waiver.approved_by)
    return Draft(
        waiver=waiver,
        path=waiver.file,
        text=text,
        branch=policy.lifecycle.default_branch,
        roles=gate.waivable_by if gate else (),
        counts_as=counts_as,
        others=tuple(_others(policy, counts_as)),
    )


def _fills(policy: Policy, approver: str) -> str | None:
    """The role of the approvals that every change of the rules needs, which the approver holds."""
    rules = (rule.role for rule in policy.rule_approvals if rule.role in policy.roles)
    held = (role for role in rules if among(approver, policy.roles[role].members_for(None)))
    return next(held, None)


def _others(policy: Policy, counts_as: str | None) -> Iterator[str]:
    """The approvals of the rules that are still asked for."""
    for rule in policy.rule_approvals:
        count = rule.count - (rule.role == counts_as)
        if count:
            yield f"{count} {rule.role}"


def _waiver(session: Session, request: Request) -> Waiver:
    located, begins = request.located, session.now.replace(microsecond=0)
    version = str(located.version.version)
    return Waiver(
        file=waiver_path(located.model, version, request.gate),
        model=located.model,
        version=version,
        digest=located.digest,
        gate=request.gate,
        environments=request.environments,
        reason=request.reason,
        requested_by=request.requested_by,
        approved_by=request.approver,
        created_at=begins,
        expires=begins + timedelta(days=request.days),
    )
