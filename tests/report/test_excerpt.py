"""Carets stand under the value, whatever was cut and however wide its letters are."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st
from rich.cells import cell_len

from modelctl.report.clean import ascii_only, visible
from modelctl.report.excerpt import excerpt

LINE = '  - {name: f1_score, value: 0.8120, note: "a, b"}'


@pytest.mark.parametrize(
    ("line", "column", "value"),
    [
        (LINE, LINE.index("0.8") + 1, "0.8120"),
        (LINE, LINE.index('"') + 1, '"a, b"'),
        (LINE, LINE.index("name") + 1, "name"),
        (LINE, LINE.index("{") + 1, "{"),
        ("changelog: First version.  # for now", 12, "First version."),
        ("note: 'it''s'", 7, "'it''s'"),
        ("owner:", 7, ""),
        ("", 1, ""),
        ("a: b", 99, ""),
    ],
)
def test_the_value_at_a_column_is_found(line: str, column: int, value: str) -> None:
    assert excerpt(line, column, 80).value == value


def test_a_line_that_fits_is_whole() -> None:
    part = excerpt(LINE, 29, 80)
    assert part.before + part.value + part.after == LINE
    assert part.carets() == " " * 28 + "^" * 6


def test_a_long_line_is_cut_on_both_sides_of_the_value() -> None:
    part = excerpt("x: [" + "1, " * 40 + "0.5" + ", 2" * 40 + "]", 125, 40)
    assert part.value == "0.5"
    assert part.before.startswith("…")
    assert part.after.endswith("…")
    assert cell_len(part.before + part.value + part.after) <= 40


def test_wide_letters_count_double() -> None:
    assert excerpt("名前: 値", 5, 80).carets() == " " * 6 + "^^"


@given(data=st.data(), column=st.integers(1, 60), width=st.integers(4, 90), plain=st.booleans())
def test_an_excerpt_keeps_to_its_width(
    hostile: SimpleNamespace, data: st.DataObject, column: int, width: int, plain: bool
) -> None:
    show = (lambda text: ascii_only(visible(text))) if plain else visible
    part = excerpt(data.draw(hostile.text), column, width, show)
    whole = part.before + part.value + part.after
    assert cell_len(whole) <= width
    assert visible(whole) == whole
    assert part.carets().strip() == "^" * max(cell_len(part.value), 1)
