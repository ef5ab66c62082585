"""YAML, strictly: what two readers could understand differently is refused, never guessed.

Plain scalars are read by the YAML 1.2 core schema (https://yaml.org/spec/1.2.2/#103-core-schema):
`no`, `on`, `1:30` and `1_000` are text, `012` is the number 12, `0o14` and `0x0c` too. Quoted
scalars are always text. Refused, with line, column and a mend: duplicate keys and keys that aren't
text, anchors, aliases, merge keys, tags, directives, a second document, an empty one, a top level
that isn't a mapping, text that isn't UTF-8, byte-order marks, control and bidirectional characters
(escaped ones too), CR line ends, numbers that don't fit 64 bits, NaN and infinities, more than
256 KiB, and more than 32 levels of nesting.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from types import NoneType
from typing import Any, Final

import yaml

from modelctl.domain.document import Document, Mark, Path, dotted
from modelctl.errors import ModelctlError

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 32

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_LONGEST = len(str(_SMALLEST))
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TEXT = re.compile(r"[^\W\d]([\w .,;/@()'+=!?&%$*^~-]*[\w.,;/@()'+=!?&%$*^~-])?")
_NO_BLOCK = re.compile(r"^\s|[ \t]$|[ \t]\n|\t")
_AMBIGUOUS: Final = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_TYPES = {NoneType: "null", dict: "a mapping", list: "a list", str: "text", bool: "a boolean"}
_WORDS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but for tab and line feed, DEL, C1 with NEL
    "\u2028\u2029"  # line and paragraph separator: line ends to some readers only
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # they make a reviewer see another text
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)
_UNCLOSED = "found unexpected end of stream"
_NO_TOKEN = "found character that cannot start any token"
_CHECK = "check the indentation, quotes and brackets of this line and the one above"
_KEY_VALUE = "write `key: value` lines"
_TAG = ("tags are not allowed", "remove the `!…`; quote what must be text")
_ANCHOR = ("anchors are not allowed", "remove the `&…`")
_ALIAS = ("aliases are not allowed", "write the value out instead of the `*…`")
_TAB = ("a tab can't indent a line", "indent with spaces")
_DIRECTIVE = ("directives are not allowed", "remove the line that begins with `%`")
_SYNTAX: Final[Mapping[str, tuple[str, str]]] = {
    "mapping values are not": ("a `: ` can't stand here", "quote the value, or mend the indent"),
    "could not find expected ':'": ("this line has no `: `", "write it as `key: value`"),
    "did not find expected key": (
        "this line is not indented like its neighbours, or a quote ends too early",
        "use the same number of spaces, and quote the whole value",
    ),
    "expected '-' indicator": ("this is no list entry", "begin it with `- `, or indent less"),
    "block sequence entries": ("a list can't begin here", "put its first `- ` on its own line"),
    "expected ',' or": ("this list or mapping is not closed", "add the `,`, `]` or `}`"),
    "unknown escape": ("YAML has no such `\\` escape", "write `\\\\`, or use single quotes"),
    "<document start>": ("this is outside of the document", "indent it like the first key"),
    _UNCLOSED: ("a quote is never closed", "close the quote"),
    "expected node content": ("a value is missing here", "write it, or remove the `,`"),
    "undefined tag handle": _TAG,
    "scanning a tag": _TAG,
    "scanning an anchor": _ANCHOR,
    "scanning an alias": _ALIAS,
    "tab character": _TAB,
    "directive": _DIRECTIVE,
    "incompatible YAML document": _DIRECTIVE,
}


class DocumentError(ModelctlError):
    """A file that isn't a document. `line` and `column` count from 1."""

    def __init__(self, problem: str, *, mend: str, file: str, line: int = 1, column: int = 1):
        super().__init__(problem, mend=mend, location=f"{file}:{line}:{column}")
        self.problem = problem
        self.file = file
        self.line = line
        self.column = column


def load(data: bytes, file: str) -> Document:
    """The document in `data`; `file` is the name to show in errors.

    A value's mark is where it begins. A block mapping or list begins below its key, so its mark is
    the key's, which is the line to show.

    Raises:
        DocumentError: the first thing that the loader refuses.
    """
    if len(data) > MAX_BYTES:
        raise too_large(len(data), file)
    text = _decode(data, file)
    _refuse_characters(text, file)
    reader = _Reader(data, file, escapes="\\" in text)
    try:
        content = reader.document()
    except yaml.YAMLError as error:
        raise _syntax(error, text, file) from error
    marks = _Marks(reader.places, text.count("\n"))
    return Document(file=file, data=content, text=text, marks=marks)


def too_large(size: int, file: str) -> DocumentError:
    """What is wrong with a file of more than `MAX_BYTES`; there is no need to read it."""
    problem = f"the file has {size} bytes, more than the {MAX_BYTES} allowed"
    mend = "keep data out of it, and name it by path and digest instead"
    return DocumentError(problem, mend=mend, file=file)


class _Marks(Mapping[Path, Mark]):
    """Marks are made when they are asked for: most documents are read without a finding."""

    __slots__ = ("_last", "_places")

    def __init__(self, places: dict[Path, tuple[int, int]], last: int):
        self._places, self._last = places, last  # a value left out at the end begins behind it

    def __getitem__(self, path: Path) -> Mark:
        line, column = self._places[path]
        return Mark(line=min(line, self._last) + 1, column=column + 1)

    def __iter__(self) -> Iterator[Path]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class _Reader:
    """One pass over libyaml's events, which builds the data and keeps the place of each value."""

    __slots__ = ("_escapes", "_file", "_next", "places")

    def __init__(self, data: bytes, file: str, *, escapes: bool):
        self._file, self._escapes = file, escapes
        self._next: Callable[[], Any] = yaml.CSafeLoader(data).get_event
        self.places: dict[Path, tuple[int, int]] = {}

    def document(self) -> Any:
        """The one document of the stream."""
        self._next()
        start = self._next()
        if type(start) is yaml.StreamEndEvent:
            raise self._empty()
        if start.version or start.tags:
            raise self._error(_DIRECTIVE[0], start, _DIRECTIVE[1])
        top = self._next()
        data = self._value(top, (), top, 0)
        if data is None:
            raise self._empty()
        if type(top) is not yaml.MappingStartEvent:
            kind = _TYPES.get(type(data), "a number")
            raise self._error(f"the top level is {kind}, not a mapping", top, _KEY_VALUE)
        self._next()
        if type(end := self._next()) is not yaml.StreamEndEvent:
            raise self._error("a second document begins here", end, "put it into its own file")
        return data

    def _value(self, event: Any, path: Path, key: Any, depth: int) -> Any:
        """The value that begins with `event`; `key` is the event whose mark a block takes."""
        kind = type(event)
        if kind is yaml.AliasEvent or event.anchor or event.tag:
            raise self._decorated(event)
        if kind is yaml.ScalarEvent:
            self.places[path] = (event.start_mark.line, event.start_mark.column)
            return self._scalar(event)
        mark = (event if event.flow_style else key).start_mark
        self.places[path] = (mark.line, mark.column)
        if depth == MAX_DEPTH:
            problem = f"this is nested deeper than {MAX_DEPTH} levels"
            raise self._error(problem, event, "make it flatter")
        if kind is yaml.MappingStartEvent:
            return self._mapping(path, depth + 1)
        return self._sequence(path, depth + 1)

    def _mapping(self, path: Path, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while type(event := self._next()) is not yaml.MappingEndEvent:
            key = self._key(event)
            here = (*path, key)
            if key in data:
                raise self._error(
                    f"`{_brief(key)}` is set twice, first on line {self.places[here][0] + 1}",
                    event,
                    "keep one of the two",
                )
            data[key] = self._value(self._next(), here, event, depth)
        return data

    def _sequence(self, path: Path, depth: int) -> list[Any]:
        data: list[Any] = []
        while type(event := self._next()) is not yaml.SequenceEndEvent:
            data.append(self._value(event, (*path, len(data)), event, depth))
        return data

    def _key(self, event: Any) -> str:
        if type(event) is yaml.AliasEvent or event.anchor or event.tag:
            raise self._decorated(event)
        if type(event) is not yaml.ScalarEvent:
            raise self._error("a key must be text", event, "write a plain word before the `:`")
        if event.value == "<<" and event.implicit[0]:
            raise self._error("merge keys are not allowed", event, "write the fields out")
        key = self._scalar(event)
        if type(key) is not str:
            text, kind = _brief(event.value), _TYPES.get(type(key), "a number")
            raise self._error(
                f"the key `{text}` is {kind}, not text", event, f'write "{text}" with quotes'
            )
        return key

    def _scalar(self, event: Any) -> str | int | float | bool | None:
        text: str = event.value
        if event.implicit[0]:
            if text in _WORDS:
                return _WORDS[text]
            return self._number(text, event) if text[0] in "+-.0123456789" else text
        if self._escapes and event.style == '"' and (found := _FORBIDDEN.search(text)):
            raise self._error(
                f"the escaped character {_name(found[0])} is not allowed", event, "remove it"
            )
        return text

    def _number(self, text: str, event: Any) -> str | int | float:
        if _INTEGER.fullmatch(text):
            base = 0 if text[:2] in ("0o", "0x") else 10
            if len(text.lstrip("+-0")) > _LONGEST and base == 10:
                raise self._unfit(event)
            number = int(text, base)
            if not _SMALLEST <= number <= _LARGEST:
                raise self._unfit(event)
            return number
        if _FLOAT.fullmatch(text):
            if math.isinf(value := float(text)):
                raise self._unfit(event)
            return value
        if _NOT_FINITE.fullmatch(text):
            problem = f"`{text}` is not a finite number"
            raise self._error(problem, event, "leave out what was not measured")
        return text

    def _unfit(self, event: Any) -> DocumentError:
        return self._error(
            "this number does not fit into 64 bits", event, "quote it if it is meant as text"
        )

    def _decorated(self, event: Any) -> DocumentError:
        if type(event) is yaml.AliasEvent:
            return self._error(_ALIAS[0], event, _ALIAS[1])
        if event.anchor:
            return self._error(_ANCHOR[0], event, _ANCHOR[1])
        return self._error(_TAG[0], event, _TAG[1])

    def _empty(self) -> DocumentError:
        return DocumentError("the file is empty", mend=_KEY_VALUE, file=self._file)

    def _error(self, problem: str, event: Any, mend: str) -> DocumentError:
        mark = event.start_mark
        return DocumentError(
            problem, mend=mend, file=self._file, line=mark.line + 1, column=mark.column + 1
        )


def dump(data: Mapping[str, Any], *, schema: str | None = None) -> str:
    """`data` as YAML that `load` reads back as it was, and so do readers of YAML 1.1.

    Keys keep their order; text that could be taken for something else is quoted. With `schema`,
    the first line tells editors where the JSON Schema is. Tuples are written as lists.

    Raises:
        ModelctlError: something that `load` would refuse; the message has its dotted path.
        TypeError: a value that isn't plain data.
    """
    body = yaml.dump(
        _plain(data, (), 0), Dumper=_Writer, sort_keys=False, allow_unicode=True, width=math.inf
    )
    text = f"# yaml-language-server: $schema={schema}\n{body}" if schema else body
    if len(text.encode()) > MAX_BYTES:
        raise ModelctlError(f"the document would have more than {MAX_BYTES} bytes")
    return text


class _Writer(yaml.SafeDumper):
    """PyYAML's own, with lists indented below their keys and no anchors."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def text(self, text: str) -> yaml.ScalarNode:
        """Plain where every reader takes it for text, a block where it has lines, else quoted."""
        style: str | None = '"'
        if _TEXT.fullmatch(text) and text.lower() not in _AMBIGUOUS:
            style = None
        elif "\n" in text and not _NO_BLOCK.search(text):
            style = "|"
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Writer.add_representer(str, _Writer.text)


def _plain(value: Any, path: Path, depth: int) -> Any:
    """`value` as dicts and lists, once everything in it is known to be readable again."""
    if depth > MAX_DEPTH:
        raise ModelctlError(f"`{dotted(path)}` is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        if not all(type(key) is str for key in value):
            raise TypeError(f"{dotted(path)} has a key that isn't text")
        return {
            _plain(key, (*path, key), depth): _plain(item, (*path, key), depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_plain(item, (*path, n), depth + 1) for n, item in enumerate(value)]
    if type(value) is str and (found := _FORBIDDEN.search(value)):
        raise ModelctlError(f"`{dotted(path)}` holds {_name(found[0])}", mend="remove it")
    if type(value) is int and not _SMALLEST <= value <= _LARGEST:
        raise ModelctlError(f"`{dotted(path)}` does not fit into 64 bits", mend="write it as text")
    if type(value) is float and not math.isfinite(value):
        raise ModelctlError(f"`{dotted(path)}` is not a finite number", mend="leave it out")
    if type(value) not in (str, int, float, bool, NoneType):
        raise TypeError(f"{dotted(path)} is a {type(value).__name__}, not plain data")
    return value


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        line, column = _place(before, len(before))
        raise DocumentError(
            f"the byte 0x{data[error.start]:02x} is not UTF-8",
            mend="save the file as UTF-8",
            file=file,
            line=line,
            column=column,
        ) from error


def _refuse_characters(text: str, file: str) -> None:
    found = _FORBIDDEN.search(text)
    if found is None:
        return
    line, column = _place(text, found.start())
    if found[0] == "\r":
        problem, mend = "the line ends with CR", "save the file with LF line ends"
    elif found[0] == "\ufeff":
        problem, mend = "byte-order marks are not allowed", "save the file as UTF-8 without one"
    else:
        problem, mend = f"the character {_name(found[0])} is not allowed", "remove it"
    raise DocumentError(problem, mend=mend, file=file, line=line, column=column)


def _syntax(error: yaml.YAMLError, text: str, file: str) -> DocumentError:
    """What libyaml says, in plain words, at the place where it can be mended."""
    context, problem = getattr(error, "context", None), getattr(error, "problem", str(error))
    mark = getattr(error, "problem_mark", None)
    if problem == _UNCLOSED:
        mark = getattr(error, "context_mark", None) or mark
    line, column = (min(mark.line, text.count("\n")), mark.column) if mark else (0, 0)
    if problem == _NO_TOKEN:
        message, mend = _no_token(text, line, column)
    else:
        said = (words for part, words in _SYNTAX.items() if part in f"{context}: {problem}")
        message, mend = next(said, (f"the YAML can't be read here: {problem}", _CHECK))
    return DocumentError(message, mend=mend, file=file, line=line + 1, column=column + 1)


def _no_token(text: str, line: int, column: int) -> tuple[str, str]:
    character = text.split("\n")[line][column]
    if character == "\t":
        return _TAB
    return f"a value can't begin with `{character}`", "put quotes around the value"


def _place(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a character."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _name(character: str) -> str:
    return f"U+{ord(character):04X}"


def _brief(text: str) -> str:
    return (text if len(text) <= 60 else text[:59] + "…").replace("\n", " ")
