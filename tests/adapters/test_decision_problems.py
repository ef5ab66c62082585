"""A step that is left to the gates needs gates that decide by evidence."""

from __future__ import annotations

import pytest

from modelctl.adapters.policies import PolicyError, load_policy
from modelctl.domain.policy import Policy
from support.trees import MemoryTree
from support.world import PROJECT

LIFECYCLE = "policies/lifecycle.yaml"
DEV = "    stage: Validation\n"
TINY = """\
gates:
  quality:
    title: Good enough
    {applies}
    evidence: evaluation
    require:
      - {{rule: evidence.passed, because: it must pass}}
"""


def loaded(decision: str, gate: str | None = None) -> Policy:
    """The product's policies with this decision on the first step, and one gate of these lines."""
    files = {
        str(p.relative_to(PROJECT)): p.read_bytes()
        for p in sorted((PROJECT / "policies").rglob("*"))
        if p.is_file()
    }
    text = files[LIFECYCLE].decode()
    assert DEV in text
    files[LIFECYCLE] = text.replace(DEV, f"{DEV}    decision: {decision}\n").encode()
    if gate is not None:
        kept = {p: data for p, data in files.items() if not p.startswith("policies/gates/")}
        kept.pop("policies/checklists.yaml")
        files = {**kept, "policies/gates/tiny.yaml": TINY.format(applies=gate).encode()}
    return load_policy(MemoryTree(files), "f" * 40)


def problems(decision: str, gate: str | None = None) -> list[tuple[str, int, str]]:
    with pytest.raises(PolicyError) as caught:
        loaded(decision, gate)
    return [(p.message, p.location.line, p.mend or "") for p in caught.value.problems]


@pytest.mark.parametrize("mode", ["manual", "automated", "hybrid"])
def test_each_mode_is_read(mode: str) -> None:
    step = loaded(mode).lifecycle.transitions[0]
    assert (step.decision, dict(step.decisions)) == (mode, {})


def test_by_default_people_decide() -> None:
    assert {t.decision for t in loaded("manual").lifecycle.transitions} == {"manual"}


def test_the_mode_may_depend_on_the_tier() -> None:
    step = loaded("{experimental: automated, standard: hybrid}").lifecycle.transitions[0]
    assert step.decision == "manual"  # what holds for any model
    tiers = ("critical", "standard", "experimental")
    modes = [step.for_tiers([tier]).decision for tier in tiers]
    assert modes == ["manual", "hybrid", "automated"]
    alike = loaded("{default: automated, critical: hybrid}").lifecycle.transitions[0]
    assert alike.decision == "hybrid"


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        ("auto", "transitions[0].decision"),
        ("{experimental: auto}", "transitions[0].decision.experimental"),
        ("{expert: manual}", "unknown field `expert`; did you mean `experimental`?"),
        ("{}", "transitions[0].decision"),
    ],
)
def test_another_mode_or_tier_is_refused(decision: str, told: str) -> None:
    [(message, _, _)] = problems(decision)
    assert told in message


@pytest.mark.parametrize(
    "gate", ["min_sample: 1", "applies: {environments: [dev]}", "applies: {tiers: [experimental]}"]
)
def test_gates_that_decide_are_enough(gate: str) -> None:
    assert loaded("{experimental: automated}", gate).gates


@pytest.mark.parametrize(
    ("gate", "about"),
    [
        ("applies: {environments: [staging]}", "classification or regression or"),
        ("applies: {tiers: [standard]}", "classification or regression or"),
        ("applies: {models: [churn-*]}", "classification or regression or"),
        ("applies: {targets: [kserve]}", "classification or regression or"),
        ("applies: {tasks: [classification, regression, ranking, forecasting, clustering, other]}",
         "generation, so"),
    ],
)  # fmt: skip
def test_models_about_which_nothing_decides_are_a_problem(gate: str, about: str) -> None:
    [(message, line, mend)] = problems("{experimental: automated}", gate)
    assert message.startswith("the way to dev is automated for experimental models, but no gate")
    assert f"evidence about {about}" in message
    assert line > 20
    assert mend == "add a gate with evidence for them, or write decision: manual"


def test_each_tier_is_told() -> None:
    found = problems("hybrid", "applies: {tiers: [standard]}")
    assert [message.split(" models")[0] for message, _, _ in found] == [
        "the way to dev is hybrid for critical",
        "the way to dev is hybrid for experimental",
    ]
