"""Checklists that name what isn't there are problems of the policy, with line and mend."""

from __future__ import annotations

import pytest

from modelctl.adapters.policies import PolicyError, load_policy
from support.trees import MemoryTree
from support.world import PROJECT

LISTS = "policies/checklists.yaml"


def product() -> dict[str, bytes]:
    files = sorted((PROJECT / "policies").rglob("*"))
    return {str(p.relative_to(PROJECT)): p.read_bytes() for p in files if p.is_file()}


def problems(item: str) -> list[tuple[str, str, str]]:
    """Place, message and mend of everything that is wrong with a list of this one item."""
    text = f"before:\n  - {{text: One, {item}}}\n"
    with pytest.raises(PolicyError) as caught:
        load_policy(MemoryTree({**product(), LISTS: text.encode()}), "f" * 40)
    assert {(p.location.file, p.location.line) for p in caught.value.problems} == {(LISTS, 2)}
    return [(p.location.path, p.message, p.mend or "") for p in caught.value.problems]


def test_the_shipped_lists_are_sound_and_follow_the_source() -> None:
    found = load_policy(MemoryTree(product()), "f" * 40).checklists
    assert len(found.before) >= 7
    assert len(found.after) >= 5
    assert len(found.rollback) >= 8
    assert {item.fact for item in (*found.before, *found.after, *found.rollback)} == {
        "gate", "evidence", "statement", "role", "by",
    }  # fmt: skip


def test_without_the_document_there_is_nothing_to_go_through() -> None:
    files = {path: data for path, data in product().items() if path != LISTS}
    assert load_policy(MemoryTree(files), "f" * 40).checklists.before == ()


@pytest.mark.parametrize(
    "item",
    [
        "gate: provenance",
        "gate: soak",
        "evidence: my-own, environment: [offline, source, target, dev], max_age: 30d",
        "statement: deployment, applies: {environments: [dev], tasks: [ranking], models: [a-*]}",
        "role: platform",
        "by: hand",
    ],
)
def test_sound_items_are_read(item: str) -> None:
    text = f"after:\n  - {{text: One, {item}}}\n"
    [found] = load_policy(
        MemoryTree({**product(), LISTS: text.encode()}), "f" * 40
    ).checklists.after
    assert found.text == "One"


@pytest.mark.parametrize(
    ("item", "path", "message", "mend"),
    [
        ("applies: {tiers: [critical]}", "before[0]", "nothing ticks it", "or by: hand"),
        ("gate: soak, by: hand", "before[0]", "it is ticked by gate and by", "give it one of"),
        ("gate: sok", "before[0].gate", "there is no gate sok", "the gates are"),
        ("role: boss", "before[0].role", "there is no role boss", "the roles are"),
        ("evidence: Load Test", "before[0].evidence", "'Load Test' is no kind", "load-test"),
        ("statement: a_b", "before[0].statement", "'a_b' is no kind", "a-z"),
        ("gate: soak, max_age: 1d", "before[0].max_age", "max_age is about evidence", "remove"),
        ("by: hand, environment: [dev]", "before[0].environment", "environment is about", "remove"),
        ("evidence: drift, environment: [prod]", "before[0].environment[0]",
         "there is no environment prod", "offline, source, target"),
        ("by: hand, applies: {environments: [prod]}", "before[0].applies.environments[0]",
         "there is no environment prod", "the environments are"),
        ("by: hand, applies: {tasks: [sorting]}", "before[0].applies.tasks[0]",
         "there is no task sorting", "the tasks are"),
        ("by: hand, applies: {tiers: [top]}", "before[0].applies.tiers[0]",
         "there is no tier top", "the tiers are"),
        ("by: hand, applies: {targets: [moon]}", "before[0].applies.targets[0]",
         "there is no target moon", "the targets are"),
        ("by: foot", "before[0].by", "`before[0].by`", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(item: str, path: str, message: str, mend: str) -> None:
    [(where, said, todo)] = problems(item)
    assert where == path
    assert said.startswith(message)
    assert mend in todo


def test_a_statement_that_nobody_writes_is_a_problem() -> None:
    [(place, said, mend)] = problems("statement: deploymnt")
    assert place == "before[0].statement"
    assert said.startswith("nobody writes a statement of the kind deploymnt")
    assert mend.startswith("did you mean deployment? the kinds are ")
