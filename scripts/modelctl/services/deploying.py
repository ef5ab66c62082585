"""Deploys an environment: judge, render, write the state, put it into force, write the history.

Each step looks at what is there and does what is missing, so a deploy that was killed is simply
run again. The order is traffic first, then the record, then the registry. Two at once lose nothing:
branches are written by compare-and-swap, and nothing goes back to an older commit of the branch.
What is put into force and signed is what this run decided; the rest of the state is taken out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modelctl.adapters.signing_keys import Signer
from modelctl.domain.policy import Transition
from modelctl.domain.tree import Tree
from modelctl.errors import DependencyError
from modelctl.services.deciding import Decision, decide
from modelctl.services.merges import Merged
from modelctl.services.recording import record_deployments, require_key
from modelctl.services.rendering import render
from modelctl.services.session import Session
from modelctl.services.state import state_tree
from modelctl.services.tagging import tag_deployments
from modelctl.services.writing import keep_unreleased, write_state

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What a deploy did. `state` is the commit of the environment's branch, None before any.

    `tags` are the names of those that are new; `left` says what another run has to do, `warnings`
    what none can. `unaccounted` is what lay in the state that no deploy decided: it was taken out,
    and never signed.
    """

    environment: str
    decisions: tuple[Decision, ...]
    state: str | None
    recorded: int
    tags: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    unaccounted: tuple[str, ...] = ()


def deploy(
    session: Session,
    transition: Transition,
    merged: Merged,
    signer: Signer,
    apply: Callable[[Tree], None],
    progress: Progress,
) -> Deployed:
    """Brings an environment to what its branch says, as far as the rules allow.

    `apply` puts the state's tree into force; it is asked every time, for it may have died.

    Raises:
        ModelctlError: nothing that is deployed could be recorded with this key, so nothing is.
        DependencyError: the remote can't be reached, or the history of what runs is gone.
    """
    require_key(session, transition, signer)
    _require_history(session, transition)
    progress(f"judging {transition.to_branch} by the rules of {session.policy.commit[:12]}")
    decisions = decide(session, transition, merged)
    planned = (*decisions, *keep_unreleased(session, transition, decisions))
    requests = [d.request for d in planned if d.request is not None]
    progress(f"rendering {len(requests)} models for {transition.environment}")
    rendered = render(session, requests)
    written = write_state(session, transition, planned, rendered)
    state = written.commit
    for strange in written.unaccounted:
        progress(f"state: no deploy decided {strange}: taken out")
    progress(f"state: {state[:12] if state else 'nothing to run yet'}")
    apply(session.repository.tree(state))
    new = [
        d
        for d in planned
        if d.request is not None and d.request is not d.running and d.model not in written.left
    ]
    recorded = record_deployments(session, transition, state, new, signer)
    progress("ledger: 1 new entry" if recorded == 1 else f"ledger: {recorded} new entries")
    tags = tag_deployments(session, transition.environment, [one.model for one in requests])
    never = f", git allows no {' or '.join(tags.never)}" if tags.never else ""
    progress(f"tags: {len(tags.written)} new{never}")
    return Deployed(
        environment=transition.environment,
        decisions=decisions,
        state=state,
        recorded=recorded,
        tags=tags.written,
        left=tags.left,
        warnings=tags.taken,
        unaccounted=written.unaccounted,
    )


def _require_history(session: Session, transition: Transition) -> None:
    """Stops where models run and the ledger is gone: then nothing would show what may go on
    running, and all of it would be taken out of service."""
    names = state_tree(session, transition.environment).names("")
    lifecycle = session.policy.lifecycle
    if not names or session.repository.remote_first(lifecycle.ledger_branch) is not None:
        return
    raise DependencyError(
        f"{lifecycle.state_of(transition.environment)} runs {', '.join(names[:3])}, but there is "
        f"no branch {lifecycle.ledger_branch}: nothing shows what may go on running",
        mend=f"restore {lifecycle.ledger_branch} from another clone; what runs is left as it is. "
        "If nothing was ever deployed, somebody else wrote that: delete its branch",
    )
