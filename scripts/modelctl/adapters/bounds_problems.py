"""Conditions and spans by which a policy would say that it watches, and never act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

from modelctl.adapters.condition_tree import bare_tree
from modelctl.adapters.policy_problems import PolicyProblem, Problems
from modelctl.domain.condition_sense import decided, never
from modelctl.domain.document import Document, Path
from modelctl.domain.policy import Policy
from modelctl.domain.rules import is_span, parse_span
from modelctl.domain.triggers import ADVANCE, Trigger

LONGEST: Final = timedelta(days=90)
"""No step, wait or window of a rollout or of what watches may be longer."""

_SPANS: Final = frozenset(
    (
        *("duration", "every", "keep_warm", "patience", "recent", "sustained", "timeout"),
        *("again_after", "reference", "window", "within"),
    )
)
_FILES: Final = ("strategies", "rollback", "monitoring")


def bounds_problems(policy: Policy, documents: Mapping[str, Document]) -> Problems:
    """What would never hold, or takes so long that nobody would see it."""
    for name in _FILES:
        if name in documents:
            yield from _spans(documents[name], (), documents[name].data)
    seen = dict.fromkeys((one.location, one.action, one.when.source) for one in _triggers(policy))
    for location, action, source in seen:
        idle, always = _judged(source)
        for told in idle:
            yield PolicyProblem(
                location=location,
                message=f"{told} never holds, whatever is measured",
                mend="shares lie between 0 and 1, counts and times above 0: write 0.05 for 5 %",
            )
        if always and action == ADVANCE:
            yield PolicyProblem(
                location=location,
                message=f"{source} always holds, whatever is measured, so it keeps nothing back",
                mend="compare with what may rightly fail, or remove it",
            )


def _triggers(policy: Policy) -> Iterator[Trigger]:
    for plan in policy.strategies.values():
        yield from plan.conditions
        for step in plan.judged:
            yield from step
    yield from policy.rollback.triggers
    yield from (alert.trigger for alert in policy.monitoring.alerts)
    yield from policy.monitoring.retraining.triggers


@lru_cache(maxsize=1024)
def _judged(source: str) -> tuple[tuple[str, ...], bool]:
    """What never holds in a condition, and whether all of it always does."""
    tree = bare_tree(source)
    return tuple(dict.fromkeys(never(tree))), decided(tree) is True


def _spans(document: Document, path: Path, value: Any) -> Problems:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _SPANS and is_span(inner) and parse_span(inner) > LONGEST:
                yield PolicyProblem(
                    location=document.locate((*path, key)),
                    message=f"{key} is {inner}, and nothing here may last longer than "
                    f"{LONGEST.days}d",
                    mend=f"write {LONGEST.days}d or less",
                )
            yield from _spans(document, (*path, key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _spans(document, (*path, index), inner)
