"""What a job that moves traffic acts through: figures, targets, the key, and who is told.

A command makes it once. What is absent is left out: without a registry none is updated, without
GitHub nobody is told there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from modelctl.adapters.signing_keys import Signer
from modelctl.domain.controllers import Controlled
from modelctl.domain.events import Event
from modelctl.domain.observations import Source
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.tree import Tree
from modelctl.services.session import Session

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub

WHOLE_TARGET = ""
"""In the problems of an `Apply`: what concerns no single model, such as a router that is down."""

Apply = Callable[[Session, Transition, Tree, Collection[str] | None], Mapping[str, str]]
"""Puts a state of an environment into force. It is given the tree of the environment's branch and
the models that moved; None means all of it, and that nothing else is to run. Returns what isn't in
force, a sentence by model (`WHOLE_TARGET` for what concerns none); empty where all is well. It is
asked again with the same tree after a crash, and by several jobs at once."""

Controllers = Callable[[Mapping[str, tuple[RenderRequest, Tree]]], Mapping[str, Controlled]]
"""Asks the controllers of a cluster how far they are: given the incoming version of each model, and
the state that brought it there. It raises a DependencyError where the cluster doesn't answer."""

Progress = Callable[[str], None]


def nothing_applied(
    session: Session, transition: Transition, tree: Tree, models: Collection[str] | None
) -> Mapping[str, str]:
    """For environments that something else puts into force, such as Argo CD."""
    return {}


def always(request: RenderRequest) -> bool:
    """For what sees all that it puts into force."""
    return True


def silent(message: str) -> None:
    """For those who want to hear nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What a job acts through. `source` has where figures come from, by environment; one that is
    lacking can't be asked, and then nothing moves forward. `tracking_uri` is the registry's.
    `verifies` says whether `apply` itself sees that a request is in force. Without `controllers`
    nothing is known of rollouts that a cluster steps by itself. `alone` remembers which ways back
    this job put into force that nobody could record yet: environment, model, and what was seen."""

    signer: Signer
    apply: Apply = nothing_applied
    source: Mapping[str, Source] = field(default_factory=lambda: MappingProxyType({}))
    tracking_uri: str | None = None
    github: GitHub | None = None
    notify: Callable[[Event], None] | None = None
    progress: Progress = silent
    verifies: Callable[[RenderRequest], bool] = always
    controllers: Controllers | None = None
    alone: set[tuple[str, str, int]] = field(default_factory=set)

    def tell(self, event: Event) -> None:
        """Tells people, where there is a way to."""
        if self.notify is not None:
            self.notify(event)
