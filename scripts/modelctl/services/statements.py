"""What the jobs sign about a version in an environment: deployments, rollouts, quarantines.

A statement is made from the commit that wrote the environment's state, so that two jobs which do
the same write the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from modelctl.domain.controllers import handed_over
from modelctl.domain.evidence import Signed, Statement
from modelctl.domain.facts import figures
from modelctl.domain.history import DEPLOYMENT, JOB_KINDS, QUARANTINE, quarantines
from modelctl.domain.manifest import ModelVersion
from modelctl.domain.names import MODELS, version_path
from modelctl.domain.plans import STEPPED_BY_CONTROLLER
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout import begin
from modelctl.domain.rollout_events import (
    ROLLED_BACK,
    STARTED,
    SUPERSEDED,
    Rollout,
    Side,
    Told,
    event_statement,
)
from modelctl.domain.rollout_state import ROLLED_BACK as BACK, SUPERSEDED as PASSED, State
from modelctl.domain.strategies import Strategy
from modelctl.domain.tree import Commit, Tree
from modelctl.services.accounted import same, told
from modelctl.services.candidates import read_version
from modelctl.services.deciding import Decision, Ended
from modelctl.services.open_rollouts import Open
from modelctl.services.session import Session


def decided_statements(
    session: Session, transition: Transition, commit: Commit, at: datetime, decision: Decision
) -> Iterator[Statement]:
    """All that a deploy says of a model: how a rollout ended, and what begins or serves now."""
    request, ended = decision.request, decision.ended
    if ended is not None:
        yield _ended(session, decision, ended, commit, at)
    if request is None:
        return
    begun = decision.begins
    if begun is not None:
        plan, stable = begun
        data = deployed_data(session, transition, commit.sha, request, at)
        yield event_statement(
            request,
            Told(kind=STARTED, state=_begun(plan, request, at)),
            stable=Side(version=stable.version, digest=stable.digest),
            policy=session.policy.commit,
            state_commit=commit.sha,
            made_at=at,
            more={**data, "authors": list(decision.brought_by)},
        )
    elif ended is None or not same(request, decision.stable):
        coming = replace(request, backends=())
        by = decision.brought_by
        deployed = deployment_statement(session, transition, commit.sha, coming, at, authors=by)
        yield deployed
        yield from _taken_out(deployed, decision)
    if ended is not None and ended.event == ROLLED_BACK and not is_held(session, ended.rollout):
        yield quarantine_statement(ended.running, at, f"rolled back: {_released(decision)}")


def _begun(plan: Strategy, request: RenderRequest, at: datetime) -> State:
    return handed_over(at) if request.target in STEPPED_BY_CONTROLLER else begin(plan, at)


def _ended(
    session: Session, decision: Decision, ended: Ended, commit: Commit, at: datetime
) -> Statement:
    """How the rollout under way ends where the branch wants something else."""
    phase = BACK if ended.event == ROLLED_BACK else PASSED
    return event_statement(
        ended.running,
        Told(
            kind=ended.event,
            state=replace(ended.rollout.last.state, phase=phase, weight=0, since=at),
            reason=_released(decision),
        ),
        stable=ended.rollout.stable,
        policy=session.policy.commit,
        state_commit=commit.sha,
        made_at=at,
        more=told(ended.running),
    )


def superseded(
    session: Session, one: Open, state_commit: str, at: datetime, *, by: str | None, reason: str
) -> Statement:
    """That a rollout ends because what it was to take over from has gone back itself."""
    coming = replace(one.request, backends=())
    return event_statement(
        coming,
        Told(
            kind=SUPERSEDED,
            state=replace(one.state, phase=PASSED, weight=0, since=at),
            by=by,
            reason=reason,
        ),
        stable=Side(version=one.stable.version, digest=one.stable.digest),
        policy=session.policy.commit,
        state_commit=state_commit,
        made_at=at,
        more=told(coming),
    )


def _released(decision: Decision) -> str:
    by = f" (#{decision.pull_request})" if decision.pull_request is not None else ""
    return f"the branch releases {decision.wanted}{by}"


def _taken_out(deployed: Statement, decision: Decision) -> Iterator[Statement]:
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


def quarantine_statement(request: RenderRequest, at: datetime, reason: str) -> Statement:
    """That a version may not come to an environment again."""
    return Statement(
        kind=QUARANTINE,
        subject=version_path(request.model, request.version),
        digest=request.digest,
        made_at=at,
        environment=request.environment,
        predicate={"reason": reason, "version": request.version, "commit": request.commit},
    )


def is_held(session: Session, rollout: Rollout) -> bool:
    """Whether the version of a rollout was quarantined since that began."""
    return any(
        (one.version, one.environment) == (rollout.version, rollout.environment)
        and one.at >= rollout.started
        for one in quarantines(session.signed(rollout.model))
    )


def deployment_statement(
    session: Session,
    transition: Transition,
    state_commit: str,
    one: RenderRequest,
    at: datetime,
    *,
    authors: Iterable[str] = (),
) -> Statement:
    """That an environment serves a version since `at` (UTC), by a commit of its branch. `authors`
    are the logins and addresses of those whose pull requests brought it there."""
    data = deployed_data(session, transition, state_commit, one, at)
    return Statement(
        kind=DEPLOYMENT,
        subject=version_path(one.model, one.version),
        digest=one.digest,
        made_at=at,
        environment=transition.environment,
        predicate={**data, "authors": list(authors)},
    )


def deployed_data(
    session: Session, transition: Transition, state_commit: str, one: RenderRequest, at: datetime
) -> dict[str, Any]:
    """What a statement tells of a version that comes to an environment."""
    tree = session.repository.tree(one.commit)
    version = read_version(tree, one.model, one.version)
    proofs = [s for s in session.signed(one.model) if _counts(s, one.digest, at)]
    return {
        **told(one),
        "branch": transition.to_branch,
        "stage": transition.stage,
        "state_commit": state_commit,
        "files": _files(tree, one.model),
        "evidence": [s.envelope_digest for s in proofs],
        "metrics": _metrics(proofs),
        **(_snapshot(version) if version else {}),
    }


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
