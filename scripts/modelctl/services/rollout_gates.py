"""The gates and the branch once more, before a rollout goes on: what was right when it began may be
so no longer. Nothing of it keeps a version from going back."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from modelctl.domain.policy import Transition
from modelctl.domain.rollout_state import ADVANCE, FINISH, HOLD, Decision, Reason
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.deciding import judge_running
from modelctl.services.open_rollouts import Open
from modelctl.services.rollout_judged import Judged
from modelctl.services.session import Session

_KEPT: OrderedDict[tuple[str, ...], tuple[Reason, ...]] = OrderedDict()
_MOST = 2048


def let(session: Session, transition: Transition, open_: Open, judged: Judged) -> Judged:
    """The same, or that it holds where something speaks against going on, with what that is. What
    was decided by hand was asked about before, and a controller's steps are made already."""
    if judged.by_hand or judged.decision.action not in (ADVANCE, FINISH):
        return judged
    against = _against(session, transition, open_)
    if not against:
        return judged
    held = Decision(action=HOLD, reasons=against, after=judged.state, notes=judged.decision.notes)
    return replace(judged, decision=held, against=against)


def _against(session: Session, transition: Transition, open_: Open) -> tuple[Reason, ...]:
    """What speaks against it; asked again where rules, branch or ledger changed, and each minute,
    for waivers end and evidence gets old."""
    key = (
        str(session.repository.directory),
        transition.environment,
        open_.rollout.id,
        session.policy.commit,
        session.branch_tip(transition.to_branch),
        session.ledger.folders().get(open_.model, ""),
        f"{session.now:%Y-%m-%dT%H:%M}",
    )
    if key not in _KEPT:
        try:
            _KEPT[key] = _asked(session, transition, open_)
        except DependencyError as error:
            return (_untold(error),)
        while len(_KEPT) > _MOST:
            _KEPT.popitem(last=False)
    return _KEPT[key]


def _asked(session: Session, transition: Transition, open_: Open) -> tuple[Reason, ...]:
    try:
        report = judge_running(session, transition, open_.request)
    except DependencyError:
        raise
    except ModelctlError as error:
        return (Reason(name="branch", message=str(error)),)
    if not report.outcome.blocks:
        return ()
    found = (f for verdict in report.verdicts for f in verdict.findings if f.outcome.blocks)
    return tuple(Reason(name=f.gate, message=f"{f.gate}: {f.message}") for f in found)


def _untold(error: DependencyError) -> Reason:
    return Reason(name="gates", message=f"nobody can tell what the gates say: {error}")
