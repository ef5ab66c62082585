"""Edits values of a YAML file in place: comments, order and everything else stay as they were.

Files are those that `documents.load` takes: block mappings, without anchors or tags. The nodes' own
marks say what to replace, so nothing is written anew that isn't meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import yaml

from modelctl.adapters.documents import load
from modelctl.domain.document import Path, dotted
from modelctl.errors import ModelctlError

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


def replaced(text: str, file: str, values: Mapping[Path, Any]) -> str:
    """`text` with the values at these paths; one whose last key is missing is added at the end of
    its mapping. Mappings are written as blocks where they stand in one, lists in one line.

    Raises:
        ModelctlError: the file can't be read, or there is no such place.
    """
    for path, value in values.items():
        text = _one(text, file, path, value)
    load(text.encode(), file)
    return text


def renamed(text: str, file: str, old: str, new: str, where: Callable[[Path], bool]) -> str:
    """`text` with every scalar `old` at a path that `where` accepts written as `new`; keys too,
    whose path ends with themselves."""
    spans = [
        (node.start_mark.index, node.end_mark.index)
        for path, node in _scalars(_composed(text, file), ())
        if node.value == old and where(path)
    ]
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + _flow(new) + text[end:]
    return text


def _one(text: str, file: str, path: Path, value: Any) -> str:
    node = _composed(text, file)
    for depth, key in enumerate(path):
        found = _child(node, key)
        if found is None:
            if depth == len(path) - 1 and isinstance(node, yaml.MappingNode):
                return _added(text, node, str(key), value)
            raise ModelctlError(f"{file} has no {dotted(path)}", mend="add it by hand")
        node = found
    start, end = node.start_mark.index, _end(node)
    return text[:start] + _written(value, node.start_mark.column, node) + text[end:]


def _added(text: str, parent: yaml.MappingNode, key: str, value: Any) -> str:
    if parent.flow_style:
        gap = ", " if parent.value else ""
        at = parent.end_mark.index - 1
        return f"{text[:at]}{gap}{_flow(key)}: {_flow(value)}{text[at:]}"
    at = _line_end(text, _end(parent))
    return f"{text[:at]}\n{' ' * parent.start_mark.column}{_flow(key)}: {_flow(value)}{text[at:]}"


def _written(value: Any, column: int, node: yaml.Node) -> str:
    """A value where `node` stood: a block mapping again where that was one."""
    block = isinstance(node, yaml.MappingNode) and not node.flow_style
    if not (block and isinstance(value, Mapping) and value):
        return _flow(value)
    lines = [f"{_flow(key)}: {_flow(item)}" for key, item in value.items()]
    return f"\n{' ' * column}".join(lines)


def _flow(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def _composed(text: str, file: str) -> yaml.Node:
    load(text.encode(), file)  # with our own errors, and nothing that could stand for two things
    node: Any = yaml.compose(text, Loader=yaml.CSafeLoader)
    return cast("yaml.Node", node)


def _child(node: yaml.Node, key: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == key), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        found: yaml.Node = node.value[key]
        return found
    return None


def _scalars(node: yaml.Node, path: Path) -> Iterator[tuple[Path, yaml.ScalarNode]]:
    """Every scalar with its path; a key has the path of its value."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key
            yield from _scalars(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _scalars(item, (*path, index))
    elif isinstance(node, yaml.ScalarNode):
        yield path, node


def _end(node: yaml.Node) -> int:
    """Where a node ends: of a block, where its last leaf does, since the comments that follow
    belong to what comes next."""
    last = node
    while isinstance(last, yaml.CollectionNode) and not last.flow_style and last.value:
        item = last.value[-1]
        last = item[1] if isinstance(item, tuple) else item
    return int(last.end_mark.index)


def _line_end(text: str, at: int) -> int:
    """The end of the line at `at`, with the comment that stands on it."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found
