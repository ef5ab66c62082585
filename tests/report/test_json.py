"""JSON: what the schema says, whole and exact, in ASCII."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from jsonschema import Draft202012Validator

import modelctl
from modelctl.domain.verdict import Report, exit_code
from modelctl.report.json import render

SCHEMA = json.loads(
    (Path(modelctl.__file__).parent / "schemas" / "report.schema.json").read_text("utf-8")
)
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_golden(make: SimpleNamespace, golden: Callable[[str, str], None]) -> None:
    golden("report.json", render(make.several()))


def test_every_report_keeps_to_the_schema(sample: tuple[str, Report]) -> None:
    document = json.loads(render(sample[1]))
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    assert document["exit_code"] == exit_code(sample[1])


def drop(document: dict[str, Any]) -> None:
    del document["verdicts"][0]["findings"][0]["mend"]


def add(document: dict[str, Any]) -> None:
    document["verdicts"][0]["extra"] = 1


def misname(document: dict[str, Any]) -> None:
    document["verdicts"][0]["findings"][0]["outcome"] = "ok"


@pytest.mark.parametrize("damage", [drop, add, misname])
def test_the_schema_is_closed(
    make: SimpleNamespace, damage: Callable[[dict[str, Any]], None]
) -> None:
    document = json.loads(render(make.everything()))
    damaged = deepcopy(document)
    damage(damaged)
    assert VALIDATOR.is_valid(document)
    assert not VALIDATOR.is_valid(damaged)


def test_the_gates_tell_their_worst_finding(make: SimpleNamespace) -> None:
    gates = json.loads(render(make.everything()))["verdicts"][0]["gates"]
    assert gates["classification-quality"] == "fail"
    assert gates["metadata"] == "pass"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_is_in_a_field_comes_back(hostile: SimpleNamespace, data: st.DataObject) -> None:
    report = data.draw(hostile.reports)
    text = render(report)
    assert text.isascii()
    document = json.loads(text)
    assert VALIDATOR.is_valid(document)
    assert document["title"] == report.title
    for verdict, told in zip(report.verdicts, document["verdicts"], strict=True):
        for finding, found in zip(verdict.findings, told["findings"], strict=True):
            assert found["message"] == finding.message
            assert found["values"] == finding.values
            assert found["command"] == finding.command
