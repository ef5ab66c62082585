"""`modelctl rollout status|tick|explain`: what is under way, its next step, and why it moved."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelctl.cli import Settings
from modelctl.commands import effects, github_options, options
from modelctl.domain.names import parse_model
from modelctl.domain.policy import Transition
from modelctl.domain.rollout_events import event_told
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS, EXIT_UNDECIDED, ModelctlError
from modelctl.services.pointers import require_model

if TYPE_CHECKING:
    from modelctl.domain.rollout_events import Rollout
    from modelctl.domain.rollout_state import Reason
    from modelctl.domain.rollout_view import RolloutView
    from modelctl.services.rollout_ticks import Looked, Pass
    from modelctl.services.session import Session

_MODEL_METAVAR = "[MODEL]"


@click.command(short_help="Show the rollouts that are under way.")
@click.argument("model", metavar=_MODEL_METAVAR, required=False)
@click.option("--env", "environment", metavar="ENV", help="Only there.")
@click.option("--watch", "watched", is_flag=True, help="Show it again and again.")
@click.option(
    "--every",
    type=click.FloatRange(min=0.1),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="How often, with --watch.",
)
@options.local_root
@effects.context
@options.trusted_ref
@options.output_format("terminal", "json", "markdown")
@click.pass_obj
def status(
    settings: Settings,
    model: str | None,
    environment: str | None,
    watched: bool,
    every: float,
    local_root: Path | None,
    context: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Show each rollout that is under way: its share, its step, what it waits for, and how the new
    version does.

    \b
    modelctl rollout status
    modelctl rollout status tumor-classifier --env production
    modelctl rollout status --watch --every 1

    Of one MODEL in one ENV each condition is shown with its figures. How far a controller of a
    cluster is that steps by itself, such as Argo Rollouts, is asked of the --context. Nothing is
    moved.
    """
    name = parse_model(model) if model is not None else None
    means = effects.Means(root=options.local_folder(settings, local_root), context=context)

    def ask() -> Sequence[RolloutView]:
        session = options.start(settings, trusted_ref, fetch=True)
        return _views(session, means, environment, name)

    if watched:
        _watch(settings, ask, every)
        return EXIT_PASS
    views = ask()
    alone = None not in (name, environment)
    past = () if views or format_ != "terminal" else _past(settings, environment, name, trusted_ref)
    click.echo(_shown(settings, views, format_, past, alone=alone), nl=False)
    return EXIT_UNDECIDED if any(view.problem for view in views) else EXIT_PASS


def _views(
    session: Session, means: effects.Means, environment: str | None, model: str | None
) -> tuple[RolloutView, ...]:
    from modelctl.services.rollout_views import views

    transitions = _there(session, environment)
    sources = means.sources(session, [one.environment for one in transitions])
    found = views(session, transitions, sources, controllers=means.controllers())
    found = tuple(one for one in found if model in (None, one.model))
    if model is not None and not found:
        require_model(session, model)  # else a slip of the pen looks like no rollout
    return found


def _there(session: Session, environment: str | None) -> Sequence[Transition]:
    """The transitions into that environment, or into every one."""
    named = (environment,) if environment else ()
    return options.transitions(session.policy.lifecycle, named, everything=not environment)


_MOST_PAST = 10


def _past(
    settings: Settings, environment: str | None, model: str | None, trusted_ref: str | None
) -> Sequence[Rollout]:
    """How the last rollouts ended."""
    from modelctl.services.rollout_views import outcomes

    session = options.start(settings, trusted_ref)
    transitions = _there(session, environment)
    return outcomes(session, transitions, model)[:_MOST_PAST]


def _shown(
    settings: Settings,
    views: Sequence[RolloutView],
    format_: str,
    past: Sequence[Rollout],
    *,
    alone: bool,
) -> str:
    from modelctl.report import rollout, rollout_formats

    now = datetime.now(UTC)
    if format_ == "json":
        return rollout_formats.json(views, now)
    if alone and views:
        if format_ == "markdown":
            return rollout_formats.detail_markdown(views[0])
        return rollout.detail(views[0], options.look(settings))
    if format_ == "markdown":
        return rollout_formats.markdown(views, now)
    return rollout.terminal(views, now, options.look(settings), past)


def _watch(settings: Settings, ask: Any, every: float) -> None:
    from modelctl.report.rollout_live import Screen, watch

    screen = Screen(
        stream=sys.stdout,
        look=lambda: options.look(settings),
        now=lambda: datetime.now(UTC),
        wait=time.sleep,
    )
    watch(ask, screen, every)


@click.command(short_help="Take the rollouts that are under way a step on, or back.")
@click.argument("environments", metavar="[ENV]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every environment of the lifecycle.")
@click.option("--github", "by_github", is_flag=True, help="Do the paperwork on GitHub, too.")
@github_options.repository
@github_options.api
@click.option("--dry-run", is_flag=True, help="Decide, and say what would be done.")
@effects.acting
@options.output_format("terminal", "json")
@click.pass_obj
def tick(
    settings: Settings,
    environments: tuple[str, ...],
    everything: bool,
    by_github: bool,
    repository: str | None,
    api: str | None,
    dry_run: bool,
    local_root: Path | None,
    local_port: int | None,
    no_apply: bool,
    context: str | None,
    tracking_uri: str | None,
    key_file: Path | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Look once at each rollout in ENV: what its figures say is done, and recorded.

    \b
    modelctl rollout tick production
    modelctl rollout tick --all --github

    For a scheduled job: it may be killed and run again at any point, and several may run at once.
    Whatever is decided it exits with 0; with 3 where something couldn't be asked or done, which
    running it again makes good. `modelctl guard` does the same all the time, within seconds.
    """
    means = effects.Means(
        root=options.local_folder(settings, local_root),
        port=local_port,
        apply=not no_apply,
        context=context,
        tracking_uri=tracking_uri,
        key_file=key_file,
        github=github_options.hub(settings, repository, api) if by_github else None,
    )
    session = options.start(settings, trusted_ref, fetch=True)
    lifecycle = session.policy.lifecycle
    passes = [
        _pass(session, transition, means, dry_run)
        for transition in options.transitions(lifecycle, environments, everything=everything)
    ]
    if text := _passes(passes, format_):
        click.echo(text)
    return _told([text for one in passes for text in _left(one)])


def _told(left: Sequence[str]) -> int:
    """Says what is still to do; the exit code."""
    for one in left:
        click.echo(f"still to do: {one}", err=True)
    return EXIT_UNDECIDED if left else EXIT_PASS


def _pass(session: Session, transition: Transition, means: effects.Means, dry_run: bool) -> Pass:
    from modelctl.services.rollout_ticks import Pass, tick

    try:
        acting = means.effects(session, [transition.environment], signs=not dry_run)
        return tick(session, transition, acting, dry_run=dry_run)
    except ModelctlError as error:  # the other environments are looked at all the same
        return Pass(environment=transition.environment, left=(str(error),))


def _left(one: Pass) -> list[str]:
    problems = [f"{look.open.model}: {look.problem}" for look in one.looked if look.problem]
    return [f"{one.environment}: {text}" for text in (*one.left, *problems)]


def _passes(passes: Sequence[Pass], format_: str) -> str:
    if format_ == "json":
        return json.dumps({"environments": [_data(one) for one in passes]}, indent=2)
    lines = [line for one in passes for line in _lines(one)]
    if not lines and not any(one.left for one in passes):  # where one failed nobody knows
        return "no rollout is under way"
    return "\n".join(lines)


def _lines(one: Pass) -> list[str]:
    told = [f"{one.environment}: {_line(look)}" for look in one.looked]
    return told + [f"{one.environment}: {m}: what served before is gone" for m in one.cooled]


def _line(look: Looked) -> str:
    """`tumor-classifier 1.0.0 → 1.1.0 advanced to 25 %: …`."""
    rollout = look.open.rollout
    about = f"{look.open.model} {rollout.stable.version} → {rollout.version}"
    if look.judged is None:
        return f"{about}: {look.problem}"
    decision = look.judged.decision
    why = _why(decision.reasons)
    if look.done is None:
        return f"{about} would {decision.action}: {why}"
    if look.done.events:
        told = ", ".join(event_told(one, decision.after.weight) for one in look.done.events)
        return f"{about} {told}: {why}"
    event = "left to another job" if look.done.passed else "holds"
    controlled = look.open.controlled
    weight = decision.after.weight if controlled is None else controlled.weight
    return f"{about} {event} at {weight} %: {why}"


def _why(reasons: Iterable[Reason]) -> str:
    """What was decided by; conditions that say the same say it once."""
    names: dict[str, list[str]] = {}
    for reason in reasons:
        names.setdefault(reason.message, []).append(reason.name)
    return "; ".join(f"{', '.join(who)}: {message}" for message, who in names.items())


def _data(one: Pass) -> dict[str, Any]:
    return {
        "environment": one.environment,
        "rollouts": [_look(look) for look in one.looked],
        "cooled": list(one.cooled),
        "left_to_do": _left(one),
    }


def _look(look: Looked) -> dict[str, Any]:
    from modelctl.report.rollout_explain import reason_data

    judged, done = look.judged, look.done
    return {
        "model": look.open.model,
        "version": look.open.rollout.version,
        "stable": look.open.rollout.stable.version,
        "action": judged.decision.action if judged else None,
        "weight": judged.decision.after.weight if judged else None,
        "reasons": [reason_data(one) for one in judged.decision.reasons] if judged else [],
        "events": list(done.events) if done else [],
        "passed": done.passed if done else False,
        "problem": look.problem,
    }


@click.command(short_help="Tell a rollout from the history, and decide it again.")
@click.argument("model", metavar="MODEL")
@click.option("--env", "environment", metavar="ENV", required=True, help="Where it was.")
@click.option("--version", "version", metavar="VERSION", help="Which.  [default: the last one]")
@click.option("--event", "number", type=int, metavar="N", help="Only the event with this entry.")
@options.trusted_ref
@options.output_format("terminal", "json", "markdown")
@click.pass_obj
def explain(
    settings: Settings,
    model: str,
    environment: str,
    version: str | None,
    number: int | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Show each event of a rollout with its reasons, and make each decision again, by the state
    on the ledger and the rules of its time.

    \b
    modelctl rollout explain tumor-classifier --env production
    modelctl rollout explain tumor-classifier --env production --event 31

    Exit code 1 where something else comes out than was recorded.
    """
    from modelctl.domain.rollout_view import OTHER
    from modelctl.report import rollout_explain
    from modelctl.services.rollout_people import find_rollout
    from modelctl.services.rollout_views import explain as explained

    session = options.start(settings, trusted_ref)
    [transition] = options.transitions(session.policy.lifecycle, (environment,))
    found = find_rollout(session, transition, parse_model(model), version, number)
    explanation = explained(session, found)
    if format_ == "terminal":
        text = rollout_explain.terminal(explanation, options.look(settings))
    else:
        write = rollout_explain.json if format_ == "json" else rollout_explain.markdown
        text = write(explanation)
    click.echo(text, nl=False)
    differs = any(one.again == OTHER for one in explanation.events)
    return EXIT_BLOCKED if differs else EXIT_PASS
