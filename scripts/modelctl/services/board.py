"""The status board: which version is where, since when, by whom, and what comes next.

What serves is read from the state, since when from the newest end of the history. So the board
costs what it shows, however long the past is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from semver import Version

from modelctl.domain.board import Board, Cell, Flag, FlagKind, Row
from modelctl.domain.endings import DEPRECATED, Ending, ended
from modelctl.domain.history import Deployment, Quarantine, serving_since
from modelctl.domain.names import MODELS
from modelctl.domain.plans import STEPPED_BY_CONTROLLER
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout_events import open_rollout
from modelctl.domain.rollout_split import incoming_of, is_split, serving_of
from modelctl.domain.serving import WHOLE
from modelctl.domain.tree import Tree
from modelctl.domain.verdict import Outcome, Report
from modelctl.errors import ModelctlError
from modelctl.services.candidates import read_model, read_release, versions
from modelctl.services.checking import check_version
from modelctl.services.destinations import transition_for
from modelctl.services.kept_rows import KeptRows
from modelctl.services.pointers import known_models, locate, require_model
from modelctl.services.recent import recent_history
from modelctl.services.session import Session
from modelctl.services.state import record, state_tree
from modelctl.services.waivers import unlifted

JUDGED = 20
"""How many models at most are judged for what is next where nobody says so."""


def board(
    session: Session, names: Iterable[str] | None = None, *, judged: bool | None = None
) -> Board:
    """The board of these models, or of every model on any branch of the lifecycle.

    `judged` says whether the gates are asked what stands between each version and its next step;
    without a word they are where there are no more than `JUDGED` models.

    Raises:
        ModelctlError: nobody knows one of them.
    """
    wanted = known_models(session) if names is None else [require_model(session, n) for n in names]
    rows = _rows(session, wanted)
    if judged if judged is not None else len(rows) <= JUDGED:
        rows = [_with_next(session, row) for row in rows]
    return Board(
        repository=session.repository.directory.name,
        at=session.now,
        environments=session.policy.lifecycle.environments,
        rows=tuple(rows),
    )


def _rows(session: Session, models: Sequence[str]) -> list[Row]:
    """The rows without what is next: those that are kept, and the others worked out now."""
    places, kept = _Places(session), KeptRows(session)
    # A waiver ends by the clock, and no clock is in a row that is kept.
    timed = {waiver.model for waiver in session.policy.waivers}
    lasting = [model for model in models if model not in timed]
    keys = {model: kept.key(model, places.content(model)) for model in lasting}
    known = kept.known(keys)
    new = {model: _row(places, model) for model in models if model not in known}
    kept.keep(keys, known, {model: row for model, row in new.items() if model in keys})
    return [known.get(model) or new[model] for model in models]


class _Places:
    """Every tree that a board looks at, each opened once.

    `trees` are those where documents are looked for, each with the object ids of its models'
    folders; `states` each step of the lifecycle, with what its environment runs and what its branch
    says.
    """

    __slots__ = ("_content", "session", "states", "trees")

    def __init__(self, session: Session):
        self.session = session
        trees = [session.repository.tree(commit) for commit in session.places()]
        self.trees = [(tree, tree.folders(MODELS)) for tree in trees]
        steps = session.policy.lifecycle.transitions
        self._content: Sequence[Mapping[str, str]] | None = None
        self.states = [
            (one, state_tree(session, one.environment), self._branch(one)) for one in steps
        ]

    def holding(self, model: str) -> list[Tree]:
        """The trees that hold the model, one for each different content of its folder."""
        found = {folders[model]: tree for tree, folders in reversed(self.trees) if model in folders}
        return list(reversed(found.values()))

    def content(self, model: str) -> Iterator[str | None]:
        """The object ids of everything that the model's row follows from."""
        if self._content is None:
            branches = [branch.folders(MODELS) if branch else {} for _, _, branch in self.states]
            running = [state.folders("") for _, state, _ in self.states]
            documents = [folders for _, folders in self.trees]
            self._content = [self.session.ledger.folders(), *branches, *running, *documents]
        return (folders.get(model) for folders in self._content)

    def _branch(self, transition: Transition) -> Tree | None:
        tip = self.session.repository.remote_first(transition.to_branch)
        return self.session.repository.tree(tip) if tip else None


def _row(places: _Places, model: str) -> Row:
    running = {
        transition.environment: one
        for transition, state, _ in places.states
        if (one := record(state, model)) is not None
    }
    digests = {environment: one.digest for environment, one in running.items()}
    session = places.session
    history, held, ends = recent_history(session, model, digests)
    trees = places.holding(model)
    known: set[Version] = {version for tree in trees for version in versions(tree, model)}
    return Row(
        model=model,
        owner=next((found.owner for t in trees if (found := read_model(t, model))), None),
        newest=str(max(known)) if known else None,
        cells={
            transition.environment: _cell(session, transition, branch, running, history, held, ends)
            for transition, _, branch in places.states
            if transition.environment in running
        },
    )


def _cell(
    session: Session,
    transition: Transition,
    branch: Tree | None,
    running: Mapping[str, RenderRequest],
    history: Sequence[Deployment],
    held: Iterable[Quarantine],
    ends: Sequence[Ending],
) -> Cell:
    one = running[transition.environment]
    flags = (*_flags(session, transition, branch, one, held), *_ended(one, ends))
    if is_split(one):
        return _on_its_way(session, transition, one, flags)
    since = serving_since(history, transition.environment)
    return Cell(
        version=one.version,
        stage=transition.stage,
        since=since.at if since else None,
        by=one.approvers,
        strategy=one.strategy,
        flags=flags,
    )


def _on_its_way(
    session: Session, transition: Transition, one: RenderRequest, flags: tuple[Flag, ...]
) -> Cell:
    """A version that takes over, as far as it is: by its step on the ledger, and its traffic."""
    rollout = open_rollout(session.signed(one.model), transition.environment)
    part, plan = incoming_of(one), session.policy.strategies.get(one.strategy)
    step = f" step {rollout.last.step + 1}/{len(plan.steps)}" if rollout and plan else ""
    handed_over = one.target in STEPPED_BY_CONTROLLER
    return Cell(
        version=one.version,
        stage=transition.stage,
        since=rollout.last.state.since if rollout else None,
        by=one.approvers,
        strategy=f"{one.strategy}{'' if handed_over else step}",
        weight=part.weight if part else WHOLE,
        handed_over=handed_over,
        beside=serving_of(one).version,
        flags=flags,
    )


def _flags(
    session: Session,
    transition: Transition,
    branch: Tree | None,
    running: RenderRequest,
    held: Iterable[Quarantine],
) -> Iterator[Flag]:
    release = read_release(branch, running.model) if branch else None
    if release is not None and str(release.version) != running.version:
        yield Flag(kind=FlagKind.DRIFT, detail=f"{transition.to_branch} asks for {release.version}")
    # What was taken back stands there as long as the branch asks for it.
    told = {running.version, str(release.version) if release is not None else running.version}
    here = tuple(q for q in held if q.environment == transition.environment and q.version in told)
    if here and branch is not None:
        here = unlifted(session, here, transition, branch, branch)
    for quarantine in here:
        of = f"{quarantine.version} " if quarantine.version != running.version else ""
        yield Flag(kind=FlagKind.QUARANTINED, detail=f"{of}{quarantine.reason or 'rolled back'}")


def _ended(running: RenderRequest, ends: Sequence[Ending]) -> Iterator[Flag]:
    """That what runs is to be used no more: `by lena, use 1.2.0`."""
    end = ended(ends, running.version)
    if end is not None and end.end == DEPRECATED:
        instead = f", use {end.replaced_by}" if end.replaced_by else ""
        yield Flag(kind=FlagKind.DEPRECATED, detail=f"by {end.by}{instead}")


def _with_next(session: Session, row: Row) -> Row:
    """The row with what the gates say of each version's next step."""
    arrived = row.newest is None or any(cell.version == row.newest for cell in row.cells.values())
    return replace(
        row,
        next=None if arrived else _next(session, f"{row.model}@{row.newest}", None),
        cells={
            environment: replace(cell, next=_following(session, row, environment, cell))
            for environment, cell in row.cells.items()
        },
    )


def _following(session: Session, row: Row, environment: str, cell: Cell) -> str | None:
    """What stands between a version that serves and the environment after, unless it is there."""
    step = session.policy.lifecycle.after(environment)
    if step is None:
        return None
    there, here = (
        record(state_tree(session, name), row.model) for name in (step.environment, environment)
    )
    if there is not None and here is not None and there.digest == here.digest:
        return None
    return _next(session, f"{row.model}@{cell.version}", step)


def _next(session: Session, pointer: str, transition: Transition | None) -> str | None:
    """What stands between a version and the next environment: `2 gates: quality, soak`."""
    try:
        located = locate(session, pointer)
        step = transition or transition_for(session, located, None)
        return _standing(check_version(session, located, step))
    except ModelctlError as error:
        return error.message


def _standing(report: Report) -> str:
    findings = [f for verdict in report.verdicts for f in verdict.findings if f.outcome.blocks]
    gates = list(dict.fromkeys(finding.gate for finding in findings))
    if not gates:
        return "ready to be promoted"
    waits = [f.until for f in findings if f.outcome is Outcome.PENDING and f.until]
    until = f" until {max(waits):%Y-%m-%d %H:%M UTC}" if waits else ""
    count = f"{len(gates)} gates" if len(gates) > 1 else "1 gate"
    return f"{count}: {', '.join(gates)}{until}"
