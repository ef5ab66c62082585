"""Where the files of a moving version come from: the source environment, or this one's own past.

A promotion carries, byte for byte, what the source environment was deployed from. A rollback is
proved by the ledger instead: the release pointer goes back to a manifest that this environment was
deployed with before, with model.yaml as it was then, and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from modelctl.domain.flow_input import FlowInput
from modelctl.domain.history import Deployment, goes_back
from modelctl.domain.names import model_path, release_path, version_path
from modelctl.domain.policy import Transition
from modelctl.domain.structure import failure
from modelctl.domain.verdict import Finding

PROVENANCE = "provenance"


def rollback_proof(proposal: FlowInput, model: str) -> Deployment | None:
    """The deployment to the target environment that a rollback of `model` goes back to.

    None when it is no rollback: another file changes too, the version was never deployed there
    with these bytes before what is there now, or it is quarantined there. model.yaml must be that
    of then: what a later version brought was never judged with this one. The strategies must stay,
    or be those of then, too.
    """
    before, after = proposal.releases_before.get(model), proposal.releases_after.get(model)
    if proposal.transition is None or before is None or after is None:
        return None
    path, about, version = release_path(model), model_path(model), str(after.version)
    environment, changed = proposal.transition.environment, proposal.paths_of(model)
    if not {path} <= changed <= {path, about} or version == str(before.version):
        return None
    if proposal.quarantine(model, version, environment):
        return None
    history, digest = proposal.history.get(model, ()), proposal.digest(model, version)
    if digest is None or not goes_back(history, environment, digest):
        return None
    found = proposal.deployed(model, version, environment)
    proofs = (d for d in found if d.files.get(about) == proposal.oid(about))
    kept = before.strategies == after.strategies
    return next((d for d in proofs if kept or d.files.get(path) == proposal.oid(path)), None)


def provenance(proposal: FlowInput) -> Iterator[Finding]:
    """Whether each promoted model is byte for byte what the source environment was deployed from.

    Nothing is promoted to the environment of the first branch, and rollbacks prove themselves.
    """
    transition = proposal.transition
    if transition is None or transition.source is None:
        return
    for model in proposal.models:
        if rollback_proof(proposal, model) is None and not _only_retires(proposal, model):
            yield from _promoted(proposal, transition, transition.source, model)


def _only_retires(proposal: FlowInput, model: str) -> bool:
    """Whether nothing of the model changes but that retired versions go: the ledger proves those,
    and nothing is promoted."""
    return proposal.paths_of(model) == proposal.retirements(model)


def _promoted(
    proposal: FlowInput, transition: Transition, source: str, model: str
) -> Iterator[Finding]:
    release = proposal.releases_after.get(model)
    if release is None:
        yield failure(
            PROVENANCE,
            f"{model} has no release that can be read, so nothing shows where its files come from",
            release_path(model),
            mend=f"leave {model} out until {transition.from_branch} releases a version of it",
        )
        return
    version = str(release.version)
    quarantine = proposal.quarantine(model, version, source)
    if quarantine is not None:
        yield failure(
            PROVENANCE,
            f"{model}@{version} was rolled back in {source}: {quarantine.reason}",
            release_path(model),
            mend="promote a version that serves there",
        )
    proofs = proposal.deployed(model, version, source)
    reachable = [proof for proof in proofs if proposal.on_source_branch(proof.commit)]
    if reachable:
        yield from _compared(proposal, transition, reachable)
    else:
        yield _unproved(proposal, transition, model, version)


def _compared(
    proposal: FlowInput, transition: Transition, proofs: Sequence[Deployment]
) -> Iterator[Finding]:
    """The files that differ from the deployment that comes nearest; the newest of equals."""
    compared = [(proof, _differing(proposal, proof)) for proof in proofs]
    nearest, differing = min(compared, key=lambda pair: len(pair[1]))
    for path in differing:
        there = proposal.source_files(nearest.commit, path)
        finding = failure(
            PROVENANCE,
            f"{path} is not as {nearest.environment} was deployed with it, "
            f"from commit {nearest.commit[:12]} of {transition.from_branch}",
            path,
            mend=_copy(transition, nearest),
        )
        values = {
            "here": _short(proposal.oid(path)),
            transition.from_branch: _short(there),
            "ledger": _short(nearest.files.get(path)),
        }
        yield replace(finding, values=values, command=_checkout(nearest))


def _differing(proposal: FlowInput, proof: Deployment) -> list[str]:
    """The paths that are not as at the proof's commit, or not as the ledger recorded them there.

    Compared are the files that change and the three that a release stands on, but not the
    manifests of retired versions that go: the source may have lost them later than at that commit.
    """
    model = proof.model
    standing = {model_path(model), release_path(model), version_path(model, proof.version)}
    return [
        path
        for path in sorted((proposal.paths_of(model) | standing) - proposal.retirements(model))
        if proposal.oid(path) != proposal.source_files(proof.commit, path)
        or proof.files.get(path, proposal.oid(path)) != proposal.oid(path)
    ]


def _unproved(proposal: FlowInput, transition: Transition, model: str, version: str) -> Finding:
    """Why the ledger doesn't show that the source environment was deployed with this version."""
    source, name = transition.source, f"{model}@{version}"
    named = [
        d
        for d in reversed(proposal.history.get(model, ()))
        if (d.environment, d.version) == (source, version)
    ]
    if not named:
        message = f"{name} was never deployed to {source}"
        mend = f"merge it into {transition.from_branch} and wait for its deploy to {source}"
    elif named[0].digest != proposal.digest(model, version):
        message = f"{source} was deployed with another manifest of {name}"
        mend = _copy(transition, named[0])
    else:
        message = (
            f"{source} was deployed with {name} from commit {named[0].commit[:12]}, "
            f"which is not on {transition.from_branch}"
        )
        mend = f"merge it into {transition.from_branch} and wait for its deploy to {source}"
    return failure(PROVENANCE, message, release_path(model), mend=mend)


def _copy(transition: Transition, proof: Deployment) -> str:
    branch = f"promote/{proof.model}/{proof.version}/{transition.environment}"
    return (
        f"cut {branch} from {transition.to_branch} and copy models/{proof.model} "
        f"from commit {proof.commit}"
    )


def _checkout(proof: Deployment) -> str:
    return f"git checkout {proof.commit} -- models/{proof.model}"


def _short(oid: str | None) -> str:
    return oid[:12] if oid else "none"
