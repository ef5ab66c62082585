"""What is wrong with a rendered object, and how rules look into objects of any shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]
"""A Kubernetes object as plain data."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing that is wrong with a rendered object; `path` is dotted, empty for all of it."""

    kind: str
    namespace: str
    name: str
    path: str
    message: str
    mend: str = ""

    def __str__(self) -> str:
        where = f"{self.kind} {self.name}"
        path = f" `{self.path}`" if self.path else ""
        mend = f" ({self.mend})" if self.mend else ""
        return f"{where}{path}: {self.message}{mend}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A problem before it is known whose it is."""

    path: str
    message: str
    mend: str = ""

    def of(self, obj: Object) -> Problem:
        """The issue as a problem of `obj`."""
        return Problem(
            kind=str(obj.get("kind", "")),
            namespace=str(get(obj, "metadata", "namespace", default="")),
            name=str(get(obj, "metadata", "name", default="")),
            path=self.path,
            message=self.message,
            mend=self.mend,
        )


def get(value: Any, *path: str, default: Any = None) -> Any:
    """What stands at `path`, or `default` where it isn't there or a parent is no mapping."""
    for key in path:
        if not isinstance(value, Mapping) or value.get(key) is None:
            return default
        value = value[key]
    return value


def items(value: Any, *path: str) -> Sequence[Any]:
    """The list at `path`; empty where there is none."""
    found = get(value, *path)
    return found if isinstance(found, list) else ()


def pairs(value: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """The keys and values of the mapping at `path`; none where there is none."""
    found = get(value, *path)
    if isinstance(found, Mapping):
        yield from ((str(key), item) for key, item in found.items())


def percent(value: Any) -> int | None:
    """`value` if it is a whole number from 0 to 100."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 <= value <= 100 else None
