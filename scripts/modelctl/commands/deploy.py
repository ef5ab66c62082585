"""`modelctl deploy`: bring environments to what their branches say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelctl.adapters.reviews import load_pull_requests
from modelctl.cli import Settings
from modelctl.commands import github_options, options
from modelctl.commands.deploy_output import Ending, finish
from modelctl.domain.policy import Lifecycle, Transition
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError
from modelctl.report import words
from modelctl.services.deciding import decide
from modelctl.services.deploying import Deployed, deploy
from modelctl.services.evidence import load_signer
from modelctl.services.merges import Merged, given
from modelctl.services.pointers import unknown_environment
from modelctl.services.session import Session

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub


@click.command(short_help="Deploy what the branches of environments say.")
@click.argument("environments", metavar="[ENV]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every environment of the lifecycle.")
@click.option(
    "--reviews",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Merged pull requests with their reviews (JSON); may be repeated.",
)
@click.option(
    "--github", "by_github", is_flag=True, help="Ask GitHub for them, and tell it what was done."
)
@github_options.repository
@github_options.api
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
    environments: tuple[str, ...],
    everything: bool,
    files: tuple[Path, ...],
    by_github: bool,
    repository: str | None,
    api: str | None,
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

    \b
    modelctl deploy dev --reviews merged.json
    modelctl deploy --all --github

    Everything that the branch says is reconciled, not only its last commit. It may be killed and
    run again at any point, and several may run at once. Of several environments each goes its own
    way, in the order of the lifecycle; the exit code is the worst. Models of the `local` target are
    served on this machine.

    With --github the merged pull request behind each new commit is looked up there. Afterwards each
    model that moved, or was blocked, has a deployment on GitHub, and the pull request says so.
    """
    if by_github and files:
        raise ModelctlError("--reviews has no effect with --github", mend="give one of them")
    wish = _Wish(
        settings=settings,
        files=files,
        github=github_options.hub(settings, repository, api) if by_github else None,
        root=options.local_folder(settings, local_root),
        port=local_port,
        apply=not no_apply,
        dry_run=dry_run,
        tracking_uri=tracking_uri,
        key_file=key_file,
        trusted_ref=trusted_ref,
    )
    session = options.start(settings, trusted_ref, fetch=True)
    chosen = _chosen(session.policy.lifecycle, environments, everything)
    if len(chosen) == 1:
        return finish(settings, format_, [_one(wish, session, chosen[0])])
    return finish(settings, format_, list(_each(wish, session, chosen)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What the command line asks for, whatever the environment."""

    settings: Settings
    files: tuple[Path, ...]
    github: GitHub | None
    root: Path
    port: int | None
    apply: bool
    dry_run: bool
    tracking_uri: str | None
    key_file: Path | None
    trusted_ref: str | None


def _chosen(lifecycle: Lifecycle, named: tuple[str, ...], everything: bool) -> list[Transition]:
    """The transitions into the environments that are meant, in the order of the lifecycle."""
    if everything and named:
        raise ModelctlError("--all has no effect with ENV", mend="give one of them")
    if not everything and not named:
        raise ModelctlError(
            "which environment?",
            mend=f"name one or more of {', '.join(lifecycle.environments)}, or give --all",
        )
    for name in named:
        if lifecycle.to_environment(name) is None:
            raise unknown_environment(name, lifecycle.environments)
    return [t for t in lifecycle.transitions if everything or t.environment in named]


def _each(wish: _Wish, session: Session, chosen: list[Transition]) -> Iterator[Ending]:
    """Several environments: what goes wrong in one is no reason to leave the others."""
    for index, transition in enumerate(chosen):
        try:
            if index:  # what the one before wrote is to be seen
                session = options.start(wish.settings, wish.trusted_ref, fetch=True)
            yield _one(wish, session, transition)
        except ModelctlError as error:
            options.progress(f"{transition.environment}: {error}")
            yield Ending(environment=transition.environment, error=error)


def _one(wish: _Wish, session: Session, transition: Transition) -> Ending:
    environment, merged = transition.environment, _merged(wish, session)
    if wish.dry_run:
        return Ending(environment=environment, decisions=decide(session, transition, merged))
    signer = load_signer(wish.key_file, options.signing_secret())
    serving = _Serving(session, transition, wish)
    done = deploy(session, transition, merged, signer, serving.apply, options.progress)
    left = [*serving.left, *done.left, *_registry(session, done, wish.tracking_uri)]
    left += _announced(wish, session, transition, merged, done, serving)
    return Ending(environment=environment, decisions=done.decisions, done=done, left=tuple(left))


def _merged(wish: _Wish, session: Session) -> Merged:
    """Where the pull requests behind commits are found."""
    if wish.github is None:
        return given([one for file in wish.files for one in load_pull_requests(file)])
    from modelctl.services.merged_pulls import MergedPulls

    return MergedPulls(session, wish.github)


def _announced(
    wish: _Wish,
    session: Session,
    transition: Transition,
    merged: Merged,
    done: Deployed,
    serving: _Serving,
) -> tuple[str, ...]:
    """Tells GitHub; what is still to be told."""
    if wish.github is None:
        return ()
    from modelctl.services.announcing import announce
    from modelctl.services.merged_pulls import MergedPulls

    known = merged if isinstance(merged, MergedPulls) else MergedPulls(session, wish.github)
    waits = tuple(serving.left)
    left = announce(session, wish.github, known, transition, done, waits=waits)
    options.progress(f"github: {words.count(wish.github.calls, 'call')} so far")
    return left


class _Serving:
    """Applies the state on this machine. A server that doesn't start is left to do, for the state
    and its history are true all the same."""

    def __init__(self, session: Session, transition: Transition, wish: _Wish):
        self._session, self._environment = session, transition.environment
        self._root, self._port, self._uri = wish.root, wish.port, wish.tracking_uri
        self._enabled = wish.apply
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
