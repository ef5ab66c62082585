"""The tree of a condition, from the runtime that parsed and type-checked it.

The runtime shows its tree in one way: a compiled rule serializes into a `cel.expr.CheckedExpr`,
https://github.com/google/cel-spec/blob/master/proto/cel/expr/checked.proto. So precedence, types
and macros are the runtime's own. A part that reads no live figure is handed back to it and becomes
the constant that it is for this model.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelctl.adapters.expressions import environment, lacking
from modelctl.domain.condition import Constant, Figure, Measured, Missing, Node, Operation, Other
from modelctl.domain.manifest import Model
from modelctl.domain.rules import Expression
from modelctl.domain.triggers import LIVE, MEANINGS, live_facts

# The numbers of the fields that are read, by message.
_ANY_TYPE, _ANY_VALUE = 1, 2
_REFERENCES, _TYPES, _EXPR, _SOURCE = 2, 3, 4, 5
_OVERLOAD, _POSITIONS = 3, 4
_KEY, _VALUE = 1, 2
_ID, _CONSTANT, _NAME, _SELECT, _CALL, _LIST, _STRUCT, _LOOP = 2, 3, 4, 5, 6, 7, 8, 9
_INT, _DOUBLE = 3, 5
_CHILDREN: Final = {_SELECT: (1,), _CALL: (1, 3), _LIST: (1,), _LOOP: (2, 4, 5, 6, 7)}
_ENTRIES, _ENTRY_PARTS = 2, (3, 4)
_FAILED: Final = frozenset(("ERROR", "UNKNOWN"))
_WHAT: Final = {_LIST: "a list", _STRUCT: "a map", _LOOP: "a loop"}
_VARINT, _FIXED64, _BYTES = 0, 1, 2

_Field = tuple[int, Any]


def condition_tree(expression: Expression, model: Model) -> Node:
    """The tree of a condition on live figures, with what is constant for `model` folded."""
    return _Reader.of(expression.source, live_facts(model, {})).node


def bare_tree(source: str) -> Node:
    """The tree of a condition on live figures that compiles, for any model: what models decide is
    missing."""
    return _Reader.of(source, {}).node


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """A compiled rule, taken apart. `overloads` and `columns` are by the id of a part; `shared` is
    what a part needs to be a rule of its own."""

    runtime: Any
    facts: Mapping[str, Any]
    root: bytes
    type_url: bytes
    shared: bytes
    overloads: Mapping[int, str]
    columns: Mapping[int, int]

    @classmethod
    def of(cls, source: str, facts: Mapping[str, Any]) -> _Reader:
        """The rule, compiled with every fact that a condition may read."""
        runtime = environment(tuple(sorted(LIVE.items())))
        outer = dict(_fields(runtime.compile(source).serialize()))
        fields = list(_fields(outer[_ANY_VALUE]))
        shared = [(number, value) for number, value in fields if number in (_REFERENCES, _TYPES)]
        entries = (dict(_fields(value)) for number, value in shared if number == _REFERENCES)
        places = (_fields(value) for number, value in fields if number == _SOURCE)
        return cls(
            runtime=runtime,
            facts=facts,
            root=next(value for number, value in fields if number == _EXPR),
            type_url=outer[_ANY_TYPE],
            shared=b"".join(_packed(number, value) for number, value in shared),
            overloads={entry[_KEY]: _overload(entry[_VALUE]) for entry in entries},
            columns=dict(_columns(field for place in places for field in place)),
        )

    @property
    def node(self) -> Node:
        """The whole condition."""
        return self._node(self.root)

    def _node(self, part: bytes) -> Node:
        fields = dict(_fields(part))
        literal = _literal(fields.get(_CONSTANT))
        if literal is not None:
            return literal
        if not any(name in MEANINGS for name in _names(part)):
            return self._folded(part)
        kind = next(number for number in fields if number > _CONSTANT)
        inner, column = list(_fields(fields[kind])), self.columns.get(fields.get(_ID, 0), 1)
        if kind == _NAME:
            return Figure(name=dict(inner)[1].decode())
        if kind == _SELECT:
            return self._select(dict(inner))
        if kind == _CALL:
            return self._call(inner, fields.get(_ID, 0), column)
        return Other(what=_WHAT[kind], column=column)

    def _folded(self, part: bytes) -> Node:
        """A part that reads no live figure, as the runtime decides it for this model."""
        rule = _packed(_EXPR, part) + self.shared
        whole = _packed(_ANY_TYPE, self.type_url) + _packed(_ANY_VALUE, rule)
        found = self.runtime.deserialize(whole).eval(data=dict(self.facts))
        value, type_ = found.value(), found.type().name()
        if type_ in _FAILED:
            return Missing(reason=lacking(str(value)))
        if isinstance(value, bool | int | float | str):
            return Constant(value=value)
        return Other(what=f"a {type_.partition('<')[0].lower()}")

    def _select(self, inner: Mapping[int, Any]) -> Node:
        """`live.metrics.age`, or `has(live.metrics.age)`."""
        operand = self._node(inner[1])
        if not isinstance(operand, Figure):
            return operand
        figure = Figure(name=operand.name, key=inner[2].decode())
        return Measured(figure=figure) if inner.get(3) else figure

    def _call(self, inner: Iterable[_Field], id_: int, column: int) -> Node:
        target = [self._node(value) for number, value in inner if number == 1]
        name = next(value for number, value in inner if number == 2).decode()
        args = (*target, *(self._node(value) for number, value in inner if number == 3))
        overload = self.overloads.get(id_, "")
        if name == "_[_]" and isinstance(args[0], Figure) and isinstance(args[1], Constant):
            return Figure(name=args[0].name, key=str(args[1].value))
        if overload == "in_map" and isinstance(args[0], Constant) and isinstance(args[1], Figure):
            return Measured(figure=Figure(name=args[1].name, key=str(args[0].value)))
        return Operation(name=name, args=args, kind=overload.rpartition("_")[2], column=column)


def _literal(message: bytes | None) -> Constant | None:
    """A number that is written down, which nobody has to evaluate."""
    (number, value), *_ = [*_fields(message or b""), (0, None)]
    if number == _DOUBLE:
        return Constant(value=value)
    if number == _INT:
        return Constant(value=value - (1 << 64) if value >> 63 else value)
    return None


def _overload(reference: bytes) -> str:
    found = dict(_fields(reference)).get(_OVERLOAD, b"")
    return str(found.decode())


def _columns(source: Iterable[_Field]) -> Iterator[tuple[int, int]]:
    """The id of each part, and where it begins; columns count from 1."""
    for number, value in source:
        if number == _POSITIONS:
            entry = dict(_fields(value))
            yield entry[_KEY], entry.get(_VALUE, 0) + 1


def _names(part: bytes) -> Iterator[str]:
    """Every name that a part reads."""
    for kind, body in _fields(part):
        if kind == _NAME:
            yield dict(_fields(body))[1].decode()
        elif kind in _CHILDREN:
            for number, value in _fields(body):
                if number in _CHILDREN[kind]:
                    yield from _names(value)
        elif kind == _STRUCT:
            for entry in (value for number, value in _fields(body) if number == _ENTRIES):
                for number, value in _fields(entry):
                    if number in _ENTRY_PARTS:
                        yield from _names(value)


def _fields(message: bytes) -> Iterator[_Field]:
    """The fields of a protobuf message: https://protobuf.dev/programming-guides/encoding."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, value
        elif wire == _FIXED64:
            yield number, struct.unpack_from("<d", message, at)[0]
            at += 8
        else:
            length, at = _varint(message, at)
            yield number, message[at : at + length]
            at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _packed(number: int, value: bytes) -> bytes:
    """A field of bytes, or of a message."""
    return _number(number << 3 | _BYTES) + _number(len(value)) + value


def _number(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
