"""What is to be written instead, from an example that may be too long to show whole."""

from __future__ import annotations

from typing import Any

import pytest

from modelctl.adapters.schema_hints import MEND, hint, inside

LONG = "x" * 200


@pytest.mark.parametrize(
    ("example", "said"),
    [
        ({"name": "a", "rest": [LONG]}, 'add, for example, `row: {"name": "a", …}`. A row'),
        (["a", LONG], 'add, for example, `row: ["a", …]`. A row'),
        (LONG, f'add, for example, `row: "{"x" * 153}…`. A row'),
        ("short", 'add, for example, `row: "short"`. A row'),
    ],
)
def test_a_long_example_is_shown_by_its_beginning(example: Any, said: str) -> None:
    assert hint("add", ("row",), {"examples": [example], "description": "A row."}) == said


def test_without_an_example_the_description_says_it() -> None:
    assert hint("add", ("row",), {"description": "A row."}) == "add it: A row"
    assert hint("add", ("row",), {}) == MEND


def test_examples_of_what_lies_inside() -> None:
    assert inside({"examples": [["a", "b"], "c"]}, "items", "items") == ["a", "b"]
    assert inside({"examples": [{"row": 1}, {"other": 2}]}, "properties", "row") == [1]
    assert inside({}, "properties", "row") == []
