"""The explanation of a transition: each gate with its evidence and its rules by line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.cells import cell_len

from modelctl.report import explain
from modelctl.report.look import Look

GOLDEN = Callable[[str, str], None]


@pytest.mark.parametrize("width", [80, 140])
def test_golden(make: SimpleNamespace, golden: GOLDEN, width: int) -> None:
    text = explain.terminal(
        make.gates(), make.transition(), Look(width=width), about=make.subject()
    )
    golden(f"explain-{width}.txt", text)


def test_golden_json(make: SimpleNamespace, golden: GOLDEN) -> None:
    golden("explain.json", explain.json(make.gates(), make.transition()))


def test_without_a_version_the_command_says_where_to_put_it(make: SimpleNamespace) -> None:
    text = explain.terminal(make.gates(), make.transition(), Look(width=100))
    assert text.startswith("promotion to staging  3 gates  ml → develop\n")
    assert "modelctl evidence evaluate MODEL@VERSION --data HOLDOUT.parquet" in text


def test_on_the_first_step_the_source_is_a_held_out_dataset(make: SimpleNamespace) -> None:
    first = replace(make.transition(), source=None)
    gates = json.loads(explain.json(make.gates(), first))["gates"]
    assert gates[2]["evidence"]["environments"] == ["offline"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((), "nobody"),
        ((("ml-lead", 1),), "1 ml-lead"),
        ((("ml-lead", 2),), "2 ml-lead, different people"),
        ((("ml-lead", 1), ("platform", 1)), "1 ml-lead and 1 platform, different people"),
    ],
)
def test_approvals(make: SimpleNamespace, asked: tuple[tuple[str, int], ...], said: str) -> None:
    rules = tuple(make.ApprovalRule(role=role, count=count) for role, count in asked)
    text = explain.terminal((), replace(make.transition(), approvals=rules))
    assert text.splitlines()[-1] == f"approved by  {said}"


@pytest.mark.parametrize("width", [40, 80, 140])
def test_no_line_is_too_wide(make: SimpleNamespace, width: int) -> None:
    for unicode in (True, False):
        look = Look(width=width, unicode=unicode)
        text = explain.terminal(make.gates(), make.transition(), look)
        assert max(cell_len(line) for line in text.splitlines()) <= width
        assert unicode or text.isascii()


def test_where_the_gates_decide_people_may_hold_it(make: SimpleNamespace) -> None:
    rules = tuple(make.ApprovalRule(role=role, count=1) for role in ("platform", "ml-lead"))
    for mode in ("automated", "hybrid"):
        way = replace(make.transition(), approvals=rules, decision=mode, decisions={})
        assert explain.terminal((), way).splitlines()[-1] == "may hold it  platform, ml-lead"
    some = replace(way, decisions={"default": "automated", "critical": "manual"})
    assert explain.terminal((), some).splitlines()[-1].startswith("approved by  1 platform")
    nobody = replace(way, approvals=())
    assert explain.terminal((), nobody).splitlines()[-1] == "may hold it  nobody"


def test_who_may_waive_each_gate_is_told(make: SimpleNamespace) -> None:
    first, *others = make.gates()
    gates = (replace(first, waivable_by=("ml-lead", "platform")), *others)
    text = explain.terminal(gates, make.transition(), Look(width=100))
    assert "  waived by ml-lead, platform\n" in text
    assert "  waived by nobody\n" in text
    documents = json.loads(explain.json(gates, make.transition()))["gates"]
    assert [one["waivable_by"] for one in documents[:2]] == [["ml-lead", "platform"], []]
