"""The shape of a change."""

from __future__ import annotations

import pytest

from modelctl.domain.flow import Flow, FlowKind, judge_flow
from modelctl.domain.flow_input import is_model_path, shown
from support.proposals import (
    MODEL,
    RULES,
    World,
    model_files,
    model_yaml,
    problems,
    release_yaml,
    version_yaml,
)
from support.trees import Content

BASE = model_files("1.0.0")
FOLDER = f"models/{MODEL}"
GATES = "policies/gates/quality.yaml"
WEAKER: dict[str, Content | None] = {GATES: b"gates: {none: here}\n"}


def _judge(
    edits: dict[str, Content | None], branch: str = "ml", trusted: dict[str, Content] | None = None
) -> Flow:
    rules = RULES if trusted is None else trusted
    return judge_flow(World().proposal(branch, BASE, edits, trusted=rules))


def test_nothing_changes() -> None:
    flow = _judge({})
    assert (flow.kind, flow.moves, flow.added) == (FlowKind.EMPTY, (), ())
    assert [finding.gate for finding in flow.findings] == ["mixing"]
    assert problems(flow.findings) == []


@pytest.mark.parametrize("branch", ["ml", "develop", "main", "feature/x"])
def test_models_and_rules_never_change_together(branch: str) -> None:
    flow = _judge({**version_yaml("1.1.0"), **WEAKER}, branch)
    assert flow.kind is FlowKind.MIXED
    assert problems(flow.findings, "mixing") == [
        f"models and rules change together: {FOLDER}/versions/1.1.0.yaml and {GATES}"
    ]


@pytest.mark.parametrize("rule", sorted(RULES))
def test_everything_outside_models_is_a_rule(rule: str) -> None:
    flow = _judge({**version_yaml("1.1.0"), rule: b"changed"}, "main")
    assert problems(flow.findings, "mixing")


@pytest.mark.parametrize("branch", ["env/production", "ledger", "feature/x", "release"])
def test_models_change_only_on_branches_of_the_lifecycle(branch: str) -> None:
    flow = _judge(dict(version_yaml("1.1.0")), branch)
    assert (flow.kind, flow.moves) == (FlowKind.MISPLACED, ())
    assert problems(flow.findings) == [
        f"no environment follows {branch}, so models can't change there"
    ]


@pytest.mark.parametrize(
    "path",
    [
        "models",
        "models/readme.md",
        "models/.gitkeep",
        "Models/tumor-classifier/model.yaml",
        "MODELS/x",
        "models/Tumor-classifier/model.yaml",
        "models/tumor_classifier/model.yaml",
        "models/tumor/model.yaml",
        f"{FOLDER}/model.yml",
        f"{FOLDER}/Model.yaml",
        f"{FOLDER}/versions",
        f"{FOLDER}/versions/latest.yaml",
        f"{FOLDER}/versions/1.0.yaml",
        f"{FOLDER}/versions/v1.0.0.yaml",
        f"{FOLDER}/versions/01.0.0.yaml",
        f"{FOLDER}/versions/1.0.0.yaml.bak",
        f"{FOLDER}/versions/1.1.0.yaml/x",
        f"{FOLDER}/versions/1.1.0.YAML",
        f"{FOLDER}/weights.pkl",
        "models/../policies/gates.yaml",
        "models//model.yaml",
    ],
)
def test_only_known_files_below_models(path: str) -> None:
    flow = _judge({path: b"x"})
    assert problems(flow.findings, "placement") == [f"{path} may not lie below models/"]
    (finding,) = (f for f in flow.findings if f.gate == "placement")
    assert finding.location is not None
    assert finding.location.file == path


def test_a_name_that_looks_like_another_is_escaped() -> None:
    path = "models/tumor-classif\u0456er/model.yaml"  # the Cyrillic letter
    assert problems(_judge({path: b"x"}).findings) == [
        "models/tumor-classif\\u0456er/model.yaml may not lie below models/"
    ]
    assert shown("a\u202eb") == "a\\u202eb"
    assert shown("a\nb\x1b") == "a\\nb\\x1b"
    assert shown("models/a-b/model.yaml") == "models/a-b/model.yaml"


def test_an_unknown_file_may_be_taken_away() -> None:
    stray = f"{FOLDER}/notes.txt"
    proposal = World().proposal("ml", {**BASE, stray: b"x"}, {stray: None})
    flow = judge_flow(proposal)
    assert problems(flow.findings) == []
    assert (flow.kind, flow.moves) == (FlowKind.SUBMISSION, ())


def test_a_path_is_a_models_path_in_any_case() -> None:
    assert all(map(is_model_path, ("models", "models/x", "MODELS/x", "Models")))
    assert not any(map(is_model_path, ("model", "modelsx/y", "x/models/y", "")))


def test_versions_that_are_one_file_to_some_file_systems() -> None:
    both = {**version_yaml("2.0.0-rc.1"), **version_yaml("2.0.0-RC.1")}
    upper, lower = "2.0.0-RC.1.yaml", "2.0.0-rc.1.yaml"
    assert problems(_judge(both).findings) == [
        f"{FOLDER}/versions/{one} and {other} differ only in upper and lower case"
        for one, other in ((upper, lower), (lower, upper))
    ]


def test_a_model_needs_its_model_yaml() -> None:
    flow = _judge({**version_yaml("1.0.0", "new-thing"), **release_yaml("1.0.0", "new-thing")})
    assert problems(flow.findings) == ["new-thing has no model.yaml"]


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        (0o120000, "a symbolic link"),
        (0o160000, "a submodule"),
        (0o100755, "executable"),
        (0o100664, "of mode 100664"),
    ],
)
def test_regular_files_only(mode: int, kind: str) -> None:
    path = f"{FOLDER}/versions/1.1.0.yaml"
    flow = _judge({path: (b"a" * 20, mode)})
    assert problems(flow.findings) == [f"{path} is {kind}, not a regular file"]


def test_what_a_release_stands_on_is_regular_even_if_it_does_not_change() -> None:
    manifest = f"{FOLDER}/versions/1.1.0.yaml"
    before = {**BASE, manifest: (b"elsewhere", 0o120000)}
    proposal = World().proposal("ml", before, dict(release_yaml("1.1.0")))
    assert problems(judge_flow(proposal).findings) == [
        f"{manifest} is a symbolic link, not a regular file"
    ]


def test_rules_change_on_the_default_branch() -> None:
    flow = _judge({**WEAKER, "CODEOWNERS": None, "docs/new.md": b"x"}, "main")
    assert (flow.kind, flow.moves) == (FlowKind.RULES, ())
    assert [finding.gate for finding in flow.findings] == ["mixing", "rules-branch"]
    assert problems(flow.findings) == []


@pytest.mark.parametrize("branch", ["ml", "develop", "feature/x", "env/dev"])
@pytest.mark.parametrize(
    "edit",
    [
        {GATES: b"weaker"},
        {"CODEOWNERS": None},
        {"scripts/modelctl/extra.py": b"import os"},
        {"README.md": b"other"},
        {GATES: (b"gates: {}\n", 0o100755)},
        {"policies": b"a file"},
    ],
    ids=str,
)
def test_rules_never_change_elsewhere(branch: str, edit: dict[str, Content | None]) -> None:
    flow = _judge(edit, branch)
    assert flow.kind is FlowKind.RULES
    (path,) = edit
    assert f"{path} is not as it is on main" in problems(flow.findings, "rules-branch")


NEWER = {
    **{path: content for path, content in RULES.items() if path != "policies/lifecycle.yaml"},
    GATES: b"gates: {stricter: yes}\n",
    "scripts/modelctl/cli.py": b"print(1)\n",
    "policies/freezes.yaml": b"[]\n",
}
SYNC: dict[str, Content | None] = {
    GATES: NEWER[GATES],
    "scripts/modelctl/cli.py": NEWER["scripts/modelctl/cli.py"],
    "policies/freezes.yaml": NEWER["policies/freezes.yaml"],
    "policies/lifecycle.yaml": None,
}


@pytest.mark.parametrize("branch", ["ml", "develop", "feature/x"])
def test_a_sync_brings_the_rules_as_they_are(branch: str) -> None:
    flow = _judge(SYNC, branch, NEWER)
    assert flow.kind is FlowKind.SYNC
    assert problems(flow.findings) == []
    assert [finding.gate for finding in flow.findings] == ["mixing", "rules-branch", "sync"]


@pytest.mark.parametrize(
    ("left_out", "root"),
    [
        (GATES, "policies"),
        ("policies/freezes.yaml", "policies"),
        ("policies/lifecycle.yaml", "policies"),
        ("scripts/modelctl/cli.py", "scripts"),
    ],
)
def test_half_a_sync_is_refused(left_out: str, root: str) -> None:
    part = {path: content for path, content in SYNC.items() if path != left_out}
    flow = _judge(part, "ml", NEWER)
    assert problems(flow.findings) == [f"{root} is not wholly as it is on main"]
    commands = [f.command for f in flow.findings if f.outcome.blocks]
    assert commands == [f"git restore --source main --staged --worktree {root}"]


def test_a_sync_of_codeowners() -> None:
    trusted = {**RULES, "CODEOWNERS": b"* @nobody\n"}
    assert _judge({"CODEOWNERS": b"* @nobody\n"}, "ml", trusted).kind is FlowKind.SYNC
    flow = _judge({"README.md": None}, "ml", {**trusted, "README.md": b""})
    assert problems(flow.findings) == [
        "README.md is not as it is on main",
        "CODEOWNERS is not wholly as it is on main",
    ]


def test_a_branch_without_models_can_have_another_default() -> None:
    """Nothing depends on the names of branches."""
    proposal = World().proposal("trunk", BASE, WEAKER, default_branch="trunk")
    flow = judge_flow(proposal)
    assert (flow.kind, problems(flow.findings)) == (FlowKind.RULES, [])


def test_the_default_branch_can_have_an_environment_too() -> None:
    flow = _judge(dict(model_yaml(note="changed")), "main")
    assert flow.kind is FlowKind.PROMOTION
    assert "placement" in [f.gate for f in flow.findings if not f.outcome.blocks]


def test_what_tells_people_about_the_folder_is_a_rule() -> None:
    assert not is_model_path("models/README.md")
