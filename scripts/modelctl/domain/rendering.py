"""What is asked of a rendering, and what objects and labels are called."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from modelctl.domain.names import is_model_name
from modelctl.domain.plans import Plan
from modelctl.domain.serving import BASELINE, WHOLE
from modelctl.domain.version_names import (
    LONGEST_HASH,
    LONGEST_NAME,
    SHORTEST_HASH,
    version_slug,
)
from modelctl.domain.waivers import WaiverRecord
from modelctl.errors import ModelctlError

PREFIX: Final = "modelctl.dev"
MODEL_LABEL: Final = f"{PREFIX}/model"
NAME_LABEL: Final = "app.kubernetes.io/name"
VERSION_LABEL: Final = "app.kubernetes.io/version"
MANAGER_LABEL: Final = "app.kubernetes.io/managed-by"
MANAGER: Final = "modelctl"
TARGETS: Final = ("argo-rollouts", "gateway-api", "kserve", "local")
MODES: Final = ("standard", "knative")
MANIFESTS: Final = "manifests.yaml"
RELEASE: Final = "release.json"

PARTS: Final = ("stable", "canary", "baseline", "shadow", "previous")
"""What a backend is in a rollout: what serves; what takes over; a fresh copy of what serves, to
compare with; what only gets copies of requests; what served before, kept warm without traffic."""

_LONGEST_LABEL: Final = 63
# What the objects of a model with the rest of the name are called.
_TAKEN: Final = ("-stable", "-canary", "-split", "-release")
_HASH: Final = 8
_HASHED = re.compile(
    rf"-([0-9a-f]{{8}}|[vb]([0-9a-f]{{{SHORTEST_HASH},{LONGEST_HASH}}}|\d+-\d+-\d+))$"
)
_ENVIRONMENT = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
TEXTS: Final = (
    "model",
    "version",
    "digest",
    "blob",
    "commit",
    "environment",
    "owner",
    "target",
    "mode",
    "model_format",
    "storage_uri",
    "strategy",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One version that serves, and its share of the traffic in percent.

    `name` is its part: see `PARTS`. `mirror` is the share of the requests, in percent, of which it
    gets a copy; nobody sees its answers to those. `header` (name, value) marks the requests that
    all go to it.
    """

    name: str
    version: str
    digest: str
    artifacts: str
    weight: int
    mirror: int = 0
    header: tuple[str, str] | None = None

    def as_data(self) -> dict[str, Any]:
        """As a `LocalServing` and a release record have it."""
        return {
            "name": self.name,
            "version": self.version,
            "digest": self.digest,
            "artifacts": self.artifacts,
            "weight": self.weight,
            **({"mirror": self.mirror} if self.mirror else {}),
            **({"header": list(self.header)} if self.header else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderRequest:
    """One version of one model, to be rendered for one environment.

    `digest` is the sha256 of the version manifest in hex and `blob` its git object id. `commit` is
    the commit at which the model's files came to say this; were it the head of the branch, each
    deploy would change the manifests of every model. `approvers` are logins. `storage_uri` is where
    the model is loaded from. `gateway` says that the cluster routes by the Gateway API; `mode` is
    KServe's. `resources` (`requests`, `limits`) override the environment's. `backends` are what
    serves, by default this version alone; their weights add up to 100. `waivers` were in force when
    it was decided. `plan` is what a controller of the cluster is told, where one steps rollouts.

    Raises:
        ModelctlError: a field that can't be one.
    """

    model: str
    version: str
    digest: str
    blob: str
    commit: str
    approvers: tuple[str, ...]
    environment: str
    target: str
    storage_uri: str
    owner: str
    strategy: str
    mode: str = "standard"
    gateway: bool = False
    model_format: str = "mlflow"
    backends: tuple[Backend, ...] = ()
    resources: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    pull_request: int | None = None
    waivers: tuple[WaiverRecord, ...] = ()
    plan: Plan | None = None

    def __post_init__(self) -> None:
        if not is_model_name(self.model):
            raise ModelctlError(f"{self.model!r} is not a model name")
        if not _ENVIRONMENT.fullmatch(self.environment):
            raise ModelctlError(f"{self.environment!r} is not the name of an environment")
        self._check_choice("target", TARGETS)
        self._check_choice("mode", MODES if self.target == "kserve" else MODES[:1])
        for text in self._texts():
            if not text.isprintable():
                raise ModelctlError(f"{self.model} has control characters in {text!r}")
        self._check_backends()

    @property
    def name(self) -> str:
        """What the objects of this model are called: see `object_name`."""
        return object_name(self.model)

    @property
    def split(self) -> tuple[Backend, ...]:
        """What serves: the backends, or this version with all traffic."""
        whole = Backend(
            name="stable",
            version=self.version,
            digest=self.digest,
            artifacts=self.storage_uri,
            weight=WHOLE,
        )
        return self.backends or (whole,)

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of every object and pod; `app.kubernetes.io/name` selects the pods."""
        return {
            NAME_LABEL: self.model,
            VERSION_LABEL: label_value(self.version),
            MANAGER_LABEL: MANAGER,
            MODEL_LABEL: self.model,
        }

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations of every object: which version it is, from where, and by whose word."""
        return {
            f"{PREFIX}/version": self.version,
            f"{PREFIX}/digest": self.digest,
            f"{PREFIX}/blob": self.blob,
            f"{PREFIX}/commit": self.commit,
            f"{PREFIX}/approvers": ",".join(self.approvers),
        }

    def _check_choice(self, name: str, known: tuple[str, ...]) -> None:
        value = getattr(self, name)
        if value not in known:
            raise ModelctlError(
                f"{self.model} has the serving {name} {value!r}, which {self.target} doesn't have",
                mend=f"choose one of: {', '.join(known)}",
            )

    def _texts(self) -> Iterator[str]:
        yield from (getattr(self, name) for name in TEXTS)
        yield from self.approvers
        for backend in self.backends:
            yield from (backend.name, backend.version, backend.digest, backend.artifacts)
        for kind, amounts in self.resources.items():
            yield from (kind, *amounts.keys(), *amounts.values())

    def _check_backends(self) -> None:
        total = sum(backend.weight for backend in self.split)
        names = [backend.name for backend in self.split]
        if total != WHOLE or not all(0 <= b.weight <= WHOLE for b in self.split):
            raise ModelctlError(f"the weights of {self.model} add up to {total}, not {WHOLE}")
        if len(names) != len(set(names)):
            raise ModelctlError(f"{self.model} has two backends of one name: {', '.join(names)}")
        self._check_namesakes()

    def _check_namesakes(self) -> None:
        """Two versions whose objects have one name would be one, and only look like a split."""
        seen: dict[str, Backend] = {}
        for backend in self.split:
            called = version_slug(self.name, backend.version, fresh=backend.name == BASELINE)
            other = seen.setdefault(called, backend)
            if (other.version, other.digest) != (backend.version, backend.digest):
                raise ModelctlError(
                    f"{self.model} {other.version} and {backend.version} would both be named "
                    f"{self.name}-{called}",
                    mend="give the new version another number",
                )


def object_name(model: str) -> str:
    """The model's name where a Service may have it, else a shortened one that ends in a hash.

    Services must begin with a letter, controllers add to names, and other objects of a model end in
    `-canary`. A name that git allows must be deployable, so it is shortened instead of refused; the
    labels keep it whole.
    """
    fits = model[0].isalpha() and len(model) <= LONGEST_NAME
    # A name that looks shortened, or like a version of another model, is shortened too, so that
    # nobody can take another model's.
    if fits and not model.endswith(_TAKEN) and not _HASHED.search(model):
        return model
    start = model if model[0].isalpha() else f"m-{model}"
    return f"{start[: LONGEST_NAME - _HASH - 1].rstrip('-')}-{_hash(model)}"


def label_value(text: str) -> str:
    """A version as a label's value: `1.0.0+b` as `1.0.0_b`, with a hash if it doesn't fit."""
    value = text.replace("+", "_")
    if _LABEL.fullmatch(value):
        return value
    return f"{value[: _LONGEST_LABEL - _HASH - 1].rstrip('-_.')}-{_hash(text)}"


def to_json(value: Any) -> str:
    """Canonical JSON: sorted keys, one space of indent, a newline at the end."""
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def plain(value: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Frozen mappings as dicts, which JSON takes."""
    return {key: dict(inner) for key, inner in value.items()}


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:_HASH]
