"""Writes what an environment's branch says onto the ledger: one signed statement each.

The statement of a deployment is made from the commit of the state branch alone: its time, the
record beside the manifests, and the evidence that was there at that time. So two jobs that record
the same deployment write the same bytes, and the ledger keeps them once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from modelctl.adapters.signing import sign
from modelctl.adapters.signing_keys import Signer
from modelctl.domain.evidence import Signed, Statement
from modelctl.domain.facts import figures
from modelctl.domain.history import DEPLOYMENT, JOB_KINDS, deployments
from modelctl.domain.manifest import ModelVersion
from modelctl.domain.names import MODELS, version_path
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RELEASE, RenderRequest
from modelctl.domain.tree import Commit, Tree
from modelctl.errors import ModelctlError
from modelctl.services.candidates import read_version
from modelctl.services.evidence import signer_key
from modelctl.services.session import MACHINE, Session
from modelctl.services.state import readable_record


def require_key(session: Session, transition: Transition, signer: Signer) -> None:
    """Makes sure that what is deployed now can be recorded afterwards.

    Raises:
        ModelctlError: the policy doesn't know the key, or it may not sign deployments there.
    """
    key = signer_key(session, signer)
    coming = Statement(
        kind=DEPLOYMENT,
        subject="",
        digest="",
        made_at=session.now,
        environment=transition.environment,
        predicate={},
    )
    if (objection := key.objection(coming, session.now)) is not None:
        raise ModelctlError(objection, mend="sign with a key that may, or widen it in the policy")


def record_deployments(
    session: Session, transition: Transition, state: str | None, signer: Signer
) -> int:
    """Appends each deployment of the state branch that the ledger lacks; how many there were.

    Older ones first: a job that was killed after the state was written left them behind.
    """
    missing = list(_missing(session, transition, state)) if state else []
    batch: dict[str, list[bytes]] = {}
    for commit, one in reversed(missing):
        statement = _statement(session, transition, commit, one)
        batch.setdefault(one.model, []).append(sign(statement, signer))
    if batch:
        session.ledger.append_all(batch, author=MACHINE, at=session.now)
    return len(missing)


def _missing(
    session: Session, transition: Transition, state: str
) -> Iterator[tuple[Commit, RenderRequest]]:
    """The unrecorded deployments, newest first.

    A run records everything before it ends, so the walk stops at the first commit whose
    deployments are all on the ledger.
    """
    recorded: dict[str, set[tuple[str, str]]] = {}
    for commit in session.repository.first_parents(state):
        fresh = list(_changed(session, commit))
        lacking = []
        for one in fresh:
            if one.model not in recorded:
                recorded[one.model] = _on_ledger(session, one.model, transition.environment)
            if (one.commit, one.digest) not in recorded[one.model]:
                lacking.append(one)
        yield from ((commit, one) for one in lacking)
        if fresh and not lacking:
            return


def _on_ledger(session: Session, model: str, environment: str) -> set[tuple[str, str]]:
    return {
        (d.commit, d.digest)
        for d in deployments(session.signed(model))
        if d.environment == environment
    }


def _changed(session: Session, commit: Commit) -> Iterator[RenderRequest]:
    """What a commit of the state branch deployed: records that name another commit or digest."""
    repository = session.repository
    after = repository.tree(commit.tree)
    before = repository.tree(commit.parents[0] if commit.parents else None)
    for change in repository.changes(before, after):
        if not change.path.endswith(f"/{RELEASE}"):
            continue
        model = change.path.split("/")[0]
        old, new = readable_record(before, model), readable_record(after, model)
        if new is not None and (
            old is None or (old.commit, old.digest) != (new.commit, new.digest)
        ):
            yield new


def _statement(
    session: Session, transition: Transition, commit: Commit, one: RenderRequest
) -> Statement:
    at = datetime.fromtimestamp(commit.at, UTC)
    tree = session.repository.tree(one.commit)
    version = read_version(tree, one.model, one.version)
    proofs = [s for s in session.signed(one.model) if _counts(s, one.digest, at)]
    predicate: dict[str, Any] = {
        "version": one.version,
        "commit": one.commit,
        "branch": transition.to_branch,
        "stage": transition.stage,
        "state_commit": commit.sha,
        "files": _files(tree, one.model),
        "approvers": list(one.approvers),
        "strategy": one.strategy,
        "target": one.target,
        "pull_request": one.pull_request,
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
