"""Waivers beside the policy that has them: which count, which don't, and those that a change adds.

A waiver counts for one manifest, so each is looked at together with that manifest: on the branches
of the lifecycle first, then on any other, since one is approved before its version is merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from modelctl.adapters.documents import DocumentError, load
from modelctl.adapters.schema import validate
from modelctl.adapters.waiver_problems import waiver_problems
from modelctl.domain.candidate import scope_of
from modelctl.domain.document import Location
from modelctl.domain.history import Quarantine, quarantines
from modelctl.domain.manifest import Model, ModelVersion
from modelctl.domain.names import version_path
from modelctl.domain.policy import Policy, Transition
from modelctl.domain.tree import REGULAR, Tree
from modelctl.domain.verdict import Finding, Outcome
from modelctl.domain.waivers import FOLDER, Waiver, waiver_from
from modelctl.domain.waiving import Case, Objection, about, ended, objections
from modelctl.errors import ModelctlError
from modelctl.gates.quarantine import QUARANTINE
from modelctl.services.candidates import digest, read_model, read_version
from modelctl.services.session import Session

GATE = "waiver"


class State(StrEnum):
    """Where a waiver stands. Those that are in force and end soon are `SOON`."""

    IN_FORCE = "in force"
    SOON = "expires soon"
    EXPIRED = "expired"
    IDLE = "does not count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A waiver of the policy, and what keeps it from counting now."""

    waiver: Waiver
    state: State
    objections: tuple[Objection, ...] = ()


def standings(session: Session, extra: Sequence[Tree] = ()) -> tuple[Standing, ...]:
    """Where each waiver of the policy stands now, those that end first in front.

    `extra` are trees to find manifests in beside the branches.
    """
    found = (standing(session, waiver, extra) for waiver in session.policy.waivers)
    return tuple(sorted(found, key=lambda one: (one.waiver.expires, one.waiver.file)))


def standing(session: Session, waiver: Waiver, extra: Sequence[Tree] = ()) -> Standing:
    """Where a waiver stands now, for any way that its version may take."""
    policy, now = session.policy, session.now
    over = ended(waiver, now)
    if over is not None:
        return Standing(waiver=waiver, state=State.EXPIRED, objections=(over,))
    problems = tuple(problems_of(session, waiver, extra))
    if problems:
        return Standing(waiver=waiver, state=State.IDLE, objections=problems)
    soon = waiver.expires - now <= policy.waiver_limits.soon
    return Standing(waiver=waiver, state=State.SOON if soon else State.IN_FORCE)


def problems_of(session: Session, waiver: Waiver, extra: Sequence[Tree] = ()) -> list[Objection]:
    """Everything that keeps a waiver from counting now; `extra` are trees to find its manifest in
    beside the branches."""
    case = find_case(session, waiver, extra)
    if case is None:
        return [_unknown(waiver), *_by_itself(session, waiver)]
    return list(objections(waiver, session.policy, case, session.now))


def find_case(session: Session, waiver: Waiver, extra: Sequence[Tree] = ()) -> Case | None:
    """The version that a waiver names as a branch has it, with its owner; None for none.

    The manifest that the waiver is for is taken before any other of that version.
    """
    found: Case | None = None
    for tree in _trees(session, extra):
        case = case_at(session, tree, tree, waiver.model, waiver.version)
        if case is not None and case.digest == waiver.digest:
            return _since(session, case, waiver)
        found = found or case
    return found


def case_at(
    session: Session,
    before: Tree,
    after: Tree,
    model: str,
    version: str,
    transition: Transition | None = None,
    brought_by: tuple[str, ...] = (),
) -> Case | None:
    """What a waiver for a version in `after` would be for; None where it can't be read there."""
    sha256, manifest = digest(after, model, version), _manifest(after, model, version)
    if sha256 is None or manifest is None:
        return None
    models: tuple[Model | None, ...] = (read_model(before, model), read_model(after, model))
    return Case(
        model=model,
        version=version,
        digest=sha256,
        created_by=manifest.created_by,
        brought_by=brought_by,
        owners=tuple(dict.fromkeys(one.owner for one in models if one is not None)),
        tiers=tuple(dict.fromkeys(one.tier for one in models if one is not None)),
        transition=transition,
        scopes=tuple(scope_of(one, "") for one in models if one is not None),
    )


def unlifted(
    session: Session,
    held: Iterable[Quarantine],
    transition: Transition | None,
    before: Tree,
    after: Tree,
    brought_by: tuple[str, ...] = (),
) -> tuple[Quarantine, ...]:
    """The quarantines that no waiver lifts on this way: the one place where the flow's rules learn
    of waivers."""
    lifts = partial(_is_lifted, session, transition, before, after, brought_by)
    return tuple(quarantine for quarantine in held if not lifts(quarantine))


def _is_lifted(
    session: Session,
    transition: Transition | None,
    before: Tree,
    after: Tree,
    brought_by: tuple[str, ...],
    quarantine: Quarantine,
) -> bool:
    policy, model, version = session.policy, quarantine.model, quarantine.version
    if transition is None or not any(w.model == model for w in policy.waivers):
        return False
    case = case_at(session, before, after, model, version, transition, brought_by)
    if case is None:
        return False
    case = _dated(case, (quarantine,))
    waivers = (w for name in _quarantine_gates(policy) for w in about(policy.waivers, name, case))
    return any(not any(objections(w, policy, case, session.now)) for w in waivers)


def read_waiver(
    session: Session, tree: Tree, path: str
) -> tuple[Waiver | None, tuple[Finding, ...]]:
    """A waiver of a tree by the rules of the trusted ref; None with findings where it is wrong."""
    entry = tree.entry(path)
    if not path.endswith(".yaml") or "/" in path.removeprefix(f"{FOLDER}/"):
        mend = f"keep to {FOLDER}/<name>.yaml"
        return None, (failed(Location(file=path), f"nobody reads {path}", mend),)
    if entry is None or entry.mode != REGULAR:
        mend = "add it as a regular file, mode 100644"
        return None, (failed(Location(file=path), f"{path} is no regular file", mend),)
    try:
        document = load(tree.read(path) or b"", path)
        broken = [(document.locate(p.path), p) for p in validate(document, "waiver")]
        if broken:
            return None, tuple(failed(where, p.message, p.mend) for where, p in broken)
        waiver = waiver_from(document)
    except DocumentError as error:
        where = Location(file=path, line=error.line, column=error.column)
        return None, (failed(where, error.problem, error.mend),)
    except ModelctlError as error:  # a day that no calendar has
        return None, (failed(_place(error, path), error.message, error.mend),)
    named = tuple(waiver_problems(session.policy, (document,)))
    return waiver, tuple(failed(p.location, p.message, p.mend) for p in named)


def objected(waiver: Waiver, problems: Iterable[Objection]) -> Iterator[Finding]:
    """Each objection to a waiver as a finding at the field that it is about."""
    for problem in problems:
        message = f"{waiver.file} doesn't count: {problem.message}"
        yield failed(waiver.at(problem.key), message, problem.mend)


def tree_findings(session: Session, tree: Tree) -> Iterator[Finding]:
    """What is to be said of every waiver of a tree; one that has expired is no problem."""
    for path in waiver_files(entry.path for entry in tree.walk(FOLDER)):
        waiver, findings = read_waiver(session, tree, path)
        yield from findings
        if waiver is None or findings:
            continue
        over = ended(waiver, session.now)
        if over is not None:
            yield passed(f"{path} doesn't count any more: {over.message}")
            continue
        problems = problems_of(session, waiver, (tree,))
        yield from objected(waiver, problems)
        if not problems:
            yield passed(says(waiver))


def waiver_files(paths: Iterable[str]) -> tuple[str, ...]:
    """Those of some paths that are, or would like to be, waivers."""
    inside = (path for path in paths if path.startswith(f"{FOLDER}/"))
    return tuple(path for path in inside if path.lower().endswith((".yaml", ".yml")))


def says(waiver: Waiver) -> str:
    """What a waiver does, in one sentence."""
    where = f" into {' and '.join(waiver.environments)}" if waiver.environments else ""
    until = f"{waiver.expires:%Y-%m-%d %H:%M UTC}"
    return f"{waiver.file} waives {waiver.gate} of {waiver.name}{where} until {until}"


def _by_itself(session: Session, waiver: Waiver) -> Iterator[Objection]:
    """What can be said of a waiver without its manifest and its owner."""
    nobody = Case(
        model=waiver.model, version=waiver.version, digest=waiver.digest, created_by="", owners=()
    )
    found = objections(waiver, session.policy, nobody, session.now)
    return (one for one in found if one.key != "approved_by")


def _unknown(waiver: Waiver) -> Objection:
    return Objection(
        key="version",
        message=f"no branch here has {waiver.name}",
        mend="mend the name, or push the branch that adds the version and fetch it",
    )


def _trees(session: Session, extra: Sequence[Tree]) -> Iterator[Tree]:
    repository = session.repository
    yield from extra
    for commit in dict.fromkeys((*session.places(), *repository.heads())):
        yield repository.tree(commit)


def _manifest(tree: Tree, model: str, version: str) -> ModelVersion | None:
    """The version as the tree has it; None where it isn't there or can't be read."""
    if tree.entry(version_path(model, version)) is None:
        return None
    return read_version(tree, model, version)


def _since(session: Session, case: Case, waiver: Waiver) -> Case:
    """The same, with the newest quarantine of the version where that is what would be lifted."""
    if waiver.gate not in _quarantine_gates(session.policy):
        return case
    held = quarantines(session.signed(case.model))
    return _dated(case, (q for q in held if q.version == case.version))


def _dated(case: Case, held: Iterable[Quarantine]) -> Case:
    newest = max((quarantine.at for quarantine in held), default=None)
    return replace(case, since=newest)


def _quarantine_gates(policy: Policy) -> tuple[str, ...]:
    """The gates that judge by quarantines, whatever they are called."""
    return tuple(gate.name for gate in policy.gates if gate.check == QUARANTINE)


def _place(error: ModelctlError, path: str) -> Location:
    _, line, column = (error.location or f"{path}:1:1").rsplit(":", 2)
    return Location(file=path, line=int(line), column=int(column))


def failed(where: Location, message: str, mend: str | None) -> Finding:
    """What is wrong with a waiver, and where."""
    return Finding(gate=GATE, outcome=Outcome.FAIL, message=message, location=where, mend=mend)


def passed(message: str) -> Finding:
    """That all is well with a waiver."""
    return Finding(gate=GATE, outcome=Outcome.PASS, message=message)
