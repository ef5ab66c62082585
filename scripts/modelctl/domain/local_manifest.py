"""A rendered `LocalServing`: what an environment's branch says that this machine should serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from modelctl.domain.agreement import Comparing
from modelctl.domain.serving import (
    STABLE,
    WHOLE,
    Key,
    Serving,
    check_backend,
    check_extras,
    check_split,
    own_process,
)
from modelctl.errors import ModelctlError

API_VERSION: Final = "modelctl.dev/v1"
KIND: Final = "LocalServing"

_SPEC: Final = frozenset(
    ("model", "version", "digest", "artifacts", "host", "path", "replicas", "backends")
)
_MAIN: Final = ("version", "digest", "artifacts")
_BACKEND: Final = frozenset(
    ("name", "version", "digest", "artifacts", "weight", "mirror", "header")
)
_KINDS: Final[Mapping[type, str]] = {str: "text", int: "a whole number", list: "a list"}
_T = TypeVar("_T", str, int, "list[Any]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One backend of a rendered `LocalServing`. `artifacts` is where the model is loaded from,
    `host` the name that the overlay gives the environment; this machine is reached by address."""

    name: str
    model: str
    version: str
    digest: str
    artifacts: str
    weight: int
    mirror: int = 0
    header: tuple[str, ...] = ()
    host: str | None = None

    def __post_init__(self) -> None:
        check_backend(self.model, self.version, self.digest, self.weight)
        check_extras(self.weight, self.mirror, self.header)

    @property
    def key(self) -> Key:
        """What tells whether a running server is this one."""
        return (self.model, self.version, self.digest, own_process(self.name))

    def serving(self, model_path: Path, how: Comparing | None = None) -> Serving:
        """The same, once its artifacts were fetched to `model_path` and verified; `how` its answers
        are compared with those of another version."""
        return Serving(
            model=self.model,
            version=self.version,
            digest=self.digest,
            model_path=model_path,
            weight=self.weight,
            part=self.name,
            mirror=self.mirror,
            header=self.header,
            comparing=how or Comparing(),
        )


def parse_local_serving(obj: Mapping[str, Any]) -> tuple[Backend, ...]:
    """The backends of a rendered `LocalServing` object, in its order.

    Without `spec.backends` the version of the spec takes all traffic.

    Raises:
        ModelctlError: it isn't one, a field is missing, wrong or unknown, or would be ignored.
    """
    where = _identify(obj)
    spec = obj.get("spec")
    if not isinstance(spec, Mapping):
        raise ModelctlError("`spec` is missing", location=where)
    _refuse_unknown(spec, _SPEC, "spec", where)
    model = _field(spec, "model", str, "spec", where)
    _check_fixed(spec, model, where)
    host = _field(spec, "host", str, "spec", where) if "host" in spec else None
    main = {key: _field(spec, key, str, "spec", where) for key in _MAIN}
    backends = tuple(
        _backend(item, model, host, path, where) for path, item in _items(spec, main, where).items()
    )
    check_split(model, backends, where)
    if main not in [{key: getattr(b, key) for key in _MAIN} for b in backends]:
        raise ModelctlError(
            f"no backend serves `spec.version` {main['version']} as named", location=where
        )
    return backends


def _items(spec: Mapping[str, Any], main: Mapping[str, str], where: str) -> Mapping[str, Any]:
    """The backends by their dotted path."""
    if "backends" not in spec:
        return {"spec": {"name": STABLE, **main, "weight": WHOLE}}
    listed = _field(spec, "backends", list, "spec", where)
    return {f"spec.backends[{n}]": item for n, item in enumerate(listed)}


def _identify(obj: Mapping[str, Any]) -> str:
    found = (obj.get("apiVersion"), obj.get("kind"))
    if found != (API_VERSION, KIND):
        raise ModelctlError(f"expected {API_VERSION} {KIND}, found {found[0]} {found[1]}")
    metadata = obj.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if not isinstance(name, str):
        raise ModelctlError("`metadata.name` is missing", location=KIND)
    return f"{KIND}/{name}"


def _backend(item: Any, model: str, host: str | None, path: str, where: str) -> Backend:
    if not isinstance(item, Mapping):
        raise ModelctlError(f"`{path}` must be a mapping", location=where)
    _refuse_unknown(item, _BACKEND, path, where)
    try:
        return Backend(
            name=_field(item, "name", str, path, where),
            model=model,
            version=_field(item, "version", str, path, where),
            digest=_field(item, "digest", str, path, where),
            artifacts=_field(item, "artifacts", str, path, where),
            weight=_field(item, "weight", int, path, where),
            mirror=_field(item, "mirror", int, path, where) if "mirror" in item else 0,
            header=_header(item, path, where),
            host=host,
        )
    except ModelctlError as error:
        if error.location:
            raise
        raise ModelctlError(
            f"`{path}`: {error.message}", mend=error.mend, location=where
        ) from error


def _header(item: Mapping[str, Any], path: str, where: str) -> tuple[str, ...]:
    if "header" not in item:
        return ()
    header = _field(item, "header", list, path, where)
    if len(header) != 2 or not all(isinstance(text, str) for text in header):
        raise ModelctlError(f"`{path}.header` must be a name and a value", location=where)
    return tuple(header)


def _field(data: Mapping[str, Any], key: str, kind: type[_T], path: str, where: str) -> _T:
    value = data.get(key)
    if value is None:
        raise ModelctlError(f"`{path}.{key}` is missing", location=where)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ModelctlError(f"`{path}.{key}` must be {_KINDS[kind]}, not {value!r}", location=where)
    return value


def _refuse_unknown(data: Mapping[str, Any], known: frozenset[str], path: str, where: str) -> None:
    unknown = sorted(str(key) for key in data if key not in known)
    if unknown:
        raise ModelctlError(
            f"`{path}.{unknown[0]}` is not known, so it would be ignored",
            mend=f"known are: {', '.join(sorted(known))}",
            location=where,
        )


def _check_fixed(spec: Mapping[str, Any], model: str, where: str) -> None:
    path, replicas = spec.get("path"), spec.get("replicas")
    if path != f"/{model}":
        raise ModelctlError(f"`spec.path` must be /{model}, not {path!r}", location=where)
    if replicas != 1:
        raise ModelctlError(
            f"`spec.replicas` must be 1, not {replicas!r}",
            mend="the local target runs one process for each backend",
            location=where,
        )
