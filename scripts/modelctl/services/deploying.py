"""Deploys an environment: judge, render, write the state, put it into force, write the history.

Each step looks at what is there and does what is missing, so a deploy that was killed is simply
run again. The order is traffic first, then the record, then the registry. Two at once lose nothing:
branches are written by compare-and-swap, and nothing goes back to an older commit of the branch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelctl.adapters.git import Draft
from modelctl.adapters.signing_keys import Signer
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.reviews import PullRequest
from modelctl.domain.tree import Tree
from modelctl.services.deciding import Decision, decide
from modelctl.services.recording import record_deployments, require_key
from modelctl.services.rendering import Rendered, render
from modelctl.services.session import MACHINE, Session
from modelctl.services.state import readable_record

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What a deploy did. `state` is the commit of the environment's branch, None before any."""

    environment: str
    decisions: tuple[Decision, ...]
    state: str | None
    recorded: int


def write_state(
    session: Session, transition: Transition, decisions: Sequence[Decision], rendered: Rendered
) -> str | None:
    """Commits what was rendered to the environment's branch; the commit, None if there is none.

    A model that somebody else has moved to a newer commit of the branch in the meantime is left.
    """
    branch = session.policy.lifecycle.state_of(transition.environment)

    def build(tip: str | None) -> Draft | None:
        here = session.repository.tree(tip)
        edits: dict[str, bytes | None] = {}
        for decision in decisions:
            if decision.request is None or _overtaken(session, here, decision):
                continue
            for name, text in rendered[decision.model].items():
                path, data = f"{decision.model}/{name}", text.encode()
                if here.read(path) != data:
                    edits[path] = data
        if not edits:
            return None
        touched = {path.split("/")[0] for path in edits}
        message = _message(transition, [d for d in decisions if d.model in touched])
        at = int(session.now.timestamp())
        return Draft(edits=edits, message=message, author=MACHINE, at=at)

    return session.repository.update_branch(branch, build)


def deploy(
    session: Session,
    transition: Transition,
    pull_requests: Sequence[PullRequest],
    signer: Signer,
    apply: Callable[[Tree], None],
    progress: Progress,
) -> Deployed:
    """Brings an environment to what its branch says, as far as the rules allow.

    `apply` puts the state's tree into force; it is asked every time, for it may have died.

    Raises:
        ModelctlError: nothing that is deployed could be recorded with this key, so nothing is.
        DependencyError: the remote can't be reached.
    """
    require_key(session, transition, signer)
    progress(f"judging {transition.to_branch} by the rules of {session.policy.commit[:12]}")
    decisions = decide(session, transition, pull_requests)
    requests = [d.request for d in decisions if d.request is not None]
    progress(f"rendering {len(requests)} models for {transition.environment}")
    rendered = render(session, requests)
    state = write_state(session, transition, decisions, rendered)
    progress(f"state: {state[:12] if state else 'nothing to run yet'}")
    apply(session.repository.tree(state))
    recorded = record_deployments(session, transition, state, signer)
    progress("ledger: 1 new entry" if recorded == 1 else f"ledger: {recorded} new entries")
    return Deployed(
        environment=transition.environment, decisions=decisions, state=state, recorded=recorded
    )


def _overtaken(session: Session, state: Tree, decision: Decision) -> bool:
    """Whether the state holds something of a newer commit of the branch than ours."""
    now = readable_record(state, decision.model)
    if now is None or decision.request is None:
        return False
    before, ours = decision.running, decision.request.commit
    unchanged = before is not None and before.commit == now.commit and before.digest == now.digest
    return not unchanged and now.commit != ours and session.repository.is_ancestor(ours, now.commit)


def _message(transition: Transition, decisions: Sequence[Decision]) -> str:
    """What a person reads in the log of the environment's branch."""
    lines = [_line(d.model, d.request, d.running) for d in decisions if d.moves and d.request]
    if not lines:
        names = ", ".join(d.model for d in decisions)
        return f"Render {transition.environment} again\n\nBy changed overlays: {names}\n"
    if len(lines) == 1:
        return f"Deploy {lines[0]} to {transition.environment}\n"
    title = f"Deploy {len(lines)} models to {transition.environment}"
    return f"{title}\n\n" + "\n".join(f"- {line}" for line in lines) + "\n"


def _line(model: str, request: RenderRequest, before: RenderRequest | None) -> str:
    origin = f" (was {before.version})" if before else ""
    by = f", approved by {', '.join(request.approvers)}" if request.approvers else ""
    return f"{model}@{request.version}{origin}{by}"
