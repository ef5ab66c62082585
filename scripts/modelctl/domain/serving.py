"""Serving on this machine: what an environment should serve, and what must change for it.

A model of an environment is served by one or more backends, each one version with a share of the
traffic; a model's weights add up to 100.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from modelctl.domain.names import is_model_name, parse_version
from modelctl.errors import ModelctlError

API_VERSION: Final = "modelctl.dev/v1"
KIND: Final = "LocalServing"
WHOLE: Final = 100
"""The weights of a model's backends add up to this."""

Key = tuple[str, str, str]
"""Model, version, digest: two servers with the same key give the same answers."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SPEC: Final = frozenset(
    ("model", "version", "digest", "artifacts", "host", "path", "replicas", "backends")
)
_MAIN: Final = ("version", "digest", "artifacts")
_BACKEND: Final = frozenset(("name", "version", "digest", "artifacts", "weight"))
_KINDS: Final[Mapping[type, str]] = {str: "text", int: "a whole number", list: "a list"}
_T = TypeVar("_T", str, int, "list[Any]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """One backend that should serve.

    `digest` is the sha256 of the version's manifest in hex. `model_path` is the folder of the
    MLflow model, whose files were already compared with the manifest. `weight` is the share of the
    model's traffic in percent.

    Raises:
        ModelctlError: a field that can't be one.
    """

    model: str
    version: str
    digest: str
    model_path: Path
    weight: int = WHOLE

    def __post_init__(self) -> None:
        _check_backend(self.model, self.version, self.digest, self.weight)

    @property
    def key(self) -> Key:
        """What tells whether a running server is this one."""
        return (self.model, self.version, self.digest)

    def __str__(self) -> str:
        return f"{self.model} {self.version}"


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
    host: str | None = None

    def __post_init__(self) -> None:
        _check_backend(self.model, self.version, self.digest, self.weight)

    def serving(self, model_path: Path) -> Serving:
        """The same, once its artifacts were fetched to `model_path` and verified."""
        return Serving(
            model=self.model,
            version=self.version,
            digest=self.digest,
            model_path=model_path,
            weight=self.weight,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A scoring server that was started; `port` is its own, on 127.0.0.1."""

    id: str
    model: str
    version: str
    digest: str
    port: int

    @property
    def key(self) -> Key:
        """What tells whether it serves what should be served."""
        return (self.model, self.version, self.digest)

    def __str__(self) -> str:
        return f"{self.model} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Route:
    """The share of a model's traffic, in percent, that goes to the server at `port`."""

    model: str
    version: str
    port: int
    weight: int

    @property
    def service(self) -> str:
        """The router's name for this backend, which its metrics carry too. It outlives restarts."""
        return service_name(self.model, self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What must happen before traffic moves: servers to keep, and backends to start."""

    keep: tuple[tuple[Serving, Server], ...]
    start: tuple[Serving, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingStatus:
    """A backend as it is now.

    `url` is where callers reach the model, `service` the router's name for the backend. `pid` and
    `since` (UTC) are None when its process is gone, `digest` when nothing is known of it any more.
    `healthy` means that it answers and that the router sends traffic as it should.
    """

    model: str
    version: str
    digest: str | None
    weight: int
    url: str
    service: str
    pid: int | None
    healthy: bool
    since: datetime | None


def service_name(model: str, version: str) -> str:
    """The router's name for one version of a model: `tumor-classifier-1.0.0`."""
    return f"{model}-{version}"


def check_desired(desired: Iterable[Serving]) -> None:
    """Refuse a desired state that can't be served.

    Raises:
        ModelctlError: a version named twice, or weights that don't add up to 100.
    """
    for model, backends in _by_model(desired).items():
        _check_split(model, [(b.version, b.weight) for b in backends])


def plan_servers(desired: Iterable[Serving], running: Iterable[Server]) -> Plan:
    """Keep what already runs with the same digest, start the rest; the first of equals is kept."""
    available: dict[Key, Server] = {}
    for server in running:
        available.setdefault(server.key, server)
    wanted = tuple(desired)
    return Plan(
        keep=tuple((s, available[s.key]) for s in wanted if s.key in available),
        start=tuple(s for s in wanted if s.key not in available),
    )


def plan_routes(
    desired: Iterable[Serving],
    ready: Iterable[Server],
    current: Iterable[Route],
    *,
    failed: Collection[str],
    alive: Collection[int],
) -> tuple[Route, ...]:
    """Where traffic goes, once every server that could start is `ready`.

    Models in `failed` stay as they are: all of a model's backends move, or none. Of those, the ones
    whose port is no longer `alive` are left out: sending requests there would only make errors.
    """
    servers = {server.key: server for server in ready}
    moved = [_route(s, servers[s.key]) for s in desired if s.model not in failed]
    kept = [route for route in current if route.model in failed and route.port in alive]
    return tuple(sorted([*moved, *kept]))


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
    _check_split(model, [(b.version, b.weight) for b in backends], where)
    if main not in [{key: getattr(b, key) for key in _MAIN} for b in backends]:
        raise ModelctlError(
            f"no backend serves `spec.version` {main['version']} as named", location=where
        )
    return backends


def _items(spec: Mapping[str, Any], main: Mapping[str, str], where: str) -> Mapping[str, Any]:
    """The backends by their dotted path."""
    if "backends" not in spec:
        return {"spec": {"name": "stable", **main, "weight": WHOLE}}
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
            host=host,
        )
    except ModelctlError as error:
        if error.location:
            raise
        raise ModelctlError(
            f"`{path}`: {error.message}", mend=error.mend, location=where
        ) from error


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


def _check_split(model: str, split: Sequence[tuple[str, int]], where: str | None = None) -> None:
    versions = [version for version, _ in split]
    twice = next((v for v in versions if versions.count(v) > 1), None)
    if twice is not None:
        raise ModelctlError(f"{model} names version {twice} twice", location=where)
    total = sum(weight for _, weight in split)
    if total != WHOLE:
        raise ModelctlError(
            f"the weights of {model} add up to {total}, not {WHOLE}", location=where
        )


def _check_backend(model: str, version: str, digest: str, weight: int) -> None:
    if not is_model_name(model):
        raise ModelctlError(f"{model!r} is not a model name")
    parse_version(version)
    if not _DIGEST.fullmatch(digest):
        raise ModelctlError(
            f"{digest!r} is not a digest", mend="write the sha256 of the manifest as 64 hex digits"
        )
    if not 0 <= weight <= WHOLE:
        raise ModelctlError(f"the weight {weight} is not between 0 and {WHOLE}")


def _route(serving: Serving, server: Server) -> Route:
    return Route(
        model=serving.model, version=serving.version, port=server.port, weight=serving.weight
    )


def _by_model(desired: Iterable[Serving]) -> Mapping[str, list[Serving]]:
    grouped: dict[str, list[Serving]] = {}
    for serving in desired:
        grouped.setdefault(serving.model, []).append(serving)
    return grouped
