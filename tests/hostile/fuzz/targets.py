"""What is fuzzed: each target is given bytes and asserts what must hold for any of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, Final

import yaml

from hostile.cases import SOUND
from modelctl.adapters.documents import DocumentError, dump, load
from modelctl.adapters.expressions import compile_rule
from modelctl.adapters.ledger_files import decode, encode
from modelctl.adapters.schema import KINDS, fast_validator, slow_validator, validate
from modelctl.adapters.signing import read
from modelctl.adapters.strict_json import Malformed, canonical, parse
from modelctl.domain.facts import declared, measured_facts
from modelctl.domain.names import classify, model_path, parse_pointer, release_path, version_path
from modelctl.domain.rules import Undecided
from modelctl.errors import ModelctlError
from support.keys import person, statement
from support.world import evaluation

SHORT = 4_000
"""What is longer isn't read by PyYAML's own parser too, which is slow."""
_LINE_ENDS = re.compile("\n|\x85|\u2028|\u2029")


def loader(data: bytes) -> None:
    """A document or a `DocumentError`, at a place in the file, and as another reader has it."""
    lines = data.count(b"\n") + 1
    document, error = _loaded(data)
    if document is None:
        assert 1 <= error.line <= lines
        assert error.column >= 1
        return
    assert isinstance(document.data, dict)
    assert all(1 <= mark.line <= lines for mark in document.marks.values())
    for path in document.marks:
        document.value(path)
    if len(data) < SHORT and not _LINE_ENDS.search(document.text.replace("\n", "")):
        with suppress(yaml.YAMLError):  # it refuses some of what is YAML, such as tabs in text
            _agree(document.data, yaml.load(data, yaml.BaseLoader))


def _loaded(data: bytes) -> Any:
    """The document and no error, or no document and the error."""
    try:
        return load(data, "fuzz.yaml"), None
    except DocumentError as error:
        return None, error


def _agree(ours: Any, theirs: Any) -> None:
    """Whether PyYAML's own parser, to which every scalar is text, sees the same document."""
    if isinstance(ours, dict):
        assert list(ours) == list(theirs)
        for key in ours:
            _agree(ours[key], theirs[key])
    elif isinstance(ours, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            _agree(one, other)
    elif isinstance(ours, str):
        assert ours == theirs


def schema(data: bytes) -> None:
    """The validator that decides and the one that explains agree, and each problem is told."""
    kind = KINDS[data[0] % len(KINDS)] if data else "model"
    try:
        value = parse(data[1:])
        document = load(dump(value).encode(), "fuzz.yaml") if isinstance(value, dict) else None
    except (Malformed, ModelctlError):
        return
    if document is None:
        return
    decided = fast_validator(kind).is_valid(document.data)
    assert slow_validator(kind).is_valid(document.data) == decided
    problems = validate(document, kind)
    assert bool(problems) != decided
    assert all(document.locate(problem.path).line >= 1 for problem in problems)


def strict_json(data: bytes) -> None:
    """A value that is written back and read again as it was, or `Malformed`."""
    with suppress(Malformed):
        value = parse(data)
        assert parse(canonical(value)) == value


def entry(data: bytes) -> None:
    """An entry of the ledger is read only as it would be written."""
    with suppress(Malformed):
        assert encode(decode(data)) == data


@cache
def _key() -> Any:
    return person("ci").trusted


def envelope(data: bytes) -> None:
    """Nothing that we haven't signed counts, and nothing makes the reader raise."""
    assert read(data, [_key()], place="fuzz").problem is not None


@cache
def _facts() -> Mapping[str, Any]:
    return measured_facts(statement(predicate=evaluation()), "evidence")


def rule(data: bytes) -> None:
    """A rule decides, or doesn't, or isn't one."""
    with suppress(ModelctlError, UnicodeDecodeError):
        compiled = compile_rule(data.decode(), declared("evaluation"))
        assert isinstance(compiled.decide(_facts()), bool | Undecided)


def names(data: bytes) -> None:
    """A path that is known is the one path of its file; a pointer is one or an error."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(ModelctlError):
        parse_pointer(text)
    if (found := classify(text)) is not None:
        paths = {
            "model": model_path(found.model),
            "release": release_path(found.model),
            "version": version_path(found.model, found.version or ""),
        }
        assert paths[found.kind] == text
        assert text.isascii()
        assert text.isprintable()


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "loader": loader,
    "schema": schema,
    "strict_json": strict_json,
    "entry": entry,
    "envelope": envelope,
    "rule": rule,
    "names": names,
}
SEEDS: Final[Mapping[str, tuple[bytes, ...]]] = {
    "loader": tuple(text.encode() for text in SOUND.values()),
    "schema": (b'\x00{"name": "tumor-classifier", "sla": {"latency_p99_ms": 1.5}}',),
    "strict_json": (b'{"a": [1, 2.5e3, null, true, "\\u00e9"]}',),
    "entry": (b'{\n "envelope": {},\n "previous": null,\n "schema": 1,\n "seq": 1\n}\n',),
    "envelope": (b'{"payload": "e30=", "payloadType": "application/vnd.in-toto+json", '
                 b'"signatures": [{"keyid": "", "sig": "AAAA"}]}',),
    "rule": (b"evidence.metrics.f1_score >= 0.85 && evidence.labels.all(k, k.size() > 0)",
             b"model.protected_groups.exists(g, evidence.groups[g].size() > 1)"),
    "names": (b"models/tumor-classifier/versions/1.0.0-rc.1+b.2.yaml", b"tumor-classifier@1.2"),
}  # fmt: skip
