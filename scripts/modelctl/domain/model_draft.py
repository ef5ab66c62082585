"""The documents beside a version: a first `model.yaml`, and a `release.yaml` that names it."""

from __future__ import annotations

import re
from typing import Any

from semver import Version

from modelctl.domain.claims import EVALUATION
from modelctl.domain.document import Document
from modelctl.domain.drafting import Run, feature_hash

_SCALAR = re.compile(r""""[^"]*"|'[^']*'|[^\s,}]+""")


def model_draft(
    run: Run, *, name: str, owner: str, contact: str, task: str, tier: str, target: str
) -> dict[str, Any]:
    """The data of a first `model.yaml`: the features and the evaluation data are the run's."""
    kserve = {"mode": "standard", "gateway": True} if target == "kserve" else {}
    data: dict[str, Any] = {
        "name": name,
        "description": f"{task.capitalize()} model {name}.",
        "owner": owner,
        "contact": contact,
        "task": task,
        "tier": tier,
        "serving": {"target": target, **kserve, "runtime": "mlflow"},
        "data_contract": _first_contract(run, name),
        "explainability": run.tags.get("explainability"),
    }
    return {key: value for key, value in data.items() if value is not None}


def _first_contract(run: Run, name: str) -> dict[str, Any]:
    contract: dict[str, Any] = {
        "feature_view": {
            "name": run.tags.get("feature_set") or f"{name}-features",
            "version": run.tags.get("feature_set_version") or "1.0.0",
            "hash": feature_hash(run.model.signature.inputs),
        }
    }
    for dataset in (given.dataset for given in run.datasets if given.context in EVALUATION):
        # The contract pins bytes: the short digest of a tracker would let another file pass.
        if dataset.digest.startswith("sha256:"):
            known = {"name": dataset.name, "version": dataset.version, "digest": dataset.digest}
            contract["evaluation"] = {key: text for key, text in known.items() if text}
    return contract


def repointed(release: Document, version: Version) -> str:
    """The text of a `release.yaml` that names `version` now; all else stays as it was written."""
    mark = release.marks["version",]
    lines = release.text.split("\n")
    line, start = lines[mark.line - 1], mark.column - 1
    rest = _SCALAR.sub(f'"{version}"', line[start:], count=1)
    lines[mark.line - 1] = line[:start] + rest
    return "\n".join(lines)
