"""Traefik's configuration, and the routes read back from it. Traefik 3.5 or newer.

The dynamic configuration is the only record of where traffic goes: each model is a router with a
weighted service, and each of its backends a service named after model and version. Where a backend
gets copies of requests, a mirroring service stands before the weighted one; where a header marks
the requests of a backend, a router of its own takes them. What the parts of the backends are called
means nothing to Traefik: it stands in a comment above.
Source: https://doc.traefik.io/traefik/reference/routing-configuration/http/load-balancing/service/
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from modelctl.adapters.local.processes import LOCALHOST
from modelctl.domain.serving import STABLE, Route
from modelctl.errors import ModelctlError

ENTRY_POINT: Final = "web"
API_ENTRY_POINT: Final = "traefik"
IDLE_SECONDS: Final = 60
"""How long the router keeps an idle connection to a server. The server must keep it for longer, or
it may close one that a request is just being written to."""

_REVISION = "revision"
_PARTS = "# "
_MIRROR, _BY_HEADER = ":mirror", ":header"
# Above every priority that Traefik itself gives: that is the length of the rule.
_FIRST = 10_000
_HEADER = re.compile(r"Header\(`([^`]+)`, `([^`]+)`\)$")
# Fine below 50 ms, where small models answer and a policy tells 20 ms from 40; coarser above.
_BUCKETS = [
    *(0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1),
    *(0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0),
]


def static_config(port: int, api_port: int, routes: Path) -> Mapping[str, Any]:
    """What Traefik reads once, when it starts. `routes` is the folder that it watches."""
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "ERROR", "noColor": True},
        "entryPoints": {
            ENTRY_POINT: {"address": f"{LOCALHOST}:{port}"},
            API_ENTRY_POINT: {"address": f"{LOCALHOST}:{api_port}"},
        },
        # Served on the API's entry point alone, which nothing but this machine reaches.
        "api": {"insecure": True, "dashboard": False},
        "ping": {"manualRouting": True},
        "metrics": {
            "prometheus": {
                "entryPoint": API_ENTRY_POINT,
                "addServicesLabels": True,
                "addRoutersLabels": True,
                "buckets": _BUCKETS,
            }
        },
        "providers": {
            "providersThrottleDuration": "10ms",
            "file": {"directory": str(routes), "watch": True},
        },
        "serversTransport": {
            "maxIdleConnsPerHost": 64,
            "forwardingTimeouts": {"dialTimeout": "5s", "idleConnTimeout": f"{IDLE_SECONDS}s"},
        },
    }


def to_text(routes: Iterable[Route]) -> str:
    """The file that Traefik watches, see `dynamic_config`. It is JSON, which is YAML too, and read
    in a fraction of the time; the comment above names the parts."""
    wanted = sorted(routes)
    parts = {route.service: route.part for route in wanted}
    config = json.dumps(dynamic_config(wanted), indent=1, ensure_ascii=False)
    return f"{_PARTS}{json.dumps(parts, ensure_ascii=False)}\n{config}\n"


def from_text(text: str, location: str) -> tuple[Route, ...]:
    """The routes that `to_text` was given.

    Raises:
        ModelctlError: it is not such a file.
    """
    first, _, rest = text.partition("\n")
    try:
        return read_routes(json.loads(rest), json.loads(first.removeprefix(_PARTS)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelctlError(
            "these are not the routes that a deploy writes; were they changed by hand?",
            mend="stop what serves here (modelctl local stop), then deploy again",
            location=location,
        ) from error


def dynamic_config(routes: Iterable[Route]) -> Mapping[str, Any]:
    """What Traefik reads whenever it changes: the models, their backends and weights.

    One more route answers only where this very configuration is in force, see `revision_path`.
    """
    wanted = sorted(routes)
    models = {model: list(group) for model, group in groupby(wanted, key=lambda r: r.model)}
    marker = {
        "rule": f"Path(`{revision_path(wanted)}`)",
        "entryPoints": [ENTRY_POINT],
        "service": "ping@internal",
    }
    http: dict[str, Any] = {"routers": {_REVISION: marker}}
    if models:  # Traefik refuses empty maps.
        http["middlewares"] = {m: {"stripPrefix": {"prefixes": [f"/{m}"]}} for m in models}
        http["services"] = {route.service: _backend(route) for route in wanted}
    for model, group in models.items():
        http["routers"] |= _routers(model, group)
        http["services"] |= _services(model, group)
    return {"http": http}


def revision_path(routes: Iterable[Route]) -> str:
    """A path that the router answers once exactly these routes are in force, whatever their parts
    are called.

    No model's name begins with `-`.
    """
    rows = [[r.service, r.port, r.weight, r.mirror, list(r.header)] for r in routes]
    return f"/-/routes/{hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()[:16]}"


def read_routes(config: Mapping[str, Any], parts: Mapping[str, str]) -> tuple[Route, ...]:
    """The routes that `dynamic_config` was made from; `parts` are by the names of the services."""
    services, routers = config["http"].get("services", {}), config["http"]["routers"]
    found = []
    for model, service in services.items():
        mirrors = services.get(f"{model}{_MIRROR}", {}).get("mirroring", {}).get("mirrors", ())
        copies = {mirror["name"]: mirror["percent"] for mirror in mirrors}
        for item in service.get("weighted", {}).get("services", ()):
            name = item["name"]
            address = services[name]["loadBalancer"]["servers"][0]["url"]
            router = routers.get(f"{name}{_BY_HEADER}")
            header = _HEADER.search(router["rule"]) if router else None
            route = Route(
                model=model,
                version=name.removeprefix(f"{model}-").partition(":")[0],
                port=int(address.rpartition(":")[2]),
                weight=item["weight"],
                part=parts.get(name, STABLE),
                mirror=copies.get(name, 0),
                header=header.groups() if header else (),
            )
            found.append(route)
    return tuple(sorted(found))


def _routers(model: str, routes: Iterable[Route]) -> Mapping[str, Any]:
    """The model's own router, and one for each backend that a header chooses."""
    # A bare prefix would also take the requests of models whose names only begin like this.
    rule = f"Path(`/{model}`) || PathPrefix(`/{model}/`)"
    mirror = _MIRROR if any(route.mirror for route in routes) else ""
    common = {"entryPoints": [ENTRY_POINT], "middlewares": [model]}
    routers: dict[str, Any] = {model: {**common, "rule": rule, "service": f"{model}{mirror}"}}
    for route in routes:
        if route.header:
            name, value = route.header
            routers[f"{route.service}{_BY_HEADER}"] = {
                **common,
                "rule": f"({rule}) && Header(`{name}`, `{value}`)",
                "service": f"{route.service}{mirror}",
                "priority": _FIRST,
            }
    return routers


def _services(model: str, routes: Iterable[Route]) -> Mapping[str, Any]:
    """How the model's traffic is split, and what is copied of it before."""
    shares = [{"name": route.service, "weight": route.weight} for route in routes]
    services: dict[str, Any] = {model: {"weighted": {"services": shares}}}
    mirrors = [{"name": r.service, "percent": r.mirror} for r in routes if r.mirror]
    if mirrors:
        answering = [model, *(route.service for route in routes if route.header)]
        services |= {
            f"{name}{_MIRROR}": {"mirroring": {"service": name, "mirrors": mirrors}}
            for name in answering
        }
    return services


def _backend(route: Route) -> Mapping[str, Any]:
    return {"loadBalancer": {"servers": [{"url": f"http://{LOCALHOST}:{route.port}"}]}}
