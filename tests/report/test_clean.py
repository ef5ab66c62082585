"""Text that acts is shown, not obeyed."""

from __future__ import annotations

import unicodedata
from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st

from modelctl.report.clean import ascii_only, shorten, uri, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines", "two lines"),
        ("a \r\n\t b", "a b"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b2J", "\\x9b2J"),
        ("safe\u202egnp.exe", "safe\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("half a pair \ud800", "half a pair \\ud800"),
        ("naïve → 漢字 🎉", "naïve → 漢字 🎉"),
    ],
)
def test_what_acts_is_shown_as_its_code(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(data=st.data())
def test_nothing_that_acts_is_left(hostile: SimpleNamespace, data: st.DataObject) -> None:
    shown = visible(data.draw(hostile.text))
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert len(shown.splitlines()) <= 1
    assert visible(shown) == shown
    shown.encode("utf-8")


@given(data=st.data())
def test_plain_text_is_ascii(hostile: SimpleNamespace, data: st.DataObject) -> None:
    assert ascii_only(visible(data.draw(hostile.text))).isascii()


def test_signs_are_written_as_people_type_them() -> None:
    assert ascii_only("a → b: 0.8 ≥ 0.85 …") == "a -> b: 0.8 >= 0.85 ..."
    assert ascii_only("naïve") == "na\\xefve"


def test_a_long_text_is_cut_with_a_sign() -> None:
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abcde…"
    assert shorten("abcd fg", 6) == "abcd…"


@pytest.mark.parametrize(
    ("file", "written"),
    [
        ("models/m/versions/1.0.0+build.yaml", "models/m/versions/1.0.0%2Bbuild.yaml"),
        ("a b/ç.yaml", "a%20b/%C3%A7.yaml"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("half \ud800", "half%20%3F"),
        ("../../../evil", None),
        ("//evil.example/x", None),
        ("", None),
    ],
)
def test_a_path_leads_nowhere_but_into_the_repository(file: str, written: str | None) -> None:
    assert uri(file) == written
