"""What a branch says its environment should serve, and the requests that render it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelctl.domain.manifest import Model, ModelVersion, Release
from modelctl.domain.names import MODELS, release_path, version_path
from modelctl.domain.policy import Policy, Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.tree import Tree
from modelctl.domain.waivers import WaiverRecord
from modelctl.errors import ModelctlError
from modelctl.services.candidates import digest, parse_file, read_model, read_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One model as a branch has it: the version that its environment should serve."""

    model: Model
    version: ModelVersion
    release: Release
    digest: str
    blob: str
    strategy: str

    def matches(self, running: RenderRequest | None) -> bool:
        """Whether the environment runs this already, in the same way.

        Everything that the branch decides is compared, so that a state that somebody changed by
        hand counts as another one, and is judged and written again.
        """
        if running is None:
            return False
        fresh = fresh_request(
            self,
            running.environment,
            commit=running.commit,
            approvers=running.approvers,
            pull_request=running.pull_request,
            waivers=running.waivers,
        )
        # How its traffic is divided is no matter of the branch: a rollout may be under way.
        ours = replace(running, backends=(), plan=None) == replace(fresh, plan=None)
        told = (fresh.version, fresh.digest, fresh.storage_uri)
        return ours and told in [(b.version, b.digest, b.artifacts) for b in running.split]


def released(tree: Tree) -> tuple[str, ...]:
    """The models of a tree that have a release pointer, sorted."""
    return tuple(m for m in tree.names(MODELS) if tree.entry(release_path(m)) is not None)


def read_intent(tree: Tree, model: str, transition: Transition, policy: Policy) -> Intent:
    """What the branch wants of one model.

    Raises:
        ModelctlError: its documents can't be read or don't fit together.
    """
    parsed = parse_file(tree, release_path(model))
    if not isinstance(parsed.value, Release):
        finding = parsed.findings[0]
        raise ModelctlError(finding.message, mend=finding.mend, location=str(finding.location))
    release = parsed.value
    one, version = read_model(tree, model), read_version(tree, model, release.version)
    entry = tree.entry(version_path(model, release.version))
    if one is None or version is None or entry is None:
        raise ModelctlError(
            f"{release_path(model)} names {release.version}, which can't be read on the branch",
            mend="run `modelctl check --all` on that branch",
        )
    strategy = policy.strategy(release.strategies.get(transition.environment), one.tier)
    if strategy is None:
        raise ModelctlError(f"{model} names a strategy that the policy doesn't have")
    return Intent(
        model=one,
        version=version,
        release=release,
        digest=digest(tree, model, release.version) or "",
        blob=entry.oid,
        strategy=strategy.name,
    )


def fresh_request(
    intent: Intent,
    environment: str,
    *,
    commit: str,
    approvers: tuple[str, ...],
    pull_request: int | None,
    waivers: tuple[WaiverRecord, ...] = (),
) -> RenderRequest:
    """The request that renders an intent for the first time, with who and what brought it."""
    serving = intent.model.serving
    return RenderRequest(
        model=intent.model.name,
        version=str(intent.version.version),
        digest=intent.digest,
        blob=intent.blob,
        commit=commit,
        approvers=approvers,
        environment=environment,
        target=serving.target,
        mode=serving.mode,
        gateway=serving.gateway,
        model_format=serving.runtime,
        storage_uri=intent.version.artifacts.root,
        owner=intent.model.owner,
        strategy=intent.strategy,
        pull_request=pull_request,
        waivers=waivers,
    )
