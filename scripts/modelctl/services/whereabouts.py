"""Gathers what branches, environments and ledger say about the versions of a model."""

from __future__ import annotations

from collections.abc import Iterable

from modelctl.domain.endings import RETIRED, Ending, ended, endings
from modelctl.domain.evidence import Signed
from modelctl.domain.history import deployments, quarantines
from modelctl.domain.manifest import Release
from modelctl.domain.names import release_path
from modelctl.domain.rollout_split import PREVIOUS
from modelctl.domain.whereabouts import Whereabouts
from modelctl.errors import ModelctlError
from modelctl.services.candidates import digest, parse_file, versions
from modelctl.services.session import Session
from modelctl.services.state import record, state_tree

_Versions = dict[str, frozenset[str]]


def whereabouts(session: Session, model: str) -> Whereabouts:
    """Everything that is known of a model's versions, as the shared branches were last seen.

    What can't be read is told in `unreadable`, and keeps every version.
    """
    signed = session.signed(model)
    serving, warm, dark = _serving(session, model)
    released, blind = _released(session, model)
    history, told = deployments(signed), endings(signed, session.policy.lifecycle.last)
    merged = _merged(session, model)
    lifted = {(w.model, w.version) for w in session.policy.waivers if _lifts(session, w.gate)}
    # The ledger's word on a manifest outlives the manifest.
    recorded = {**{e.version: e.digest for e in told}, **{d.version: d.digest for d in history}}
    return Whereabouts(
        model=model,
        versions={**merged, **recorded},
        merged=frozenset(merged),
        serving=serving,
        warm=warm,
        released=released,
        history=history,
        quarantines=tuple(q for q in quarantines(signed) if (model, q.version) not in lifted),
        endings=told,
        unreadable=(*dark, *blind),
    )


def guards(session: Session, model: str, version: str) -> tuple[str, ...]:
    """Every reason why a version must stay, as sentences."""
    return whereabouts(session, model).guards(version, session.policy.retention.pins)


def retired_only(signed: Iterable[Signed], environment: str) -> tuple[Ending, ...]:
    """The endings of retired versions alone: what judges a merge of the past asks for no other,
    since a version may have been archived after another one was merged in its place."""
    told = endings(signed, environment)
    now = {ending.version: ended(told, ending.version) for ending in told}
    over = {version for version, end in now.items() if end and end.end == RETIRED}
    return tuple(ending for ending in told if ending.version in over)


def _lifts(session: Session, gate: str) -> bool:
    """Whether a waiver of this gate lifts a quarantine. One that is no good any more keeps a
    version for longer than it must, which harms nobody."""
    found = session.policy.gate(gate)
    return found is not None and found.check == "quarantine"


def _serving(session: Session, model: str) -> tuple[_Versions, _Versions, list[str]]:
    """Environment → the versions that it runs, those that it keeps warm, and what can't be read."""
    found: _Versions = {}
    warm: _Versions = {}
    problems: list[str] = []
    for environment in session.policy.lifecycle.environments:
        try:
            one = record(state_tree(session, environment), model)
        except ModelctlError as error:
            problems.append(f"nobody can tell what {environment} runs: {error.message}")
            continue
        if one is not None:
            kept = frozenset(b.version for b in one.split if b.name == PREVIOUS)
            every = frozenset((one.version, *(b.version for b in one.split)))
            found[environment], warm[environment] = every - kept, kept
    return found, warm, problems


def _released(session: Session, model: str) -> tuple[dict[str, str], list[str]]:
    """Branch → the version that it releases, and what can't be read of it."""
    found: dict[str, str] = {}
    problems: list[str] = []
    path = release_path(model)
    for transition in session.policy.lifecycle.transitions:
        tree = session.repository.tree(session.repository.remote_first(transition.to_branch))
        if tree.entry(path) is None:
            continue
        release = parse_file(tree, path).value
        if isinstance(release, Release):
            found[transition.to_branch] = str(release.version)
        else:
            problems.append(f"nobody can tell what {transition.to_branch} releases")
    return found, problems


def _merged(session: Session, model: str) -> dict[str, str]:
    """Each version on a branch of the lifecycle → the sha256 of its manifest."""
    found: dict[str, str] = {}
    for transition in session.policy.lifecycle.transitions:
        tree = session.repository.tree(session.repository.remote_first(transition.to_branch))
        for version in versions(tree, model):
            found.setdefault(str(version), digest(tree, model, version) or "")
    return found
