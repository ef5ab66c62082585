"""The strict YAML loader and the writer whose output it reads back."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import yaml
from hypothesis import example, given, strategies as st

from modelctl.adapters.documents import MAX_BYTES, MAX_DEPTH, DocumentError, dump, load
from modelctl.domain.document import Mark
from modelctl.errors import EXIT_USAGE, ModelctlError

FILE = "models/churn-predictor/model.yaml"


def read(text: str) -> Any:
    return load(text.encode(), FILE).data


def refused(data: str | bytes) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        load(data if isinstance(data, bytes) else data.encode(), FILE)
    return caught.value


# --- the YAML 1.2 core schema -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("NULL", None),
        ("nUll", "nUll"),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("false", False),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("yes", "yes"),
        ("no", "no"),
        ("No", "No"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("0", 0),
        ("-0", 0),
        ("+12", 12),
        ("012", 12),
        ("0o14", 12),
        ("0x0C", 12),
        ("-0x0C", "-0x0C"),
        ("0o8", "0o8"),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1:30:00", "1:30:00"),
        ("1.10", 1.1),
        (".5", 0.5),
        ("5.", 5.0),
        ("-1.5e-3", -0.0015),
        ("1e3", 1000.0),
        ("+1E+3", 1000.0),
        (".", "."),
        ("-", [None]),
        ("1.0.0", "1.0.0"),
        ("1e", "1e"),
        ("2026-11-20", "2026-11-20"),
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z"),
        ("=", "="),
        ("inf", "inf"),
        ("NaN", "NaN"),
        ("two words", "two words"),
    ],
)
def test_plain_scalars_follow_the_core_schema(written: str, value: Any) -> None:
    found = read(f"key:\n  {written}\n")["key"]

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("written", ["12", "1.10", "true", "null", "~", "", ".inf", "<<", "9" * 30])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_quoted_scalars_are_text(written: str, quote: str) -> None:
    assert read(f"key: {quote}{written}{quote}\n") == {"key": written}


def test_block_scalars_are_text() -> None:
    assert read("a: |\n  12\nb: >-\n  true\n  false\n") == {"a": "12\n", "b": "true false"}


@pytest.mark.parametrize(
    "key", ["no", "on", "1:30", "1.0.0", '"12"', "'<<'", '"true"', "two words"]
)
def test_keys_are_text(key: str) -> None:
    assert read(f"{key}: 1\n") == {key.strip("'\""): 1}


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
def test_numbers_up_to_64_bits_are_read(number: int) -> None:
    assert read(f"a: {number}\nb: 0x7fffffffffffffff\nc: {0:030}7\n") == {
        "a": number,
        "b": 2**63 - 1,
        "c": 7,
    }


def test_a_document_may_be_marked_and_commented() -> None:
    assert read("# why\n---\na: {b: [1, 'x']}  # because\n...\n") == {"a": {"b": [1, "x"]}}


def test_a_last_line_feed_is_not_needed() -> None:
    assert read("a: 1") == {"a": 1}


def test_escapes_that_hide_nothing_are_read() -> None:
    assert read(r'a: "tab\tline\nquote\"\u00e9\U0001F600"') == {"a": 'tab\tline\nquote"é😀'}


# --- positions --------------------------------------------------------------------------------


def test_each_value_has_its_place() -> None:
    text = (
        "# comment\n"
        "name: churn-predictor\n"
        "lineage:\n"
        "  data:\n"
        "    - name: é\n"
        "      size:  7\n"
        "    - 2\n"
        'flow: {"ключ": [a, b], empty: }\n'
        "folded: >\n"
        "  text\n"
    )
    expected = {
        (): (2, 1),
        ("name",): (2, 7),
        ("lineage",): (3, 1),
        ("lineage", "data"): (4, 3),
        ("lineage", "data", 0): (5, 7),
        ("lineage", "data", 0, "name"): (5, 13),
        ("lineage", "data", 0, "size"): (6, 14),
        ("lineage", "data", 1): (7, 7),
        ("flow",): (8, 7),
        ("flow", "ключ"): (8, 16),
        ("flow", "ключ", 0): (8, 17),
        ("flow", "ключ", 1): (8, 20),
        ("flow", "empty"): (8, 31),
        ("folded",): (9, 9),
    }

    document = load(text.encode(), FILE)

    assert {path: (mark.line, mark.column) for path, mark in document.marks.items()} == expected
    assert len(document.marks) == len(expected)


def test_a_document_can_be_asked_for_places() -> None:
    document = load(b"a:\n  b: 1\n", FILE)

    assert str(document.locate(("a", "b"))) == f"{FILE}:2:6"
    assert str(document.locate(("a", "missing"))) == f"{FILE}:1:1"
    assert document.marks[("a", "b")] == Mark(line=2, column=6)
    assert document.quote(2) == "  b: 1"
    assert ("a", "missing") not in document.marks


# --- refusals ---------------------------------------------------------------------------------

REFUSED = {
    "duplicate key": ("a: 1\nb: 2\na: 3\n", 3, 1, "`a` is set twice, first on line 1", "keep one"),
    "duplicate nested": ("x:\n  - {a: 1, a: 2}\n", 2, 12, "`a` is set twice", "keep one"),
    "duplicate, quoted": ("a: 1\n'a': 2\n", 2, 1, "`a` is set twice", "keep one"),
    "number as key": ("012: x\n", 1, 1, "the key `012` is a number, not text", '"012" with quotes'),
    "boolean as key": ("true: x\n", 1, 1, "the key `true` is a boolean", '"true" with quotes'),
    "null as key": ("a: 1\n~: x\n", 2, 1, "the key `~` is null", '"~" with quotes'),
    "no key": ("?\n: x\n", 1, 2, "the key `` is null", '"" with quotes'),
    "list as key": ("? [a]\n: x\n", 1, 3, "a key must be text", "plain word"),
    "mapping as key": ("{a: 1}: x\n", 1, 1, "a key must be text", "plain word"),
    "anchor": ("a: &x 1\n", 1, 4, "anchors are not allowed", "remove"),
    "anchor on a mapping": ("a: &x\n  b: 1\n", 1, 4, "anchors are not allowed", "remove"),
    "anchor on a list": ("a: &x [1]\n", 1, 4, "anchors are not allowed", "remove"),
    "anchor on a key": ("&x a: 1\n", 1, 1, "anchors are not allowed", "remove"),
    "alias": ("a: *x\n", 1, 4, "aliases are not allowed", "write the value out"),
    "alias as key": ("*x : 1\n", 1, 1, "aliases are not allowed", "write the value out"),
    "alias in a list": ("a: [*x]\n", 1, 5, "aliases are not allowed", "write the value out"),
    "alias at the top": ("*x\n", 1, 1, "aliases are not allowed", "write the value out"),
    "merge key": ("a:\n  <<: {b: 1}\n", 2, 3, "merge keys are not allowed", "write the fields out"),
    "tag": ("a: !!str 1\n", 1, 4, "tags are not allowed", "quote what must be text"),
    "local tag": ("a: !x 1\n", 1, 4, "tags are not allowed", "remove"),
    "empty tag": ("a: ! 1\n", 1, 4, "tags are not allowed", "remove"),
    "verbatim tag": ("a: !<tag:yaml.org,2002:str> 1\n", 1, 4, "tags are not allowed", "remove"),
    "tag on a mapping": ("a: !!map\n  b: 1\n", 1, 4, "tags are not allowed", "remove"),
    "tag on a list": ("a: !!python/tuple [1]\n", 1, 4, "tags are not allowed", "remove"),
    "tag on a key": ("!!str a: 1\n", 1, 1, "tags are not allowed", "remove"),
    "tag at the top": ("!!map {a: 1}\n", 1, 1, "tags are not allowed", "remove"),
    "unknown tag handle": ("a: !x!y 1\n", 1, 4, "tags are not allowed", "remove"),
    "broken tag": ("a: !<x\n", 1, 7, "tags are not allowed", "remove"),
    "broken anchor": ("a: & 1\n", 1, 5, "anchors are not allowed", "remove"),
    "broken alias": ("a: * 1\n", 1, 5, "aliases are not allowed", "write the value out"),
    "second document": ("a: 1\n---\nb: 2\n", 2, 1, "a second document begins here", "own file"),
    "second bare document": (
        "a: 1\n...\nb: 2\n",
        3,
        1,
        "this is outside of the document",
        "first key",
    ),
    "second empty document": ("a: 1\n---\n", 2, 1, "a second document", "own file"),
    "nothing": ("", 1, 1, "the file is empty", "key: value"),
    "only comments": ("# a\n\n", 1, 1, "the file is empty", "key: value"),
    "only a marker": ("---\n", 1, 1, "the file is empty", "key: value"),
    "only null": ("~\n", 1, 1, "the file is empty", "key: value"),
    "text at the top": ("# x\nhello\n", 2, 1, "the top level is text, not a mapping", "key: value"),
    "list at the top": ("- a\n", 1, 1, "the top level is a list, not a mapping", "key: value"),
    "number at the top": ("12\n", 1, 1, "the top level is a number", "key: value"),
    "boolean at the top": ("true\n", 1, 1, "the top level is a boolean", "key: value"),
    "YAML directive": ("%YAML 1.1\n---\na: 1\n", 1, 1, "directives are not allowed", "with `%`"),
    "TAG directive": ("%TAG ! x,2000:\n---\na: 1\n", 1, 1, "directives are not allowed", "`%`"),
    "unknown directive": ("%X y\n---\na: 1\n", 1, 3, "directives are not allowed", "`%`"),
    "future YAML": ("%YAML 3.0\n---\na: 1\n", 1, 1, "directives are not allowed", "`%`"),
    "NaN": ("a: 1\nb: .nan\n", 2, 4, "`.nan` is not a finite number", "not measured"),
    "infinity": ("a: [.inf]\n", 1, 5, "`.inf` is not a finite number", "not measured"),
    "minus infinity": ("a: -.INF\n", 1, 4, "`-.INF` is not a finite number", "not measured"),
    "infinity as key": (".inf: 1\n", 1, 1, "`.inf` is not a finite number", "not measured"),
    "float overflow": ("a: 1e999\n", 1, 4, "does not fit into 64 bits", "quote it"),
    "minus overflow": ("a: -1e999\n", 1, 4, "does not fit into 64 bits", "quote it"),
    "2^63": (f"a: {2**63}\n", 1, 4, "does not fit into 64 bits", "quote it"),
    "-2^63-1": (f"a: {-(2**63) - 1}\n", 1, 4, "does not fit into 64 bits", "quote it"),
    "2^63 in hex": ("a: 0x8000000000000000\n", 1, 4, "does not fit into 64 bits", "quote it"),
    "a digest of digits": (f"a: {'1' * 64}\n", 1, 4, "does not fit into 64 bits", "quote it"),
    "10,000 digits": (f"a: {'1' * 10_000}\n", 1, 4, "does not fit into 64 bits", "quote it"),
    "byte-order mark": ("\ufeffa: 1\n", 1, 1, "byte-order marks are not allowed", "without one"),
    "inner byte-order mark": ("a: x\ufeff\n", 1, 5, "byte-order marks", "without one"),
    "CR LF": ("a: 1\r\nb: 2\r\n", 1, 5, "the line ends with CR", "LF line ends"),
    "CR": ("a: 1\rb: 2\r", 1, 5, "the line ends with CR", "LF line ends"),
    "NUL": ("a: 1\nb: \x00\n", 2, 4, "the character U+0000 is not allowed", "remove"),
    "escape character": ("a: \x1b[31m\n", 1, 4, "the character U+001B is not allowed", "remove"),
    "DEL": ("a: x\x7f\n", 1, 5, "the character U+007F is not allowed", "remove"),
    "next line": ("# x\x85a: 1\n", 1, 4, "the character U+0085 is not allowed", "remove"),
    "line separator": ("# x\u2028a: 1\n", 1, 4, "the character U+2028 is not allowed", "remove"),
    "paragraph separator": ("a: 'x\u2029'\n", 1, 6, "the character U+2029", "remove"),
    "right-to-left override": ("a: x\u202ey\n", 1, 5, "the character U+202E", "remove"),
    "bidi isolate in a comment": ("# \u2066x\na: 1\n", 1, 3, "the character U+2066", "remove"),
    "right-to-left mark": ("a: \u200fx\n", 1, 4, "the character U+200F", "remove"),
    "noncharacter": ("a: \uffff\n", 1, 4, "the character U+FFFF", "remove"),
    "escaped NUL": ('a: 1\nb: "\\0"\n', 2, 4, "the escaped character U+0000", "remove"),
    "escaped escape": ('a: ["\\e[31m"]\n', 1, 5, "the escaped character U+001B", "remove"),
    "escaped override": ('a: "\\u202e"\n', 1, 4, "the escaped character U+202E", "remove"),
    "escaped next line": ('a: "\\N"\n', 1, 4, "the escaped character U+0085", "remove"),
    "escaped CR in a key": ('"a\\r": 1\n', 1, 1, "the escaped character U+000D", "remove"),
    "escaped surrogate": ('a: "\\ud800"\n', 1, 7, "the YAML can't be read here", "check"),
    "value after value": ("a: b: c\n", 1, 5, "a `: ` can't stand here", "quote the value"),
    "tab as indent": ("a:\n\tb: 1\n", 2, 1, "a tab can't indent a line", "indent with spaces"),
    "at sign": ("a: @b\n", 1, 4, "a value can't begin with `@`", "quotes"),
    "backtick": ("a: `b`\n", 1, 4, "a value can't begin with ```", "quotes"),
    "open quote": ("a: 1\nb: 'x\nc: 2\n", 2, 4, "a quote is never closed", "close"),
    "open bracket": ("a: [1, 2\nb: 3\n", 2, 2, "is not closed", "add the `,`, `]` or `}`"),
    "no colon": ("a: 1\nb\nc: 2\n", 3, 1, "this line has no `: `", "key: value"),
    "less indented": ("a:\n    b: 1\n  c: 2\n", 3, 3, "not indented like its", "same number"),
    "early quote": ('a: "b" c\n', 1, 8, "a quote ends too early", "quote the whole value"),
    "no entry": ("a:\n  - 1\n  b: 2\n", 3, 3, "this is no list entry", "begin it with `- `"),
    "list on the line": ("a: - 1\n", 1, 4, "a list can't begin here", "on its own line"),
    "unknown escape": ('a: "\\d"\n', 1, 5, "YAML has no such", "single quotes"),
    "nothing between commas": ("a: [1,, 2]\n", 1, 7, "a value is missing here", "remove the `,`"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_plain_is_refused_with_its_place_and_mend(case: str) -> None:
    text, line, column, problem, mend = REFUSED[case]

    error = refused(text)

    assert (error.line, error.column) == (line, column), error
    assert problem in error.problem
    assert mend in str(error.mend)


def test_an_error_says_everything() -> None:
    error = refused("a: 1\na: 2\n")

    assert isinstance(error, ModelctlError)
    assert error.exit_code == EXIT_USAGE
    assert (error.file, error.location) == (FILE, f"{FILE}:2:1")
    assert error.message == error.problem
    assert str(error) == f"{FILE}:2:1: `a` is set twice, first on line 1 (keep one of the two)"


@pytest.mark.parametrize(
    ("data", "line", "column", "byte"),
    [
        (b"a: 1\nb: \xff\n", 2, 4, "0xff"),
        ("é: à".encode() + b"\xc3", 1, 5, "0xc3"),
        (b"a: \xed\xa0\x80", 1, 4, "0xed"),
        ("a: 1".encode("utf-16"), 1, 1, "0xff"),
        (b"\xc0\x80", 1, 1, "0xc0"),
    ],
)
def test_only_utf8_is_read(data: bytes, line: int, column: int, byte: str) -> None:
    error = refused(data)

    assert error.problem == f"the byte {byte} is not UTF-8"
    assert (error.line, error.column, error.mend) == (line, column, "save the file as UTF-8")


def test_the_size_is_looked_at_first() -> None:
    fits = b"a: " + b"x" * (MAX_BYTES - 3)
    assert load(fits, FILE).data == {"a": "x" * (MAX_BYTES - 3)}

    error = refused(b"\xff" * (MAX_BYTES + 1))

    assert error.problem == f"the file has {MAX_BYTES + 1} bytes, more than the {MAX_BYTES} allowed"
    assert (error.line, error.column) == (1, 1)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_nesting_has_a_limit(opening: str, closing: str) -> None:
    inner = MAX_DEPTH - 1
    assert read(f"a: {opening * inner}{closing * inner}")

    error = refused(f"a: {opening * (inner + 1)}{closing * (inner + 1)}")

    assert error.problem == f"this is nested deeper than {MAX_DEPTH} levels"
    assert (error.line, error.column) == (1, 4 + len(opening) * inner)


@pytest.mark.parametrize(
    "text", ["[", "{a: ", "- ", "a: [1,", "a: {b: ", "? a\n: ", '"', "\n", "#"]
)
def test_hostile_documents_are_refused(text: str) -> None:
    hostile = (text * MAX_BYTES)[:MAX_BYTES].encode()

    refused(hostile)


def test_long_keys_are_shortened_in_errors() -> None:
    error = refused(f"? '{'x' * 5000}'\n: 1\n? '{'x' * 5000}'\n: 2\n")

    assert len(error.problem) < 120


# --- properties of the loader -----------------------------------------------------------------

YAMLISH = st.lists(
    st.sampled_from(
        [
            *(
                "a: ",
                "b: ",
                "c:",
                "- ",
                "? ",
                ": ",
                "[",
                "]",
                "{",
                "}",
                ", ",
                "\n",
                "\n  ",
                "\n    ",
            ),
            *(
                "x",
                "word",
                "12",
                "1.5",
                "no",
                "true",
                "null",
                "~",
                "'q'",
                '"d"',
                '"\\x41"',
                "|\n  ",
                ">",
            ),
            *(
                "&a ",
                "*a",
                "!!str ",
                "!",
                "<<: ",
                "---\n",
                "...\n",
                "%",
                "# c",
                "\t",
                "'",
                '"',
                "é",
                "\\",
            ),
        ]
    ),
    max_size=25,
).map("".join)


@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    read_or_refused(data)


@given(st.text(max_size=200) | YAMLISH)
@example("a: \ud800")
def test_any_text_is_read_or_refused(text: str) -> None:
    read_or_refused(text.encode("utf-8", "surrogatepass"))


def read_or_refused(data: bytes) -> None:
    error: DocumentError | None = None
    try:
        document = load(data, FILE)
    except DocumentError as refusal:
        error = refusal
    if error is None:
        assert document.text.encode() == data
        assert set(document.marks) == set(paths(document.data))
    else:
        lines = data.decode("utf-8", "replace").split("\n")
        assert 1 <= error.line <= len(lines) + 1
        assert error.column >= 1
        assert error.mend


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every value in `value`."""
    below: Any = ()
    if isinstance(value, dict):
        below = value.items()
    elif isinstance(value, list):
        below = enumerate(value)
    return [path, *(deeper for key, item in below for deeper in paths(item, (*path, key)))]


UNAMBIGUOUS = re.compile(
    r"(?!(?i:y|n|yes|no|on|off)\b)[A-Za-z_]+|0|-?[1-9][0-9]{0,17}|[0-9]+\.[0-9]+"
)


def words(value: Any) -> list[str]:
    """Every scalar and key in what `BaseLoader` read, which takes all of them for text."""
    if isinstance(value, dict):
        return [*value, *(word for item in value.values() for word in words(item))]
    if isinstance(value, list):
        return [word for item in value for word in words(item)]
    return [value]


@given(YAMLISH.map("k: ".__add__))
@example("k: 12\nb: [1.5, word, true, {c: null}]")
def test_what_is_unambiguous_is_read_as_pyyaml_reads_it(text: str) -> None:
    try:
        found = load(text.encode(), FILE).data
    except DocumentError:
        return
    if all(UNAMBIGUOUS.fullmatch(word) for word in words(yaml.load(text, yaml.CBaseLoader))):
        assert found == yaml.load(text, yaml.CSafeLoader)


# --- the writer -------------------------------------------------------------------------------

MANIFEST = {
    "model": "tumor-classifier",
    "version": "1.0.0",
    "changelog": "First version.\n\nTrained anew:\n  with more data.\n",
    "lineage": {"git_commit": "a1" * 20, "training_data": [{"name": "train", "size": 398}]},
    "dependencies": ["scikit-learn==1.9.0"],
    "shape": [[-1, 2], []],
    "metrics": [{"value": 0.95, "large": 1e300, "tiny": 1e-7}],
    "required": True,
    "answer": "no",
    "none": None,
    "tags": {},
}
WRITTEN = """\
# yaml-language-server: $schema=../../schemas/version.schema.json
model: tumor-classifier
version: "1.0.0"
changelog: |
  First version.

  Trained anew:
    with more data.
lineage:
  git_commit: a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1
  training_data:
    - name: train
      size: 398
dependencies:
  - scikit-learn==1.9.0
shape:
  - - -1
    - 2
  - []
metrics:
  - value: 0.95
    large: 1.0e+300
    tiny: 1.0e-07
required: true
answer: "no"
none: null
tags: {}
"""


def test_a_document_is_written_in_block_style_in_its_own_order() -> None:
    text = dump(MANIFEST, schema="../../schemas/version.schema.json")

    assert text == WRITTEN
    assert read(text) == MANIFEST


def test_without_a_schema_the_first_line_is_the_first_key() -> None:
    assert dump({"b": 1, "a": 2}) == "b: 1\na: 2\n"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1.0.0",
            "1.10",
            "012",
            "0o14",
            "0x1F",
            "1_000",
            "1:30",
            "1e3",
            "1.",
            ".5",
            "+1",
            "-1",
            "-",
        ),
        *(
            "no",
            "No",
            "NO",
            "yes",
            "on",
            "Off",
            "y",
            "N",
            "true",
            "null",
            "Null",
            "~",
            "",
            " ",
            "=",
        ),
        *("2026-11-20", "2026-11-20T10:00:00Z", ".inf", ".NaN", "<<", "sha256:ab", "a: b", "a #b"),
        *(
            "- a",
            "[a]",
            "{a}",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "'a",
            '"a',
            "|",
            ">",
            "?",
            "a\\b",
        ),
        *(" a", "a ", "\ta", "a\n ", "\n", "\na", "0b1", "190:20:30", "12e03", "0.1.2", "१२"),
    ],
)
def test_text_that_could_be_something_else_is_quoted(text: str) -> None:
    written = dump({"key": text})

    assert re.fullmatch(r'key: ".*"\n', written), written
    assert read(written) == {"key": text}
    assert yaml.safe_load(written) == {"key": text}


@pytest.mark.parametrize("text", ["word", "two words", "a-b_c", "ada@example.com", "x==1.9.0", "é"])
def test_plain_words_are_written_plainly(text: str) -> None:
    assert dump({"key": text}) == f"key: {text}\n"


FORBIDDEN = "".join(map(chr, (*range(9), *range(11, 32), *range(127, 160)))) + (
    "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    "\ufeff\ufffe\uffff"
)
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters=FORBIDDEN)
TEXT = st.text(CHARACTERS, max_size=30) | YAMLISH.filter(lambda text: "\r" not in text)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
DATA = st.dictionaries(
    TEXT,
    st.recursive(
        st.none() | st.booleans() | NUMBERS | TEXT,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
        max_leaves=12,
    ),
    max_size=5,
)


@given(DATA)
@example({"k" * 2000: {"": [{"x\ny": "\n\n"}, [[" a\n"]], []]}})
def test_what_is_written_is_read_back(data: dict[str, Any]) -> None:
    text = dump(data)

    assert read(text) == data
    assert yaml.safe_load(text) == data
    assert dump(read(text)) == text


@given(DATA)
def test_keys_keep_their_order(data: dict[str, Any]) -> None:
    assert list(read(dump(data))) == list(data)


def test_tuples_and_shared_values_are_written_out() -> None:
    shared = {"x": (1, 2)}

    assert read(dump({"a": shared, "b": shared})) == {"a": {"x": [1, 2]}, "b": {"x": [1, 2]}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"a": [{"b": math.nan}]}, "`a[0].b` is not a finite number"),
        ({"a": -math.inf}, "`a` is not a finite number"),
        ({"a": 2**63}, "`a` does not fit into 64 bits"),
        ({"a": "x\x00"}, "`a` holds U+0000"),
        ({"a": {"\u202e": 1}}, "holds U+202E"),
        ({"a": "\ud800"}, "`a` holds U+D800"),
        ({"a": "x\r\n"}, "`a` holds U+000D"),
        ({"a": "x" * MAX_BYTES}, f"more than {MAX_BYTES} bytes"),
    ],
)
def test_what_could_not_be_read_is_not_written(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelctlError) as caught:
        dump(data)

    assert message in caught.value.message


def test_what_is_nested_too_deep_is_not_written() -> None:
    data: dict[str, Any] = {"a": 1}
    for _ in range(MAX_DEPTH - 1):
        data = {"a": data}
    assert read(dump(data)) == data

    with pytest.raises(ModelctlError, match="nested deeper than"):
        dump({"a": data})


@pytest.mark.parametrize("value", [b"x", {1}, object(), 1j])
def test_only_plain_data_is_written(value: Any) -> None:
    with pytest.raises(TypeError, match=r"a\[0\] is a"):
        dump({"a": [value]})


def test_only_text_keys_are_written() -> None:
    with pytest.raises(TypeError, match="a has a key that isn't text"):
        dump({"a": {1: 2}})
