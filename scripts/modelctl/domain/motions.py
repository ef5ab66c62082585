"""A version that is to be moved by a pull request: what of, where to, and what speaks for it."""

from __future__ import annotations

from dataclasses import dataclass

from modelctl.domain.checklists import Ticked
from modelctl.domain.flow import FlowKind
from modelctl.domain.history import Deployment
from modelctl.domain.manifest import ModelVersion
from modelctl.domain.pages import ModelPage, Page
from modelctl.domain.policy import Transition
from modelctl.domain.strategies import Strategy
from modelctl.domain.tree import Change

_TITLES = {
    FlowKind.SUBMISSION: "Submit {model} {version} to {environment}",
    FlowKind.PROMOTION: "Promote {model} {version} to {environment}",
    FlowKind.ROLLBACK: "Roll {model} back to {version} in {environment}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """A version on its way into the environment of `transition`, by `branch`.

    `kind` is SUBMISSION, PROMOTION or ROLLBACK. `proof` is the deployment that it is proved by: to
    the source environment, or on a way back to this one; None for a submission. `released` is the
    version that the target branch names now. `reason` is why people go back.
    """

    model: str
    version: str
    transition: Transition
    kind: FlowKind
    branch: str
    proof: Deployment | None = None
    released: str | None = None
    reason: str | None = None

    @property
    def name(self) -> str:
        """`model@version`."""
        return f"{self.model}@{self.version}"

    @property
    def environment(self) -> str:
        """Where it goes."""
        return self.transition.environment

    @property
    def title(self) -> str:
        """The title of the pull request, and the first line of the commit."""
        return _TITLES[self.kind].format(
            model=self.model, version=self.version, environment=self.environment
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A motion as it would be judged now, but for the approvals.

    `changes` are the files that a merge would change. `manifest` is the version's, `strategy` what
    it would be rolled out by; both are None where they can't be read. `todo` is what people go
    through after a rollback.
    """

    motion: Motion
    page: Page
    changes: tuple[Change, ...]
    manifest: ModelVersion | None
    strategy: Strategy | None
    todo: tuple[Ticked, ...] = ()

    @property
    def about(self) -> ModelPage | None:
        """What explains the verdict of the version that moves."""
        found = (one for one in self.page.models if one.model == self.motion.model)
        return next(found, None)
