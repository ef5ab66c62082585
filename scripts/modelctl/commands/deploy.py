"""`modelctl deploy`: bring environments to what their branches say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click

from modelctl.adapters.reviews import load_pull_requests
from modelctl.cli import Settings
from modelctl.commands import effects, github_options, options
from modelctl.commands.deploy_output import Ending, finish
from modelctl.domain.policy import Transition
from modelctl.errors import ModelctlError
from modelctl.report import words
from modelctl.services.deciding import decide
from modelctl.services.deployed import Deployed
from modelctl.services.deploying import deploy
from modelctl.services.merges import Merged, given
from modelctl.services.notifying import tell_served
from modelctl.services.session import Session

_HELP = """Judge ENV's branch again, render it, commit the state, record it and update the registry.

\b
modelctl deploy dev --reviews merged.json
modelctl deploy --all --github
modelctl deploy production --github --apply --context production --wait 10m

Everything that the branch says is reconciled, not only its last commit. It may be killed and
run again at any point, and several may run at once. Of several environments each goes its own
way, in the order of the lifecycle; the exit code is the worst. Models of the `local` target are
served on this machine; the others are applied to the cluster that --context names, server-side
and under a field manager of modelctl's own. What it applied and the state has no more is
removed, a field of somebody else never taken. What went back without a record, as by a job that
was killed, is held there until --forward or an emergency rollback says which it was. Without
--context something else follows the environment's branch, such as Argo CD.

With --github the merged pull request behind each new commit is looked up there. Afterwards each
model that moved, or was blocked, has a deployment on GitHub, and the pull request says so.
"""


@click.command(short_help="Deploy what the branches of environments say.", help=_HELP)
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
@effects.local_port
@effects.no_apply
@click.option("--apply", "to_cluster", is_flag=True, help="Apply it to a cluster: see --context.")
@effects.context
@effects.wait
@click.option(
    "--forward",
    multiple=True,
    metavar="MODEL",
    help="Undo a way back of this model that nobody recorded; may be repeated.",
)
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
    to_cluster: bool,
    context: str | None,
    wait: timedelta,
    forward: tuple[str, ...],
    dry_run: bool,
    tracking_uri: str | None,
    key_file: Path | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """See `_HELP`."""
    if by_github and files:
        raise ModelctlError("--reviews has no effect with --github", mend="give one of them")
    if to_cluster and (no_apply or not context):
        mend = "leave out --no-apply" if no_apply else "give --context, or set MODELCTL_CONTEXT"
        raise ModelctlError("--apply needs a cluster to apply to", mend=mend)
    means = effects.Means(
        root=options.local_folder(settings, local_root),
        port=local_port,
        apply=not no_apply,
        context=context,
        wait=wait,
        tracking_uri=tracking_uri,
        key_file=key_file,
        github=github_options.hub(settings, repository, api) if by_github else None,
    )
    wish = _Wish(
        settings=settings,
        files=files,
        means=means,
        dry_run=dry_run,
        trusted_ref=trusted_ref,
        forward=forward,
    )
    session = options.start(settings, trusted_ref, fetch=True)
    chosen = options.transitions(session.policy.lifecycle, environments, everything=everything)
    if len(chosen) == 1:
        return finish(settings, format_, [_one(wish, session, chosen[0])])
    return finish(settings, format_, list(_each(wish, session, chosen)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What the command line asks for, whatever the environment."""

    settings: Settings
    files: tuple[Path, ...]
    means: effects.Means
    dry_run: bool
    trusted_ref: str | None
    forward: tuple[str, ...] = ()


def _each(wish: _Wish, session: Session, chosen: Sequence[Transition]) -> Iterator[Ending]:
    """Several environments: what goes wrong in one is no reason to leave the others."""
    wish.means.require_context()
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
    acting = wish.means.effects(session, [environment], figures=False)
    done = deploy(session, transition, merged, acting, forward=wish.forward)
    waits = [f"put into force: {problem}" for problem in done.problems.values()]
    left = [*waits, *done.left, *_registry(session, done, wish.means.tracking_uri)]
    left += _announced(wish, session, transition, merged, done, waits)
    moved = [d.model for d in done.decisions if d.arrives] if done.recorded else []
    left += tell_served(session, transition, moved, acting)
    return Ending(environment=environment, decisions=done.decisions, done=done, left=tuple(left))


def _merged(wish: _Wish, session: Session) -> Merged:
    """Where the pull requests behind commits are found."""
    if wish.means.github is None:
        return given([one for file in wish.files for one in load_pull_requests(file)])
    from modelctl.services.merged_pulls import MergedPulls

    return MergedPulls(session, wish.means.github)


def _announced(
    wish: _Wish,
    session: Session,
    transition: Transition,
    merged: Merged,
    done: Deployed,
    waits: Sequence[str],
) -> tuple[str, ...]:
    """Tells GitHub; what is still to be told."""
    github = wish.means.github
    if github is None:
        return ()
    from modelctl.services.announcing import announce
    from modelctl.services.merged_pulls import MergedPulls

    known = merged if isinstance(merged, MergedPulls) else MergedPulls(session, github)
    left = announce(session, github, known, transition, done, waits=waits)
    options.progress(f"github: {words.count(github.calls, 'call')} so far")
    return left


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
