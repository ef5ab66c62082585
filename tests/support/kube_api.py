"""As much of a Kubernetes API server as `kubectl apply --dry-run=server` talks to, over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Answer = tuple[int, Mapping[str, Any]]
Judge = Callable[[Mapping[str, Any]], Answer]
"""What the server answers to an object: a status code and the object or a `Status`."""

RESOURCES = {
    "v1": (("services", "Service"), ("configmaps", "ConfigMap")),
    "apps/v1": (("deployments", "Deployment"),),
}


def accept(obj: Mapping[str, Any]) -> Answer:
    return 201, obj


def refuse(code: int, reason: str, message: str, **details: Any) -> Judge:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "details": details}
    return lambda _: (code, {**status, "code": code, "reason": reason, "message": message})


class Handler(BaseHTTPRequestHandler):
    """Discovery, the promise to look for unknown fields, and writes, which `judge` answers."""

    judge: Judge
    writes: list[str]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        fixed = {**DISCOVERY, **{f"/openapi/v3/{v}": schema(v) for v in RESOURCES}}
        if path == "/openapi/v2":
            self.send(200, b"")
        elif path in fixed:
            self.answer(200, fixed[path])
        else:
            self.answer(*refuse(404, "NotFound", "not found")({}))

    def do_POST(self) -> None:
        self.writes.append(f"POST {self.path}")
        length = int(self.headers["Content-Length"])
        self.answer(*self.judge(json.loads(self.rfile.read(length))))

    def answer(self, code: int, body: Mapping[str, Any]) -> None:
        self.send(code, json.dumps(body).encode())

    def send(self, code: int, data: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def api_server(judge: Judge, folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """A kubeconfig with the context `test`, and the requests to change something, as they come."""
    writes: list[str] = []
    handler = type("Judging", (Handler,), {"judge": staticmethod(judge), "writes": writes})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield kubeconfig(folder, server.server_port), writes
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def kubeconfig(folder: Path, port: int) -> Path:
    path = folder / "kubeconfig.json"
    cluster = {"name": "test", "cluster": {"server": f"http://127.0.0.1:{port}"}}
    context = {"name": "test", "context": {"cluster": "test", "user": "test"}}
    user = {"name": "test", "user": {}}
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [cluster],
                "contexts": [context],
                "users": [user],
            }
        )
    )
    return path


def groups() -> Mapping[str, Any]:
    version = {"groupVersion": "apps/v1", "version": "v1"}
    group = {"name": "apps", "versions": [version], "preferredVersion": version}
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]}


def resources(version: str) -> Mapping[str, Any]:
    found = [
        {"name": plural, "kind": kind, "namespaced": True, "verbs": ["create", "get", "patch"]}
        for plural, kind in RESOURCES[version]
    ]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": found,
    }


def schema_paths() -> Mapping[str, Any]:
    return {
        f"apis/{version}" if "/" in version else f"api/{version}": {
            "serverRelativeURL": f"/openapi/v3/{version}"
        }
        for version in RESOURCES
    }


def schema(version: str) -> Mapping[str, Any]:
    """That the server itself looks for unknown fields, which is what kubectl asks it."""
    group, _, number = version.rpartition("/")
    parameters = [{"name": "fieldValidation", "in": "query"}, {"name": "dryRun", "in": "query"}]
    paths = {}
    for plural, kind in RESOURCES[version]:
        meant = {"group": group, "version": number, "kind": kind}
        patch = {"parameters": parameters, "x-kubernetes-group-version-kind": meant}
        paths[f"/{plural}/{{name}}"] = {"patch": {**patch, "responses": {}}}
    return {"openapi": "3.0.0", "info": {"title": "x", "version": "1"}, "paths": paths}


DISCOVERY: Mapping[str, Mapping[str, Any]] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": groups(),
    "/openapi/v3": {"paths": schema_paths()},
    "/api/v1": resources("v1"),
    "/apis/apps/v1": resources("apps/v1"),
}
