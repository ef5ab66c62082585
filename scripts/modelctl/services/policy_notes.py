"""What a sound policy says of things that aren't there: names that protect or freeze nothing, and
figures that nobody measures.

None of it is an error. Models come and go, and a policy must stay usable when one does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from modelctl.adapters.documents import load
from modelctl.domain.document import Location
from modelctl.domain.freezes import DENY, Emergency, Window
from modelctl.domain.names import near, version_path
from modelctl.domain.policy import Policy
from modelctl.domain.tree import Tree
from modelctl.services.local_figures import untold

RETENTION = "policies/retention.yaml"
METRICS = "policies/metrics.yaml"
_HEALTH = "failed_health_checks"
_PATTERN = frozenset("*?[")
"""What makes a model's name a shell pattern, which may match a model that is still to come."""


def policy_notes(
    policy: Policy, tree: Tree, known: Iterable[str], places: Iterable[Tree], now: datetime
) -> tuple[str, ...]:
    """Notes about a policy that was read from `tree`, where these models are known and their
    versions lie in these places."""
    models = sorted(known)
    return (
        *_frozen(policy, models),
        *_over(policy.freezes.windows, now),
        *_pinned(policy, tree, models, tuple(places)),
        *_unhealthy(policy, tree),
        *(_note(where, message) for where, message in untold(policy)),
    )


def _frozen(policy: Policy, models: list[str]) -> Iterator[str]:
    """Models that are to be frozen and that nobody knows."""
    freezes = policy.freezes
    rows: tuple[Window | Emergency, ...] = (*freezes.windows, *freezes.emergencies)
    for row in rows:
        for name in row.scope.models:
            if name not in models and not _PATTERN & set(name):
                said = f"no model is named {name}, so this freezes nothing"
                yield _note(row.location, said + _meant(name, models))


def _over(windows: Iterable[Window], now: datetime) -> Iterator[str]:
    """Windows that came for the last time."""
    for one in windows:
        if not one.spans_at(now) and one.next_after(now) is None:
            deny = one.kind == DENY
            effect = "freezes nothing any more" if deny else "never lets anything move again"
            yield _note(one.location, f"the window {one.name} is over, so it {effect}")


def _pinned(
    policy: Policy, tree: Tree, models: list[str], places: tuple[Tree, ...]
) -> Iterator[str]:
    """Versions that are to be kept and that no branch has."""
    if not policy.retention.pins:
        return
    document = load(tree.read(RETENTION) or b"", RETENTION)
    for index, pin in enumerate(document.data["pins"]):
        model, _, version = pin.partition("@")
        where, keeps = document.locate(("pins", index)), "so this keeps nothing"
        if model not in models:
            yield _note(where, f"no model is named {model}, {keeps}{_meant(model, models)}")
        elif not any(place.entry(version_path(model, version)) for place in places):
            yield _note(where, f"no branch has {pin}, {keeps}")


def _unhealthy(policy: Policy, tree: Tree) -> Iterator[str]:
    """Health that conditions ask for and nobody measures: what takes a version back and can't be
    decided holds every rollout there."""
    metrics = policy.metrics
    if any(gauge.name == _HEALTH for gauge in metrics.own.gauges):
        return
    asked = [
        *policy.rollback.triggers,
        *(one for plan in policy.strategies.values() for step in plan.judged for one in step),
    ]
    names = dict.fromkeys(
        one.name or one.when.source
        for one in asked
        if any(name.endswith(f".{_HEALTH}") for name in one.when.names)
    )
    for environment, source in metrics.sources.items() if names else ():
        mesh = metrics.meshes.get(source.mesh) if source is not None else None
        if mesh is not None and mesh.health is None:
            where = load(tree.read(METRICS) or b"", METRICS).locate(("sources", environment))
            yield _note(
                where,
                f"{mesh.name} tells of no health checks, so {', '.join(names)} can't be decided in "
                f"{environment}, and its rollouts hold: name a gauge with meshes.{mesh.name}."
                f"health, or a query with own.gauges.{_HEALTH}, or take the condition out",
            )


def _meant(name: str, known: Iterable[str]) -> str:
    meant = near(name, known)
    return f"; did you mean {meant}?" if meant else ""


def _note(location: Location, message: str) -> str:
    return f"{location.file}:{location.line}: {message}"
