"""Writes what an environment's branch says onto the ledger: one signed statement each.

Only what this run has decided is signed, and only where the state branch holds exactly that: what
else lies there may be anybody's. The statement is made from the commit that wrote it: its time, the
record beside the manifests, and the evidence that was there at that time. So two jobs that record
the same deployment write the same bytes, and the ledger keeps them once. A deployment comes in one
commit with the quarantine of what merged rollbacks took out before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from modelctl.adapters.signing import sign
from modelctl.adapters.signing_keys import Signer
from modelctl.domain.evidence import Signed, Statement
from modelctl.domain.facts import figures
from modelctl.domain.history import DEPLOYMENT, JOB_KINDS, QUARANTINE, deployments
from modelctl.domain.manifest import ModelVersion
from modelctl.domain.names import MODELS, version_path
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.tree import Commit, Tree
from modelctl.errors import ModelctlError
from modelctl.services.accounted import same, told
from modelctl.services.candidates import read_version
from modelctl.services.deciding import Decision
from modelctl.services.evidence import signer_key
from modelctl.services.session import MACHINE, Session
from modelctl.services.state import readable_record

_RECENT = timedelta(hours=1)
"""How old the time of a state commit may be to be believed: much longer than a deploy takes, much
shorter than any soak, since whoever may push the branch can date a commit as he likes."""


def require_key(session: Session, transition: Transition, signer: Signer) -> None:
    """Makes sure that what is deployed now can be recorded afterwards.

    Raises:
        ModelctlError: the policy doesn't know the key, or it may not sign deployments there, or
            the quarantines that those bring which go back.
    """
    key = signer_key(session, signer)
    for kind in (DEPLOYMENT, QUARANTINE):
        coming = Statement(
            kind=kind,
            subject="",
            digest="",
            made_at=session.now,
            environment=transition.environment,
            predicate={},
        )
        if (objection := key.objection(coming, session.now)) is not None:
            mend = "sign with a key that may, or widen it in the policy"
            raise ModelctlError(objection, mend=mend)


def record_deployments(
    session: Session,
    transition: Transition,
    state: str | None,
    decided: Iterable[Decision],
    signer: Signer,
) -> int:
    """Appends each decided deployment that the state holds and the ledger lacks; how many entries.

    A job that was killed after the state was written leaves some behind: they are recorded where
    the next one, judging again, decides the same.
    """
    missing = list(_missing(session, transition, state, decided)) if state else []
    batch: dict[str, list[bytes]] = {}
    for commit, one, decision in missing:
        deployed = _statement(session, transition, commit, one)
        all_of_it = (deployed, *_quarantines(deployed, decision))
        batch.setdefault(one.model, []).extend(sign(statement, signer) for statement in all_of_it)
    if batch:
        session.ledger.append_all(batch, author=MACHINE, at=session.now)
    return sum(map(len, batch.values()))


def _quarantines(deployed: Statement, decision: Decision) -> Iterator[Statement]:
    """What a deployment says of the versions that rollbacks took out before it."""
    for before, way in decision.taken_out:
        by = f" by #{way.pull_request}" if way.pull_request is not None else ""
        yield replace(
            deployed,
            kind=QUARANTINE,
            subject=version_path(before.model, before.version),
            digest=before.digest,
            predicate={
                "reason": f"rolled back to {way.version}{by}",
                "version": before.version,
                "commit": way.commit,
            },
        )


def _missing(
    session: Session, transition: Transition, state: str, decided: Iterable[Decision]
) -> Iterator[tuple[Commit, RenderRequest, Decision]]:
    """The unrecorded deployments, each with the commit that wrote it."""
    tree = session.repository.tree(state)
    for decision in decided:
        one = decision.request
        if one is None or (one.commit, one.digest) in _on_ledger(
            session, one.model, transition.environment
        ):
            continue
        if same(readable_record(tree, one.model), one):  # else another deploy was faster
            yield _writing(session, state, one.model), one, decision


def _writing(session: Session, state: str, model: str) -> Commit:
    """The commit that made the model's folder what it is: the first that holds these very bytes."""
    repository = session.repository
    folder = repository.tree(state).subtree(model)
    found = repository.commit(state)
    for commit in repository.first_parents(state):
        if repository.tree(commit.tree).subtree(model) != folder:
            break
        found = commit
    return found


def _on_ledger(session: Session, model: str, environment: str) -> set[tuple[str, str]]:
    return {
        (d.commit, d.digest)
        for d in deployments(session.signed(model))
        if d.environment == environment
    }


def _statement(
    session: Session, transition: Transition, commit: Commit, one: RenderRequest
) -> Statement:
    at = datetime.fromtimestamp(commit.at, UTC)
    if abs(session.now - at) > _RECENT:
        at = session.now
    tree = session.repository.tree(one.commit)
    version = read_version(tree, one.model, one.version)
    proofs = [s for s in session.signed(one.model) if _counts(s, one.digest, at)]
    predicate: dict[str, Any] = {
        **told(one),
        "branch": transition.to_branch,
        "stage": transition.stage,
        "state_commit": commit.sha,
        "files": _files(tree, one.model),
        "evidence": [s.envelope_digest for s in proofs],
        "metrics": _metrics(proofs),
        **(_snapshot(version) if version else {}),
    }
    return Statement(
        kind=DEPLOYMENT,
        subject=version_path(one.model, one.version),
        digest=one.digest,
        made_at=at,
        environment=transition.environment,
        predicate=predicate,
    )


def _counts(signed: Signed, digest: str, at: datetime) -> bool:
    """Whether this is believed evidence about the version that was there at that time."""
    statement = signed.statement
    return (
        signed.problem is None
        and statement is not None
        and statement.kind not in JOB_KINDS
        and statement.digest == digest
        and statement.made_at < at + timedelta(seconds=1)  # a commit knows whole seconds only
    )


def _files(tree: Tree, model: str) -> Mapping[str, str]:
    """The model's files as they were deployed: path → git object id, for proof of provenance."""
    return {entry.path: entry.oid for entry in tree.walk(f"{MODELS}/{model}")}


def _metrics(proofs: list[Signed]) -> Mapping[str, float]:
    """The metrics of the newest evaluation: the snapshot that an auditor asks for."""
    found = [s.statement for s in proofs if s.statement and s.statement.kind == "evaluation"]
    newest = max(found, key=lambda s: s.made_at, default=None)
    return figures(newest.predicate.get("metrics")) if newest else {}


def _snapshot(version: ModelVersion) -> Mapping[str, Any]:
    """What a promotion must keep beside its metrics: features, training data, checksums."""
    features = version.features
    return {
        "run": version.lineage.run,
        "features": f"{features.name} {features.version} {features.hash}" if features else None,
        "training_data": [
            {"name": d.name, "version": d.version, "digest": d.digest}
            for d in version.lineage.training_data
        ],
        "artifacts": {file.path: file.sha256 for file in version.artifacts.files},
    }
