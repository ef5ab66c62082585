"""One measurement, as it is recorded: for people, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelctl.domain.evidence import OFFLINE, AskedEvidence, human
from modelctl.report import words


def as_json(
    name: str, kind: str, environment: str, predicate: Mapping[str, Any], place: str | None
) -> str:
    """The measurement with its place on the ledger, null when nothing was recorded."""
    document = {
        "version": name,
        "kind": kind,
        "environment": environment,
        "place": place,
        "predicate": predicate,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def as_text(
    name: str, kind: str, environment: str, predicate: Mapping[str, Any], place: str | None
) -> str:
    """A heading, the figures with their intervals, and where it was recorded."""
    passed = predicate.get("passed")
    mark = {True: "✓", False: "✗"}.get(passed, "·") if isinstance(passed, bool) else "·"
    lines = [f"{mark} {kind} of {name}, measured {_where(environment)}"]
    lines += [f"  {line}" for line in _figures(predicate)]
    lines.append(f"recorded as {place}" if place else "nothing was recorded")
    return "\n".join(lines)


def asked_as_json(asked: Sequence[AskedEvidence]) -> str:
    """Each kind that is asked for: the entry that counts, and why the others don't."""
    rows = [
        {
            "kind": one.need.kind,
            "environments": list(one.need.environments),
            "gates": list(one.gates),
            "counts": one.selection.chosen.seq if one.selection.chosen else None,
            "rejected": [
                {"entry": r.signed.seq, "reason": r.reason} for r in one.selection.rejected
            ],
        }
        for one in asked
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def asked_as_text(asked: Sequence[AskedEvidence], subject: str) -> str:
    """The same for people. Statements about other versions are left out: nobody misses them."""
    lines = []
    for one in asked:
        chosen, need = one.selection.chosen, one.need
        age = f", at most {human(need.max_age)} old" if need.max_age else ""
        where = " or ".join(map(_where, need.environments))
        lines.append(f"{'✓' if chosen else '✗'} {need.kind}, measured {where}{age}")
        lines.append(f"    asked for by {', '.join(one.gates)}")
        if chosen and chosen.statement:
            who = words.names([key.name for key in chosen.keys], len(chosen.keys))
            made = f"{chosen.statement.made_at:%Y-%m-%d %H:%M UTC}"
            lines.append(f"    entry {chosen.seq} counts: made {made}, signed by {who}")
        for rejected in one.selection.rejected:
            statement = rejected.signed.statement
            if statement is None or statement.subject == subject:
                lines.append(f"    entry {rejected.signed.seq} doesn't count: {rejected.reason}")
    return "\n".join(lines) + "\n"


def _where(environment: str) -> str:
    return environment if environment == OFFLINE else f"in {environment}"


def _figures(predicate: Mapping[str, Any]) -> Iterator[str]:
    lower, upper = predicate.get("lower", {}), predicate.get("upper", {})
    dataset = predicate.get("dataset")
    if isinstance(dataset, Mapping):
        yield f"on {dataset.get('name')}, {predicate.get('sample_size')} samples"
    for metric, value in predicate.get("metrics", {}).items():
        span = f"  [{lower[metric]:.4g}, {upper[metric]:.4g}]" if metric in lower else ""
        yield f"{metric:<12} {value:.4g}{span}"
    for column, groups in predicate.get("groups", {}).items():
        yield f"by {column}: " + ", ".join(f"{group} {_short(m)}" for group, m in groups.items())
    for part in ("latency", "resources", "tests", "checks", "vulnerabilities", "files"):
        if predicate.get(part):
            yield f"{part}: " + ", ".join(f"{k} {_number(v)}" for k, v in predicate[part].items())
    for name in ("throughput_rps", "error_rate", "malformed_rejected"):
        if name in predicate:
            yield f"{name} {_number(predicate[name])}"


def _short(metrics: Mapping[str, float]) -> str:
    """The first metric of a group stands for it."""
    name, value = next(iter(metrics.items()))
    return f"({name} {value:.3g})"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
