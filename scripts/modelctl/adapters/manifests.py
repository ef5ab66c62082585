"""Rendered manifests: a stream of YAML documents, each one Kubernetes object."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import yaml

from modelctl.errors import ModelctlError

Object = Mapping[str, Any]
"""A Kubernetes object as plain data."""

_SEPARATOR = re.compile(r"^---(?:[ \t].*)?\n", re.MULTILINE)
_ENDLESS: Final = 2**31 - 1
_NOT_KUBERNETES: Final = frozenset(("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"))


class _Loader(yaml.CSafeLoader):
    """Scalars as the API server reads them: it knows no dates."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _NOT_KUBERNETES]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def read_objects(text: str, *, file: str = "manifests") -> tuple[Object, ...]:
    """The objects of a stream, in its order; empty documents are skipped.

    Raises:
        ModelctlError: it isn't YAML, or a document isn't an object with apiVersion and kind.
    """
    return tuple(obj for _, obj in documents(text, file=file))


def documents(text: str, *, file: str = "manifests") -> Iterator[tuple[str, Object]]:
    """Each object with its own text, which ends in a newline.

    Raises:
        ModelctlError: as `read_objects`.
    """
    for part in _SEPARATOR.split(text):
        obj = _parse(part, file)
        if obj is None:
            continue
        if not (isinstance(obj, dict) and obj.get("apiVersion") and obj.get("kind")):
            raise ModelctlError(
                "a document is not a Kubernetes object",
                mend="give each one apiVersion and kind",
                location=file,
            )
        yield part if part.endswith("\n") else f"{part}\n", obj


@lru_cache(maxsize=4096)
def scalar(text: str) -> str:
    """`text` as a YAML scalar in a block, quoted wherever some reader could take it for a number,
    a date or a truth value."""
    plain = yaml.dump(text, Dumper=yaml.CSafeDumper, width=_ENDLESS, allow_unicode=True)
    named = text[:1].isalpha() or text[:1] == "/"
    return (
        text
        if named and plain.removesuffix("...\n") == f"{text}\n"
        else json.dumps(text, ensure_ascii=False)
    )


def _parse(text: str, file: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader that knows less
    except yaml.YAMLError as error:
        raise ModelctlError(f"a document is not YAML: {_brief(error)}", location=file) from error


def _brief(error: yaml.YAMLError) -> str:
    """What libyaml says, on one line."""
    return " ".join(str(error).split())
