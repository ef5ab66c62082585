"""What is wrong with a strategy that its schema can't know: parts that have no effect on its kind,
figures that nothing measures, a way back that takes too long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from modelctl.adapters.plan_problems import plan_problems
from modelctl.adapters.policy_problems import PolicyProblem, Problems, unknown
from modelctl.domain.document import Document, Path
from modelctl.domain.evidence import human
from modelctl.domain.policy import Policy
from modelctl.domain.strategies import AB_TEST, BLUE_GREEN, CANARY, SHADOW, STEPPED, Strategy
from modelctl.domain.triggers import LIVE

DISTRIBUTION = "prediction_distribution"
"""What a shadow compares beside figures: how its answers are distributed."""

_ONLY_FOR = {
    "conditions": STEPPED,
    "patience": STEPPED,
    "back": STEPPED,
    "steps": STEPPED,
    "confidence": STEPPED,
    "recent": STEPPED,
    "baseline": frozenset({CANARY, AB_TEST}),
    "keep_warm": frozenset({CANARY, AB_TEST, BLUE_GREEN}),
    "experiment": frozenset({AB_TEST}),
    "compare": frozenset({SHADOW}),
    "health": frozenset({"immediate", BLUE_GREEN}),
}
_NEEDS = {
    CANARY: ("steps",),
    AB_TEST: ("steps", "experiment"),
    SHADOW: ("steps", "compare"),
}
Row = Mapping[str, Any]


def strategy_problems(policy: Policy, document: Document) -> Problems:
    """Everything that is wrong with the strategies of this document, which fits its schema: each
    once, whatever number of strategies and steps a condition is for."""
    yield from dict.fromkeys(_problems(policy, document))


def _problems(policy: Policy, document: Document) -> Problems:
    yield from named_twice(document, ("conditions",), document.data.get("conditions", ()))
    for name, row in document.data["strategies"].items():
        path: Path = ("strategies", name)
        yield from _parts(document, path, row)
        yield from named_twice(document, (*path, "conditions"), row.get("conditions", ()))
        for index, step in enumerate(row.get("steps", ())):
            here = (*path, "steps", index, "conditions")
            yield from named_twice(document, here, step.get("conditions", ()))
        yield from _weights(document, path, row)
        yield from _figures(document, path, row)
        yield from _way_back(policy, document, path, policy.strategies[name])
        yield from plan_problems(document, path, policy.strategies[name])


def named_twice(document: Document, path: Path, rows: Iterable[Row]) -> Problems:
    """Two conditions of one list with one name: which of them is replaced, nobody could tell."""
    seen: set[str] = set()
    for index, row in enumerate(rows):
        name = row.get("name")
        if name in seen:
            yield PolicyProblem(
                location=document.locate((*path, index, "name")),
                message=f"{name} is the name of two in one list",
                mend="give each a name of its own",
            )
        seen |= {name} if name else set()


def _parts(document: Document, path: Path, row: Row) -> Problems:
    kind = row["kind"]
    for key, kinds in _ONLY_FOR.items():
        if key in row and kind not in kinds:
            yield PolicyProblem(
                location=document.locate((*path, key)),
                message=f"a strategy of kind {kind} has no {key}",
                mend=f"remove {key}; it belongs to {', '.join(sorted(kinds))}",
            )
    for key in _NEEDS.get(kind, ()):
        if key not in row:
            yield PolicyProblem(
                location=document.locate(path),
                message=f"a strategy of kind {kind} needs {key}",
                mend=f"add {key}; `modelctl schema print strategies` shows its form",
            )


def _weights(document: Document, path: Path, row: Row) -> Problems:
    """A canary's share only grows: to take it back is what conditions are for."""
    weights = [step["weight"] for step in row.get("steps", ())]
    for index, (before, after) in enumerate(pairwise(weights), 1):
        if row["kind"] == CANARY and after < before:
            yield PolicyProblem(
                location=document.locate((*path, "steps", index, "weight")),
                message=f"the share falls from {before} to {after} %",
                mend="let the share of a canary grow from step to step",
            )
    served = [index for index, weight in enumerate(weights) if weight]
    for index in served if row["kind"] == SHADOW else ():
        yield PolicyProblem(
            location=document.locate((*path, "steps", index, "weight")),
            message="a shadow serves nobody, so it has no share of the traffic",
            mend="write weight: 0",
        )


def _figures(document: Document, path: Path, row: Row) -> Problems:
    """Figures that both sides have; the primary one may be a figure of one's own as well."""
    both = [name for name in _names("canary.") if name in _names("stable.")]
    for index, name in enumerate(row.get("compare", ())):
        if name not in (*both, DISTRIBUTION):
            known = (*both, DISTRIBUTION)
            yield unknown(document, (*path, "compare", index), "figure", name, known)
    for index, guardrail in enumerate(row.get("experiment", {}).get("guardrails", ())):
        metric = guardrail["metric"]
        if metric not in guardrail["when"]:
            yield PolicyProblem(
                location=document.locate((*path, "experiment", "guardrails", index, "when")),
                message=f"the condition doesn't look at {metric}",
                mend=f"compare canary.{metric} with stable.{metric}",
            )


def _names(prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in LIVE if name.startswith(prefix)]


def _way_back(
    policy: Policy, document: Document, path: Path, strategy: Strategy
) -> Iterator[PolicyProblem]:
    if strategy.back is None:
        return
    weights = strategy.back.weights
    if weights[-1] != 0 or any(a <= b for a, b in pairwise(weights)):
        yield PolicyProblem(
            location=document.locate((*path, "back", "weights")),
            message="the way back doesn't fall to 0",
            mend="write falling shares that end with 0: [50, 25, 0]",
        )
    if strategy.back.takes > policy.rollback.within:
        takes, within = human(strategy.back.takes), human(policy.rollback.within)
        yield PolicyProblem(
            location=document.locate((*path, "back")),
            message=f"the way back takes {takes}, and rollback.yaml allows {within}",
            mend="take fewer steps, or hold each for less",
        )
