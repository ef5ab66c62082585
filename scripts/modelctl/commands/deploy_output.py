"""What a deploy says at its end: for people and as JSON, for one environment or several."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.plans import STEPPED_BY_CONTROLLER
from modelctl.domain.rollout_split import CANARY, incoming_of, is_split, serving_of
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS, EXIT_UNDECIDED, ModelctlError
from modelctl.services.accounted import same
from modelctl.services.deciding import Decision
from modelctl.services.deployed import Deployed


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one environment ended. `done` is None in a dry run, and where there was an `error`;
    `left` is what another run has to do."""

    environment: str
    decisions: tuple[Decision, ...] = ()
    done: Deployed | None = None
    left: tuple[str, ...] = ()
    error: ModelctlError | None = None

    @property
    def exit_code(self) -> int:
        """What is left to do outweighs what is blocked, since only running it again can tell. What
        no deploy decided outweighs both: the next run doesn't find it any more."""
        if self.error is not None:
            return self.error.exit_code
        if self.done is not None and self.done.unaccounted:
            return EXIT_BLOCKED
        if self.left:
            return EXIT_UNDECIDED
        return EXIT_BLOCKED if any(d.blocked for d in self.decisions) else EXIT_PASS


def finish(settings: Settings, format_: str, endings: Sequence[Ending]) -> int:
    """Prints how each environment ended, and the worst of their exit codes."""
    for ending in endings:
        for warning in ending.done.warnings if ending.done else ():
            click.echo(f"warning: {warning}", err=True)
    if format_ == "json":
        documents = [_document(ending) for ending in endings]
        whole = documents[0] if len(documents) == 1 else {"environments": documents}
        click.echo(json.dumps(whole, indent=2))
    else:
        for ending in endings:
            _tell(settings, ending, alone=len(endings) == 1)
    strange = [one.done for one in endings if one.done is not None and one.done.unaccounted]
    for done in strange:
        _accuse(done)
    return EXIT_BLOCKED if strange else max(ending.exit_code for ending in endings)


def _document(ending: Ending) -> dict[str, Any]:
    from modelctl.report.json import document

    models = [
        {
            "model": d.model,
            "wanted": d.wanted,
            "ran": d.running.version if d.running else None,
            "runs": d.request.version if d.request else None,
            "moved": d.moves,
            "weight": _weight(d),
            "blocked": d.blocked,
            "reports": [document(report) for report in d.reports],
        }
        for d in ending.decisions
    ]
    return {
        "environment": ending.environment,
        "models": models,
        "left_to_do": list(ending.left),
        **_state(ending),
    }


def _weight(decision: Decision) -> int | None:
    """The share of the version that runs, in percent; the rest goes to the one before."""
    if decision.request is None:
        return None
    part = incoming_of(decision.request) or serving_of(decision.request)
    return part.weight


def _state(ending: Ending) -> dict[str, Any]:
    if ending.error is not None:
        return {"error": ending.error.message, "mend": ending.error.mend}
    done = ending.done
    if done is None:
        return {"dry_run": True}
    return {
        "state": done.state,
        "recorded": done.recorded,
        "tags": list(done.tags),
        "warnings": list(done.warnings),
        "unaccounted": list(done.unaccounted),
    }


def _tell(settings: Settings, ending: Ending, *, alone: bool) -> None:
    from modelctl.report.terminal import render

    for decision in ending.decisions:
        for report in decision.reports:
            click.echo(render(report, options.look(settings)), nl=False)
    if not alone:
        click.echo(f"{ending.environment}:")
    for decision in ending.decisions:
        click.echo(f"{_line(decision)}")
    if ending.error is not None:
        click.echo(f"✗ {ending.error}")
    elif not ending.decisions:
        click.echo(f"{ending.environment} has nothing to deploy")
    for task in ending.left:
        click.echo(f"still to do: {task}", err=True)
    if ending.left:
        click.echo("run the same command again to do it", err=True)


def _accuse(done: Deployed) -> None:
    """Says what lay in the state that no deploy decided."""
    held = "; ".join(done.unaccounted)
    click.echo(f"{done.environment} held what no deploy decided: {held}", err=True)
    click.echo(
        "it was taken out and never signed; see who wrote it: "
        f"git log --stat {done.state} (a deploy that was killed leaves such things too)",
        err=True,
    )


def _line(decision: Decision) -> str:
    before = decision.running.version if decision.running else None
    if decision.blocked:
        runs = "what runs is left as it is" if decision.lost else "nothing runs"
        stays = f"{before} stays" if before and not decision.lost else runs
        return f"✗ {decision.model}: {decision.wanted} is blocked, {stays}"
    if decision.begins is not None and decision.request is not None:
        plan, stable = decision.begins
        share = sum(b.weight for b in decision.request.split if b.name == CANARY)
        how = f"begins at {share} % by {plan.name}"
        if decision.request.target in STEPPED_BY_CONTROLLER:
            how = f"begins by {plan.name}, stepped by its controller"
        return f"✓ {decision.model}: {stable.version} → {decision.wanted} {how}"
    if decision.ended is not None and same(decision.request, decision.stable):
        return f"✓ {decision.model}: {decision.wanted} again, {before} was taken back"
    if decision.request is not None and is_split(decision.request):
        return f"✓ {decision.model}: {decision.wanted} is on its way, as it was"
    if decision.moves:
        return f"✓ {decision.model}: {before or 'nothing'} → {decision.wanted}"
    return f"✓ {decision.model}: {decision.wanted}, as it was"
