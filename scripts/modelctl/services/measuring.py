"""What of a change has to be measured, and the results of the jobs that did so.

The jobs that run a model hold no key. Theirs is only a file; which version, digest, kind and
environment is signed is told here, anew, from git.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelctl.adapters import strict_json
from modelctl.domain.evidence import OFFLINE
from modelctl.domain.manifest import Model
from modelctl.domain.verdict import Finding
from modelctl.errors import ModelctlError
from modelctl.services.checking import judge_change
from modelctl.services.evidence import asked_evidence
from modelctl.services.pointers import Located, locate_exactly
from modelctl.services.session import Session

PROBES = ("security-scan", "evaluation")
"""The kinds that the probes here measure, away from any environment."""

MAX_BYTES = 256 * 1024
_HELD_OUT = (".parquet", ".csv")
_FIELDS = frozenset({"version", "digest", "kind", "environment", "predicate"})
_OURS = frozenset({"made_at", "environment"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One kind of evidence about one version that is still to be measured."""

    kind: str
    located: Located

    @property
    def file(self) -> str:
        """The name of its result file."""
        return f"{self.kind}.{self.located.name}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """What a change lacks; `findings` say why nothing could be told where it can't be judged."""

    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...] = ()


def lacking(session: Session, target: str, head: str) -> Lacking:
    """The measurements that the gates ask for and that don't count yet, for each version that a
    merge of the commit `head` into the branch `target` would move."""
    judged = judge_change(session, target, head, target=target, ask_reviews=False)
    transition = session.policy.lifecycle.to_branch(target)
    if judged.flow is None or transition is None:
        whole = [f for verdict in judged.report.verdicts for f in verdict.findings]
        return Lacking(measurements=(), findings=tuple(f for f in whole if f.outcome.blocks))
    found = []
    for move in judged.flow.moves:
        located = locate_exactly(session, f"{move.model}@{move.version}", ref=head)
        asked = asked_evidence(session, located, transition)
        open_ = {one.need.kind for one in asked if one.selection.chosen is None}
        found += [Measurement(kind=kind, located=located) for kind in PROBES if kind in open_]
    return Lacking(measurements=tuple(found))


def held_out_file(data: Path, model: Model) -> Path:
    """`data` itself, or the file of a folder that is called as the model's contract says.

    Raises:
        ModelctlError: the contract names no dataset, or the folder has none of that name.
    """
    if not data.is_dir():
        return data
    named = model.data_contract.evaluation
    if named is None:
        raise ModelctlError(
            f"the data contract of {model.name} names no evaluation data",
            mend=f"set data_contract.evaluation in models/{model.name}/model.yaml",
        )
    candidates = [data / f"{named.name}{suffix}" for suffix in _HELD_OUT]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None or found.resolve().parent != data.resolve():
        raise ModelctlError(
            f"{data} has no file of the dataset {named.name}",
            mend=f"put it there as {' or '.join(path.name for path in candidates)}",
        )
    return found


def result_bytes(
    located: Located, kind: str, environment: str, predicate: Mapping[str, Any]
) -> bytes:
    """A result as it is handed to the job that signs."""
    return strict_json.canonical(
        {
            "version": located.name,
            "digest": located.digest,
            "kind": kind,
            "environment": environment,
            "predicate": dict(predicate),
        }
    )


def read_predicate(data: bytes, measurement: Measurement) -> dict[str, Any]:
    """The predicate of a result, if it is of this very measurement.

    Raises:
        ModelctlError: it is of another version, digest, kind or environment, or malformed.
    """
    name, located = measurement.file, measurement.located
    if len(data) > MAX_BYTES:
        raise _unusable(name, f"larger than {MAX_BYTES >> 10} KiB")
    try:
        content = strict_json.parse(data)
    except strict_json.Malformed as error:
        raise _unusable(name, f"no result: {error}") from None
    if not isinstance(content, dict) or content.keys() != _FIELDS:
        raise _unusable(name, f"no result: its fields must be {', '.join(sorted(_FIELDS))}")
    meant = {
        "version": located.name,
        "digest": located.digest,
        "kind": measurement.kind,
        "environment": OFFLINE,
    }
    for field, value in meant.items():
        if content[field] != value:
            raise _unusable(name, f"about another {field} than {value}")
    return _predicate(content["predicate"], name)


def _predicate(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("passed"), bool):
        raise _unusable(name, "no result: `passed` must be true or false")
    reserved = sorted(_OURS & value.keys())
    if reserved:
        raise _unusable(name, f"setting {', '.join(reserved)}, which is told at signing")
    return value


def _unusable(name: str, why: str) -> ModelctlError:
    return ModelctlError(
        f"the file is {why}", location=name, mend="measure the newest commit of the pull request"
    )


def results(
    folder: Path, measurements: Sequence[Measurement]
) -> tuple[tuple[Measurement, bytes], ...]:
    """The results that are there, each from the place that only its own job writes to.

    That is a folder of its name, or `folder` itself where there is only one result.
    """
    found = []
    for one in measurements:
        places = (folder / one.file.removesuffix(".json") / one.file, folder / one.file)
        path = next((p for p in places if p.is_file() and not p.is_symlink()), None)
        if path is not None:
            with path.open("rb") as stream:
                found.append((one, stream.read(MAX_BYTES + 1)))
    return tuple(found)
