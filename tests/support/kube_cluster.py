"""A small Kubernetes API server that keeps what it is told, for kubectl over HTTP.

It has discovery, server-side apply with the owners of fields (a list is one field), conflicts in
the words of the real server, selection by labels, and deletion. Controllers are played: what is
applied is ready at once, unless it is among `slow`.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from support.kube_api import kubeconfig

TYPES = {
    "v1": {"services": "Service", "configmaps": "ConfigMap"},
    "apps/v1": {"deployments": "Deployment"},
    "autoscaling/v2": {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
    "policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
    "gateway.networking.k8s.io/v1": {"httproutes": "HTTPRoute"},
    "serving.kserve.io/v1beta1": {"inferenceservices": "InferenceService"},
    "argoproj.io/v1alpha1": {
        "rollouts": "Rollout",
        "analysistemplates": "AnalysisTemplate",
    },
}
Key = tuple[str, str, str]
"""Plural, namespace, name."""
Path_ = tuple[str, ...]
ABORTED = (
    'RolloutAborted: Rollout aborted update to revision 2: Metric "error-rate" assessed Failed due '
    "to failed (3) > failureLimit (2)"
)
_PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+/[^/]+))/namespaces/(?P<ns>[^/]+)/(?P<plural>\w+)"
    r"(?:/(?P<name>[^/]+))?"
)


@dataclass
class Cluster:
    """What the server holds. `requests` are the changes that were asked for; `down` makes it answer
    only that it is unavailable; `refused` has the reasons by name for which it denies one."""

    objects: dict[Key, dict[str, Any]] = field(default_factory=dict)
    owners: dict[Key, dict[str, set[Path_]]] = field(default_factory=dict)
    operations: dict[str, str] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)
    down: bool = False
    kubeconfig: Path = Path()
    lock: threading.RLock = field(default_factory=threading.RLock)

    def names(self, plural: str) -> list[str]:
        return sorted(name for kind, _, name in self.objects if kind == plural)

    def one(self, plural: str, name: str) -> dict[str, Any]:
        (found,) = (o for key, o in self.objects.items() if (key[0], key[2]) == (plural, name))
        return found

    def weights(self, name: str) -> dict[str, int]:
        rules = self.one("httproutes", name)["spec"]["rules"]
        return {ref["name"]: ref["weight"] for ref in rules[-1]["backendRefs"]}

    def edit(self, plural: str, name: str, manager: str, change: Mapping[str, Any]) -> None:
        """Somebody else's write: it takes over the fields that it changes."""
        with self.lock:
            (key,) = (k for k in self.objects if (k[0], k[2]) == (plural, name))
            paths = dict(_leaves(change))
            for path, value in paths.items():
                _set(self.objects[key], path, value)
            for owner, owned in self.owners[key].items():
                if owner != manager:
                    owned -= set(paths)
            self.owners[key].setdefault(manager, set()).update(paths)
            self.operations[manager] = "Update"
            self._touched(key)

    def make(self, plural: str, obj: dict[str, Any], manager: str, **metadata: Any) -> None:
        """An object that a controller or a person makes."""
        meta = {**obj["metadata"], **metadata, "generation": 1}
        key = (plural, meta["namespace"], meta["name"])
        self.objects[key] = {**obj, "metadata": meta}
        self.owners[key] = {manager: set(dict(_leaves(obj)))}
        self.operations.setdefault(manager, "Update")

    def steps(self, name: str, **status: Any) -> None:
        """Argo Rollouts says something else of a Rollout."""
        with self.lock:
            self.one("rollouts", name)["status"].update(status)

    def finishes(self, name: str) -> None:
        """Argo Rollouts has brought the version in."""
        pods = self.one("rollouts", name)["status"]["currentPodHash"]
        self.steps(name, phase="Healthy", stableRS=pods)

    def aborts(self, name: str, message: str = ABORTED) -> None:
        """Argo Rollouts has taken the version back, by an analysis that failed."""
        weights = {"canary": {"weight": 0}, "stable": {"weight": 100}}
        self.steps(
            name,
            abort=True,
            abortedAt="2026-11-20T10:00:00Z",
            phase="Degraded",
            message=message,
            canary={"weights": weights},
        )

    def apply(self, key: Key, obj: dict[str, Any], manager: str, force: bool, dry: bool) -> Any:
        with self.lock:
            live = deepcopy(self.objects.get(key)) or _begun(key, obj)
            owners = deepcopy(self.owners.get(key, {}))
            wanted = dict(_leaves(obj))
            conflicts = [
                (owner, path)
                for owner, owned in owners.items()
                for path in sorted(owned & set(wanted))
                if owner != manager and _get(live, path) != wanted[path]
            ]
            if conflicts and not force:
                return 409, _conflict(conflicts)
            for path in owners.get(manager, set()) - set(wanted):
                if not any(path in owned for owner, owned in owners.items() if owner != manager):
                    _remove(live, path)
            for path, value in wanted.items():
                _set(live, path, value)
            if dry:
                return 200, self._shown(key, live, owners)
            for owner, path in conflicts:
                owners[owner].discard(path)
            owners[manager] = set(wanted)
            self.objects[key], self.owners[key] = live, owners
            self.operations.setdefault(manager, "Apply")
            self._touched(key)
            return 200, self.shown(key)

    def shown(self, key: Key) -> dict[str, Any]:
        return self._shown(key, self.objects[key], self.owners[key])

    def _shown(self, key: Key, obj: Any, owners: Mapping[str, set[Path_]]) -> dict[str, Any]:
        fields = [
            {
                "manager": manager,
                "operation": self.operations.get(manager, "Update"),
                "apiVersion": obj.get("apiVersion"),
                "fieldsType": "FieldsV1",
                "fieldsV1": _fields(paths),
            }
            for manager, paths in owners.items()
        ]
        return {**obj, "metadata": {**obj["metadata"], "managedFields": fields}}

    def _touched(self, key: Key) -> None:
        """The next generation, as its controller sees it."""
        obj = self.objects[key]
        plural, _, name = key
        meta = obj["metadata"]
        meta["generation"] = meta.get("generation", 0) + 1
        ready = name not in self.slow
        played = _PLAYED.get(plural)
        if played:
            obj["status"] = played(obj, meta["generation"], ready, name in self.failing)


def _deployment(obj: Any, generation: int, ready: bool, failing: bool) -> dict[str, Any]:
    count = obj["spec"].get("replicas", 1) if ready else 0
    reason = "ProgressDeadlineExceeded" if failing else "NewReplicaSetAvailable"
    progress = {"type": "Progressing", "reason": reason, "message": f"pods: {reason}"}
    return {
        "observedGeneration": generation,
        "updatedReplicas": count,
        "availableReplicas": count,
        "conditions": [progress],
    }


def _route(obj: Any, generation: int, ready: bool, failing: bool) -> dict[str, Any]:
    conditions = [
        {"type": kind, "status": str(ready), "observedGeneration": generation, "message": "of it"}
        for kind in ("Accepted", "ResolvedRefs")
    ]
    return {"parents": [{"conditions": conditions}]}


def _service(obj: Any, generation: int, ready: bool, failing: bool) -> dict[str, Any]:
    condition = {"type": "Ready", "status": str(ready), "message": "loading"}
    return {"observedGeneration": generation, "conditions": [condition]}


def _rollout(obj: Any, generation: int, ready: bool, failing: bool) -> dict[str, Any]:
    """As Argo Rollouts begins: the first version, and one that is gone back to, are there at once;
    another takes its first step, whatever became of the one before."""
    pods = sha256(json.dumps(obj["spec"]["template"], sort_keys=True).encode()).hexdigest()[:9]
    before = obj.get("status", {})
    stable = before.get("stableRS", pods)
    seen = {"observedGeneration": str(generation), "currentPodHash": pods, "stableRS": stable}
    if failing:
        return {**seen, "phase": "Degraded", "message": "aborted"}
    if pods == stable:
        return {**seen, "phase": "Healthy"}
    if pods == before.get("currentPodHash"):
        return {**before, **seen}
    return {**seen, "phase": "Progressing", "currentStepIndex": 0}


_PLAYED = {
    "deployments": _deployment,
    "httproutes": _route,
    "inferenceservices": _service,
    "rollouts": _rollout,
}


def _begun(key: Key, obj: Mapping[str, Any]) -> dict[str, Any]:
    """An object that is nothing yet but itself."""
    metadata = {"namespace": key[1], "name": key[2]}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata}


def _leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Every field that isn't the object's identity; a list is one field."""
    if path in (("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")):
        return
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif path:
        yield path, value


def _get(obj: Any, path: Path_) -> Any:
    for part in path:
        obj = obj.get(part) if isinstance(obj, Mapping) else None
    return obj


def _set(obj: dict[str, Any], path: Path_, value: Any) -> None:
    for part in path[:-1]:
        obj = obj.setdefault(part, {})
    obj[path[-1]] = deepcopy(value)


def _remove(obj: dict[str, Any], path: Path_) -> None:
    for part in path[:-1]:
        obj = obj.get(part, {})
    obj.pop(path[-1], None)


def _fields(paths: set[Path_]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in paths:
        place = found
        for part in path:
            place = place.setdefault(f"f:{part}", {})
    return found


def _conflict(conflicts: list[tuple[str, Path_]]) -> dict[str, Any]:
    """In the words of the real server: one line for one field, a list for several of a manager."""
    by: dict[str, list[str]] = {}
    for owner, path in conflicts:
        by.setdefault(owner, []).append("." + ".".join(path))
    told = [
        f'conflict with "{owner}": {fields[0]}'
        if len(fields) == 1
        else f'conflicts with "{owner}":\n' + "\n".join(f"- {one}" for one in fields)
        for owner, fields in by.items()
    ]
    count = f"{len(conflicts)} conflict{'s' if len(conflicts) > 1 else ''}"
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{owner}"',
            "field": "." + ".".join(path),
        }
        for owner, path in conflicts
    ]
    message = f"Apply failed with {count}: {', '.join(told)}"
    return _status(409, "Conflict", message, {"causes": causes})


def _status(code: int, reason: str, message: str, details: Any = None) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
        "details": details or {},
    }


class Handler(BaseHTTPRequestHandler):
    cluster: Cluster
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        found = _PATH.fullmatch(parts.path)
        if self.cluster.down:
            self.answer(503, _status(503, "ServiceUnavailable", "it is down"))
        elif found is None:
            self.discover(parts.path)
        elif found["name"]:
            self.answer(*self.read(found))
        else:
            query = parse_qs(parts.query)
            self.answer(200, self.listed(found, query.get("labelSelector", [""])[0]))

    def read(self, found: re.Match[str]) -> tuple[int, Any]:
        key = (found["plural"], found["ns"], found["name"])
        if key not in self.cluster.objects:
            details = {"name": found["name"], "kind": found["plural"]}
            return 404, _status(
                404, "NotFound", f'{found["plural"]} "{found["name"]}" not found', details
            )
        return 200, self.cluster.shown(key)

    def listed(self, found: re.Match[str], selector: str) -> dict[str, Any]:
        version = found["core"] or found["group"]
        items = [
            self.cluster.shown(key)
            for key, obj in sorted(self.cluster.objects.items())
            if key[:2] == (found["plural"], found["ns"])
            and _selected(obj["metadata"].get("labels", {}), selector)
        ]
        kind = TYPES[version][found["plural"]]
        return {"apiVersion": version, "kind": f"{kind}List", "metadata": {}, "items": items}

    def do_PATCH(self) -> None:
        parts, body = urlsplit(self.path), self.body()
        found = _PATH.fullmatch(parts.path)
        assert found is not None
        assert self.headers["Content-Type"] == "application/apply-patch+yaml"
        query = parse_qs(parts.query)
        dry = "dryRun" in query
        obj = yaml.safe_load(body)
        if not dry:
            self.cluster.requests.append(f"apply {found['plural']} {found['name']}")
        if found["name"] in self.cluster.refused:
            self.answer(403, _status(403, "Forbidden", self.cluster.refused[found["name"]]))
            return
        key = (found["plural"], found["ns"], found["name"])
        force = query.get("force", ["false"])[0] == "true"
        self.answer(*self.cluster.apply(key, obj, query["fieldManager"][0], force, dry))

    def do_DELETE(self) -> None:
        found = _PATH.fullmatch(urlsplit(self.path).path)
        assert found is not None
        self.body()
        self.cluster.requests.append(f"delete {found['plural']} {found['name']}")
        if found["name"] in self.cluster.refused:
            self.answer(403, _status(403, "Forbidden", self.cluster.refused[found["name"]]))
            return
        with self.cluster.lock:
            self.cluster.objects.pop((found["plural"], found["ns"], found["name"]), None)
            self.cluster.owners.pop((found["plural"], found["ns"], found["name"]), None)
        self.answer(200, {**_status(200, "", ""), "status": "Success"})

    def discover(self, path: str) -> None:
        fixed = _discovery(self.cluster.absent)
        if path in fixed:
            self.answer(200, fixed[path])
        else:
            self.answer(404, _status(404, "NotFound", "not found"))

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, code: int, body: Mapping[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


def _selected(labels: Mapping[str, str], selector: str) -> bool:
    for part in re.split(r",(?![^(]*\))", selector):
        one = re.fullmatch(r"(\S+) in \((.*)\)", part)
        key, values = (
            (one[1], one[2].split(","))
            if one
            else (part.partition("=")[0], [part.partition("=")[2]])
        )
        if part and labels.get(key) not in values:
            return False
    return True


def _discovery(absent: set[str]) -> dict[str, Any]:
    served = {version: kinds for version, kinds in TYPES.items() if version not in absent}
    groups = [
        {
            "name": version.partition("/")[0],
            "versions": [{"groupVersion": version, "version": version.partition("/")[2]}],
            "preferredVersion": {"groupVersion": version, "version": version.partition("/")[2]},
        }
        for version in served
        if "/" in version
    ]
    found: dict[str, Any] = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
        "/version": {"major": "1", "minor": "37", "gitVersion": "v1.37.0"},
        "/openapi/v3": {
            "paths": {
                ("apis/" if "/" in version else "api/") + version: {
                    "serverRelativeURL": f"/openapi/v3/{version}"
                }
                for version in served
            }
        },
        **{f"/openapi/v3/{version}": _schema(version, kinds) for version, kinds in served.items()},
    }
    for version, kinds in served.items():
        resources = [
            {"name": plural, "kind": kind, "namespaced": True, "verbs": _VERBS}
            for plural, kind in kinds.items()
        ]
        found[f"/{'apis' if '/' in version else 'api'}/{version}"] = {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": version,
            "resources": resources,
        }
    return found


def _schema(version: str, kinds: Mapping[str, str]) -> dict[str, Any]:
    """That the server itself looks for unknown fields, which is what kubectl asks it."""
    group, _, number = version.rpartition("/")
    parameters = [
        {"name": name, "in": "query"} for name in ("fieldValidation", "dryRun", "fieldManager")
    ]
    paths = {}
    for plural, kind in kinds.items():
        meant = {"group": group, "version": number, "kind": kind}
        patch = {"parameters": parameters, "x-kubernetes-group-version-kind": meant}
        paths[f"/{plural}/{{name}}"] = {"patch": {**patch, "responses": {}}}
    return {"openapi": "3.0.0", "info": {"title": "x", "version": "1"}, "paths": paths}


_VERBS = ["create", "delete", "get", "list", "patch"]


@contextmanager
def kube_cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster that listens; its `kubeconfig` has the context `test`."""
    cluster = Cluster()
    handler = type("Holding", (Handler,), {"cluster": cluster})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        cluster.kubeconfig = kubeconfig(folder, server.server_port)
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
