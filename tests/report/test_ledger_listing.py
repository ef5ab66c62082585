"""The ledger as a listing: one line for each entry where there is room, two where there isn't."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given, settings, strategies as st
from rich.cells import cell_len

from modelctl.report import ledger
from modelctl.report.look import Look

GOLDEN = Callable[[str, str], None]


@pytest.mark.parametrize("width", [80, 140])
def test_golden(make: SimpleNamespace, golden: GOLDEN, width: int) -> None:
    golden(f"ledger-{width}.txt", ledger.terminal(make.ledger(), Look(width=width)))


def test_golden_json(make: SimpleNamespace, golden: GOLDEN) -> None:
    golden("ledger.json", ledger.json(make.ledger()))


def test_an_entry_takes_one_line_where_there_is_room(make: SimpleNamespace) -> None:
    entries = make.ledger()
    assert len(ledger.terminal(entries, Look(width=140)).splitlines()) == 4 + len(entries)
    assert len(ledger.terminal(entries, Look(width=80)).splitlines()) == 4 + 2 * len(entries)


def test_what_cannot_be_believed_is_counted(make: SimpleNamespace) -> None:
    entries = make.ledger()
    assert ledger.terminal(entries).endswith("4 entries, 1 can't be believed\n")
    assert ledger.terminal(entries[:1]).endswith("1 entry, all as signed\n")
    assert [e["ok"] for e in json.loads(ledger.json(entries))["entries"]] == [True] * 3 + [False]


def test_of_several_models_each_is_named(make: SimpleNamespace) -> None:
    first, second, *_ = make.ledger()
    text = ledger.terminal((first, replace(second, model="churn-predictor")), Look(width=140))
    assert "✓ tumor-classifier 1" in text
    assert "✓ churn-predictor 2" in text


def test_an_empty_ledger_says_so() -> None:
    assert ledger.terminal(()) == "the ledger is empty\n"
    assert json.loads(ledger.json(())) == {"schema": 1, "entries": []}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), width=st.integers(40, 150))
def test_foreign_text_stays_in_its_line(
    make: SimpleNamespace, hostile: SimpleNamespace, data: st.DataObject, width: int
) -> None:
    told = {name: data.draw(hostile.text) for name in ("kind", "version", "summary", "environment")}
    row = replace(make.ledger()[0], **told, problem=data.draw(st.none() | hostile.text))
    text = ledger.terminal((row,), Look(width=width))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]", text)
    assert max(cell_len(line) for line in text.split("\n")) <= width
