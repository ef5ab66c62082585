"""Serving target: refuses what the engine would silently ignore (design, section 6)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.manifest import Serving
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.strategies import Strategy
from modelctl.domain.verdict import Finding
from modelctl.gates.findings import failed, passed, quoted

SPLITTING = frozenset({"canary", "shadow", "ab-test"})
LOGGED = re.compile(r"models:/m-[0-9a-z]+")
"""A model as it was logged once. Runs, aliases and version numbers can come to mean other files."""

STEPPED_HERE = frozenset({"immediate", "blue-green"})
"""The kinds that a deploy carries out whole. The others need a controller that steps them."""


def check_serving(
    gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """The strategy must be known, and one that this target truly carries out."""
    unknown = list(_unknown_environments(gate, candidate, policy))
    yield from unknown
    strategy = candidate.strategy(policy)
    if strategy is None:
        yield _unknown_strategy(gate, candidate, policy)
        return
    problems = [*_objections(candidate.model.serving, strategy), *_out_of_reach(candidate)]
    for message, mend in problems:
        yield failed(gate, message, mend=mend, **_where(candidate))
    if not problems and not unknown:
        yield passed(gate, f"{candidate.model.serving.target} carries out {strategy.name}")


def _objections(serving: Serving, strategy: Strategy) -> Iterator[tuple[str, str]]:
    """Each reason why the target would ignore the strategy, with what to do instead."""
    target, mode, kind = serving.target, serving.mode, strategy.kind
    if target != "kserve" and mode != "standard":
        yield f"{target} has no {mode} mode; only kserve does", "remove serving.mode"
    if kind in SPLITTING and not _splits(serving):
        ignored = f"{target} would ignore {strategy.name}"
        yield (
            f"{ignored}: nothing splits its traffic without a Gateway API route",
            "set serving.gateway to true where the cluster has one, or choose blue-green",
        )
    if target == "kserve" and mode == "knative" and kind in ("shadow", "ab-test"):
        yield (
            f"KServe's Knative mode has no {kind}: it only splits traffic by a share",
            "use serving.mode: standard with a Gateway API route, or a canary",
        )
    if kind not in STEPPED_HERE:
        yield (
            f"{strategy.name} is a {kind}, which nothing here steps forward yet",
            "choose a strategy of kind immediate or blue-green",
        )


def _out_of_reach(candidate: Candidate) -> Iterator[tuple[str, str]]:
    """A pod loads what the address means then, and has no folder of the repository."""
    root, target = candidate.version.artifacts.root, candidate.model.serving.target
    if target != "local" and not LOGGED.fullmatch(root):
        yield (
            f"{target} can't be sure to load these artifacts from {root}",
            "log the model to MLflow, and make the version from its run: models:/m-…",
        )


def _splits(serving: Serving) -> bool:
    """Whether something divides or mirrors this target's traffic."""
    if serving.target == "kserve":
        return serving.gateway or serving.mode == "knative"
    return serving.target in ("gateway-api", "local") or serving.gateway


def _unknown_strategy(gate: Gate, candidate: Candidate, policy: Policy) -> Finding:
    named = candidate.strategy_name()
    what = f"strategy {named}" if named else f"default strategy for tier {candidate.model.tier}"
    return failed(
        gate,
        f"there is no {what} in the policy",
        mend=f"choose one of: {', '.join(sorted(policy.strategies))}",
        **_where(candidate),
    )


def _unknown_environments(gate: Gate, candidate: Candidate, policy: Policy) -> Iterator[Finding]:
    """A strategy for an environment that doesn't exist would never be looked at."""
    release, document = candidate.release, candidate.release_document
    if release is None or document is None:
        return
    for name in release.strategies:
        if name not in policy.lifecycle.environments:
            yield failed(
                gate,
                f"there is no environment {name}",
                mend=f"the environments are {', '.join(policy.lifecycle.environments)}",
                **quoted(document, document.locate(("strategies", name))),
            )


def _where(candidate: Candidate) -> Mapping[str, object]:
    """The line of release.yaml that names the strategy, else the serving part of model.yaml."""
    if candidate.strategy_name() and candidate.release_document:
        document = candidate.release_document
        return quoted(document, document.locate(("strategies", candidate.transition.environment)))
    return quoted(candidate.model_document, candidate.model_document.locate(("serving", "target")))
