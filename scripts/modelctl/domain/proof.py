"""Whether a deployment on the ledger is proved by everything else that a clone holds.

The facts are gathered by `services/proofs.py`; here is only what follows from them. A proof that
lacks something is a problem: nothing is believed because nobody can tell otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from modelctl.domain.decisions import MANUAL
from modelctl.domain.electorate import among
from modelctl.domain.evidence import Signed
from modelctl.domain.history import JOB_KINDS, ROLLBACK, Deployment
from modelctl.domain.matching import match
from modelctl.domain.names import version_path
from modelctl.domain.policy import ApprovalRule, Role, Transition

_SECOND = timedelta(seconds=1)
"""The time of a deployment is that of a commit, which knows whole seconds only."""

OFFLINE_LIMITS = (
    "that the approvals were given on the forge, for that head: its reviews are not in git",
    "that the approvers were active members of the teams of their roles at that time",
    "approvals beyond those of the step, which gates and contracts asked for",
    "who wrote a commit by an address that names no account",
)
"""What no clone can prove, and so what isn't claimed."""


class Part(StrEnum):
    """What a deployment must have."""

    MANIFEST = "manifest"
    EVIDENCE = "evidence"
    APPROVALS = "approvals"
    PATH = "path"
    STATE = "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofProblem:
    """One thing that isn't proved: `file` is the place on the ledger or the branch."""

    file: str
    part: Part
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the environment's branch says at the commit that a deployment names."""

    version: str
    digest: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of the time: the step into the environment, and who held which role."""

    transition: Transition
    roles: Mapping[str, Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A deployment with all that a clone holds about it.

    `evidence` are the digests of the envelopes that it names, `envelopes` the ledger's statements
    by that digest, `before` the model's deployments that stand before it. `files` is path → object
    id at its commit, None where the commit isn't here; `digest` the sha256 of the manifest there.
    `on_branch` is whether the commit is among the branch's first parents. `rules` is a sentence
    where the rules of the time can't be told. `authors` are the accounts that commits name, where
    one merge alone brought the deployment; `owner` is the team that owned the model.
    `state_commit` is what it names, `recorded` what lies there, None where that isn't on the
    environment's branch.
    """

    place: str
    deployment: Deployment
    evidence: Sequence[str]
    envelopes: Mapping[str, Signed]
    before: Sequence[Deployment]
    files: Mapping[str, str] | None
    digest: str | None
    branch: str
    on_branch: bool
    rules: Rules | str
    owner: str | None
    state_commit: str | None
    recorded: Recorded | None
    authors: Collection[str] = ()


def prove(case: Case) -> tuple[ProofProblem, ...]:
    """Everything that the deployment lacks; empty when it is proved."""
    parts = (
        (Part.MANIFEST, _manifest(case)),
        (Part.EVIDENCE, _evidence(case)),
        (Part.APPROVALS, _approvals(case)),
        (Part.PATH, _path(case)),
        (Part.STATE, _state(case)),
    )
    return tuple(
        ProofProblem(file=case.place, part=part, message=message)
        for part, messages in parts
        for message in messages
    )


def _manifest(case: Case) -> Iterator[str]:
    """The manifest must lie at the commit as it was stated, and so must the model's other files."""
    one, commit = case.deployment, case.deployment.commit[:12]
    path = version_path(one.model, one.version)
    if case.files is None:
        yield f"commit {commit} is not here any more, and with it the manifest that was deployed"
        return
    if case.digest is None:
        yield f"there is no {path} at commit {commit}"
    elif case.digest != one.digest:
        yield f"{path} at commit {commit} has another sha256 ({case.digest[:12]})"
    if path not in one.files:
        yield f"it doesn't say which {path} was deployed"
    for file in sorted(case.files.keys() | one.files.keys()):
        there, stated = case.files.get(file), one.files.get(file)
        if one.files and there != stated:
            yield f"{file} at commit {commit} is {_short(there)}, not {_short(stated)} as stated"


def _evidence(case: Case) -> Iterator[str]:
    """Each envelope that was counted must be there, sound, about this manifest, and from before."""
    one = case.deployment
    for digest in case.evidence:
        signed = case.envelopes.get(digest)
        told = signed.statement if signed else None
        if signed is None or told is None:
            yield f"the evidence {digest[:12]} that it names is not on the ledger"
        elif signed.problem is not None or not _believed(signed):
            why = signed.problem or "its key may not sign it"
            yield f"the evidence in {signed.place} is not to be believed: {why}"
        elif told.kind in JOB_KINDS or told.digest != one.digest:
            yield f"{signed.place} is no evidence about this manifest"
        elif signed.seq > one.seq or told.made_at >= one.at + _SECOND:
            yield f"the evidence in {signed.place} was made after it"


def _believed(signed: Signed) -> bool:
    statement = signed.statement
    return statement is not None and any(
        key.past_objection(statement) is None for key in signed.keys
    )


def _approvals(case: Case) -> Iterator[str]:
    """The approvers that were recorded must have held the roles that the step asks for."""
    one = case.deployment
    if isinstance(case.rules, str):
        yield case.rules
        return
    roles = case.rules.roles
    for login in one.approvers:
        if not any(among(login, role.members_for(case.owner)) for role in roles.values()):
            yield f"{login} approved it, but held no role then{_whose(case)}"
        if among(login, case.authors):
            yield f"{login} approved it, and wrote a commit of it"
    # What was approved before needs nobody again: the path shows it. Nor does what gates decide.
    if one.kind == ROLLBACK or case.rules.transition.decision != MANUAL:
        return
    for name in _unfilled(case.rules.transition.approvals, roles, case):
        yield f"no approval by {name} is recorded{_whose(case)}"


def _unfilled(
    rules: Sequence[ApprovalRule], roles: Mapping[str, Role], case: Case
) -> Iterator[str]:
    """The roles that the recorded approvers leave empty, each person counted once."""
    names = [rule.role for rule in rules for _ in range(rule.count)]
    able = [sorted(_holders(roles.get(name), case)) for name in names]
    filled = match(able)
    yield from (name for index, name in enumerate(names) if index not in filled)


def _holders(role: Role | None, case: Case) -> Iterator[str]:
    """The recorded approvers who held a role then, and wrote nothing of what they approved."""
    members = role.members_for(case.owner) if role else frozenset()
    for login in case.deployment.approvers:
        if among(login, members) and not among(login, case.authors):
            yield login.lower()


def _whose(case: Case) -> str:
    return f" for the models of {case.owner}" if case.owner else ""


def _path(case: Case) -> Iterator[str]:
    """It must have come by the environment's branch, and from the environment before."""
    one = case.deployment
    if not case.on_branch:
        yield f"commit {one.commit[:12]} is not in the history of {case.branch}"
    if isinstance(case.rules, str):
        return
    same = [d for d in case.before if (d.version, d.digest) == (one.version, one.digest)]
    came_back = any(d.environment == one.environment for d in same)
    source = case.rules.transition.source
    if one.kind == ROLLBACK and not came_back:
        yield f"it goes back to {one.version}, which {one.environment} never served before"
    elif source is not None and not came_back and not any(d.environment == source for d in same):
        yield f"{source} never served {one.model}@{one.version} before"


def _state(case: Case) -> Iterator[str]:
    """The environment's branch must hold what was deployed, at the commit that is named."""
    one, found = case.deployment, case.recorded
    if case.state_commit is None:
        yield "it names no commit of the environment's branch"
    elif found is None:
        where = f"commit {case.state_commit[:12]}"
        yield f"{where} is not in the history of {one.environment}'s branch with a record of it"
    elif found != Recorded(version=one.version, digest=one.digest, commit=one.commit):
        yield (
            f"commit {case.state_commit[:12]} of {one.environment}'s branch records "
            f"{found.version} of commit {found.commit[:12]} instead"
        )


def _short(oid: str | None) -> str:
    return oid[:12] if oid else "missing"


def unrecorded(
    environment: str, model: str, now: Recorded | None, told: Recorded | None
) -> str | None:
    """Why what an environment's branch records now is not what the ledger tells last, or None."""
    if now == told:
        return None
    if now is None:
        return f"{environment} has no record of {model}, but the ledger's last word is a deployment"
    what = f"{environment} records {model}@{now.version} of commit {now.commit[:12]}"
    if told is None:
        return f"{what}, but no deployment of it there is on the ledger"
    return f"{what}, but the ledger's last word is {told.version} of commit {told.commit[:12]}"
