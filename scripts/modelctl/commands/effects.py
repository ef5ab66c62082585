"""What a command that moves traffic acts through, from its options and its environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from modelctl.commands import options
from modelctl.commands.options import Decorator
from modelctl.commands.spans import Span
from modelctl.domain.controllers import Controlled
from modelctl.domain.observations import Source
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.tree import Tree
from modelctl.services.acting import Controllers, Effects, nothing_applied
from modelctl.services.evidence import load_signer
from modelctl.services.notifying import notifier
from modelctl.services.session import Session

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub
    from modelctl.adapters.signing import Signer
    from modelctl.services.cluster import Cluster

_F = TypeVar("_F", bound=Callable[..., Any])
_LOCAL = "local"
_READY = timedelta(seconds=30)

local_port: Decorator = click.option(
    "--local-port",
    type=int,
    envvar="MODELCTL_LOCAL_PORT",
    show_envvar=True,
    help="The port of the local target's router.",
)
no_apply: Decorator = click.option(
    "--no-apply",
    is_flag=True,
    help="Write state and history; something else puts them into force.",
)
context: Decorator = click.option(
    "--context",
    metavar="NAME",
    envvar="MODELCTL_CONTEXT",
    show_envvar=True,
    help="The cluster, by a context of your kubeconfig; in-cluster in a pod. Without one something "
    "else follows the environments' branches there.",
)
wait: Decorator = click.option(
    "--wait",
    type=Span(),
    default="5m",
    show_default=True,
    help="How long the cluster may take until everything is ready; 0s waits for nothing.",
)


def acting(command: _F, /) -> _F:
    """The options of a command that moves traffic and signs what it did."""
    for option in reversed(
        (
            options.local_root,
            local_port,
            no_apply,
            context,
            options.tracking_uri,
            options.key_file,
            options.trusted_ref,
        )
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the command line gives to act through."""

    root: Path
    port: int | None = None
    apply: bool = True
    context: str | None = None
    wait: timedelta = _READY
    tracking_uri: str | None = None
    key_file: Path | None = None
    github: GitHub | None = None

    def effects(
        self,
        session: Session,
        environments: Collection[str],
        *,
        figures: bool = True,
        signs: bool = True,
    ) -> Effects:
        """What acts on these environments; with `figures` their sources are made ready too. Where
        nothing is to be signed, as in a dry run, no key is asked for."""
        self.require_context()
        applier = Applier(means=self)
        return Effects(
            signer=load_signer(self.key_file, options.signing_secret()) if signs else _nobody(),
            apply=applier if self.apply else nothing_applied,
            source=self.sources(session, environments) if figures else {},
            tracking_uri=self.tracking_uri,
            github=self.github,
            notify=notifier(os.environ),
            progress=options.progress,
            verifies=applier.verifies,
            controllers=self._controlled if self.context is not None else None,
        )

    def controllers(self) -> Controllers | None:
        """Who tells of the rollouts that the cluster steps by itself, where one is named."""
        self.require_context()
        return self._controlled if self.context is not None else None

    def require_context(self) -> None:
        """Stops before anything is written where the cluster that is named is none.

        Raises:
            ModelctlError: the kubeconfig has no such context.
        """
        if self.context is None:
            return
        from modelctl.adapters.kubectl import Kubectl

        Kubectl(context=self.context).require_context()

    def _controlled(
        self, asked: Mapping[str, tuple[RenderRequest, Tree]]
    ) -> Mapping[str, Controlled]:
        return self.cluster().controllers(asked)

    def cluster(self) -> Cluster:
        """The cluster that is named."""
        from modelctl.adapters.kubectl import Kubectl
        from modelctl.services.cluster import Cluster

        kubectl = Kubectl(context=self.context or "")
        return Cluster(kubectl=kubectl, wait=self.wait or None, progress=options.progress)

    def sources(self, session: Session, environments: Collection[str]) -> Mapping[str, Source]:
        from modelctl.services.sources import source_of

        return {name: source_of(session, name, self.root) for name in environments}


def _nobody() -> Signer:
    """A key that no policy knows."""
    from modelctl.adapters.signing import Signer, generate

    return Signer.from_pem(generate().private)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applier:
    """Puts a state into force: on this machine what is of the local target, in the cluster the
    rest, where one is named."""

    means: Means

    def verifies(self, request: RenderRequest) -> bool:
        """Whether a request that is in force is seen to be."""
        return request.target == _LOCAL or self.means.context is not None

    def __call__(
        self,
        session: Session,
        transition: Transition,
        tree: Tree,
        models: Collection[str] | None,
    ) -> Mapping[str, str]:
        """See `acting.Apply`."""
        here = self._on_this_machine(session, transition, tree, models)
        if self.means.context is None:
            return here
        return {**here, **self.means.cluster().apply(session, transition, tree, models)}

    def _on_this_machine(
        self,
        session: Session,
        transition: Transition,
        tree: Tree,
        models: Collection[str] | None,
    ) -> Mapping[str, str]:
        means, name = self.means, transition.environment
        # What served here before may have moved to another target: then it is to stop.
        if not ((means.root / name).is_dir() or _has_local(tree, models)):
            return {}
        from modelctl.services.local_serving import local_target, put_into_force

        target = local_target(session, name, means.root, means.port)
        return put_into_force(
            session, target, tree, models, means.root, means.tracking_uri, options.progress
        )


def _has_local(state: Tree, models: Collection[str] | None) -> bool:
    from modelctl.services.state import models_of, readable_record

    named = models if models is not None else models_of(state)
    found = (readable_record(state, model) for model in named)
    return any(one is not None and one.target == _LOCAL for one in found)
