"""Makes the MLflow registry say what the environments run: git is the only writer of stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelctl.adapters.registry import MlflowRegistry
from modelctl.domain.registry import Change, ProjectedVersion, Projection
from modelctl.domain.rendering import RenderRequest
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.candidates import read_model, read_version
from modelctl.services.session import Session
from modelctl.services.state import record, state_tree

_DOWN = 2
"""So many failures in a row mean that the registry is down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Projected:
    """What changed in the registry, by model, and what is left to do, a sentence for each."""

    changed: Mapping[str, tuple[Change, ...]]
    left: tuple[str, ...]


def project(session: Session, models: Iterable[str], tracking_uri: str) -> Projected:
    """Makes the registry say what git says about each model.

    One odd model doesn't keep the others from it, but a registry that fails twice in a row is taken
    to be down and isn't asked any more. Whatever is left is done by the next run.
    """
    changed: dict[str, tuple[Change, ...]] = {}
    left: list[str] = []
    failures = 0
    for model in models:
        if failures >= _DOWN:
            left.append(f"{model}: not tried")
            continue
        try:
            changed[model] = MlflowRegistry(tracking_uri).project(projection(session, model))
            failures = 0
        except DependencyError as error:
            failures += 1
            left.append(f"{model}: {error.message}")
        except ModelctlError as error:
            left.append(f"{model}: {error.message}")
    return Projected(changed=changed, left=tuple(left))


def projection(session: Session, model: str) -> Projection:
    """What the registry should say about a model: the versions that run, and where."""
    running = {
        environment: one
        for environment in session.policy.lifecycle.environments
        if (one := record(state_tree(session, environment), model)) is not None
    }
    # The last environment of the way decides the stage of a version that runs in several.
    last = {one.version: environment for environment, one in running.items()}
    versions = tuple(
        _version(session, running[environment], environment) for environment in last.values()
    )
    about = next(
        (m for t in session.places() if (m := read_model(session.repository.tree(t), model))), None
    )
    return Projection(
        model=model,
        description=about.description if about else None,
        versions=versions,
        aliases={
            environment: running[environment].version if environment in running else None
            for environment in session.policy.lifecycle.environments
        },
    )


def _version(session: Session, one: RenderRequest, environment: str) -> ProjectedVersion:
    transition = session.policy.lifecycle.to_environment(environment)
    manifest = read_version(session.repository.tree(one.commit), one.model, one.version)
    return ProjectedVersion(
        version=one.version,
        digest=one.digest,
        source=one.storage_uri,
        run_id=manifest.lineage.run if manifest else None,
        stage=transition.stage if transition else None,
        commit=one.commit,
        approvers=one.approvers,
        description=manifest.changelog if manifest else "",
    )
