"""`modelctl rollout pause|resume|abort|promote`: what people say of a rollout."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelctl.cli import Settings
from modelctl.commands import effects, github_options, options
from modelctl.domain.names import parse_model
from modelctl.domain.rollout_events import FINISHED, event_told
from modelctl.errors import EXIT_PASS, EXIT_UNDECIDED, ModelctlError
from modelctl.services.permission import require_role

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelctl.domain.policy import Transition
    from modelctl.services.acting import Effects
    from modelctl.services.rollout_people import Word
    from modelctl.services.rollouts import Stepped
    from modelctl.services.session import Session

    Say = Callable[[Session, Transition, str, Effects, Word], Stepped]

_ACTOR = "GITHUB_ACTOR"


def _shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of each of them."""
    for option in reversed(
        (
            click.argument("model", metavar="MODEL"),
            click.option("--env", "environment", metavar="ENV", required=True, help="Where."),
            click.option(
                "--reason", metavar="TEXT", required=True, help="Why, for those who read."
            ),
            click.option(
                "--by",
                "login",
                metavar="LOGIN",
                help=f"Who says so.  [default: {_ACTOR}, else git's user]",
            ),
            effects.acting,
            options.output_format("terminal", "json"),
            click.pass_obj,
        )
    ):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line gives."""

    model: str
    environment: str
    reason: str
    login: str | None
    local_root: Path | None
    local_port: int | None
    no_apply: bool
    context: str | None
    tracking_uri: str | None
    key_file: Path | None
    trusted_ref: str | None
    format_: str


@click.command(short_help="Stop a rollout where it is.")
@_shared
def pause(settings: Settings, **given: Any) -> int:
    """Stop the rollout of MODEL in ENV where it is, until somebody resumes it.

    \b
    modelctl rollout pause tumor-classifier --env production --reason "looking into the drift"

    A breach takes the version back all the same. Whoever says so must hold a role that approves for
    ENV, and is recorded.
    """
    from modelctl.services.rollout_people import pause_it

    return _run(settings, _Asked(**given), pause_it)


@click.command(short_help="Have a rollout go on that is paused, or waits for a person.")
@_shared
def resume(settings: Settings, **given: Any) -> int:
    """Have the rollout of MODEL in ENV go on: what was paused, or waits for a person.

    \b
    modelctl rollout resume tumor-classifier --env production --reason "the drift is explained"

    Its conditions and its times count as before. Whoever says so must hold a role that approves for
    ENV, must not have made the version, and is recorded.
    """
    from modelctl.services.rollout_people import resume_it

    return _run(settings, _Asked(**given), resume_it)


@click.command(short_help="Take a version back that is on its way.")
@click.option("--now", is_flag=True, help="All of it at once, whatever way back the plan has.")
@_shared
def abort(settings: Settings, now: bool, **given: Any) -> int:
    """Take traffic off the version of MODEL that is on its way into ENV, and quarantine it there.

    \b
    modelctl rollout abort tumor-classifier --env production --reason "wrong threshold"
    modelctl rollout abort tumor-classifier --env production --reason "harm" --now

    Whoever says so must hold a role that approves for ENV, and is recorded.
    """
    from modelctl.services.rollout_people import abort_it

    def say(
        session: Session, transition: Transition, model: str, acting: Effects, word: Word
    ) -> Stepped:
        return abort_it(session, transition, model, acting, word, at_once=now)

    return _run(settings, _Asked(**given), say)


@click.command(short_help="Have a rollout wait no longer.")
@click.option("--now", is_flag=True, help="To the end at once, instead of to the next step.")
@_shared
def promote(settings: Settings, now: bool, **given: Any) -> int:
    """Take the rollout of MODEL in ENV to its next step without waiting any longer.

    \b
    modelctl rollout promote tumor-classifier --env production --reason "enough was seen"
    modelctl rollout promote tumor-classifier --env production --reason "hotfix" --now

    It never goes past a condition that takes the version back, nor past the gates, which are asked
    again. Whoever says so must hold a role that approves for ENV, must not have made the version,
    and is recorded.
    """
    from modelctl.services.rollout_people import promote_it

    def say(
        session: Session, transition: Transition, model: str, acting: Effects, word: Word
    ) -> Stepped:
        return promote_it(session, transition, model, acting, word, now=now)

    return _run(settings, _Asked(**given), say)


def _run(settings: Settings, asked: _Asked, say: Say) -> int:
    from modelctl.services.monitoring import followed
    from modelctl.services.rollout_people import Word
    from modelctl.services.rollout_ticks import announced

    github_options.git_access()
    means = effects.Means(
        root=options.local_folder(settings, asked.local_root),
        port=asked.local_port,
        apply=not asked.no_apply,
        context=asked.context,
        tracking_uri=asked.tracking_uri,
        key_file=asked.key_file,
    )
    session, model = (
        options.start(settings, asked.trusted_ref, fetch=True),
        parse_model(asked.model),
    )
    [transition] = options.transitions(session.policy.lifecycle, (asked.environment,))
    reason = " ".join(asked.reason.split())
    if not reason:
        raise ModelctlError("why?", mend="--reason 'what you know'")
    login = require_role(session, transition, model, asked.login or _actor(session))
    acting = means.effects(session, [asked.environment])
    done = say(session, transition, model, acting, Word(by=login, reason=reason))
    left = [f"put into force: {problem}" for problem in done.problems.values()]
    left += _registry(session, done, acting)
    left += followed(session, transition, [model] if done.events else [])
    finished = [done.open] if FINISHED in done.events else []
    left += announced(session, transition, finished, acting)
    for one in left:
        click.echo(f"still to do: {one}", err=True)
    click.echo(_shown(done, asked))
    return EXIT_UNDECIDED if left else EXIT_PASS


def _registry(session: Session, done: Stepped, acting: Effects) -> list[str]:
    if acting.tracking_uri is None or not done.events:
        return []
    from modelctl.services.projecting import project

    projected = project(session, [done.open.model], acting.tracking_uri)
    return [f"update the registry: {problem}" for problem in projected.left]


def _actor(session: Session) -> str | None:
    """Who runs this, as far as anybody can tell."""
    from modelctl.adapters.git_people import person

    try:
        return os.environ.get(_ACTOR) or person(session.repository).name
    except ModelctlError:
        return None


def _shown(done: Stepped, asked: _Asked) -> str:
    rollout, state = done.open.rollout, done.state
    if asked.format_ == "json":
        data = {
            "model": done.open.model,
            "environment": asked.environment,
            "version": rollout.version,
            "stable": rollout.stable.version,
            "events": list(done.events),
            "phase": state.phase,
            "step": state.step,
            "weight": state.weight,
            "not_in_force": dict(done.problems),
        }
        return json.dumps(data, indent=1)
    told = ", ".join(event_told(one, state.weight) for one in done.events)
    about = f"{done.open.model} {rollout.stable.version} → {rollout.version}"
    return f"{asked.environment}: {about} {told or f'{state.phase} already, at {state.weight} %'}"
