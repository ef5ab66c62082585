"""What a cluster has, whose it is, and where it differs from what it should have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from modelctl.domain.objects import Key, key_of
from modelctl.domain.problems import Object, get, items
from modelctl.domain.rendering import MODEL_LABEL

_APPLY: Final = "Apply"
_SERVERS: Final = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
"""Metadata that the server writes by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """An object as the cluster has it."""

    key: Key
    api_version: str
    model: str
    managers: tuple[str, ...] = ()
    made_by_another: bool = False

    @classmethod
    def of(cls, obj: Object) -> Live:
        """What matters of an object of the cluster."""
        fields = items(obj, "metadata", "managedFields")
        applied = (str(get(one, "manager")) for one in fields if get(one, "operation") == _APPLY)
        return cls(
            key=key_of(obj),
            api_version=str(obj.get("apiVersion")),
            model=str(get(obj, "metadata", "labels", MODEL_LABEL, default="")),
            managers=tuple(applied),
            made_by_another=bool(items(obj, "metadata", "ownerReferences")),
        )

    def owned_by(self, manager: str) -> bool:
        """Whether `manager` applied it. Controllers hand labels on to what they make: that is
        theirs."""
        return manager in self.managers and not self.made_by_another

    def reference(self) -> Object:
        """As much of it as names it."""
        kind, namespace, name = self.key
        metadata = {"name": name, "namespace": namespace}
        return {"apiVersion": self.api_version, "kind": kind, "metadata": metadata}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Drift:
    """One place in which a cluster has something else than the state says. `managers` are those who
    set it, as far as the cluster says so; values are None where there is none."""

    model: str
    kind: str
    name: str
    path: str
    wanted: str | None = None
    found: str | None = None
    managers: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        where = f"{self.kind} {self.name}"
        if not self.path:
            missing = self.found is None
            return f"{where}: {'it is missing' if missing else 'the state has no such object'}"
        by = f", by {', '.join(self.managers)}" if self.managers else ""
        return f"{where} `{self.path}`: {self.found} instead of {self.wanted}{by}"


def differences(merged: Object, live: Object) -> Iterator[Drift]:
    """Where an object of the cluster differs from what it would be, were it applied."""
    kind, _, name = key_of(merged)
    model = str(get(merged, "metadata", "labels", MODEL_LABEL, default=""))
    for path, wanted, found in _compare(_plain(merged), _plain(live), ()):
        yield Drift(
            model=model,
            kind=kind,
            name=name,
            path=_dotted(path),
            wanted=_told(wanted),
            found=_told(found),
            managers=tuple(_managers(live, path)),
        )


def _plain(obj: Object) -> Object:
    """Without what the server and controllers write by themselves."""
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _SERVERS}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}


_Path = tuple[str | int, ...]


def _compare(wanted: Any, found: Any, path: _Path) -> Iterator[tuple[_Path, Any, Any]]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key in sorted({*wanted, *found}):
            yield from _compare(wanted.get(key), found.get(key), (*path, key))
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for n, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _compare(one, other, (*path, n))
    elif wanted != found:
        yield path, wanted, found


def _managers(live: Object, path: Sequence[str | int]) -> Iterator[str]:
    """Who set a field, up to the first list on the way to it."""
    names = []
    for part in path:
        if isinstance(part, int):
            break
        names.append(f"f:{part}")
    for one in items(live, "metadata", "managedFields"):
        held = get(one, "fieldsV1")
        for name in names:
            held = held.get(name) if isinstance(held, Mapping) else None
        if held is not None:
            yield str(get(one, "manager"))


def _told(value: Any) -> str | None:
    return None if value is None else str(value)


def _dotted(path: _Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
