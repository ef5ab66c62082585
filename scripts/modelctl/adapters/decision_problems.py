"""What is wrong with who decides: a step that is left to gates of which none decides."""

from __future__ import annotations

from collections.abc import Iterator

from modelctl.adapters.policy_problems import PolicyProblem, Problems
from modelctl.adapters.schema import schema
from modelctl.domain.decisions import MANUAL
from modelctl.domain.document import Document
from modelctl.domain.policy import Gate, Policy, Transition


def decision_problems(policy: Policy, lifecycle: Document) -> Problems:
    """Each step that people leave to the gates, with models about which no evidence is asked for.

    A gate for some names or targets only leaves out the others.
    """
    for index, transition in enumerate(policy.lifecycle.transitions):
        for tier, tasks in _undecided(policy, transition):
            mode = transition.for_tiers((tier,)).decision
            yield PolicyProblem(
                location=lifecycle.locate(("transitions", index, "decision")),
                message=f"the way to {transition.environment} is {mode} for {tier} models, but no "
                f"gate asks for evidence about {' or '.join(tasks)}, so nothing would decide",
                mend="add a gate with evidence for them, or write decision: manual",
            )


def _undecided(policy: Policy, transition: Transition) -> Iterator[tuple[str, list[str]]]:
    """Each tier that is left to the gates, with its tasks that no gate with evidence covers."""
    model = schema("model")["properties"]
    for tier in model["tier"]["enum"]:
        if transition.for_tiers((tier,)).decision == MANUAL:
            continue
        tasks = [
            task
            for task in model["task"]["enum"]
            if not any(_covers(gate, transition.environment, tier, task) for gate in policy.gates)
        ]
        if tasks:
            yield tier, tasks


def _covers(gate: Gate, environment: str, tier: str, task: str) -> bool:
    scope = gate.scope
    facts = ((scope.environments, environment), (scope.tiers, tier), (scope.tasks, task))
    whole = not scope.models and not scope.targets
    return gate.evidence is not None and whole and all(not w or f in w for w, f in facts)
