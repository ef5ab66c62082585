"""YAML edited in place: the value changes, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, strategies as st

from modelctl.adapters.documents import load
from modelctl.adapters.yaml_edit import renamed, replaced
from modelctl.domain.document import Path
from modelctl.errors import ModelctlError

TEXT = """\
# first
name: x  # after
roles:
  # about a
  a:
    members: []  # nobody
    team: t
  b: {members: [q]}

# about teams
teams:
  old:
    contact: c
    channel: "#c"  # chat

last: {id: null}
rows:
  - {env: dev}
  - env: [dev, dev2]
"""


def one(path: Path, value: Any) -> str:
    return replaced(TEXT, "x.yaml", {path: value})


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("name",), "acme", "name: x  # after", "name: acme  # after"),
        (("name",), "on", "name: x  # after", 'name: "on"  # after'),
        (("roles", "a", "members"), ["p", "q-r"], "members: []  # nobody",
         "members: [p, q-r]  # nobody"),
        (("roles", "b", "members"), [], "{members: [q]}", "{members: []}"),
        (("roles", "b", "team"), "t", "{members: [q]}", "{members: [q], team: t}"),
        (("roles", "a", "x"), 1, "    team: t\n", "    team: t\n    x: 1\n"),
        (("last", "id"), 12, "{id: null}", "{id: 12}"),
        (("rows", 1, "env"), [], "[dev, dev2]", "[]"),
        (("roles", "c"), {"members": []}, "  b: {members: [q]}\n",
         "  b: {members: [q]}\n  c: {members: []}\n"),
        (("teams",), {"new": {"contact": "a b"}, "two": {}},
         '  old:\n    contact: c\n    channel: "#c"  # chat\n',
         '  new: {contact: "a b"}\n  two: {}  # chat\n'),
        (("teams", "old", "contact"), "d@e.f", "contact: c", "contact: d@e.f"),
        (("teams", "old"), {"contact": "d"}, 'contact: c\n    channel: "#c"', "contact: d"),
        (("end",), True, "  - env: [dev, dev2]\n", "  - env: [dev, dev2]\nend: true\n"),
    ],
)  # fmt: skip
def test_only_what_is_meant_changes(path: Path, value: Any, old: str, new: str) -> None:
    assert TEXT.count(old) == 1
    assert one(path, value) == TEXT.replace(old, new)


def test_an_empty_flow_mapping_takes_a_key() -> None:
    assert replaced("a: {}\n", "x", {("a", "b"): "c"}) == "a: {b: c}\n"


def test_a_file_without_a_line_end() -> None:
    assert replaced("a: 1", "x", {("b",): 2}) == "a: 1\nb: 2"


@pytest.mark.parametrize(
    "path", [("no", "such"), ("name", "x"), ("rows", 7), ("rows", 0, "x", "y")]
)
def test_a_place_that_is_not_there(path: Path) -> None:
    with pytest.raises(ModelctlError, match="has no"):
        one(path, 1)


def test_a_file_that_can_not_be_read_is_not_touched() -> None:
    with pytest.raises(ModelctlError):
        replaced("a: &x 1\n", "x", {("a",): 1})


def test_renaming_takes_whole_scalars_where_they_are_meant() -> None:
    found = renamed(TEXT, "x.yaml", "dev", "live", lambda path: "env" in path)
    assert found == TEXT.replace("{env: dev}", "{env: live}").replace("[dev, dev2]", "[live, dev2]")
    assert renamed(TEXT, "x.yaml", "a", "z", lambda path: path == ("roles", "a")) == TEXT.replace(
        "\n  a:", "\n  z:"
    )


PLAIN = st.one_of(st.integers(-9, 9), st.booleans(), st.none(), st.text("ab: #'\"-no", max_size=6))
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text("ab-", min_size=1, max_size=3), inner, max_size=3),
    ),
    max_leaves=5,
)  # fmt: skip
PATHS: st.SearchStrategy[Path] = st.sampled_from(
    [("name",), ("roles", "a", "members"), ("roles", "b", "members"), ("teams",), ("rows",),
     ("teams", "old"), ("roles", "new"), ("last", "id"), ("rows", 1, "env"), ("end",)]
)  # fmt: skip


@given(PATHS, VALUES)
def test_what_is_written_is_read_back_and_the_rest_is_as_it_was(path: Path, value: Any) -> None:
    expected = yaml.safe_load(TEXT)
    place = expected
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    text = one(path, value)
    assert load(text.encode(), "x.yaml").data == expected
    kept = [line for line in TEXT.splitlines() if line.startswith("#")]
    assert [line for line in text.splitlines() if line.startswith("#")] == kept
