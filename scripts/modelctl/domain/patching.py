"""Patches of a generated overlay, and the operations of RFC 6902 that they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelctl.domain.rendering import PREFIX

PLACEHOLDER: Final = "model"
"""What the objects of a base are called; `-stable` and `-canary` may follow."""

Operation = Mapping[str, Any]
"""One operation of RFC 6902."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A patch, and what it applies to: `select` holds regular expressions, as Kustomize has it.
    Without `select` the content is an object of its own, which is added."""

    select: Mapping[str, str]
    content: Any
    renames: bool = False

    def entry(self, file: str) -> Mapping[str, Any]:
        """Its line in a kustomization, with `file` as the patch."""
        options = {"options": {"allowNameChange": True}} if self.renames else {}
        return {"target": dict(self.select), "path": file, **options}


Patches = Mapping[str, Patch]
"""Patches by the names of their files."""


def rename(
    path: str, name: str, *, before: str = "", placeholder: str = PLACEHOLDER
) -> Iterator[Operation]:
    """Put a name where the base has the placeholder; anything else there fails the build."""
    yield {"op": "test", "path": path, "value": f"{before}{placeholder}"}
    yield replace(path, f"{before}{name}")


def annotate(parent: str, name: str, value: str) -> Operation:
    """Set an annotation that the base already has."""
    return replace(f"{parent}/annotations/{PREFIX}~1{name}", value)


def replace(path: str, value: Any) -> Operation:
    """Set what is there."""
    return {"op": "replace", "path": path, "value": value}


def add(path: str, value: Any) -> Operation:
    """Set what may be there, or put it at a place of a list."""
    return {"op": "add", "path": path, "value": value}


def drop(path: str) -> Iterator[Operation]:
    """Remove a field, whether it is there or not: `remove` alone fails where it isn't."""
    yield {"op": "add", "path": path, "value": None}
    yield {"op": "remove", "path": path}
