"""What a change moves, its kind, and that each rule of the flow has its say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from modelctl.domain.flow import FlowKind, judge_flow
from modelctl.domain.flow_input import is_model_path
from modelctl.domain.policy import Transition
from modelctl.domain.provenance import provenance
from modelctl.domain.releases import releases
from modelctl.domain.structure import placement, rules_branch, sync
from modelctl.domain.verdict import Outcome, worst
from support.proposals import (
    MODEL,
    RULES,
    World,
    model_files,
    model_yaml,
    passed,
    problems,
    release_yaml,
    version_yaml,
)
from support.trees import Content

BASE = model_files("1.0.0")
NEXT: dict[str, Content | None] = {**version_yaml("1.1.0"), **release_yaml("1.1.0")}
RULE: dict[str, Content | None] = {"policies/lifecycle.yaml": b"default_branch: mine\n"}


def _deployed() -> World:
    world = World()
    world.deploy("dev", "1.1.0", {**BASE, **version_yaml("1.1.0"), **release_yaml("1.1.0")})
    return world


@pytest.mark.parametrize(
    ("branch", "edits", "kind", "gates"),
    [
        (
            "ml",
            NEXT,
            FlowKind.SUBMISSION,
            ["mixing", "placement", "file-mode", "immutability", "release"],
        ),
        (
            "develop",
            NEXT,
            FlowKind.PROMOTION,
            ["mixing", "placement", "file-mode", "immutability", "release", "provenance"],
        ),
        ("main", RULE, FlowKind.RULES, ["mixing", "rules-branch"]),
        ("ml", {}, FlowKind.EMPTY, ["mixing"]),
        (
            "ml",
            {"models/notes.txt": None},
            FlowKind.SUBMISSION,
            ["mixing", "placement", "file-mode", "immutability"],
        ),
    ],
)
def test_every_rule_that_has_something_to_look_at_says_so(
    branch: str, edits: dict[str, Content | None], kind: FlowKind, gates: list[str]
) -> None:
    before = {**BASE, "models/notes.txt": b"x"}
    flow = judge_flow(_deployed().proposal(branch, before, edits))
    assert flow.kind is kind
    assert passed(flow.findings) == gates
    assert problems(flow.findings) == []
    assert worst(finding.outcome for finding in flow.findings) is Outcome.PASS


def test_every_problem_is_told_in_one_run() -> None:
    edits: dict[str, Content | None] = {
        **RULE,
        "models/notes.txt": b"x",
        f"models/{MODEL}/versions/1.0.0.yaml": b"changed",
        f"models/{MODEL}/model.yaml": (b"name: x\n", 0o100755),
        **release_yaml("9.9.9"),
    }
    flow = judge_flow(World().proposal("develop", BASE, edits))
    blocking = [finding.gate for finding in flow.findings if finding.outcome.blocks]
    assert blocking == [
        "mixing",
        "placement",
        "file-mode",
        "immutability",
        "release",
        "provenance",
        "rules-branch",
        "sync",
    ]
    assert all(finding.mend for finding in flow.findings if finding.outcome.blocks)


def test_a_change_of_unknown_files_alone_is_blocked() -> None:
    flow = judge_flow(World().proposal("ml", BASE, {"models/notes.txt": b"x"}))
    assert (flow.kind, flow.moves) == (FlowKind.SUBMISSION, ())
    assert problems(flow.findings) == ["models/notes.txt may not lie below models/"]


def test_a_branch_without_an_environment_releases_nothing() -> None:
    flow = judge_flow(World().proposal("feature/x", BASE, NEXT))
    assert "release" not in {finding.gate for finding in flow.findings}


def test_what_is_added_is_versions_alone() -> None:
    new = model_files("1.0.0", "2.0.0", model="risk-scorer")
    changed = {f"models/{MODEL}/versions/1.0.0.yaml": b"changed"}
    flow = judge_flow(World().proposal("ml", BASE, {**new, **changed}))
    assert [(f.model, f.version) for f in flow.added] == [
        ("risk-scorer", "1.0.0"),
        ("risk-scorer", "2.0.0"),
    ]


def test_branches_and_environments_have_no_fixed_names() -> None:
    step = Transition(
        from_branch="lab", to_branch="shop", environment="live", stage="Live", approvals=()
    )
    proposal = World().proposal("shop", BASE, NEXT, default_branch="office")
    later = replace(step, source="lab-bench")
    assert judge_flow(replace(proposal, transition=step)).kind is FlowKind.SUBMISSION
    flow = judge_flow(replace(proposal, transition=later))
    assert problems(flow.findings) == [f"{MODEL}@1.1.0 was never deployed to lab-bench"]


def test_a_rule_that_has_nothing_to_look_at_objects_to_nothing() -> None:
    ahead = {**RULES, "policies/freezes.yaml": b"[]\n"}
    models = World().proposal("ml", BASE, NEXT, trusted=ahead)
    assert (list(provenance(models)), list(sync(models))) == ([], [])
    assert list(placement(World().proposal("feature/x", BASE, RULE))) == []
    rules = World().proposal("main", BASE, RULE, trusted=ahead)
    assert (list(sync(rules)), list(rules_branch(rules))) == ([], [])
    nowhere = World().proposal("feature/x", BASE, release_yaml("9.0.0"))
    assert (list(provenance(nowhere)), list(releases(nowhere))) == ([], [])


_contents = st.none() | st.sampled_from([b"one", b"two", (b"one", 0o120000)])
_model_edits = st.dictionaries(
    st.sampled_from(
        [
            *model_yaml(),
            *version_yaml("1.0.0"),
            *version_yaml("1.1.0"),
            "models/notes.txt",
            "Models/x",
        ]
    ),
    _contents,
)
_rule_edits = st.dictionaries(st.sampled_from([*RULES, "docs/x.md", "model/y"]), _contents)
_branches = st.sampled_from(["ml", "develop", "main", "feature/x"])


@settings(deadline=None)
@given(_branches, _model_edits, _rule_edits)
def test_mixing_is_always_found_and_never_imagined(
    branch: str, models: dict[str, Content | None], rules: dict[str, Content | None]
) -> None:
    proposal = World().proposal(branch, BASE, {**models, **rules})
    touched = {is_model_path(change.path) for change in proposal.changes}
    flow = judge_flow(proposal)
    assert bool(problems(flow.findings, "mixing")) == (len(touched) == 2)
    assert (flow.kind is FlowKind.MIXED) == (len(touched) == 2)


@settings(deadline=None)
@given(st.sampled_from(["ml", "develop", "feature/x"]), _rule_edits, _rule_edits)
def test_no_rule_ever_differs_from_the_trusted_ones_after_a_change_elsewhere(
    branch: str, trusted: dict[str, Content | None], edits: dict[str, Content | None]
) -> None:
    rules = {**RULES, **trusted}
    kept: dict[str, Content] = {path: data for path, data in rules.items() if data is not None}
    proposal = World().proposal(branch, BASE, edits, trusted=kept)
    if problems(judge_flow(proposal).findings):
        return
    for change in proposal.changes:
        assert change.after == proposal.trusted.entry(change.path)
    if proposal.changes:
        for root in ("policies", "scripts", "kustomize", ".github"):
            assert proposal.after.subtree(root) == proposal.trusted.subtree(root)


@settings(deadline=None)
@given(_branches, _model_edits, _rule_edits)
def test_something_is_always_said_and_what_blocks_has_a_mend(
    branch: str, models: dict[str, Content | None], rules: dict[str, Content | None]
) -> None:
    flow = judge_flow(World().proposal(branch, BASE, {**models, **rules}))
    assert flow.findings
    assert all(finding.mend for finding in flow.findings if finding.outcome.blocks)
    gates = [finding.gate for finding in flow.findings]
    assert all(
        finding.outcome.blocks or gates.count(finding.gate) == 1 for finding in flow.findings
    )
