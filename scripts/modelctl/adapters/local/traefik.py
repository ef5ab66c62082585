"""Traefik's configuration, and the routes read back from it. Traefik 3.5 or newer.

The dynamic configuration is the only record of where traffic goes: each model is a router with a
weighted service, and each of its backends a service named after model and version.
Source: https://doc.traefik.io/traefik/reference/routing-configuration/http/load-balancing/service/
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from modelctl.adapters.local.processes import LOCALHOST
from modelctl.domain.serving import Route

ENTRY_POINT: Final = "web"
API_ENTRY_POINT: Final = "traefik"
IDLE_SECONDS: Final = 60
"""How long the router keeps an idle connection to a server. The server must keep it for longer, or
it may close one that a request is just being written to."""

_REVISION = "revision"
# Fine below 100 ms, where small models answer; the rest as Prometheus has it.
_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]


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
            "providersThrottleDuration": "50ms",
            "file": {"directory": str(routes), "watch": True},
        },
        "serversTransport": {
            "maxIdleConnsPerHost": 64,
            "forwardingTimeouts": {"dialTimeout": "5s", "idleConnTimeout": f"{IDLE_SECONDS}s"},
        },
    }


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
    services: dict[str, Any] = {route.service: _backend(route) for route in wanted}
    services |= {model: _weighted(group) for model, group in models.items()}
    http: dict[str, Any] = {"routers": {_REVISION: marker, **{m: _router(m) for m in models}}}
    if models:  # Traefik refuses empty maps.
        http["middlewares"] = {m: {"stripPrefix": {"prefixes": [f"/{m}"]}} for m in models}
        http["services"] = services
    return {"http": http}


def revision_path(routes: Iterable[Route]) -> str:
    """A path that the router answers once exactly these routes are in force.

    No model's name begins with `-`.
    """
    text = json.dumps([[r.model, r.version, r.port, r.weight] for r in sorted(routes)])
    return f"/-/routes/{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def read_routes(config: Mapping[str, Any]) -> tuple[Route, ...]:
    """The routes that `dynamic_config` was made from."""
    services = config["http"].get("services", {})
    return tuple(
        Route(
            model=model,
            version=item["name"].removeprefix(f"{model}-"),
            port=int(
                services[item["name"]]["loadBalancer"]["servers"][0]["url"].rpartition(":")[2]
            ),
            weight=item["weight"],
        )
        for model, service in sorted(services.items())
        if "weighted" in service
        for item in service["weighted"]["services"]
    )


def _router(model: str) -> Mapping[str, Any]:
    return {
        # A bare prefix would also take the requests of models whose names only begin like this.
        "rule": f"Path(`/{model}`) || PathPrefix(`/{model}/`)",
        "entryPoints": [ENTRY_POINT],
        "middlewares": [model],
        "service": model,
    }


def _backend(route: Route) -> Mapping[str, Any]:
    return {"loadBalancer": {"servers": [{"url": f"http://{LOCALHOST}:{route.port}"}]}}


def _weighted(routes: Iterable[Route]) -> Mapping[str, Any]:
    return {"weighted": {"services": [{"name": r.service, "weight": r.weight} for r in routes]}}
