"""What a sound policy says of things that aren't there: names that protect or freeze nothing.

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

RETENTION = "policies/retention.yaml"
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


def _meant(name: str, known: Iterable[str]) -> str:
    meant = near(name, known)
    return f"; did you mean {meant}?" if meant else ""


def _note(location: Location, message: str) -> str:
    return f"{location.file}:{location.line}: {message}"
