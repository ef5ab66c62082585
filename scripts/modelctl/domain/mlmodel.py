"""The `MLmodel` file of MLflow as our values: signature, framework and pinned dependencies.

Format: https://mlflow.org/docs/latest/ml/model/#storage-format
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from modelctl.domain.manifest import Field, Signature
from modelctl.errors import ModelctlError

PARAM_PREFIX = "params."
"""Inference parameters stand among the inputs as optional ones below this prefix: to take one away
breaks a caller just as a missing column does."""

_PACKAGES: Mapping[str, str] = {
    "sklearn": "scikit-learn",
    "pytorch": "torch",
    "keras": "keras",
    "spark": "pyspark",
    "sentence_transformers": "sentence-transformers",
}
"""The flavours whose package has another name."""

_GENERIC = ("python_function", "hf")
_PINNED = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[\w., -]+\])?)\s*==\s*(?P<version>[\w.!+-]+)\s*(;.*)?"
)
_COMMENT = re.compile(r"(^|\s+)#.*")
_INDEX_OPTIONS = ("--index-url", "-i ", "--extra-index", "--find-links", "-f ", "--trusted-host")


def signature_from_mlmodel(data: Mapping[str, Any]) -> Signature:
    """A `Signature` from the `signature` of an `MLmodel` file.

    `inputs`, `outputs` and `params` are lists, or the JSON text of one. Unnamed inputs are called
    `input`, unnamed outputs `prediction`, numbered when there are several.

    Raises:
        ModelctlError: there are no inputs or no outputs, or a row is none of MLflow's types.
    """
    inputs, outputs = _rows(data.get("inputs")), _rows(data.get("outputs"))
    for name, rows in (("inputs", inputs), ("outputs", outputs)):
        if not rows:
            raise ModelctlError(
                f"the model's signature has no {name}",
                mend="log the model with signature=infer_signature(inputs, predictions)",
            )
    params = [{**row, "name": PARAM_PREFIX + row["name"]} for row in _rows(data.get("params"))]
    return Signature(
        inputs=(*_fields(inputs, "input"), *(_param(row) for row in params)),
        outputs=_fields(outputs, "prediction"),
    )


def columns(signature: Signature) -> tuple[Field, ...]:
    """The inputs that are data: all but the inference parameters."""
    return tuple(field for field in signature.inputs if not field.name.startswith(PARAM_PREFIX))


def framework_from_mlmodel(data: Mapping[str, Any], pins: Sequence[str]) -> tuple[str, str]:
    """The package that trained the model and its version, from the flavours or from the pins.

    A model of plain Python is `python` with its version.
    """
    flavors: Mapping[str, Any] = data.get("flavors") or {}
    for flavor in (name for name in flavors if name not in _GENERIC):
        package = _PACKAGES.get(flavor, flavor)
        version = _flavor_version(flavors[flavor]) or _pin_of(package, pins)
        if version:
            return package, version
    python = (flavors.get("python_function") or {}).get("python_version")
    if not python:
        raise ModelctlError(
            "the model doesn't say which framework it was made with",
            mend="log it with one of MLflow's flavours, or with python_function",
        )
    return "python", str(python)


def pinned(requirements: str) -> tuple[str, ...]:
    """The lines of a `requirements.txt` as `name==version`, without what is repeated.

    Where packages come from, and on which systems, is the machine's business: index options and
    environment markers are left out.

    Raises:
        ModelctlError: some are not pinned; the message names them all.
    """
    lines = [_COMMENT.sub("", line).strip() for line in requirements.splitlines()]
    kept = [line for line in lines if line and not line.startswith(_INDEX_OPTIONS)]
    matches = {line: _PINNED.fullmatch(line) for line in kept}
    if loose := [line for line, match in matches.items() if match is None]:
        raise ModelctlError(
            f"requirements.txt does not pin {', '.join(loose)}",
            mend="log the model with pip_requirements=[…], each as name==version",
        )
    pins = (f"{match['name']}=={match['version']}" for match in matches.values() if match)
    return tuple(dict.fromkeys(pins))


def _rows(value: Any) -> list[Mapping[str, Any]]:
    rows = json.loads(value) if isinstance(value, str) else value
    return list(rows or ())


def _fields(rows: Sequence[Mapping[str, Any]], unnamed: str) -> tuple[Field, ...]:
    single = len(rows) == 1
    return tuple(
        _field(row, row.get("name") or (unnamed if single else f"{unnamed}_{index}"))
        for index, row in enumerate(rows)
    )


def _field(row: Mapping[str, Any], name: str) -> Field:
    tensor = row.get("tensor-spec")
    if tensor:
        return Field(name=name, type=str(tensor["dtype"]), shape=tuple(tensor["shape"]))
    shape = tuple(row["shape"]) if row.get("shape") else None
    required = bool(row.get("required", not row.get("optional", False)))
    return Field(name=name, type=_type(row, name), required=required, shape=shape)


def _param(row: Mapping[str, Any]) -> Field:
    shape = tuple(row["shape"]) if row.get("shape") else None
    kind = row.get("type") or row.get("dtype") or "any"
    return Field(name=row["name"], type=str(kind), required=False, shape=shape)


def _type(row: Mapping[str, Any], name: str) -> str:
    """A type as one string: `double`, `array<long>`, `map<string>`, `object<a:long,b?:string>`."""
    match row.get("type"):
        case "array":
            return f"array<{_type(row['items'], name)}>"
        case "map":
            return f"map<{_type(row['values'], name)}>"
        case "object":
            return f"object<{_properties(row['properties'], name)}>"
        case str(plain):
            return plain
    raise ModelctlError(
        f"the type of {name} in the model's signature can't be read",
        mend="log the model with signature=infer_signature(inputs, predictions)",
    )


def _properties(properties: Mapping[str, Mapping[str, Any]], name: str) -> str:
    return ",".join(
        f"{key}{'' if row.get('required', True) else '?'}:{_type(row, name)}"
        for key, row in sorted(properties.items())
    )


def _flavor_version(flavor: Any) -> str | None:
    """The first `…_version` of a flavour: `sklearn_version`, `xgb_version`, `pytorch_version`."""
    if not isinstance(flavor, Mapping):
        return None
    found = (value for key, value in flavor.items() if key.endswith("_version"))
    return next((str(value) for value in found if value), None)


def _pin_of(package: str, pins: Sequence[str]) -> str | None:
    wanted = package.replace("_", "-").lower()
    for pin in pins:
        name, _, version = pin.partition("==")
        if name.split("[")[0].replace("_", "-").lower() == wanted:
            return version
    return None
