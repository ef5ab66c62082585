"""Holds documents to their JSON Schemas (2020-12), and says in plain words what is wrong.

A sound document costs microseconds with `jsonschema-rs`. Only one that it refuses is looked at
again with `jsonschema`, whose errors carry enough to name every problem, its place and its mend.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from modelctl.adapters.schema_hints import MEND, entry, hint, inside
from modelctl.domain.document import Document, Path, dotted
from modelctl.errors import ModelctlError

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator
    from jsonschema_rs import Draft202012Validator as FastValidator

_FOLDER, _SUFFIX = files("modelctl").joinpath("schemas"), ".schema.json"
KINDS: Final = tuple(
    sorted(f.name.removesuffix(_SUFFIX) for f in _FOLDER.iterdir() if f.name.endswith(_SUFFIX))
)
"""Every kind of document that has a schema."""

_NOUNS: Final = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "empty",
}
_BOUNDS: Final = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
}
_UNITS = {"Items": "entries", "Length": "characters", "Properties": "fields"}
_CHOICES = ("const", "enum")
_NUMBER, _BARE = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?"), re.compile(r"[-+.\w]+")
_CREDENTIALS = re.compile(r"://[^/\s]*@")
_DOLLAR = re.compile(r"(\\.|\[(?:\\.|[^\]\\])*\])|\$", re.DOTALL)
MAX_PROBLEMS: Final = 100
_LONGEST_VALUE, _MOST_FIELDS = 60, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaProblem:
    """One way in which a document breaks its schema.

    `path` is the place of the value, or the place where a missing one belongs.
    """

    path: Path
    message: str
    mend: str


@cache
def schema(kind: str) -> Mapping[str, Any]:
    """The JSON Schema of a kind of document.

    Raises:
        ModelctlError: there is none of that name.
    """
    if kind not in KINDS:
        raise ModelctlError(
            f"there is no schema `{kind}`", mend=f"choose one of {', '.join(KINDS)}"
        )
    loaded: Mapping[str, Any] = json.loads(_FOLDER.joinpath(kind + _SUFFIX).read_bytes())
    return loaded


def validate(document: Document, kind: str) -> tuple[SchemaProblem, ...]:
    """The problems of a document by line, at most `MAX_PROBLEMS` of them; empty if it is sound."""
    if fast_validator(kind).is_valid(document.data):
        return ()
    source = _Source(document, schema(kind))
    errors = slow_validator(kind).iter_errors(document.data)
    every = (p for e in errors for p in islice(_problems(_breach(e, source)), _MOST_FIELDS))
    found: dict[tuple[Path, str], SchemaProblem] = {}
    while len(found) < MAX_PROBLEMS and (p := next(every, None)):
        found[p.path, p.message] = p
    # The fast validator decides: what it refuses stays refused, even where only it sees why.
    problems = list(found.values()) or list(islice(_unexplained(document, kind), MAX_PROBLEMS))
    places = {problem: document.locate(problem.path) for problem in problems}
    return tuple(sorted(problems, key=lambda p: (places[p].line, places[p].column, p.message)))


@cache
def fast_validator(kind: str) -> FastValidator:
    """The validator that decides."""
    from jsonschema_rs import Draft202012Validator

    return Draft202012Validator(dict(schema(kind)), validate_formats=False)


@cache
def slow_validator(kind: str) -> Validator:
    """The validator that explains. It reads patterns as JSON Schema has them: `$` is the end."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    explaining: Callable[..., Validator] = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, {"pattern": _pattern_keyword}
    )
    return explaining(dict(schema(kind)))


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    """Python's `$` matches before a last line feed too, and its `\\d` beyond ASCII: not meant."""
    return re.compile(_DOLLAR.sub(lambda m: m[1] or r"\Z", pattern), re.ASCII)


def _pattern_keyword(
    _validator: Validator, pattern: str, instance: Any, _whole: Any
) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if isinstance(instance, str) and not _regex(pattern).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


class _Source:
    """What was written, and the schema that it was written for."""

    def __init__(self, document: Document, root: Mapping[str, Any]):
        self._marks = document.marks
        self._lines = document.text.split("\n")
        self._root = root
        self._definitions: Mapping[str, Mapping[str, Any]] = root.get("$defs", {})

    def written(self, path: Path, value: Any) -> str:
        """A number or a boolean as it stands in the file: `1.10`, where its value is 1.1."""
        mark = self._marks.get(path)
        found = mark and _BARE.match(self._lines[mark.line - 1], mark.column - 1)
        return found[0] if found else json.dumps(value)

    def field(self, schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        """The schema of a field, with what its definition says where it is silent itself."""
        own = schema.get("properties", {}).get(name, {})
        found = {**self._referred(own), **own}
        return {**found, "examples": found.get("examples") or inside(schema, "properties", name)}

    def broken(self, error: ValidationError) -> Mapping[str, Any]:
        """The schema that was broken, with the examples of the field that refers to it."""
        broken = error.schema if isinstance(error.schema, Mapping) else {}
        field: Any = self._root
        examples, above, before = self._root.get("examples"), self._root, ""
        for step in list(error.absolute_schema_path)[:-1]:
            if isinstance(field, Mapping) and step not in field:
                field = self._referred(field)
            if step in ("items", "properties"):
                above = {"examples": examples}
            field = field[step]
            if step == "items" or before == "properties":
                own = field.get("examples", self._referred(field).get("examples"))
                examples = own or inside(above, before, step)
            before = str(step)
        own = field.get("examples", broken.get("examples")) if broken else None
        return {**broken, "examples": own or examples if broken else None}

    def _referred(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._definitions.get(schema.get("$ref", "").rpartition("/")[2], {})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Breach:
    """One error of the validator. `limit` is what the keyword asks for, `inner` the errors of the
    forms of an `anyOf`, `form` the index of the one that this belongs to; `is_key` says that it is
    about the key at the end of `path`, not about what stands there."""

    keyword: str
    limit: Any
    value: Any
    path: Path
    is_key: bool
    schema: Mapping[str, Any]
    text: str
    form: str | int
    inner: tuple[_Breach, ...]
    source: _Source

    def problem(self, says: str, mend: str | None = None) -> SchemaProblem:
        """The problem of the value as a whole; without a mend, the schema's own example."""
        mend = mend or hint("write", () if self.is_key else self.path, self.schema)
        return SchemaProblem(path=self.path, message=f"{_subject(self.path)} {says}", mend=mend)


def _breach(error: ValidationError, source: _Source) -> _Breach:
    path, is_key = tuple(error.absolute_path), "propertyNames" in error.absolute_schema_path
    return _Breach(
        keyword=str(error.validator),
        limit=error.validator_value,
        value=error.instance,
        path=(*path, str(error.instance)) if is_key else path,
        is_key=is_key,
        schema=source.broken(error),
        text=error.message,
        form=error.schema_path[0] if error.schema_path else "",
        inner=tuple(_breach(inner, source) for inner in error.context or ()),
        source=source,
    )


_Problems = Iterator[SchemaProblem]


def _problems(breach: _Breach) -> _Problems:
    return _EXPLAIN.get(breach.keyword, _otherwise)(breach)


def _wrong_type(breach: _Breach) -> _Problems:
    wanted = [breach.limit] if isinstance(breach.limit, str) else list(breach.limit)
    nouns = " or ".join(_NOUNS[name] for name in wanted)
    empty = breach.value is None
    says = f"is empty; it must be {nouns}" if empty else f"must be {nouns}, not {_found(breach)}"
    yield breach.problem(says, _rewritten(breach, wanted))


def _rewritten(breach: _Breach, wanted: list[str]) -> str | None:
    """The value as it was probably meant, where only its quotes are wrong."""
    path, value = breach.path, breach.value
    if "string" in wanted and isinstance(value, bool | int | float):
        return f"write {entry(path, json.dumps(breach.source.written(path, value)))}"
    if not isinstance(value, str):
        return None
    if {"number", "integer"} & set(wanted) and _NUMBER.fullmatch(value):
        return f"write {entry(path, value)} without quotes"
    return None


def _missing(breach: _Breach) -> _Problems:
    renamed = _renamed(breach).values()
    inside = f" in {_subject(breach.path)}" if breach.path else ""
    for name in breach.limit:
        if name not in breach.value and name not in renamed:
            yield SchemaProblem(
                path=(*breach.path, name),
                message=f"missing field `{name}`{inside}",
                mend=hint("add", (name,), breach.source.field(breach.schema, name)),
            )


def _unknown(breach: _Breach) -> _Problems:
    renamed = _renamed(breach)
    known = ", ".join(sorted(breach.schema.get("properties", {}))[:_MOST_FIELDS])
    for name in _extra(breach):
        message, mend = f"unknown field `{_show(name)}`", f"remove it; known here: {known}"
        if near := renamed.get(name):
            message, mend = f"{message}; did you mean `{near}`?", f"rename it to `{near}`"
        yield SchemaProblem(path=(*breach.path, name), message=message, mend=mend)


def _extra(breach: _Breach) -> list[str]:
    """The fields of a mapping that its schema doesn't know."""
    known, patterns = (breach.schema.get(k, {}) for k in ("properties", "patternProperties"))
    return [
        name
        for name in breach.value
        if name not in known and not any(_regex(pattern).search(name) for pattern in patterns)
    ]


def _renamed(breach: _Breach) -> Mapping[str, str]:
    """Unknown fields that look like one which isn't there: one mistake, to be told once."""
    if breach.schema.get("additionalProperties") is not False:
        return {}
    absent = [name for name in breach.schema.get("properties", {}) if name not in breach.value]
    near = {name: get_close_matches(name, absent, n=1) for name in _extra(breach)[:_MOST_FIELDS]}
    return {name: found[0] for name, found in near.items() if found}


def _wrong_form(breach: _Breach) -> _Problems:
    title = breach.schema.get("title")
    noun = _noun(title) if title else "of the form asked for"
    found = f"is `{_show(breach.value)}`, not" if breach.value else "is empty; it must be"
    yield breach.problem(f"{found} {noun}")


def _not_a_choice(breach: _Breach) -> _Problems:
    choices = [str(choice) for choice in breach.limit]
    near = get_close_matches(str(breach.value), choices, n=1)
    yield breach.problem(
        f"must be one of {', '.join(choices)}, not {_found(breach)}",
        f"write {entry(breach.path, near[0])}" if near else None,
    )


def _out_of_bounds(breach: _Breach) -> _Problems:
    written = breach.source.written(breach.path, breach.value)
    yield breach.problem(f"must be {_BOUNDS[breach.keyword]} {breach.limit}, not {written}")


def _wrong_size(breach: _Breach) -> _Problems:
    bound = "at least" if breach.keyword.startswith("min") else "at most"
    unit, has = _UNITS[breach.keyword[3:]], len(breach.value)
    says = f"must have {bound} {breach.limit} {unit}, not {has}"
    yield breach.problem(says if has else "is empty")


def _repeated(breach: _Breach) -> _Problems:
    seen = set[str]()
    for index, item in enumerate(breach.value):
        text = json.dumps(item, sort_keys=True, ensure_ascii=False)
        if text in seen:
            yield SchemaProblem(
                path=(*breach.path, index),
                message=f"{_subject(breach.path)} has {_show(text)} twice",
                mend="remove one of the two",
            )
        seen.add(text)


def _no_form_fits(breach: _Breach) -> _Problems:
    """Of several allowed forms, only the problems with the one that was probably meant."""
    forms: dict[str | int, list[_Breach]] = {}
    for inner in breach.inner:
        forms.setdefault(inner.form, []).append(inner)
    meant = [
        found
        for found in forms.values()
        if not any(b.keyword == "type" and b.path == breach.path for b in found)
    ]
    if not meant:
        yield breach.problem(f"can't be {_found(breach)}" if forms else "fits more than one form")
        return
    # A wrong choice counts most: it is the field that says which form was meant.
    for inner in min(meant, key=lambda f: (sum(b.keyword in _CHOICES for b in f), len(f))):
        yield from _problems(inner)


def _otherwise(breach: _Breach) -> _Problems:
    yield breach.problem(f"is not valid: {_show(breach.text)}")


def _unexplained(document: Document, kind: str) -> _Problems:
    for error in fast_validator(kind).iter_errors(document.data):
        path = tuple(error.instance_path)
        message = f"{_subject(path)} is not valid: {_show(error.message)}"
        yield SchemaProblem(path=path, message=message, mend=MEND)


_EXPLAIN: Final[Mapping[str, Callable[[_Breach], _Problems]]] = {
    "type": _wrong_type,
    "required": _missing,
    "additionalProperties": _unknown,
    "pattern": _wrong_form,
    "enum": _not_a_choice,
    "uniqueItems": _repeated,
    "anyOf": _no_form_fits,
    "oneOf": _no_form_fits,
    **dict.fromkeys(_BOUNDS, _out_of_bounds),
    **dict.fromkeys((f"{bound}{unit}" for bound in ("min", "max") for unit in _UNITS), _wrong_size),
}


def _subject(path: Path) -> str:
    return f"`{_show(dotted(path))}`" if path else "the document"


def _noun(title: str) -> str:
    """A title within a sentence: `Owner` is `an owner`, `SHA-256 digest` stays as it is."""
    name = title[0].lower() + title[1:] if title[1:2].islower() else title
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _found(breach: _Breach) -> str:
    """What stands there, in words."""
    value = breach.value
    if isinstance(value, bool | int | float):
        name = "boolean" if isinstance(value, bool) else "number"
        return f"the {name} {breach.source.written(breach.path, value)}"
    if isinstance(value, str):
        return f"the text `{_show(value)}`"
    return "a mapping" if isinstance(value, dict) else "a list" if value is not None else "empty"


def _show(text: str) -> str:
    """Short, on one line, and without the password that somebody may have put into an address."""
    text = _CREDENTIALS.sub("://…@", text).replace("\n", " ")
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
