"""Overlays that differ in values alone: one shape with blanks, and what fills them for each model.

Kustomize copies what a generated overlay says of a model, and does nothing by it: bases and
components are applied before, when no name is known yet. So models of one shape are built once,
with a token in the place of each value, and cost what one of them costs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from modelctl.domain.overlay import KUSTOMIZATION
from modelctl.errors import ModelctlError

TOKEN: Final = re.compile(r"blank-([0-9a-f]{12})-([0-9]{4})-end")
_SAFE_INSIDE: Final = re.compile(r"[A-Za-z0-9._-]*")
_WHOLE: Final = re.compile(rf"(?P<lead>: |- |^)?{TOKEN.pattern}(?P<end>$)?", re.MULTILINE)


Value = str | int
"""What fills a blank: text, or a number such as a share of the traffic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The files of an overlay with tokens instead of values. `identity` is a hash of them."""

    identity: str
    files: Mapping[str, str]


def shape_of(files: Mapping[str, str]) -> tuple[Shape, tuple[Value, ...]]:
    """The shape of a generated overlay (file → JSON text), and the values that fill its blanks.

    Blanks are the values of labels, of annotations and of what a patch puts in; everything else
    makes the shape.
    """
    values: list[Value] = []
    blanked = {name: _blank(name, json.loads(text), values) for name, text in files.items()}
    whole = json.dumps(blanked, sort_keys=True)
    identity = sha256(whole.encode()).hexdigest()[:12]
    named = whole.replace(f"blank-{'0' * 12}-", f"blank-{identity}-")
    texts = {name: json.dumps(data) for name, data in json.loads(named).items()}
    return Shape(identity=identity, files=texts), tuple(values)


def shape_in(text: str) -> str | None:
    """The identity of the shape whose token `text` is, or None where it is none."""
    match = TOKEN.fullmatch(text)
    return match[1] if match else None


def fill(value: Any, values: Sequence[Value]) -> Any:
    """Plain data with its tokens replaced."""
    if isinstance(value, str):
        return _filled(value, values) if "blank-" in value else value
    if isinstance(value, Mapping):
        return {fill(key, values): fill(one, values) for key, one in value.items()}
    return [fill(one, values) for one in value] if isinstance(value, list) else value


def _filled(text: str, values: Sequence[Value]) -> Value:
    whole = TOKEN.fullmatch(text)
    if whole:
        return values[int(whole[2])]
    return TOKEN.sub(lambda match: str(values[int(match[2])]), text)


def fill_text(text: str, values: Sequence[Value], scalars: Sequence[str]) -> str:
    """YAML text with its tokens replaced: by `scalars`, which are `values` as YAML has them, where
    a token is all of a scalar.

    Raises:
        ModelctlError: a value that isn't plain would stand in the middle of a text.
    """

    def replaced(match: re.Match[str]) -> str:
        index = int(match[3])
        if match["lead"] is not None and match["end"] is not None:
            return match["lead"] + scalars[index]
        inside = str(values[index])
        if not _SAFE_INSIDE.fullmatch(inside):
            raise ModelctlError(f"{inside!r} can't be part of another text in the manifests")
        return (match["lead"] or "") + inside

    return _WHOLE.sub(replaced, text)


def _blank(name: str, data: Any, values: list[Value]) -> Any:
    """One file with blanks: a kustomization, a list of operations, or a patch that merges."""
    if name.rpartition("/")[2] == KUSTOMIZATION:
        labels = [{**row, "pairs": _tokens(row["pairs"], values)} for row in data.get("labels", ())]
        return {**data, "labels": labels} if labels else data
    if isinstance(data, list):
        return [_operation(row, values) for row in data]
    metadata = dict(data["metadata"])
    if "annotations" in metadata:
        metadata["annotations"] = _tokens(metadata["annotations"], values)
    if "spec" not in data:
        return {**data, "metadata": metadata}
    metadata["name"] = _tokens(metadata["name"], values)
    return {**data, "metadata": metadata, "spec": _tokens(data["spec"], values)}


def _operation(row: Mapping[str, Any], values: list[Value]) -> Mapping[str, Any]:
    blank = row["op"] in ("replace", "add")
    return {**row, "value": _tokens(row["value"], values)} if blank else row


def _tokens(value: Any, values: list[Value]) -> Any:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        values.append(value)
        return f"blank-{'0' * 12}-{len(values) - 1:04d}-end"
    if isinstance(value, Mapping):
        return {key: _tokens(one, values) for key, one in value.items()}
    return [_tokens(one, values) for one in value] if isinstance(value, list) else value
