"""Static judgement: what can be said of a version by its documents alone.

It needs no evidence, no history and no clock, so it can be asked of every version of a tree at any
time, and its answer stays the same as long as the documents and the policy do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from modelctl.domain.candidate import Candidate, Facts, scope_of
from modelctl.domain.manifest import Model
from modelctl.domain.policy import Gate, Policy, Transition
from modelctl.domain.verdict import Finding
from modelctl.gates import Check
from modelctl.gates.artifacts import check_forbidden
from modelctl.gates.metadata import check_metadata
from modelctl.gates.rules import check_rules
from modelctl.gates.serving import check_serving
from modelctl.gates.version_bump import check_version_bump
from modelctl.gates.waivers import waived

STATIC: Mapping[str, Check] = {
    "artifacts": check_forbidden,
    "metadata": check_metadata,
    "rules": check_rules,
    "version-bump": check_version_bump,
}
"""The built-in checks, or parts of them, that the documents of any version decide."""

RELEASED: Mapping[str, Check] = {"serving": check_serving}
"""Those that are about the released version, and may answer differently for each environment."""

_OF_DOCUMENTS = ("model.", "version.")


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticGate:
    """A gate, the part of it that is static, and the steps that it guards for one model."""

    gate: Gate
    check: Check
    steps: tuple[Transition, ...]
    released: bool


def static_gates(policy: Policy, model: Model) -> tuple[StaticGate, ...]:
    """The static part of every gate that stands on the way of a model to any environment."""
    found = []
    for gate in policy.gates:
        steps = tuple(
            step
            for step in policy.lifecycle.transitions
            if gate.scope.covers(scope_of(model, step.environment))
        )
        part = _part(gate)
        if steps and part is not None:
            found.append(replace(part, steps=steps if part.released else steps[:1]))
    return tuple(found)


def judge_static(
    gates: Iterable[StaticGate], candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """What the gates hold against a version, each thing once; nothing where all of them pass.

    Gates about the released version are left out where the candidate has no release.
    """
    told: list[Finding] = []
    for one in gates:
        if one.released and candidate.release is None:
            continue
        for step in one.steps:
            for finding in _against(one, replace(candidate, transition=step), policy, facts):
                if finding not in told:
                    told.append(finding)
                    yield finding


def _against(
    one: StaticGate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterable[Finding]:
    found = [f for f in one.check(one.gate, candidate, policy, facts) if f.outcome.blocks]
    return waived(found, one.gate, candidate, policy, facts) if found else ()


def _part(gate: Gate) -> StaticGate | None:
    """The static part of a gate, None where it has none."""
    if gate.check in RELEASED:
        return StaticGate(gate=gate, check=RELEASED[gate.check], steps=(), released=True)
    if gate.check != "rules":
        check = STATIC.get(gate.check)
        return StaticGate(gate=gate, check=check, steps=(), released=False) if check else None
    rules = tuple(
        rule
        for rule in gate.rules
        if all(name.startswith(_OF_DOCUMENTS) for name in rule.expression.names)
    )
    if gate.evidence is not None or not rules:
        return None
    part = replace(gate, rules=rules)
    return StaticGate(gate=part, check=STATIC[gate.check], steps=(), released=False)
