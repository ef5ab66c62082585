"""Results of the field's tools as the predicates of evidence: JUnit, Great Expectations, Locust…

Each reader takes the bytes of a result file and returns the measured part of a predicate (see
`modelctl.domain.facts`). A file that doesn't say enough is an error: evidence is never guessed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.etree import ElementTree

from modelctl.errors import ModelctlError
from modelctl.probes.dependencies import pip_audit
from modelctl.probes.drift import evidently
from modelctl.probes.exposure import FIELDS, exposure
from modelctl.probes.result_values import Predicate, count, read_json

MAX_BYTES = 20 * 1024 * 1024
_MALFORMED = "malformed"
"""Locust entries with this in their name sent input that must be rejected."""


def read_result(data: bytes, name: str, format_: str | None = None) -> Predicate:
    """The measured part of a predicate from a result file called `name`.

    `format_` is one of `FORMATS`; without it the content tells.

    Raises:
        ModelctlError: too large, not of that format, or without the figures that matter.
    """
    if len(data) > MAX_BYTES:
        raise ModelctlError(f"{name} is larger than {MAX_BYTES >> 20} MiB", location=name)
    try:
        return FORMATS[format_ or _detect(data, name)](data)
    except RecursionError:
        raise ModelctlError(f"{name} is nested too deeply", location=name) from None
    except (ValueError, KeyError, TypeError, AttributeError, ElementTree.ParseError) as error:
        what = f"a {format_} result" if format_ else "a result of a known tool"
        raise ModelctlError(
            f"{name} is not {what}: {_reason(error)}",
            location=name,
            mend=f"choose the format: --result-format {'|'.join(FORMATS)}",
        ) from None


def _reason(error: Exception) -> str:
    """What is wrong, in words of ours where Python speaks of itself."""
    match error:
        case KeyError():
            return f"{error.args[0]} is missing"
        case TypeError() | AttributeError():
            return "a value is of another type than it writes"
    return str(error)


_TOLD_BY: Mapping[str, frozenset[str]] = {
    "great-expectations": frozenset({"statistics", "success"}),
    "modelscan": frozenset({"summary", "errors"}),
    "pip-audit": frozenset({"dependencies", "fixes"}),
    "json": frozenset({"passed"}),
    "exposure": FIELDS,
    "evidently": frozenset({"metrics", "tests"}),
}
"""The fields by which a JSON object is told to be of a format, in their order."""


def _detect(data: bytes, name: str) -> str:
    if data.lstrip()[:1] == b"<":
        return "junit"
    content = read_json(data)
    if isinstance(content, list):
        return "locust"
    if not isinstance(content, dict):
        raise ValueError("it is neither an object nor a list")
    for format_, fields in _TOLD_BY.items():
        if fields <= content.keys():
            return format_
    raise ModelctlError(
        f"{name} is no result that can be told by its content",
        location=name,
        mend=f"choose the format: --result-format {'|'.join(FORMATS)}",
    )


def junit(data: bytes) -> Predicate:
    """Counts of a JUnit XML report (pytest --junitxml). An error counts as a failure."""
    # A report is XML of our own CI, yet an entity is never needed and could be a bomb.
    if b"\0" in data:
        raise ValueError("it is not in UTF-8")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ValueError("document type declarations are refused")
    root = ElementTree.fromstring(data)  # noqa: S314 - no DTD gets here
    cases = list(root.iter("testcase"))
    failed = [c for c in cases if c.find("failure") is not None or c.find("error") is not None]
    skipped = [c for c in cases if c.find("skipped") is not None]
    counts = {
        "total": len(cases),
        "failed": len(failed),
        "skipped": len(skipped),
        "passed": len(cases) - len(failed) - len(skipped),
    }
    passed = not failed and counts["passed"] > 0
    return {"passed": passed, "tests": counts, "tool": {"name": "junit", "version": "1"}}


def great_expectations(data: bytes) -> Predicate:
    """Counts of a validation result of Great Expectations (`result.to_json_dict()`)."""
    content = read_json(data)
    statistics = content["statistics"]
    total = count(statistics["evaluated_expectations"])
    failed = count(statistics["unsuccessful_expectations"])
    version = content.get("meta", {}).get("great_expectations_version", "unknown")
    return {
        "passed": content["success"] is True and failed == 0 and total > 0,
        "checks": {"total": total, "failed": failed},
        "tool": {"name": "great-expectations", "version": str(version)},
    }


def locust(data: bytes) -> Predicate:
    """Latency, throughput and errors of `locust --headless --json`.

    Entries whose name contains `malformed` sent input that must be rejected; their test marks a
    rejection as a success. They count for `malformed_rejected` alone.
    """
    entries = read_json(data)
    valid = [e for e in entries if _MALFORMED not in e["name"].lower()]
    malformed = [e for e in entries if _MALFORMED in e["name"].lower()]
    requests = sum(count(e["num_requests"]) for e in valid)
    if not requests:
        raise ValueError("no request was made")
    failures = _failures(valid)
    start = min(e["start_time"] for e in valid)
    seconds = max(e["last_request_timestamp"] for e in valid) - start
    predicate: Predicate = {
        "passed": True,
        "sample_size": requests,
        "requests": requests,
        "error_rate": failures / requests,
        "latency": _percentiles(valid),
        "tool": {"name": "locust", "version": "2"},
    }
    if seconds > 0:
        predicate["throughput_rps"] = requests / seconds
    tried = sum(count(e["num_requests"]) for e in malformed)
    if tried:
        predicate["malformed_rejected"] = 1 - _failures(malformed) / tried
    return predicate


def modelscan(data: bytes) -> Predicate:
    """Findings of `modelscan -r json`. An error of the scanner means that it didn't see all."""
    content = read_json(data)
    summary = content["summary"]
    severities = summary["total_issues_by_severity"]
    counts = {name.lower(): count(number) for name, number in severities.items()}
    scanned = count(summary["scanned"]["total_scanned"])
    clean = not any(counts.values()) and not content.get("errors") and scanned > 0
    return {
        "passed": clean,
        "vulnerabilities": counts,
        "files": {"scanned": scanned, "infected": count(summary["total_issues"])},
        "tool": {"name": "modelscan", "version": str(summary["modelscan_version"])},
    }


def plain(data: bytes) -> Predicate:
    """A predicate as it is: a JSON object with `passed`, and the facts of its kind."""
    content = read_json(data)
    if not isinstance(content["passed"], bool):
        raise ValueError("`passed` must be true or false")
    reserved = {"made_at", "environment"} & content.keys()
    if reserved:
        raise ValueError(f"{', '.join(sorted(reserved))} is set by modelctl")
    content.setdefault("tool", {"name": "unknown", "version": "unknown"})
    return dict(content)


FORMATS: Mapping[str, Callable[[bytes], Predicate]] = {
    "junit": junit,
    "great-expectations": great_expectations,
    "locust": locust,
    "modelscan": modelscan,
    "pip-audit": pip_audit,
    "evidently": evidently,
    "json": plain,
    "exposure": exposure,
}


def _percentiles(entries: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """p50, p95 and p99 in ms from Locust's histograms of rounded response times."""
    histogram: dict[float, int] = {}
    for entry in entries:
        for text, times in entry["response_times"].items():
            histogram[_time(text)] = histogram.get(_time(text), 0) + count(times)
    ordered, total = sorted(histogram.items()), sum(histogram.values())
    return {f"p{p}_ms": _percentile(ordered, total, p) for p in (50, 95, 99)}


def _percentile(ordered: list[tuple[float, int]], total: int, percent: int) -> float:
    """The smallest value that at least `percent` of the responses don't exceed."""
    rank, seen = math.ceil(total * percent / 100), 0
    for value, times in ordered:
        seen += times
        if seen >= rank:
            return value
    raise ValueError("no response was timed")


def _failures(entries: Iterable[Mapping[str, Any]]) -> int:
    counts = [(count(e["num_failures"]), count(e["num_requests"])) for e in entries]
    if any(failed > made for failed, made in counts):
        raise ValueError("more requests failed than were made")
    return sum(failed for failed, _ in counts)


def _time(text: str) -> float:
    """A response time in ms."""
    time = float(text)
    if not (math.isfinite(time) and time >= 0):
        raise ValueError(f"{text} is not a time")
    return time
