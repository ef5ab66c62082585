"""Requests to render, and where the overlays and the CRDs lie."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.kustomize_tree import read_tree
from modelctl.domain.rendering import Backend, RenderRequest

ROOT = Path(__file__).parents[2]
TREE = read_tree(ROOT / "kustomize")
TARGETS = ("argo-rollouts", "gateway-api", "kserve", "local")
ENVIRONMENTS = ("dev", "staging", "production")

REQUEST = RenderRequest(
    model="tumor-classifier",
    version="1.10.0+build.7",
    digest="3f" * 32,
    blob="5b" * 20,
    commit="c0" * 20,
    approvers=("ada", "grace"),
    environment="production",
    target="kserve",
    storage_uri="models:/m-0123456789abcdef",
    owner="oncology-ml",
    strategy="blue-green",
    gateway=True,
    pull_request=42,
)


def request(**changes: Any) -> RenderRequest:
    """`REQUEST` with some fields changed."""
    return replace(REQUEST, **changes)


def parts(asked: RenderRequest, *shares: int) -> tuple[Backend, ...]:
    """A rollout of a request's version over 1.0.0: the shares of stable, canary and baseline."""
    own = (asked.version, asked.digest, asked.storage_uri)
    old = ("1.0.0", "1a" * 32, "models:/m-100")
    rows = (("stable", old), ("canary", own), ("baseline", old))
    return tuple(
        Backend(name=name, version=version, digest=digest, artifacts=artifacts, weight=share)
        for (name, (version, digest, artifacts)), share in zip(rows, shares, strict=False)
    )


def crd_folder() -> Path:
    """The folder of CRDs: `MODELCTL_CRDS`, else `shared/crds` beside the repository.

    Skips the test where there is none; on CI that is an error, lest nobody notices.
    """
    folder = Path(os.environ.get("MODELCTL_CRDS", ROOT.parent / "shared" / "crds"))
    if folder.is_dir():
        return folder
    message = f"NO CRDs TO VALIDATE WITH: {folder} is no folder; name one with MODELCTL_CRDS"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
