"""`modelctl deploy`: bring an environment to what its branch says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from modelctl.adapters.reviews import load_pull_requests
from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.policy import Transition
from modelctl.domain.tree import Tree
from modelctl.errors import (
    EXIT_BLOCKED,
    EXIT_PASS,
    EXIT_UNDECIDED,
)
from modelctl.report import words
from modelctl.services.deciding import Decision, decide
from modelctl.services.deploying import Deployed, deploy
from modelctl.services.evidence import load_signer
from modelctl.services.pointers import unknown_environment
from modelctl.services.session import Session


@click.command(short_help="Deploy what an environment's branch says.")
@click.argument("environment", metavar="ENV")
@click.option(
    "--reviews",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Merged pull requests with their reviews (JSON); may be repeated.",
)
@options.local_root
@click.option("--local-port", type=int, help="The local router's port.")
@click.option("--no-apply", is_flag=True, help="Write state and history, start no local servers.")
@click.option("--dry-run", is_flag=True, help="Judge, and say what would be done.")
@options.tracking_uri
@options.key_file
@options.trusted_ref
@options.output_format("text", "json")
@click.pass_obj
def command(
    settings: Settings,
    environment: str,
    files: tuple[Path, ...],
    local_root: Path | None,
    local_port: int | None,
    no_apply: bool,
    dry_run: bool,
    tracking_uri: str | None,
    key_file: Path | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Judge ENV's branch again, render it, commit the state, record it and update the registry.

    Everything that the branch says is reconciled, not only its last commit. It may be killed and
    run again at any point, and several may run at once. Models of the `local` target are served on
    this machine.
    """
    session = options.start(settings, trusted_ref, fetch=True)
    transition = session.policy.lifecycle.to_environment(environment)
    if transition is None:
        raise unknown_environment(environment, session.policy.lifecycle.environments)
    merged = tuple(one for file in files for one in load_pull_requests(file))
    if dry_run:
        decisions = decide(session, transition, merged)
        return _finish(settings, format_, environment, decisions, None, [])
    signer = load_signer(key_file, options.signing_secret())
    serving = _Serving(
        session,
        transition,
        options.local_folder(settings, local_root),
        local_port,
        tracking_uri,
        enabled=not no_apply,
    )
    done = deploy(session, transition, merged, signer, serving.apply, options.progress)
    left = [*serving.left, *done.left, *_registry(session, done, tracking_uri)]
    return _finish(settings, format_, environment, done.decisions, done, left)


class _Serving:
    """Applies the state on this machine. A server that doesn't start is left to do, for the state
    and its history are true all the same."""

    def __init__(
        self,
        session: Session,
        transition: Transition,
        root: Path,
        port: int | None,
        tracking_uri: str | None,
        *,
        enabled: bool,
    ):
        self._session, self._environment = session, transition.environment
        self._root, self._port, self._uri, self._enabled = root, port, tracking_uri, enabled
        self.left: list[str] = []

    def apply(self, state: Tree) -> None:
        # What served here before may have moved to another target: then it is to stop.
        begun = (self._root / self._environment).is_dir()
        if not self._enabled or not (begun or _has_local(state)):
            return
        from modelctl.services.local_serving import converge, local_target

        target = local_target(self._session, self._environment, self._root, self._port)
        problems = converge(self._session, target, state, self._root, self._uri, options.progress)
        self.left += [f"serve on this machine: {problem}" for problem in problems]


def _has_local(state: Tree) -> bool:
    from modelctl.services.state import record

    found = (record(state, model) for model in state.names(""))
    return any(one is not None and one.target == "local" for one in found)


def _registry(session: Session, done: Deployed, tracking_uri: str | None) -> list[str]:
    """Updates the registry; what is still to do there when it can't be reached."""
    if tracking_uri is None:
        options.progress("registry: none is configured, so none is updated")
        return []
    from modelctl.services.projecting import project

    models = [d.model for d in done.decisions if d.request is not None]
    done_there = project(session, models, tracking_uri)
    changes = sum(len(changed) for changed in done_there.changed.values())
    options.progress(f"registry: {words.count(changes, 'change')}")
    return [f"update the registry: {problem}" for problem in done_there.left]


def _finish(
    settings: Settings,
    format_: str,
    environment: str,
    decisions: tuple[Decision, ...],
    done: Deployed | None,
    left: list[str],
) -> int:
    """Prints what was decided, and the exit code: what is left to do outweighs what is blocked,
    since only running it again can tell. What no deploy decided outweighs both: the next run
    doesn't find it any more."""
    for warning in done.warnings if done else ():
        click.echo(f"warning: {warning}", err=True)
    if format_ == "json":
        click.echo(json.dumps(_document(environment, decisions, done, left), indent=2))
    else:
        _tell(settings, environment, decisions, left)
    if done is not None and done.unaccounted:
        _accuse(environment, done)
        return EXIT_BLOCKED
    if left:
        return EXIT_UNDECIDED
    return EXIT_BLOCKED if any(d.blocked for d in decisions) else EXIT_PASS


def _document(
    environment: str, decisions: tuple[Decision, ...], done: Deployed | None, left: list[str]
) -> dict[str, Any]:
    from modelctl.report.json import document

    models = [
        {
            "model": d.model,
            "wanted": d.wanted,
            "ran": d.running.version if d.running else None,
            "runs": d.request.version if d.request else None,
            "moved": d.moves,
            "blocked": d.blocked,
            "reports": [document(report) for report in d.reports],
        }
        for d in decisions
    ]
    if done is None:
        state: dict[str, Any] = {"dry_run": True}
    else:
        state = {
            "state": done.state,
            "recorded": done.recorded,
            "tags": list(done.tags),
            "warnings": list(done.warnings),
            "unaccounted": list(done.unaccounted),
        }
    return {"environment": environment, "models": models, "left_to_do": left, **state}


def _tell(
    settings: Settings, environment: str, decisions: tuple[Decision, ...], left: list[str]
) -> None:
    from modelctl.report.terminal import render

    for decision in decisions:
        for report in decision.reports:
            click.echo(render(report, options.look(settings)), nl=False)
    for decision in decisions:
        click.echo(f"{_line(decision)}")
    if not decisions:
        click.echo(f"{environment} has nothing to deploy")
    for task in left:
        click.echo(f"still to do: {task}", err=True)
    if left:
        click.echo("run the same command again to do it", err=True)


def _accuse(environment: str, done: Deployed) -> None:
    """Says what lay in the state that no deploy decided."""
    held = "; ".join(done.unaccounted)
    click.echo(f"{environment} held what no deploy decided: {held}", err=True)
    click.echo(
        "it was taken out and never signed; see who wrote it: "
        f"git log --stat {done.state} (a deploy that was killed leaves such things too)",
        err=True,
    )


def _line(decision: Decision) -> str:
    before = decision.running.version if decision.running else None
    if decision.blocked:
        stays = f"{before} stays" if before else "nothing runs"
        return f"✗ {decision.model}: {decision.wanted} is blocked, {stays}"
    if decision.moves:
        return f"✓ {decision.model}: {before or 'nothing'} → {decision.wanted}"
    return f"✓ {decision.model}: {decision.wanted}, as it was"
