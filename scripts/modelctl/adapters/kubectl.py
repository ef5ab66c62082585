"""A cluster by way of kubectl: server-side apply under a field manager of its own.

Fields of somebody else are never taken: a conflict is told with its field and its manager. Nothing
is asked of whatever context kubectl happens to have: it is named, or it is the cluster in which
this runs.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from modelctl.adapters.kustomize import find_kubectl
from modelctl.domain.ownership import Live
from modelctl.domain.problems import Object
from modelctl.domain.rendering import MANAGER
from modelctl.errors import DependencyError, ModelctlError

IN_CLUSTER: Final = "in-cluster"
"""The context that means the cluster in which this runs, by its service account."""

ROLLOUTS: Final = "rollouts.argoproj.io"
_SERVICE: Final = "KUBERNETES_SERVICE_HOST"
_REQUEST: Final = "--request-timeout=20s"
_LONGEST: Final = 300
_CONFLICT = re.compile(r'conflict with "(?P<manager>[^"]+)"[^:]*: (?P<field>\.\S+?)(?:,|\s|$)')
_LISTED = re.compile(r'conflicts with "(?P<manager>[^"]+)"[^:]*:\n(?P<fields>(?:- \S+\n?)+)')
_ERROR = re.compile(
    r"^(?:Error from server(?: \((?P<reason>\w+)\))?|error): (?P<message>.*)$", re.MULTILINE
)
_SILENT = re.compile(
    r"Unable to connect to the server|connection to the server .* was refused|context \S+ does not "
    r"exist|i/o timeout|no such host|TLS handshake|must be logged in|\(Unauthorized\)|"
    r"\(ServiceUnavailable\)|\(InternalError\)|\(Timeout\)|\(TooManyRequests\)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubectl:
    """One cluster. `context` is a context of the kubeconfig, or `IN_CLUSTER`; `timeout` is how long
    one call may take, in seconds."""

    context: str
    timeout: float = 120.0
    program: str = field(default_factory=find_kubectl)
    _known: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.context:
            raise ModelctlError(
                "which cluster?",
                mend=f"give --context, a context of your kubeconfig, or {IN_CLUSTER} in a pod",
            )
        if self.context == IN_CLUSTER and not os.environ.get(_SERVICE):
            raise ModelctlError(
                f"{IN_CLUSTER} means the cluster in which this runs, but this isn't a pod",
                mend="give --context, a context of your kubeconfig",
            )

    def where(self) -> str:
        """The cluster that is talked to, for people: its context and its address.

        Raises:
            DependencyError: the kubeconfig has no such context.
        """
        if self.context == IN_CLUSTER:
            return f"{IN_CLUSTER}, {os.environ[_SERVICE]}"
        path = "--output=jsonpath={.clusters[0].cluster.server}"
        return f"{self.context}, {self._once(['config', 'view', '--minify', path])}"

    def require_context(self) -> None:
        """Stops where the kubeconfig has no such context: a slip of the pen is no outage.

        Raises:
            ModelctlError: there is none of this name.
            DependencyError: kubectl can't be run.
        """
        if self.context == IN_CLUSTER:
            return
        listed = self._run(["config", "get-contexts", "--output=name"], named=False).stdout.split()
        if self.context not in listed:
            there = f": it has {', '.join(sorted(listed))}" if listed else ""
            raise ModelctlError(
                f"the kubeconfig has no context {self.context}{there}",
                mend="kubectl config get-contexts",
            )

    def apply(self, manifests: str) -> tuple[str, ...]:
        """Applies objects server-side; what was refused, a sentence each.

        Raises:
            DependencyError: the cluster doesn't answer.
        """
        result = self._run(["apply", *_OWN, "--filename=-"], manifests)
        return () if result.returncode == 0 else tuple(refusals(result.stderr))

    def merged(self, manifests: str) -> tuple[Object, ...]:
        """What the objects would be if they were applied by force; nothing is changed.

        Raises:
            DependencyError: the cluster doesn't answer.
            ModelctlError: it refuses one of them.
        """
        options = ["--force-conflicts", "--dry-run=server", "--output=json"]
        result = self._run(["apply", *_OWN, *options, "--filename=-"], manifests)
        if result.returncode != 0:
            raise ModelctlError("; ".join(refusals(result.stderr)))
        return _objects(result.stdout)

    def live(self, manifests: str) -> tuple[Object, ...]:
        """The same objects as the cluster has them, as far as it has them.

        Raises:
            DependencyError: the cluster doesn't answer.
        """
        options = ["--ignore-not-found", "--show-managed-fields", "--output=json"]
        return _objects(self._asked(["get", *options, "--filename=-"], manifests))

    def rollouts(self, namespaces: Iterable[str]) -> tuple[Object, ...]:
        """The Rollouts of Argo in these namespaces that modelctl made, with their status: one
        question for each namespace.

        Raises:
            DependencyError: the cluster doesn't answer, or has no Argo Rollouts.
        """
        options = [f"--selector=app.kubernetes.io/managed-by={MANAGER}", "--output=json"]
        found: list[Object] = []
        for namespace in sorted(namespaces):
            text = self._asked(["get", ROLLOUTS, f"--namespace={namespace}", *options])
            found += _objects(text)
        return tuple(found)

    def owned(
        self, namespace: str, types: Iterable[str], models: Collection[str] | None
    ) -> tuple[Live, ...]:
        """What modelctl applied in a namespace, of these types as far as the cluster has them.

        `types` are plurals with their group (`deployments.apps`). None asks for every model.

        Raises:
            DependencyError: the cluster doesn't answer.
        """
        wanted = sorted(set(types) & self._types())
        if not wanted or (models is not None and not models):
            return ()
        selector = f"app.kubernetes.io/managed-by={MANAGER}"
        if models is not None:
            selector += f",modelctl.dev/model in ({','.join(sorted(models))})"
        options = [f"--selector={selector}", "--show-managed-fields", "--output=json"]
        text = self._asked(["get", ",".join(wanted), f"--namespace={namespace}", *options])
        return tuple(live for live in map(Live.of, _objects(text)) if live.owned_by(MANAGER))

    def delete(self, things: Sequence[Live]) -> tuple[str, ...]:
        """Deletes objects that nothing refers to any more; what wasn't deleted, a sentence each.

        Raises:
            DependencyError: the cluster doesn't answer.
        """
        listed = "---\n".join(f"{json.dumps(one.reference())}\n" for one in things)
        options = ["--ignore-not-found", "--wait=false", "--filename=-"]
        result = self._run(["delete", *options], listed)
        return () if result.returncode == 0 else tuple(refusals(result.stderr))

    def _types(self) -> frozenset[str]:
        """The types that the cluster can list."""
        text = self._once(["api-resources", "--namespaced", "--verbs=list", "--output=name"])
        return frozenset(text.split())

    def _once(self, arguments: Sequence[str]) -> str:
        """What doesn't change while this runs."""
        key = " ".join(arguments)
        if key not in self._known:
            self._known[key] = self._asked(arguments)
        return self._known[key]

    def _asked(self, arguments: Sequence[str], manifests: str | None = None) -> str:
        result = self._run(arguments, manifests)
        if result.returncode != 0:
            raise self._silent(result.stderr)
        return result.stdout

    def _run(
        self, arguments: Sequence[str], manifests: str | None = None, *, named: bool = True
    ) -> subprocess.CompletedProcess[str]:
        target = self._target() if named else []
        try:
            result = subprocess.run(
                [self.program, *target, _REQUEST, *arguments],
                capture_output=True,
                check=False,
                encoding="utf-8",
                env=self._environment(),
                input=manifests or "",
                timeout=self.timeout,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._silent(str(error)) from error
        if result.returncode != 0 and _SILENT.search(result.stderr):
            raise self._silent(result.stderr)
        return result

    def _target(self) -> list[str]:
        return [] if self.context == IN_CLUSTER else [f"--context={self.context}"]

    def _environment(self) -> Mapping[str, str]:
        """Without a kubeconfig kubectl takes the service account of the pod."""
        inside = {"KUBECONFIG": os.devnull} if self.context == IN_CLUSTER else {}
        return {**os.environ, **inside}

    def _silent(self, said: str) -> DependencyError:
        lines = [line for line in said.splitlines() if line.strip()]
        return DependencyError(
            f"the cluster of {self.context} didn't answer: {lines[-1][:_LONGEST] if lines else ''}",
            mend=f"try `kubectl --context {self.context} auth can-i list deployments`",
        )


_OWN: Final = ("--server-side", f"--field-manager={MANAGER}")


def refusals(said: str) -> list[str]:
    """What kubectl says was refused, a sentence each; of a conflict, whose field it is."""
    found = [
        f"{match['field']} belongs to {match['manager']}, who set it otherwise"
        for match in _CONFLICT.finditer(said)
    ]
    for match in _LISTED.finditer(said):
        fields = ", ".join(line.removeprefix("- ") for line in match["fields"].splitlines())
        found.append(f"{fields} belong to {match['manager']}, who set them otherwise")
    if found:
        return found
    return [match["message"][:_LONGEST] for match in _ERROR.finditer(said)] or [
        " ".join(said.split())[:_LONGEST]
    ]


def _objects(text: str) -> tuple[Object, ...]:
    """Of one object, a list, or one object after the other, as kubectl prints them."""
    decoder, at, found = json.JSONDecoder(), 0, []
    while (at := at + len(text[at:]) - len(text[at:].lstrip())) < len(text):
        value, at = decoder.raw_decode(text, at)
        found += _flat(value)
    return tuple(found)


def _flat(value: Any) -> list[Object]:
    return list(value["items"]) if value.get("kind") == "List" else [value]
