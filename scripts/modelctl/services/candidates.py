"""From trees to candidates: documents read strictly, checked, and built into types."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from semver import Version

from modelctl.adapters.documents import MAX_BYTES, DocumentError, load, too_large
from modelctl.adapters.schema import validate
from modelctl.domain.candidate import Candidate
from modelctl.domain.compatibility import previous
from modelctl.domain.document import Document, Location
from modelctl.domain.manifest import (
    Model,
    ModelVersion,
    Release,
    model_from,
    release_from,
    version_from,
)
from modelctl.domain.names import MODELS, classify, model_path, release_path, version_path
from modelctl.domain.policy import Transition
from modelctl.domain.tree import Tree
from modelctl.domain.verdict import Finding, Outcome

GATE = "documents"
_BUILDERS: dict[str, Callable[[Any], Any]] = {
    "model": model_from,
    "release": release_from,
    "version": version_from,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """One file below `models/`: the document and what it says, as far as it could be read."""

    findings: tuple[Finding, ...]
    document: Document | None = None
    value: Any = None


def parse_file(tree: Tree, path: str) -> Parsed:
    """Reads one file of `tree`; every way of being wrong is a finding with its place."""
    kind = classify(path)
    size = tree.size(path)
    if size is None or kind is None:
        where = Location(file=path)
        return Parsed(findings=(_failed(where, f"{path} is missing", mend="add it"),))
    if size > MAX_BYTES:
        error = too_large(size, path)
        where = Location(file=path, line=error.line, column=error.column)
        return Parsed(findings=(_failed(where, error.problem, mend=error.mend),))
    data = tree.read(path) or b""
    try:
        document = load(data, path)
    except DocumentError as error:
        where = Location(file=path, line=error.line, column=error.column)
        quote = _line(data, error.line)
        return Parsed(findings=(_failed(where, error.problem, mend=error.mend, quote=quote),))
    problems = tuple(_schema_findings(document, kind.kind))
    if problems:
        return Parsed(findings=problems, document=document)
    value = _BUILDERS[kind.kind](document.data)
    findings = tuple(_disagreements(document, kind.model, kind.version, kind.kind))
    return Parsed(findings=findings, document=document, value=value)


def read_model(tree: Tree, model: str) -> Model | None:
    """The model as `tree` has it, or None where it has none that can be read."""
    path = model_path(model)
    value = parse_file(tree, path).value if tree.entry(path) else None
    return value if isinstance(value, Model) else None


def read_release(tree: Tree, model: str) -> Release | None:
    """The release pointer as `tree` has it, or None where it has none that can be read."""
    path = release_path(model)
    value = parse_file(tree, path).value if tree.entry(path) else None
    return value if isinstance(value, Release) else None


def read_version(tree: Tree, model: str, version: Version | str) -> ModelVersion | None:
    """A version as `tree` has it, or None where it has none that can be read."""
    path = version_path(model, version)
    value = parse_file(tree, path).value if tree.entry(path) else None
    return value if isinstance(value, ModelVersion) else None


def models(tree: Tree) -> tuple[str, ...]:
    """The names of the models of `tree`, sorted."""
    return tuple(n for n in tree.names(MODELS) if tree.entry(model_path(n)) is not None)


def versions(tree: Tree, model: str) -> tuple[Version, ...]:
    """The versions of a model in `tree`, lowest first."""
    stems = (name.removesuffix(".yaml") for name in tree.names(f"{MODELS}/{model}/versions"))
    return tuple(sorted(Version.parse(stem) for stem in stems if Version.is_valid(stem)))


def digest(tree: Tree, model: str, version: Version | str) -> str | None:
    """The sha256 of a version's manifest as committed, in hex; None where it isn't there."""
    data = tree.read(version_path(model, version))
    return None if data is None else hashlib.sha256(data).hexdigest()


def read_candidate(
    after: Tree,
    before: Tree,
    model: str,
    version: Version | str,
    transition: Transition,
    *,
    served: str | None = None,
    is_rollback: bool = False,
) -> tuple[Candidate | None, tuple[Finding, ...]]:
    """The candidate that `after` would bring into the environment, with findings of its documents.

    `before` is the target branch as it is; `served` the version that the environment serves. The
    candidate is None when a document is too wrong to be judged any further.
    """
    path = version_path(model, version)
    one, manifest = parse_file(after, model_path(model)), parse_file(after, path)
    pointed = after.entry(release_path(model)) is not None
    release = parse_file(after, release_path(model)) if pointed else Parsed(findings=())
    findings = (*one.findings, *manifest.findings, *release.findings)
    entry = after.entry(path)
    if one.document is None or manifest.document is None or entry is None:
        return None, findings
    if one.value is None or manifest.value is None or (pointed and release.value is None):
        return None, findings
    was = read_model(before, model)
    tiers = [known.tier for known in (one.value, was) if known is not None]
    candidate = Candidate(
        model=one.value,
        version=manifest.value,
        release=release.value,
        model_document=one.document,
        version_document=manifest.document,
        release_document=release.document,
        digest=digest(after, model, version) or "",
        blob=entry.oid,
        transition=transition.for_tiers(tiers),
        predecessors=tuple(_predecessors(before, model, manifest.value.version, served)),
        model_before=was,
        is_rollback=is_rollback,
    )
    message = f"{2 + pointed} documents are valid and agree with their paths"
    passed = Finding(gate=GATE, outcome=Outcome.PASS, message=message)
    return candidate, findings or (passed,)


def _predecessors(
    before: Tree, model: str, version: Version, served: str | None
) -> Iterator[ModelVersion]:
    """The merged version before this one, and the one that is served, each once."""
    merged = previous(version, versions(before, model))
    names = dict.fromkeys(str(v) for v in (merged, served) if v is not None)
    for name in names:
        found = read_version(before, model, name)
        if found is not None:
            yield found


def _schema_findings(document: Document, kind: str) -> Iterator[Finding]:
    for problem in validate(document, kind):
        where = document.locate(problem.path)
        path = f"{where.path}: " if where.path else ""
        quote = document.quote(where.line)
        yield _failed(where, f"{path}{problem.message}", mend=problem.mend, quote=quote)


def _disagreements(
    document: Document, model: str, version: str | None, kind: str
) -> Iterator[Finding]:
    """Where the content names another model or version than the path."""
    key = "name" if kind == "model" else "model"
    pairs = [(key, model), *([("version", version)] if version else [])]
    for field, expected in pairs:
        if document.data[field] != expected:
            where = document.locate((field,))
            yield _failed(
                where,
                f"the path says {expected}, the content {document.data[field]}",
                mend=f"write {field}: {expected}, or move the file",
                quote=document.quote(where.line),
            )


def _failed(
    where: Location, message: str, *, mend: str | None = None, quote: str | None = None
) -> Finding:
    return Finding(
        gate=GATE, outcome=Outcome.FAIL, message=message, location=where, mend=mend, quote=quote
    )


def _line(data: bytes, number: int) -> str | None:
    """A line of a file that is no document, as far as it is text; cut, for it may be huge."""
    lines = data[: 256 * 1024].decode("utf-8", "replace").splitlines()
    return lines[number - 1][:200] if 0 < number <= len(lines) else None
