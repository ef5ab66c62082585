"""All documents of one model, and all its versions, judged by what the documents alone can say."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from semver import Version

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.document import Location
from modelctl.domain.flow_input import shown
from modelctl.domain.manifest import ModelVersion, Release
from modelctl.domain.names import (
    MODELS,
    classify,
    is_model_name,
    model_path,
    release_path,
    version_path,
)
from modelctl.domain.policy import Policy
from modelctl.domain.releases import RELEASE
from modelctl.domain.structure import PLACEMENT
from modelctl.domain.tree import Tree
from modelctl.domain.verdict import Finding, Outcome
from modelctl.gates.static import StaticGate, judge_static, static_gates
from modelctl.services.candidates import GATE, Parsed, parse_file


def judge_model(tree: Tree, policy: Policy, model: str, now: datetime) -> tuple[Finding, ...]:
    """What is wrong with one model, or what of it was found right.

    `now` matters to waivers alone: what passes does so at any time.
    """
    blobs = {entry.path: entry.oid for entry in tree.walk(f"{MODELS}/{model}")}
    known = {path: kind for path in blobs if (kind := classify(path)) is not None}
    about = _parsed(tree, model_path(model), is_model_name(model))
    release = _parsed(tree, release_path(model), release_path(model) in known)
    numbered = [
        (Version.parse(kind.version), path)
        for path, kind in known.items()
        if kind.version is not None
    ]
    check = _Check(
        tree=tree,
        policy=policy,
        about=about,
        release=release,
        blobs=blobs,
        now=now,
        gates=static_gates(policy, about.value) if about.value is not None else (),
    )
    found = [
        *about.findings,
        *release.findings,
        *check.versions(sorted(numbered)),
        *(misplaced(path) for path in blobs if path not in known),
    ]
    if isinstance(release.value, Release):
        pointed = version_path(model, release.value.version)
        found.extend([] if pointed in known else [_dangling(model, release.value)])
    return tuple(found) or tuple(check.passes(len(known), len(numbered)))


def misplaced(path: str) -> Finding:
    """A file that has no place below `models/`."""
    return Finding(
        gate=PLACEMENT,
        outcome=Outcome.FAIL,
        message=f"{shown(path)} is no document of a model",
        location=Location(file=shown(path)),
        mend=f"below {MODELS}/ lie model.yaml, release.yaml and versions/<semver>.yaml only",
    )


def _parsed(tree: Tree, path: str, wanted: bool) -> Parsed:
    return parse_file(tree, path) if wanted else Parsed(findings=())


def _dangling(model: str, release: Release) -> Finding:
    return Finding(
        gate=RELEASE,
        outcome=Outcome.FAIL,
        message=f"{release_path(model)} names {release.version}, which has no manifest",
        location=Location(file=release_path(model)),
        mend=f"add {version_path(model, release.version)}, or name a version that is there",
    )


class _Before:
    """The version before each one, while they are gone through from the lowest to the highest.

    It is the highest release below, and a pre-release only where nothing was released; see
    `modelctl.domain.compatibility.previous`.
    """

    def __init__(self) -> None:
        self._seen: ModelVersion | None = None
        self._equal: list[ModelVersion] = []

    def add(self, version: ModelVersion) -> None:
        """The next version was gone through."""
        self._equal.append(version)

    def of(self, version: Version) -> tuple[ModelVersion, ...]:
        """The version before, if any; those that differ in build metadata alone are equal."""
        lower = [one for one in self._equal if one.version < version]
        for one in lower:
            if self._seen is None or self._seen.version.prerelease or not one.version.prerelease:
                self._seen = one
        if lower:  # what was equal to the last one isn't equal to this one
            self._equal = [one for one in self._equal if not one.version < version]
        return () if self._seen is None else (self._seen,)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """One model on its way through the static gates."""

    tree: Tree
    policy: Policy
    about: Parsed
    release: Parsed
    blobs: Mapping[str, str]
    now: datetime
    gates: tuple[StaticGate, ...]

    def versions(self, numbered: Sequence[tuple[Version, str]]) -> Iterator[Finding]:
        """What is wrong with each version, given with its path from the lowest to the highest."""
        before, facts = _Before(), Facts(now=self.now)
        for version, path in numbered:
            parsed = parse_file(self.tree, path)
            yield from parsed.findings
            if not isinstance(parsed.value, ModelVersion):
                continue
            candidate = self._candidate(parsed, path, before.of(version))
            if candidate is not None:
                yield from judge_static(self.gates, candidate, self.policy, facts)
            before.add(parsed.value)

    def passes(self, documents: int, versions: int) -> Iterator[Finding]:
        """What was found right."""
        yield _passed(GATE, f"{documents} documents are valid")
        for one in self.gates:
            if not one.released and versions:
                told = "1 version passes" if versions == 1 else f"{versions} versions pass"
                yield _passed(one.gate.name, told)
            elif one.released and self.release.value is not None:
                yield _passed(one.gate.name, "the released version passes")

    def _candidate(
        self, parsed: Parsed, path: str, before: tuple[ModelVersion, ...]
    ) -> Candidate | None:
        """A version as the gates take it; None where the model's own document can't be read."""
        about, release, document = self.about, self.release, parsed.document
        if about.value is None or about.document is None or document is None:
            return None
        named = release.value.version if isinstance(release.value, Release) else None
        released = str(named) == str(parsed.value.version)
        return Candidate(
            model=about.value,
            version=parsed.value,
            release=release.value if released else None,
            model_document=about.document,
            version_document=document,
            release_document=release.document if released else None,
            digest=hashlib.sha256(document.text.encode()).hexdigest(),
            blob=self.blobs[path],
            transition=self.policy.lifecycle.transitions[0],
            predecessors=before,
        )


def _passed(gate: str, message: str) -> Finding:
    return Finding(gate=gate, outcome=Outcome.PASS, message=message)
