"""Makes the MLflow registry say what the environments run: git is the only writer of stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelctl.adapters.registry import MlflowRegistry
from modelctl.domain.registry import Change, ProjectedVersion, Projection
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout_split import CANARY, incoming_of, is_split
from modelctl.domain.strategies import SHADOW
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.accounted import settled
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
    recorded = {
        environment: one
        for environment in session.policy.lifecycle.environments
        if (one := record(state_tree(session, environment), model)) is not None
    }
    coming = {name: one for name, one in recorded.items() if is_split(one)}
    running = {name: one for name, one in recorded.items() if name not in coming}
    signed = session.signed(model) if coming else ()
    for name in coming:  # what serves, until the version on its way has taken over
        if (stable := settled(session, model, signed, name)) is not None:
            running[name] = stable
    # The last environment of the way decides the stage of a version that runs in several.
    ordered = [name for name in session.policy.lifecycle.environments if name in running]
    last = {running[name].version: name for name in ordered}
    versions = tuple(
        _version(session, running[environment], environment) for environment in last.values()
    )
    versions += tuple(
        _version(session, one, None)
        for one in {one.version: one for one in coming.values()}.values()
        if one.version not in last
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
        }
        | _on_their_way(coming.values()),
    )


def _on_their_way(coming: Iterable[RenderRequest]) -> dict[str, str | None]:
    """The versions that take over from others: the last environment's, where several do."""
    found: dict[str, str | None] = {CANARY: None, SHADOW: None}
    for one in coming:
        part = incoming_of(one)
        found[SHADOW if part is not None and part.name == SHADOW else CANARY] = one.version
    return found


def _version(session: Session, one: RenderRequest, environment: str | None) -> ProjectedVersion:
    lifecycle = session.policy.lifecycle
    transition = lifecycle.to_environment(environment) if environment is not None else None
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
