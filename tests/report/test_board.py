"""The status board: golden files, room for any number of environments, and its JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given, settings, strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len

from modelctl.domain.board import Board, Cell, Flag, FlagKind, Row
from modelctl.report import board as boards
from modelctl.report.look import Look

GOLDEN = Callable[[str, str], None]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_golden(make: SimpleNamespace, golden: GOLDEN, width: int) -> None:
    golden(f"board-{width}.txt", boards.terminal(make.board(), Look(width=width)))


def test_golden_documents(make: SimpleNamespace, golden: GOLDEN) -> None:
    golden("board.md", boards.markdown(make.board()))
    golden("board.json", boards.json(make.board()))


def test_an_empty_board_says_what_to_do(make: SimpleNamespace) -> None:
    empty = replace(make.board(), rows=())
    assert "`modelctl new`" in boards.terminal(empty)
    assert json.loads(boards.json(empty))["models"] == []


def test_what_stands_in_between_names_the_next_environment(make: SimpleNamespace) -> None:
    assert list(boards.waiting(make.board())) == [
        ("tumor-classifier@1.2.0", "dev", "3 gates: artifacts, claims, features"),
        (
            "tumor-classifier@1.1.0",
            "staging",
            "2 gates: classification-quality, soak until 08:05 UTC",
        ),
    ]


def test_what_is_wrong_is_told_with_its_kind(make: SimpleNamespace) -> None:
    text = boards.terminal(make.board(), Look(width=100))
    assert "! churn-predictor@1.4.0 in production  drift: main asks for 1.4.1" in text
    healthy = replace(make.board(), rows=make.board().rows[:1])
    assert "!" not in boards.terminal(healthy)


def test_many_environments_are_listed_instead(make: SimpleNamespace) -> None:
    names = tuple(f"region-{number}" for number in range(9))
    row = Row(model="m", cells={name: Cell(version="1.0.0", stage="Production") for name in names})
    text = boards.terminal(replace(make.board(), environments=names, rows=(row,)), Look(width=80))
    assert text.count("1.0.0") == 9
    assert "  region-8  1.0.0  Production" in text.replace("region-8 1", "region-8  1")


@pytest.mark.parametrize("width", [40, 60, 80, 140])
def test_no_line_is_too_wide_and_colour_changes_no_letter(
    make: SimpleNamespace, width: int
) -> None:
    plain = boards.terminal(make.board(), Look(width=width))
    coloured = boards.terminal(make.board(), Look(width=width, color=True))
    assert max(cell_len(line) for line in plain.splitlines()) <= width
    assert COLOUR.sub("", coloured) == plain != coloured
    assert boards.terminal(make.board(), Look(width=width, unicode=False)).isascii()


@settings(max_examples=60, deadline=None)
@given(data=st.data(), width=st.integers(40, 150))
def test_foreign_text_stays_in_its_cell(
    hostile: SimpleNamespace, data: st.DataObject, width: int
) -> None:
    text = data.draw(hostile.text)
    cell = Cell(
        version=text,
        stage=text,
        by=(text,),
        next=text,
        weight=5,
        beside=text,
        since=datetime(2026, 11, 20, tzinfo=UTC),
        flags=(Flag(kind=FlagKind.DRIFT, detail=text),),
    )
    row = Row(model=text, owner=text, newest=text, next=text, cells={"dev": cell})
    board = Board(
        repository=text,
        at=datetime(2026, 11, 20, 9, tzinfo=UTC),
        environments=("dev", "staging"),
        rows=(row, row),
    )
    shown = boards.terminal(board, Look(width=width))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]", shown)
    assert max(cell_len(line) for line in shown.split("\n")) <= width
    tokens = MarkdownIt("commonmark").enable("table").parse(boards.markdown(board))
    assert [t.type for t in tokens].count("tr_open") == 3
    assert [t.type for t in tokens].count("td_open") == 6
    assert json.loads(boards.json(board))["models"][0]["model"] == text


def many(make: SimpleNamespace) -> Board:
    """Fifty models, of which two serve something."""
    board = make.board()
    others = tuple(Row(model=f"extra-{number:02d}") for number in range(48))
    return replace(board, rows=(*board.rows, *others))


def test_many_models_have_a_line_each(make: SimpleNamespace, golden: GOLDEN) -> None:
    board = many(make)
    text = boards.terminal(board, Look(width=100))
    names = [line.split()[0] for line in text.splitlines()[4 : 4 + len(board.rows)]]
    assert names == [row.model for row in board.rows]
    golden("board-many.txt", "\n".join(text.splitlines()[:12]) + "\n")


@pytest.mark.parametrize("unicode", [True, False])
def test_lines_of_many_models_stand_in_columns(make: SimpleNamespace, unicode: bool) -> None:
    text = boards.terminal(many(make), Look(width=100, unicode=unicode))
    head, rule, *rows = text.splitlines()[2 : 4 + 50]
    starts = [match.start() for match in re.finditer(r"\S+", rule)]
    assert [head[start:].split()[0] for start in starts] == ["model", *make.board().environments]
    assert all(row[start - 1] == " " for row in rows for start in starts[1:] if len(row) > start)


def test_what_is_wrong_is_marked_among_many(make: SimpleNamespace) -> None:
    lines = boards.terminal(many(make), Look(width=100)).splitlines()
    assert any(line.startswith("churn-predictor") and "1.4.0 !" in line for line in lines)
    assert any("drift: main asks for 1.4.1" in line for line in lines)


def test_a_deprecated_version_is_told_with_what_to_use(make: SimpleNamespace) -> None:
    flag = Flag(kind=FlagKind.DEPRECATED, detail="by lena, use 1.2.0")
    cell = Cell(version="1.1.0", stage="Production", flags=(flag,))
    row = Row(model="tumor-classifier", cells={"production": cell})
    shown = Board(repository="r", at=make.NOW, environments=("production",), rows=(row,))
    assert "1.1.0 in production  deprecated by lena, use 1.2.0" in boards.terminal(shown)
    assert "1.1.0 !" in boards.terminal(shown)
    assert "deprecated by lena, use 1.2.0" in boards.markdown(shown)
