"""What is wrong with `policies/metrics.yaml` that its schema can't know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import Template

from modelctl.adapters.policy_problems import PolicyProblem, Problems, unknown
from modelctl.domain.document import Document, Path
from modelctl.domain.facts import METRICS
from modelctl.domain.metric_queries import (
    PLACEHOLDERS,
    QUERY_NAMES,
    placeholders,
    without_placeholders,
)
from modelctl.domain.metric_sources import JOB, Gauge, Labels, Mesh
from modelctl.domain.observations import CANARY, LIVE_SIDE
from modelctl.domain.policy import Policy
from modelctl.domain.triggers import MEANINGS

# What Python's expressions have and RE2 doesn't: looks ahead and behind, and what was found before.
_FOREIGN = re.compile(r"\(\?(?![:a-zA-Z-]+[:)])|\\[1-9]")
_READ = (CANARY, LIVE_SIDE)
_CODES = (*map(str, range(600)), *(f"{first}xx" for first in range(1, 6)))
"""Codes of answers as routers tell them: whole, or their class."""


def metrics_problems(policy: Policy, document: Document | None) -> Problems:
    """Names that nothing has, patterns that match nothing or everything, readings nobody reads."""
    if document is None:
        return
    yield from _sources(policy, document)
    for name, mesh in policy.metrics.meshes.items():
        path = ("meshes", name)
        yield from _backend(document, (*path, "backend"), mesh.backend)
        yield from _failures(document, (*path, "requests", "errors"), mesh.errors)
    own = policy.metrics.own
    if "own" in document.data:
        yield from _backend(document, ("own", "backend"), own.backend)
    for gauge in own.gauges:
        yield from _gauge(document, ("own", "gauges", gauge.name), gauge)


def _sources(policy: Policy, document: Document) -> Problems:
    environments, meshes = policy.lifecycle.environments, policy.metrics.meshes
    for name, source in policy.metrics.sources.items():
        path = ("sources", name)
        if name not in environments:
            yield unknown(document, path, "environment", name, environments)
        if name in policy.metrics.failures:
            yield from _failures(document, (*path, "errors"), policy.metrics.failures[name])
        if source is not None and source.mesh not in meshes:
            yield PolicyProblem(
                location=document.locate((*path, "mesh")),
                message=f"there is no {source.mesh} in meshes, so nobody knows what to ask for",
                mend=f"choose one of: {', '.join(meshes)}" if meshes else "add it to meshes",
            )
    asked = dict.fromkeys(s.mesh for s in policy.metrics.sources.values() if s is not None)
    for mesh in (meshes[name] for name in asked if name in meshes):
        yield from _anybody(document, mesh)


def _anybody(document: Document, mesh: Mesh) -> Problems:
    """What a process shows may have any labels, but for those that say which process it is."""
    if not {JOB, *mesh.target} & set(mesh.only):
        path = ("meshes", mesh.name)
        yield PolicyProblem(
            location=document.locate((*path, "only") if mesh.only else path),
            message=f"any pod that is scraped can speak in the name of {mesh.name}: its labels are "
            "asked for, and not which process shows them",
            mend="add only: {job: …}, the name of the scrape job of whoever counts the requests, "
            "and leave honor_labels of the other jobs false",
        )


def _backend(document: Document, path: Path, patterns: Labels) -> Problems:
    named = set[str]()
    for label, pattern in patterns.items():
        for name in placeholders(pattern):
            named.add(name)
            if name not in PLACEHOLDERS:
                yield unknown(document, (*path, label), "placeholder", name, PLACEHOLDERS)
        yield from _pattern(document, (*path, label), pattern)
    if not named & {"service", "version", "version_label", "position"}:
        yield PolicyProblem(
            location=document.locate(path),
            message="these labels don't tell one version from another",
            mend="name {service}, {version}, {version_label} or {position} in one of them",
        )


def _failures(document: Document, path: Path, pattern: str) -> Problems:
    wrong = list(_pattern(document, path, pattern))
    yield from wrong
    if not wrong and not any(re.fullmatch(pattern, code) for code in _CODES):
        yield PolicyProblem(
            location=document.locate(path),
            message=f"{pattern} is the code of no answer, so nothing would ever count as a failure",
            mend="write 5.., or whatever codes failures have there",
        )


def _pattern(document: Document, path: Path, pattern: str) -> Iterator[PolicyProblem]:
    wrong = _wrong(without_placeholders(pattern))
    if wrong is not None:
        yield PolicyProblem(
            location=document.locate(path),
            message=f"{pattern} isn't a regular expression of RE2: {wrong}",
            mend="see https://github.com/google/re2/wiki/Syntax",
        )


def _wrong(pattern: str) -> str | None:
    """Why it isn't one; None where it is."""
    if (foreign := _FOREIGN.search(pattern)) is not None:
        return f"it has no {foreign[0]}"
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return None


def _gauge(document: Document, path: Path, gauge: Gauge) -> Problems:
    meanings = {
        name: MEANINGS[f"{side}.{name}"][0]
        for side in _READ
        for name in (key.partition(".")[2] for key in MEANINGS if key.startswith(f"{side}."))
    }
    if gauge.name not in meanings:
        yield unknown(document, path, "figure", gauge.name, meanings)
    elif (meanings[gauge.name] == METRICS) is not (gauge.label is not None):
        several = gauge.label is None
        yield PolicyProblem(
            location=document.locate(path),
            message=f"{gauge.name} is {'numbers by name' if several else 'one number'}",
            mend="add label: the label with the names" if several else "remove label",
        )
    if gauge.query is not None:
        yield from _query(document, (*path, "query"), gauge.query)


def _query(document: Document, path: Path, query: str) -> Iterator[PolicyProblem]:
    template = Template(query)
    known = ", ".join(f"${name}" for name in QUERY_NAMES)
    if not template.is_valid() or not set(template.get_identifiers()) <= set(QUERY_NAMES):
        message, mend = "it names what nobody fills", f"use {known}; write $$ for a dollar"
    elif "selector" not in template.get_identifiers() or "by" not in template.get_identifiers():
        message = "it would give one number for all backends"
        mend = "write METRIC{$selector}, and group by ($by)"
    else:
        return
    yield PolicyProblem(location=document.locate(path), message=message, mend=mend)
