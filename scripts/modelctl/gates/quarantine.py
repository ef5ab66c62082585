"""Quarantine: a version that was rolled back in an environment doesn't go there again, nor does the
same under another number, in whatever company and by whatever file names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Final

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.history import Quarantine, artifacts_of
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.verdict import Finding
from modelctl.gates.findings import at, failed, passed

QUARANTINE = "quarantine"
"""The name of the check, by which gates of the policy ask for it."""

_ABOUT: Final = (
    *("readme*", "license*", "*.md", "mlmodel", "registered_model_meta", "*input_example*.json"),
    *("requirements*.txt", "conda.yaml", "conda.yml", "python_env.yaml", "python_env.yml"),
)
"""Files that tell of a model or of what it needs, by lower-case name: they don't make one."""


def held(candidate: Candidate, facts: Facts) -> tuple[Quarantine, ...]:
    """The quarantines of a version where it goes, or where it comes from."""
    transition, version = candidate.transition, str(candidate.version.version)
    where = (transition.environment, transition.source)
    return tuple(q for q in facts.quarantines if q.version == version and q.environment in where)


def check_quarantine(
    gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """Blocks a version that the ledger holds quarantined where it goes, or where it comes from, and
    one with the same artifacts: with every file of it, under whatever name, and whatever more there
    is; but for those that only tell of a model (README, LICENSE, MLmodel, requirements, conda,
    python_env, input examples)."""
    found = held(candidate, facts)
    alike = () if found else tuple(_alike(candidate, facts))
    for quarantine in alike:
        yield failed(
            gate,
            f"{candidate.name} has the very artifacts of {quarantine.version}, which is "
            f"quarantined in {quarantine.environment}",
            because=quarantine.reason or None,
            mend=_mend(gate),
            **at(candidate, "artifacts"),
        )
    for quarantine in found:
        since = f"{quarantine.at:%Y-%m-%d %H:%M UTC}"
        yield failed(
            gate,
            f"{candidate.name} is quarantined in {quarantine.environment} since {since}",
            because=quarantine.reason or None,
            mend=_mend(gate),
            **at(candidate),
        )
    if not found and not alike:
        transition = candidate.transition
        where = [name for name in (transition.environment, transition.source) if name]
        yield passed(gate, f"not quarantined in {' or '.join(where)}")


def _alike(candidate: Candidate, facts: Facts) -> Iterator[Quarantine]:
    """The quarantines of other versions whose model is among the files. What served there before
    one of them did is no new name for it."""
    transition = candidate.transition
    where = (transition.environment, transition.source)
    digests = {file.sha256 for file in candidate.version.artifacts.files}
    for quarantine in facts.quarantines:
        if quarantine.environment not in where or _served_before(candidate, quarantine, facts):
            continue
        known = artifacts_of(facts.signed, quarantine.version)
        if any(_made_of(files) <= digests for files in known):
            yield quarantine


def _made_of(files: Mapping[str, str]) -> set[str]:
    """The digests of the files that make a model; of all where none does."""
    names = {path: PurePosixPath(path).name.lower() for path in files}
    made = {
        path for path, name in names.items() if not any(fnmatchcase(name, one) for one in _ABOUT)
    }
    return {str(files[path]) for path in made or files}


def _served_before(candidate: Candidate, quarantine: Quarantine, facts: Facts) -> bool:
    return any(
        (one.digest, one.environment) == (candidate.digest, quarantine.environment)
        and one.at <= quarantine.at
        for one in facts.history
    )


def _mend(gate: Gate) -> str:
    lifts = f", or lift it by a waiver of {gate.name}" if gate.waivable_by else ""
    return f"promote a new version that mends it{lifts}"
