"""`modelctl rollback --emergency`: traffic first, then the record, then the paperwork."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from modelctl.cli import Settings
from modelctl.commands import github_options, options
from modelctl.commands.effects import Means
from modelctl.domain.policy import Transition
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS, EXIT_UNDECIDED, ModelctlError
from modelctl.services.permission import require_role
from modelctl.services.pointers import require_model, unknown_environment
from modelctl.services.session import Session

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub
    from modelctl.services.going_back import WentBack

TRIGGER = "a person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person asks for."""

    model: str
    environment: str
    to: str | None
    of: str | None
    again: bool
    login: str | None
    reason: str
    dry_run: bool


def hub_if_any(settings: Settings, repository: str | None, api: str | None) -> GitHub | None:
    """GitHub where there is a way to it; an emergency doesn't wait for one."""
    try:
        return github_options.hub(settings, repository, api)
    except ModelctlError as error:
        options.progress(f"note: GitHub is not told now: {error.message}")
        return None


def run(
    settings: Settings, means: Means, asked: Asked, *, trusted_ref: str | None, format_: str
) -> int:
    """Goes back at once, and does the paperwork."""
    from modelctl.services.going_back import Cause, Wish, go_back
    from modelctl.services.incidents import Desk
    from modelctl.services.monitoring import followed

    if asked.dry_run:
        mend = "leave one of them out"
        raise ModelctlError("--dry-run has no effect with --emergency", mend=mend)
    session = _session(settings, trusted_ref)
    transition = _allowed(session, asked)
    acting = means.effects(session, [asked.environment], figures=False)
    cause = Cause(trigger=TRIGGER, reason=" ".join(asked.reason.split()), by=asked.login)
    done = go_back(
        session,
        transition,
        asked.model,
        cause=cause,
        effects=acting,
        wish=Wish(to=asked.to, of=asked.of, again=asked.again),
    )
    left = () if done.held else followed(session, transition, [asked.model])
    if done.incident is not None:
        desk = Desk(effects=acting)
        if done.incident.place is not None:
            desk.fresh.add(done.incident.place)
        left = (*left, *desk.handle(session, transition, done.incident))
    for one in (*done.problems.values(), *left):
        options.progress(f"to do: {one}")
    click.echo(json.dumps(_data(done, left), indent=1) if format_ == "json" else _text(done))
    if done.held:
        return EXIT_BLOCKED
    return EXIT_UNDECIDED if done.problems or left else EXIT_PASS


def _session(settings: Settings, trusted_ref: str | None) -> Session:
    """Of now, as far as the branches can be had: an emergency doesn't wait for them."""
    try:
        return options.start(settings, trusted_ref, fetch=True)
    except ModelctlError as error:
        session = options.start(settings, trusted_ref)
        options.progress(f"note: it goes by what this clone knows: {error}")
        return session


def _allowed(session: Session, asked: Asked) -> Transition:
    """The transition, where whoever asks holds a role that approves for it.

    Raises:
        ModelctlError: there is no such environment, or who asks isn't named or may not.
    """
    lifecycle = session.policy.lifecycle
    transition = lifecycle.to_environment(asked.environment)
    if transition is None:
        raise unknown_environment(asked.environment, lifecycle.environments)
    require_model(session, asked.model)
    if not asked.reason.strip():
        raise ModelctlError("a rollback needs its reason", mend="--reason 'what is wrong'")
    require_role(session, transition, asked.model, asked.login)
    return transition


def _text(done: WentBack) -> str:
    about = f"{done.environment}: {done.model}"
    mend = f"\n  mend: {done.mend}" if done.mend else ""
    if done.held:
        return f"{about} stays as it is: {done.problem}{mend}"
    failed, back = done.failed, done.back_to
    versions = f"{failed.version if failed else '?'} to {back.version if back else '?'}"
    told = f"from {versions}" if failed or back else "by another job"
    return f"{about} {done.outcome} {told}{mend.replace('mend:', 'note:')}"


def _data(done: WentBack, left: tuple[str, ...]) -> dict[str, object]:
    return {
        "outcome": done.outcome,
        "model": done.model,
        "environment": done.environment,
        "from": done.failed.version if done.failed else None,
        "to": done.back_to.version if done.back_to else None,
        "problem": done.problem,
        "not_in_force": dict(done.problems),
        "left": list(left),
    }
