"""Where a cluster has something else than the state says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from modelctl.domain.objects import Key, key_of
from modelctl.domain.ownership import Drift, Live, differences
from modelctl.domain.problems import Object
from modelctl.domain.tree import Tree
from modelctl.services.cluster import TYPES, Cluster, namespaces, stream, wanted
from modelctl.services.state import models_of


def drift(cluster: Cluster, tree: Tree, models: Collection[str] | None = None) -> tuple[Drift, ...]:
    """What differs, of these models or of all: fields that modelctl sets, objects that are missing,
    and objects that it applied once and the state has no more.

    Fields that others set and the state doesn't name are theirs, and no drift.

    Raises:
        DependencyError: the cluster doesn't answer.
        ModelctlError: it refuses an object of the state.
    """
    chosen = models_of(tree) if models is None else sorted(models)
    asked = [wanted(tree, model) for model in chosen]
    objects = [obj for one in asked for obj in one.objects]
    live = cluster.live(objects)
    applied = [obj for one in asked for obj in (*one.versions, *one.routes_over(live))]
    merged = cluster.kubectl.merged(stream(applied)) if applied else ()
    extra = _extra(cluster, tree, objects, None if models is None else set(models))
    return tuple(sorted([*_differing(merged, live), *extra], key=_order))


def _differing(merged: Iterable[Object], live: Mapping[Key, Object]) -> Iterator[Drift]:
    for obj in merged:
        there = live.get(key_of(obj))
        if there is None:
            yield _whole(Live.of(obj), found=None)
        else:
            yield from differences(obj, there)


def _extra(
    cluster: Cluster, tree: Tree, objects: Iterable[Object], models: Collection[str] | None
) -> Iterator[Drift]:
    kept = {key_of(obj) for obj in objects}
    for namespace in namespaces(tree):
        for one in cluster.kubectl.owned(namespace, TYPES, models):
            if one.key not in kept:
                yield _whole(one, found="there")


def _whole(one: Live, found: str | None) -> Drift:
    kind, _, name = one.key
    return Drift(model=one.model, kind=kind, name=name, path="", found=found)


def _order(one: Drift) -> tuple[str, ...]:
    return one.model, one.kind, one.name, one.path
