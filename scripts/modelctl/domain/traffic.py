"""Where the routes of a model send requests, and what of that its controller wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from modelctl.domain.objects import Key, key_of
from modelctl.domain.problems import Object, get, items
from modelctl.domain.readiness import answers

ROUTE: Final = "HTTPRoute"
_WORKLOAD: Final = "Deployment"


def silent(
    versions: Iterable[Object], routes: Iterable[Object], live: Mapping[Key, Object]
) -> tuple[str, ...]:
    """The versions that are to get more traffic than they have, and have no pod that answers.

    A version that loses traffic is not looked at: a way back never waits for what it leaves.
    """
    workloads = {key_of(obj)[2]: obj for obj in versions if obj["kind"] == _WORKLOAD}
    found = []
    for route in routes:
        before = shares(live.get(key_of(route)))
        for name, share in shares(route).items():
            there = live.get(key_of(workloads[name])) if name in workloads else None
            mute = name in workloads and (there is None or not answers(there))
            if mute and share > before.get(name, 0):
                found.append(name)
    return tuple(dict.fromkeys(found))


def shares(route: Object | None) -> Mapping[str, int]:
    """How much each backend gets of a route: the sum of its weights over the rules."""
    found: dict[str, int] = {}
    for ref in _refs(route):
        name = str(get(ref, "name"))
        found[name] = found.get(name, 0) + int(get(ref, "weight", default=1))
    return found


def as_stepped(route: Object, there: Object | None) -> Object:
    """A route with the backends that its controller wrote, if it is there: those are not ours."""
    if there is None:
        return route
    found = {str(get(ref, "name")): ref for ref in _refs(there)}
    rules = [
        {**rule, "backendRefs": list(_known(items(rule, "backendRefs"), found))}
        for rule in items(route, "spec", "rules")
    ]
    return {**route, "spec": {**route["spec"], "rules": rules}}


def _known(refs: Iterable[Any], found: Mapping[str, Any]) -> Iterator[Any]:
    """An experiment adds backends of its own, which stay as well."""
    mine = [str(get(ref, "name")) for ref in refs]
    yield from (found.get(str(get(ref, "name")), ref) for ref in refs)
    yield from (ref for name, ref in found.items() if name not in mine)


def _refs(route: Object | None) -> Iterator[Any]:
    for rule in items(route, "spec", "rules"):
        yield from items(rule, "backendRefs")
