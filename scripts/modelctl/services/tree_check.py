"""Every document of a tree and every version in it, whatever changes: what they say is judged.

The models are spread over the cores. What passed is kept by its content, so that the next run looks
only at what is new: the key is a digest of the model's folder, of the policy and of this program.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from modelctl.adapters.cache import Cache
from modelctl.adapters.git import Repository
from modelctl.adapters.own_code import code_identity
from modelctl.adapters.policies import PolicyError, load_policy
from modelctl.adapters.workers import cores, spread
from modelctl.domain.flow_input import ABOUT_MODELS
from modelctl.domain.names import MODELS
from modelctl.domain.policy import Policy
from modelctl.domain.tree import Tree
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from modelctl.domain.waivers import FOLDER as WAIVERS
from modelctl.services.model_check import judge_model, misplaced
from modelctl.services.session import Session
from modelctl.services.waivers import tree_findings

Progress = Callable[[int, int], None]
"""Told how many models were judged, and of how many."""

Findings = tuple[Finding, ...]

POLICY = "policy"
_RULES = "policies"
_PART = 150
"""Documents that a process judges at a time: a tenth of a second or so."""

_ALONE = 2 * _PART
"""Fewer documents than this are judged sooner than another process is started."""


def check_tree(
    session: Session, tree: Tree, commit: str | None, *, progress: Progress | None = None
) -> Report:
    """Every document: valid, in its place, and in agreement with its path; and of every version
    what needs no evidence, history or clock."""
    names = tree.names(MODELS)
    folders = tree.folders(MODELS)
    loose = [f"{MODELS}/{name}" for name in names if name not in folders]
    strays = [misplaced(path) for path in loose if path != ABOUT_MODELS]
    whole = (*strays, *policy_findings(session, tree), *tree_findings(session, tree))
    found = _judged(session, tree, folders, progress or (lambda done, all_: None))
    return Report(
        title="every document",
        verdicts=(
            *([Verdict(subject=Subject(), findings=whole)] if whole else ()),
            *(Verdict(subject=Subject(model=name), findings=found[name]) for name in folders),
        ),
        trusted=session.policy.commit,
        head=commit,
        at=session.now,
    )


def policy_findings(session: Session, tree: Tree) -> Iterator[Finding]:
    """What is wrong with `policies/` of a tree as the rules that they would be. Waivers are judged
    by themselves, by the rules that are in force."""
    trusted = session.repository.tree(session.policy.commit)
    if tree.subtree(_RULES) in (None, trusted.subtree(_RULES)):
        return  # those in force were read to judge this
    try:
        load_policy(tree, tree.oid)
    except PolicyError as error:
        for problem in error.problems:
            if not problem.location.file.startswith(f"{WAIVERS}/"):
                yield Finding(
                    gate=POLICY,
                    outcome=Outcome.FAIL,
                    message=problem.message,
                    location=problem.location,
                    mend=problem.mend,
                )


def _judged(
    session: Session, tree: Tree, folders: Mapping[str, str], progress: Progress
) -> Mapping[str, Findings]:
    """The findings of each model: those that are known, and those of a fresh look."""
    cache = Cache(session.repository.private_folder / "passed")
    keys = _keys(session, folders)
    known = {name: f for name, f in _known(cache, keys).items() if f is not None}
    pending = [name for name in folders if name not in known]
    progress(len(known), len(folders))
    found = dict(known)
    for name, findings in _fresh(session, tree, pending):
        found[name] = findings
        progress(len(found), len(folders))
    if pending:
        passed = {keys[name]: _encoded(found[name]) for name in pending if _passes(found[name])}
        cache.put_many([keys[name] for name in known], passed)
    return found


def _fresh(session: Session, tree: Tree, names: Sequence[str]) -> Iterator[tuple[str, Findings]]:
    """The models judged now, in their order."""
    sizes = {name: 2 + len(tree.names(f"{MODELS}/{name}/versions")) for name in names}
    processes = cores() if sum(sizes.values()) > _ALONE else 1
    directory, oid = session.repository.directory, tree.oid
    prepare = partial(_judge_in, directory, oid, session.policy, session.now)
    found = spread(prepare, _parts(sizes), processes)
    yield from zip(names, found, strict=True)


def _judge_in(
    directory: Path, oid: str, policy: Policy, now: datetime
) -> Callable[[str], Findings]:
    """What a process does: it opens the repository for itself."""
    tree = Repository.discover(directory).tree(oid)
    return lambda model: judge_model(tree, policy, model, now)


def _parts(sizes: Mapping[str, int]) -> list[list[str]]:
    """The models in parts of about the same number of documents."""
    parts: list[list[str]] = []
    room = 0
    for name, size in sizes.items():
        if room <= 0:
            parts.append([])
            room = _PART
        parts[-1].append(name)
        room -= size
    return parts


def _keys(session: Session, folders: Mapping[str, str]) -> Mapping[str, str]:
    """What the findings of each model follow from, as one digest."""
    rules = session.repository.tree(session.policy.commit).subtree(_RULES)
    judge = f"{code_identity()} {rules}"
    return {
        name: hashlib.sha256(f"{judge} {oid} {name}".encode(errors="surrogateescape")).hexdigest()
        for name, oid in folders.items()
    }


def _known(cache: Cache, keys: Mapping[str, str]) -> Mapping[str, Findings | None]:
    values = cache.get_many(keys.values())
    return {name: _decoded(values[key]) for name, key in keys.items() if key in values}


def _passes(findings: Findings) -> bool:
    return all(finding.outcome is Outcome.PASS for finding in findings)


def _encoded(findings: Findings) -> bytes:
    return json.dumps([[finding.gate, finding.message] for finding in findings]).encode()


def _decoded(value: bytes) -> Findings | None:
    """What passed; None where the value is none of ours, whatever its checksum says."""
    try:
        rows = [(str(gate), str(message)) for gate, message in json.loads(value)]
    except (ValueError, TypeError):
        return None
    passed = (Finding(gate=g, outcome=Outcome.PASS, message=message) for g, message in rows)
    return tuple(passed) or None
