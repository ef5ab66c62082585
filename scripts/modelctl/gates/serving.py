"""Serving target: refuses what the engine would silently ignore (design, section 6)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.fitting import moving, objections
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.rendering import object_name
from modelctl.domain.strategies import Strategy
from modelctl.domain.verdict import Finding
from modelctl.domain.version_names import version_slug
from modelctl.gates.findings import failed, passed, quoted

LOGGED = re.compile(r"models:/m-[0-9a-z]+")
"""A model as it was logged once. Runs, aliases and version numbers can come to mean other files."""


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
    problems = [
        *objections(candidate.model.serving, strategy),
        *_at_once(candidate, strategy, facts),
        *_out_of_reach(candidate),
        *_namesake(candidate, facts),
    ]
    for message, mend in problems:
        yield failed(gate, message, mend=mend, **_where(candidate))
    if not problems and not unknown:
        yield passed(gate, f"{candidate.model.serving.target} carries out {strategy.name}")


def _out_of_reach(candidate: Candidate) -> Iterator[tuple[str, str]]:
    """A pod loads what the address means then, and has no folder of the repository."""
    root, target = candidate.version.artifacts.root, candidate.model.serving.target
    if target != "local" and not LOGGED.fullmatch(root):
        yield (
            f"{target} can't be sure to load these artifacts from {root}",
            "log the model to MLflow, and make the version from its run: models:/m-…",
        )


def _at_once(candidate: Candidate, strategy: Strategy, facts: Facts) -> Iterator[tuple[str, str]]:
    """Steps that nobody would take, because what serves is reached elsewhere. Nothing is tried out
    where nothing serves, where it is the same version, or where people go back to it."""
    served, before = facts.served, candidate.model_before
    if served is None or before is None or candidate.is_rollback:
        return
    if served.digest != candidate.digest:
        yield from moving(before.serving, candidate.model.serving, strategy)


def _namesake(candidate: Candidate, facts: Facts) -> Iterator[tuple[str, str]]:
    """Two versions whose objects would have one name in a cluster can't run beside each other."""
    name, version = object_name(candidate.model.name), str(candidate.version.version)
    served = facts.served
    if served is None or served.version == version:
        return
    if version_slug(name, version) == version_slug(name, served.version):
        yield (
            f"objects of {version} would have the names of those of {served.version}, which serves",
            "give the version another number",
        )


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
