"""Artifact integrity: what was measured is byte for byte what the manifest lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.verdict import Finding
from modelctl.gates.findings import at, command, failed, inconclusive, passed
from modelctl.gates.measured import measured


def check_artifacts(
    gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """Compares the manifest's digests with those that trusted evidence saw, file by file."""
    yield from check_forbidden(gate, candidate, policy, facts)
    evidence = measured(gate, candidate, facts)
    yield from evidence.findings
    if evidence.statement is None:
        return
    seen = evidence.statement.predicate.get("artifacts")
    if not isinstance(seen, Mapping) or not seen:
        yield inconclusive(
            gate,
            "the evidence doesn't say which files were read",
            mend="let a probe read and hash them",
            command=command(gate.produce, candidate),
            **at(candidate),
        )
        return
    listed = {file.path: file.sha256 for file in candidate.version.artifacts.files}
    problems = list(_differences(gate, candidate, listed, seen))
    yield from problems
    if not problems:
        total = candidate.version.artifacts.size
        yield passed(gate, f"{len(listed)} files, {total / 1e6:.3g} MB, as listed byte for byte")


def _differences(
    gate: Gate, candidate: Candidate, listed: Mapping[str, str], seen: Mapping[str, str]
) -> Iterator[Finding]:
    for index, (path, sha256) in enumerate(listed.items()):
        if path not in seen:
            yield failed(
                gate,
                f"{path} was not there when the model was measured",
                mend="restore the file or make a new version",
                **at(candidate, "artifacts", "files", index),
            )
        elif seen[path] != sha256:
            yield failed(
                gate,
                f"{path} is not the file that the manifest lists",
                values={"listed": sha256[:16], "found": str(seen[path])[:16]},
                mend="make a new version of what was trained: `modelctl new`",
                **at(candidate, "artifacts", "files", index),
            )
    for path in sorted(set(seen) - set(listed)):
        yield failed(
            gate,
            f"{path} lies beside the model but the manifest doesn't list it",
            mend="make a new version that lists it: `modelctl new`",
            **at(candidate, "artifacts", "files"),
        )


def check_forbidden(
    gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """Formats that run code when they are loaded, where the policy forbids them by suffix."""
    suffixes = tuple(suffix.lower() for suffix in gate.options.get("forbid", ()))
    for index, file in enumerate(candidate.version.artifacts.files):
        if suffixes and file.path.lower().endswith(suffixes):
            yield failed(
                gate,
                f"{file.path} is in a format that the policy forbids",
                because="it can run code when it is loaded",
                mend="save the model as skops",
                **at(candidate, "artifacts", "files", index),
            )
