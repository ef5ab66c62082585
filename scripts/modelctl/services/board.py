"""The status board: which version is where, since when, by whom, and what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modelctl.domain.board import Board, Cell, Flag, FlagKind, Row
from modelctl.domain.history import Deployment, Quarantine, deployments, quarantines, serving_since
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.verdict import Outcome, Report
from modelctl.errors import ModelctlError
from modelctl.services.candidates import read_model, read_release, versions
from modelctl.services.checking import check_version, transition_for
from modelctl.services.pointers import known_models, locate, require_model
from modelctl.services.session import Session
from modelctl.services.state import record, state_tree


def board(session: Session, names: Iterable[str] | None = None) -> Board:
    """The board of these models, or of every model on any branch of the lifecycle.

    Raises:
        ModelctlError: nobody knows one of them.
    """
    wanted = known_models(session) if names is None else [require_model(session, n) for n in names]
    return Board(
        repository=session.repository.directory.name,
        at=session.now,
        environments=session.policy.lifecycle.environments,
        rows=tuple(_row(session, model) for model in wanted),
    )


def _row(session: Session, model: str) -> Row:
    signed = session.signed(model)
    history, held = deployments(signed), quarantines(signed)
    trees = [session.repository.tree(commit) for commit in session.places()]
    owner = next((one.owner for t in trees if (one := read_model(t, model))), None)
    known = {version for tree in trees for version in versions(tree, model)}
    newest = str(max(known)) if known else None
    cells = dict(_cells(session, model, history, held))
    arrived = newest is None or any(cell.version == newest for cell in cells.values())
    return Row(
        model=model,
        owner=owner,
        newest=newest,
        next=None if arrived else _next(session, f"{model}@{newest}", None),
        cells=cells,
    )


def _cells(
    session: Session,
    model: str,
    history: tuple[Deployment, ...],
    held: tuple[Quarantine, ...],
) -> Iterator[tuple[str, Cell]]:
    for transition in session.policy.lifecycle.transitions:
        running = record(state_tree(session, transition.environment), model)
        if running is None:
            continue
        since = serving_since(history, transition.environment)
        following = session.policy.lifecycle.after(transition.environment)
        moved_on = following is not None and _runs(session, following, running)
        step = None if moved_on else following
        yield (
            transition.environment,
            Cell(
                version=running.version,
                stage=transition.stage,
                since=since.at if since else None,
                by=running.approvers,
                strategy=running.strategy,
                flags=tuple(_flags(session, transition, running, held)),
                next=_next(session, f"{model}@{running.version}", step) if step else None,
            ),
        )


def _runs(session: Session, transition: Transition, running: RenderRequest) -> bool:
    """Whether the environment of the transition runs this version already."""
    there = record(state_tree(session, transition.environment), running.model)
    return there is not None and there.digest == running.digest


def _flags(
    session: Session, transition: Transition, running: RenderRequest, held: Iterable[Quarantine]
) -> Iterator[Flag]:
    tip = session.repository.remote_first(transition.to_branch)
    release = read_release(session.repository.tree(tip), running.model) if tip else None
    if release is not None and str(release.version) != running.version:
        yield Flag(kind=FlagKind.DRIFT, detail=f"{transition.to_branch} asks for {release.version}")
    for quarantine in held:
        here = quarantine.environment == transition.environment
        if here and quarantine.version == running.version:
            yield Flag(kind=FlagKind.QUARANTINED, detail=quarantine.reason or "rolled back")


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
