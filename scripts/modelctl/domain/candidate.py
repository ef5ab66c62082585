"""What the gates judge, and the facts that they judge it by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from modelctl.domain.decisions import MANUAL
from modelctl.domain.document import Document, Location, Path
from modelctl.domain.endings import Ending
from modelctl.domain.evidence import Signed
from modelctl.domain.history import Deployment, Quarantine
from modelctl.domain.manifest import Model, ModelVersion, Release
from modelctl.domain.policy import Policy, Transition
from modelctl.domain.strategies import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A version on its way to an environment, with the documents that say so.

    `digest` is the sha256 of the manifest as committed, `blob` its git object id. `predecessors`
    are the merged version before it by Semantic Versioning order, and the one that is served.
    `model_before` is the model as the target branch has it now: a change can't escape a gate by
    changing the model's own task, tier or target. `brought_by` are the logins and addresses of
    those whose pull request brings it, where that is known: they waive nothing for it.
    """

    model: Model
    version: ModelVersion
    release: Release | None
    model_document: Document
    version_document: Document
    release_document: Document | None
    digest: str
    blob: str
    transition: Transition
    predecessors: tuple[ModelVersion, ...] = ()
    model_before: Model | None = None
    is_rollback: bool = False
    brought_by: tuple[str, ...] = ()

    @property
    def decision(self) -> str:
        """Who has the word on it. A way back passes few gates, so people always have it."""
        return MANUAL if self.is_rollback else self.transition.decision

    @property
    def name(self) -> str:
        """`model@version`."""
        return f"{self.model.name}@{self.version.version}"

    @property
    def scopes(self) -> tuple[dict[str, str], ...]:
        """What a gate's scope looks at: the model as it would be, and as it is."""
        models = [model for model in (self.model, self.model_before) if model is not None]
        return tuple(scope_of(model, self.transition.environment) for model in models)

    def strategy_name(self) -> str | None:
        """The strategy that the release names for this environment, or None for the default."""
        return self.release.strategies.get(self.transition.environment) if self.release else None

    def strategy(self, policy: Policy) -> Strategy | None:
        """The strategy by which it would take over, or None when there is no such one."""
        return policy.strategy(self.strategy_name(), self.model.tier)

    def at(self, *path: str | int) -> Location:
        """Where a value stands in the version manifest."""
        return self.version_document.locate(tuple(path))

    def metric_path(self, name: str) -> Path:
        """The path of a claimed metric in the manifest; the manifest itself when not claimed."""
        for index, metric in enumerate(self.version.metrics):
            if metric.name == name:
                return ("metrics", index)
        return ("metrics",)


def scope_of(model: Model, environment: str) -> dict[str, str]:
    """What a gate's scope looks at, for a model on its way to an environment."""
    return {
        "environment": environment,
        "task": model.task,
        "tier": model.tier,
        "target": model.serving.target,
        "model": model.name,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The version that an environment serves now."""

    version: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything outside the documents that a gate may look at.

    `signed` are the model's statements on the ledger, read with the trusted keys; `damage` is what
    is wrong with that ledger, so that others may be missing; `served` is what the target
    environment serves now, None for nothing; `now` is UTC.
    """

    now: datetime
    signed: tuple[Signed, ...] = ()
    served: Served | None = None
    history: tuple[Deployment, ...] = ()
    quarantines: tuple[Quarantine, ...] = ()
    endings: tuple[Ending, ...] = ()
    damage: str | None = None
