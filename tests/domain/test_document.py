"""Places in a document: found by path, shown as people write them, quoted."""

from __future__ import annotations

import pytest

from modelctl.domain.document import Document, Location, Mark, Path, dotted

TEXT = "name: a\nmetrics:\n  - name: f1\n    value: 1\n"
DOCUMENT = Document(
    file="models/a-b/model.yaml",
    data={"name": "a", "metrics": [{"name": "f1", "value": 1}]},
    text=TEXT,
    marks={
        (): Mark(line=1, column=1),
        ("metrics",): Mark(line=2, column=1),
        ("metrics", 0): Mark(line=3, column=5),
        ("metrics", 0, "value"): Mark(line=4, column=12),
    },
)


@pytest.mark.parametrize(
    ("path", "place", "said"),
    [
        ((), (1, 1), ""),
        (("metrics", 0, "value"), (4, 12), "metrics[0].value"),
        (("metrics", 0, "lower"), (3, 5), "metrics[0].lower"),
        (("metrics", 7, "lower"), (2, 1), "metrics[7].lower"),
        (("owner",), (1, 1), "owner"),
    ],
)
def test_a_place_is_that_of_the_value_or_of_the_nearest_parent(
    path: Path, place: tuple[int, int], said: str
) -> None:
    found = DOCUMENT.locate(path)
    assert ((found.line, found.column), found.path, found.file) == (place, said, DOCUMENT.file)


def test_a_document_without_marks_is_pointed_at_as_a_whole() -> None:
    bare = Document(file="a.yaml", data={}, text="", marks={})
    assert bare.locate(("owner",)) == Location(file="a.yaml", path="owner")


def test_a_place_is_written_as_editors_take_it() -> None:
    assert str(Location(file="a.yaml", line=3, column=5)) == "a.yaml:3:5"


@pytest.mark.parametrize(
    ("line", "quote"),
    [(0, ""), (1, "name: a"), (4, "    value: 1"), (5, ""), (-1, "")],
)
def test_lines_are_quoted(line: int, quote: str) -> None:
    assert DOCUMENT.quote(line) == quote


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("a", "b", 0, 1, "c"), "a.b[0][1].c"),
        ((0, "a"), "[0].a"),
    ],
)
def test_paths_read_as_in_jq(path: Path, text: str) -> None:
    assert dotted(path) == text
