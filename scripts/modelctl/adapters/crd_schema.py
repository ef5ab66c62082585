"""The schema of a CRD as a JSON Schema that also refuses what an API server would drop.

A structural schema is OpenAPI 3.0 with words of its own:
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# JSON Schema means the same by these. `format` and `default` decide nothing.
_KEPT: Final = (
    "enum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "required",
    "type",
    "uniqueItems",
)
_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED: Final = "x-kubernetes-embedded-resource"
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"


def json_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a whole object, whose own metadata is of a built-in type."""
    strict = _strict(schema)
    meta = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {}}
    strict["properties"] = {**strict.get("properties", {}), **meta}
    return strict


def _strict(schema: Mapping[str, Any], *, prunes: bool = True) -> dict[str, Any]:
    """A structural schema as JSON Schema that refuses what an API server would drop.

    Inside `anyOf` and its like nothing is dropped: these only judge values.
    """
    result = {key: schema[key] for key in _KEPT if key in schema}
    if "properties" in schema:
        fields = schema["properties"].items()
        result["properties"] = {name: _strict(inner, prunes=prunes) for name, inner in fields}
    for key in ("items", "additionalProperties"):
        if key in schema:
            inner = schema[key]
            result[key] = _strict(inner, prunes=prunes) if isinstance(inner, dict) else inner
    for key in ("allOf", "anyOf", "oneOf"):
        if key in schema:
            result[key] = [_strict(inner, prunes=False) for inner in schema[key]]
    if "not" in schema:
        result["not"] = _strict(schema["not"], prunes=False)
    _exclude_limits(schema, result)
    _widen(schema, result)
    if prunes and schema.get("type") == "object" and not schema.get(_PRESERVE):
        result.setdefault("additionalProperties", False)
        result.setdefault("properties", {})
    if schema.get(_EMBEDDED):
        meta: dict[str, Any] = {"apiVersion": {}, "kind": {}, "metadata": {}}
        result["properties"] = {**meta, **result.get("properties", {})}
    return result


def _exclude_limits(schema: Mapping[str, Any], result: dict[str, Any]) -> None:
    """OpenAPI 3.0 says of a limit that it is exclusive; JSON Schema gives that one its own word."""
    for word, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if schema.get(word) is True and limit in result:
            result[word] = result.pop(limit)


def _widen(schema: Mapping[str, Any], result: dict[str, Any]) -> None:
    if schema.get(_INT_OR_STRING):
        result["type"] = ["integer", "string"]
    if schema.get("nullable") and "type" in result:
        types = result["type"] if isinstance(result["type"], list) else [result["type"]]
        result["type"] = [*types, "null"]
        if "enum" in result:
            result["enum"] = [*result["enum"], None]
