"""The facts that a rule may read: declared by name and type, built from trusted values alone.

A fact that isn't there is left out, never zero or empty: a rule that needs it can't be decided.
NaN, infinities and empty groups are left out too, since a comparison with them would decide by
accident. The types are CEL's: `double`, `int`, `bool`, `string`, `list(string)`, `map(…)`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from modelctl.domain.evidence import Statement
from modelctl.domain.manifest import Model, ModelVersion

METRICS = "map(string, double)"
GROUPS = "map(string, map(string, map(string, double)))"

_MEASURED: Mapping[str, str] = {
    "passed": "bool",
    "sample_size": "int",
    "dataset.name": "string",
    "dataset.digest": "string",
    "tool.name": "string",
    "tool.version": "string",
    "values": METRICS,
    "labels": "map(string, string)",
}
_LATENCY: Mapping[str, str] = {
    "latency.p50_ms": "double",
    "latency.p95_ms": "double",
    "latency.p99_ms": "double",
}
_RESOURCES: Mapping[str, str] = {
    "resources.memory_mb": "double",
    "resources.cpu_percent": "double",
    "resources.model_size_mb": "double",
}
_TESTS: Mapping[str, str] = {
    "tests.total": "int",
    "tests.passed": "int",
    "tests.failed": "int",
    "tests.skipped": "int",
}
_RUN: Mapping[str, str] = {
    "hours": "double",
    "requests": "int",
    "errors": "int",
    "error_rate": "double",
    "difference": METRICS,
}
"""What a run beside the served version says; `difference` is by how much it was above the
served version, by figure."""

_SIGNED = frozenset(
    ("effect", "effect_lower", "effect_upper", "highest_psi", "prediction_psi", "prediction_kl")
)
"""The figures that may be below zero; of the last three by what rounding does."""

_BY_KIND: Mapping[str, Mapping[str, str]] = {
    "evaluation": {
        "metrics": METRICS,
        "lower": METRICS,
        "upper": METRICS,
        "baseline": METRICS,
        "groups": GROUPS,
        "features.hash": "string",
        "signature.digest": "string",
        "confidence": "double",
        **_LATENCY,
        **_RESOURCES,
    },
    "load-test": {
        "requests": "int",
        "throughput_rps": "double",
        "error_rate": "double",
        "malformed_rejected": "double",
        "replicas": "int",
        "items_per_second": "double",
        **_LATENCY,
        **_RESOURCES,
    },
    "unit-tests": _TESTS,
    "e2e-tests": _TESTS,
    "data-validation": {"checks.total": "int", "checks.failed": "int"},
    "security-scan": {
        "vulnerabilities.critical": "int",
        "vulnerabilities.high": "int",
        "vulnerabilities.medium": "int",
        "vulnerabilities.low": "int",
        "files.scanned": "int",
        "files.infected": "int",
    },
    "dependency-scan": {
        "dependencies.total": "int",
        "dependencies.skipped": "int",
        "dependencies.vulnerable": "int",
        "dependencies.scanned": "map(string, string)",
        "vulnerabilities.known": "int",
        "vulnerabilities.fixable": "int",
    },
    "drift": {
        "psi": METRICS,
        "highest_psi": "double",
        "prediction_psi": "double",
        "columns.total": "int",
        "columns.drifted": "int",
        "share": "double",
    },
    "exposure": {"requests": "int", "errors": "int", "since": "string", "until": "string"},
    "canary": {"weight": "int", **_RUN},
    "shadow": {
        "metrics": METRICS,
        "lower": METRICS,
        "upper": METRICS,
        "groups": GROUPS,
        "confidence": "double",
        "prediction_psi": "double",
        "prediction_kl": "double",
        **_RUN,
    },
    "ab-test": {
        "primary": "string",
        "effect": "double",
        "effect_lower": "double",
        "effect_upper": "double",
        "significant": "bool",
        "guardrails_broken": "int",
        **_RUN,
    },
    "rollback-rehearsal": {
        "seconds": "double",
        "to_version": "string",
        "artifacts_present": "bool",
        "features_present": "bool",
        "failed_requests": "int",
    },
}
_SUBJECT: Mapping[str, str] = {
    "strategy.name": "string",
    "strategy.kind": "string",
    "model.name": "string",
    "model.task": "string",
    "model.tier": "string",
    "model.target": "string",
    "model.sla": METRICS,
    "model.protected_groups": "list(string)",
    "model.evaluation.name": "string",
    "model.evaluation.digest": "string",
    "model.feature_view.name": "string",
    "model.feature_view.hash": "string",
    "version.number": "string",
    "version.size_mb": "double",
    "version.features.hash": "string",
    "version.framework": "string",
    "version.dependencies": "list(string)",
    "version.tags": "map(string, string)",
    "version.pins": "map(string, string)",
}


def declared(kind: str | None) -> Mapping[str, str]:
    """Every fact that a rule over this kind of evidence may read, with its type.

    `evidence.*` is about the version that is judged, `serving.*` the same about the version that
    the target environment serves now. A kind that isn't built in has the common facts alone:
    `passed`, `sample_size`, `dataset`, `tool`, `values` and `labels`.
    """
    measured = {**_MEASURED, **_BY_KIND.get(kind, {})} if kind else {}
    evidence = {f"evidence.{name}": type_ for name, type_ in measured.items()}
    serving = {f"serving.{name}": type_ for name, type_ in measured.items()}
    return {**_SUBJECT, **evidence, **serving, "serving.version": "string"}


def kinds() -> tuple[str, ...]:
    """The kinds of evidence with facts of their own."""
    return tuple(_BY_KIND)


def model_facts(model: Model) -> dict[str, Any]:
    """The facts about a model, as its document says them."""
    contract = model.data_contract
    facts: dict[str, Any] = {
        "model.name": model.name,
        "model.task": model.task,
        "model.tier": model.tier,
        "model.target": model.serving.target,
        "model.sla": {name: float(value) for name, value in model.sla.items()},
        "model.protected_groups": list(contract.protected_groups),
    }
    if contract.evaluation:
        facts["model.evaluation.name"] = contract.evaluation.name
        facts["model.evaluation.digest"] = contract.evaluation.digest
    if contract.feature_view:
        facts["model.feature_view.name"] = contract.feature_view.name
        facts["model.feature_view.hash"] = contract.feature_view.hash
    return facts


def subject_facts(model: Model, version: ModelVersion) -> dict[str, Any]:
    """The facts about a model and the version that is judged, as its documents say them."""
    facts = {
        **model_facts(model),
        "version.number": str(version.version),
        "version.size_mb": version.artifacts.size / 1e6,
        "version.framework": version.framework[0],
        "version.dependencies": list(version.dependencies),
        "version.tags": dict(version.tags),
        "version.pins": pins(version.dependencies),
    }
    if version.features:
        facts["version.features.hash"] = version.features.hash
    return facts


def pins(dependencies: Iterable[str]) -> dict[str, str]:
    """Pinned dependencies as package → version: names as PEP 503 compares them, without extras."""
    pairs = (text.split("==") for text in dependencies)
    return {package(name.partition("[")[0]): version for name, version in pairs}


def package(name: str) -> str:
    """The name of a package as PEP 503 compares it: `Scikit_Learn` is `scikit-learn`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def measured_facts(statement: Statement, prefix: str) -> dict[str, Any]:
    """The facts of a statement under `evidence` or `serving`.

    Only declared facts of the declared type get through; everything else a producer wrote is
    ignored, so that a wrongly typed value leaves its rule undecided.
    """
    facts: dict[str, Any] = {}
    for name, type_ in {**_MEASURED, **_BY_KIND.get(statement.kind, {})}.items():
        value = _typed(_dig(statement.predicate, name), type_)
        if value is not None and not _impossible(name, value):
            facts[f"{prefix}.{name}"] = value
    return facts


def figures(value: Any) -> dict[str, float]:
    """The finite numbers of what a producer wrote as a mapping; none where it isn't one."""
    return _typed(value, METRICS) or {}


def _dig(data: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        if not isinstance(data, Mapping):
            return None
        data = data.get(part)
    return data


def _typed(value: Any, type_: str) -> Any:
    if type_.startswith("map(") and isinstance(value, Mapping):
        inner = type_.removeprefix("map(string, ").removesuffix(")")
        entries = {str(k): _typed(v, inner) for k, v in value.items()}
        return {k: v for k, v in entries.items() if v is not None} or None
    if type_ == "double":
        return _finite(value)
    if type_ == "int":
        return value if isinstance(value, int) and not isinstance(value, bool) else None
    if type_ == "bool":
        return value if isinstance(value, bool) else None
    return value if type_ == "string" and isinstance(value, str) else None


def _impossible(name: str, value: Any) -> bool:
    """Whether a count, a time or a rate is below zero, which nobody has measured."""
    return isinstance(value, int | float) and value < 0 and name not in _SIGNED


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
