"""Serving on this machine: what an environment should serve, and what must change for it.

A model of an environment is served by one or more backends, each one version with a share of the
traffic; a model's weights add up to 100.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from modelctl.domain.agreement import Comparing
from modelctl.domain.names import is_model_name, parse_version
from modelctl.errors import ModelctlError

WHOLE: Final = 100
"""The weights of a model's backends add up to this."""

STABLE: Final = "stable"
PING: Final = "/ping"
"""What a scoring server answers once it can serve."""

BASELINE: Final = "baseline"
OWN_PROCESS: Final = frozenset({BASELINE})
"""The parts that a process of their own must serve: a baseline is only fair when it is as fresh as
what it is compared with. Every other part may be taken over by what runs: a canary that becomes
stable goes on as it is."""

HELD_AGAINST: Final = frozenset({"canary", "shadow"})
"""The parts whose answers are compared with those of what serves."""

Key = tuple[str, str, str, str]
"""Model, version, digest, and the part where that has a process of its own: two servers with the
same key stand for each other."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_HEADER_VALUE = re.compile(r"[A-Za-z0-9._~+/=:;, -]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """One backend that should serve.

    `digest` is the sha256 of the version's manifest in hex. `model_path` is the folder of the
    MLflow model, whose files were already compared with the manifest. `weight` is the share of the
    model's traffic in percent, `part` what the backend is in a rollout. It gets a copy of `mirror`
    percent of the requests, and every request with the `header` (name, value). `comparing` says
    how its answers are compared with those of another version. It must answer at `ping` within
    `patience` seconds, or as long as the target usually waits.

    Raises:
        ModelctlError: a field that can't be one.
    """

    model: str
    version: str
    digest: str
    model_path: Path
    weight: int = WHOLE
    part: str = STABLE
    mirror: int = 0
    header: tuple[str, ...] = ()
    comparing: Comparing = field(default_factory=Comparing)
    patience: float | None = None
    ping: str = PING

    def __post_init__(self) -> None:
        check_backend(self.model, self.version, self.digest, self.weight)
        check_extras(self.weight, self.mirror, self.header)

    @property
    def key(self) -> Key:
        """What tells whether a running server is this one."""
        return (self.model, self.version, self.digest, own_process(self.part))

    def __str__(self) -> str:
        return f"{self.model} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A scoring server that was started; `port` is its own, on 127.0.0.1. `own` is the part that it
    was started for, where that has a process of its own."""

    id: str
    model: str
    version: str
    digest: str
    port: int
    own: str = ""

    @property
    def key(self) -> Key:
        """What tells whether it serves what should be served."""
        return (self.model, self.version, self.digest, self.own)

    def __str__(self) -> str:
        return f"{self.model} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Route:
    """The share of a model's traffic, in percent, that goes to the server at `port`; see `Serving`
    for the rest."""

    model: str
    version: str
    port: int
    weight: int
    part: str = STABLE
    mirror: int = 0
    header: tuple[str, ...] = ()

    @property
    def service(self) -> str:
        """The router's name for this backend, which its metrics carry too. It outlives restarts."""
        return service_name(self.model, self.version, self.part)


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
    part: str
    weight: int
    mirror: int
    header: tuple[str, ...]
    url: str
    service: str
    pid: int | None
    healthy: bool
    since: datetime | None


class Split(Protocol):
    """What has a share of a model's traffic."""

    @property
    def version(self) -> str: ...
    @property
    def weight(self) -> int: ...
    @property
    def key(self) -> Key: ...


def own_process(part: str) -> str:
    """The part where it must have a process of its own, else nothing."""
    return part if part in OWN_PROCESS else ""


def service_name(model: str, version: str, part: str = STABLE) -> str:
    """The router's name for one version of a model: `tumor-classifier-1.0.0`. A baseline is told
    from what it is a copy of by a mark that no version can have: `tumor-classifier-1.0.0:baseline`.
    """
    own = own_process(part)
    return f"{model}-{version}:{own}" if own else f"{model}-{version}"


def check_desired(desired: Iterable[Serving]) -> None:
    """Refuse a desired state that can't be served.

    Raises:
        ModelctlError: a version named twice, or weights that don't add up to 100.
    """
    for model, backends in _by_model(desired).items():
        check_split(model, backends)


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


def shifted(
    desired: Iterable[Serving], ready: Iterable[Server], current: Iterable[Route]
) -> tuple[Route, ...]:
    """Where traffic goes when the models of `desired` move, and every other stays as it is.

    A model moves only if all its backends are `ready`: all of them move, or none.
    """
    servers = {server.key: server for server in ready}
    wanted = _by_model(desired)
    moving = {m for m, backends in wanted.items() if all(b.key in servers for b in backends)}
    moved = [_route(b, servers[b.key]) for model in moving for b in wanted[model]]
    return tuple(sorted([*moved, *(route for route in current if route.model not in moving)]))


def overtaken(
    desired: Iterable[Serving], before: Iterable[Route], now: Iterable[Route]
) -> frozenset[str]:
    """The models that somebody moved since `before`, and elsewhere than to what is desired: that
    was decided on older knowledge, so it gives way."""
    there = tuple(now)
    changed = {route.model for route in {*before} ^ {*there}}
    wanted = {_share(serving) for serving in desired if serving.model in changed}
    served = {_share(route) for route in there if route.model in changed}
    return frozenset(model for model, *_ in wanted ^ served)


def compared(desired: Iterable[Serving]) -> Mapping[str, Comparing]:
    """The models of which one version is held against another, and how."""
    return {one.model: one.comparing for one in desired if one.part in HELD_AGAINST}


def of_models(routes: Iterable[Route], models: Collection[str]) -> tuple[Route, ...]:
    """The routes of these models, sorted."""
    return tuple(sorted(route for route in routes if route.model in models))


def check_split(model: str, split: Sequence[Split], where: str | None = None) -> None:
    """Refuse a version that is named twice, and weights that don't add up to 100.

    Raises:
        ModelctlError: it has one or the other; `where` is the error's location.
    """
    # The router's names are made of version and process: nothing else may tell two backends apart.
    names = [(backend.version, backend.key[-1]) for backend in split]
    twice = next((version for version, own in names if names.count((version, own)) > 1), None)
    if twice is not None:
        raise ModelctlError(f"{model} names version {twice} twice", location=where)
    total = sum(backend.weight for backend in split)
    if total != WHOLE:
        raise ModelctlError(
            f"the weights of {model} add up to {total}, not {WHOLE}", location=where
        )


def check_backend(model: str, version: str, digest: str, weight: int) -> None:
    """Refuse fields that no backend can have.

    Raises:
        ModelctlError: a name, version, digest or weight that can't be one.
    """
    if not is_model_name(model):
        raise ModelctlError(f"{model!r} is not a model name")
    parse_version(version)
    if not _DIGEST.fullmatch(digest):
        raise ModelctlError(
            f"{digest!r} is not a digest", mend="write the sha256 of the manifest as 64 hex digits"
        )
    if not 0 <= weight <= WHOLE:
        raise ModelctlError(f"the weight {weight} is not between 0 and {WHOLE}")


def check_extras(weight: int, mirror: int, header: tuple[str, ...]) -> None:
    """Refuse copies and headers that the router couldn't serve by.

    Raises:
        ModelctlError: a share that can't be one, copies beside callers, or an unsafe header.
    """
    if not 0 <= mirror <= WHOLE:
        raise ModelctlError(f"the mirrored share {mirror} is not between 0 and {WHOLE}")
    if mirror and (weight or header):
        raise ModelctlError("a backend that gets copies of requests can't answer callers as well")
    if header and not (_HEADER_NAME.fullmatch(header[0]) and _HEADER_VALUE.fullmatch(header[1])):
        raise ModelctlError(f"{': '.join(header)!r} is not a header to route by")


def _route(serving: Serving, server: Server) -> Route:
    return Route(
        model=serving.model,
        version=serving.version,
        port=server.port,
        weight=serving.weight,
        part=serving.part,
        mirror=serving.mirror,
        header=serving.header,
    )


def _share(one: Serving | Route) -> tuple[str, str, str, int, int, tuple[str, ...]]:
    own = own_process(one.part)
    return (one.model, one.version, own, one.weight, one.mirror, one.header)


def _by_model(desired: Iterable[Serving]) -> Mapping[str, list[Serving]]:
    grouped: dict[str, list[Serving]] = {}
    for serving in desired:
        grouped.setdefault(serving.model, []).append(serving)
    return grouped
