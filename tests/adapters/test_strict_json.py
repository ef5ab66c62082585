"""JSON that two readers could understand differently is refused."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, strategies as st

from modelctl.adapters.strict_json import MAX_DEPTH, Malformed, canonical, parse

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'{"a": 1, "a": 2}', "same name twice"),
        (b'{"x": {"a": 1, "b": 1, "a": 1}}', "same name twice"),
        (b"NaN", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"1e999", "too large"),
        (b"9223372036854775808", "64 bits"),
        (b"-" + b"9" * 5000, "64 bits"),
        (b'"\xff"', "UTF-8"),
        (b'"\\ud800"', "UTF-8"),
        (b'{"\\udc00": 1}', "UTF-8"),
        (b'\xef\xbb\xbf"a"', "not JSON"),
        (b"", "not JSON"),
        (b"{", "line 1 column 2"),
        (b"1 2", "not JSON"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested deeper"),
        (b"[" * 100_000, "nested deeper"),
    ],
)
def test_what_is_not_strict_json_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        parse(data)


def test_limits_themselves_are_allowed() -> None:
    for text in ("9223372036854775807", "-9223372036854775808", "[" * MAX_DEPTH + "]" * MAX_DEPTH):
        assert parse(text.encode()) == json.loads(text)


@given(VALUES)
def test_whatever_is_written_is_read_back_and_written_the_same(value: object) -> None:
    data = canonical(value)
    assert parse(data) == value
    assert canonical(parse(data)) == data
    assert data.endswith(b"\n")


def test_the_order_of_names_does_not_matter() -> None:
    assert canonical({"b": 1, "a": {"d": 1, "c": "é"}}) == canonical(
        {"a": {"c": "é", "d": 1}, "b": 1}
    )
    assert canonical({"b": 1, "a": "é"}) == '{\n "a": "é",\n "b": 1\n}\n'.encode()


@given(st.binary(max_size=40))
def test_no_bytes_break_it(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert canonical(parse(data))
