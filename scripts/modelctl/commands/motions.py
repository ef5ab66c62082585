"""What the commands that open a pull request share: they plan, propose and tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import click

from modelctl.cli import Settings
from modelctl.commands import github_options, options
from modelctl.errors import EXIT_PASS
from modelctl.services.moving import Plan
from modelctl.services.opening import propose
from modelctl.services.session import Session


def run(
    settings: Settings,
    plan: Callable[[Session], Plan],
    *,
    repository: str | None,
    api: str | None,
    trusted_ref: str | None,
    dry_run: bool,
    format_: str,
) -> int:
    """Opens the pull request of a plan, or says what it would be, and prints it."""
    from modelctl.report.gfm import read
    from modelctl.report.proposed import Told, json, terminal

    github = None if dry_run else github_options.hub(settings, repository, api)
    session = options.start(settings, trusted_ref, fetch=True)
    done = propose(session, github, plan(session))
    motion = done.plan.motion
    told = Told(
        motion=replace(motion, branch=done.made.branch) if done.made else motion,
        weighed=done.weighed,
        commit=done.made.head if done.made else None,
        base=done.made.base if done.made else None,
        note=done.made.note if done.made else None,
        body=done.body,
        pull=done.opened.pull if done.opened else None,
        is_new=done.opened is not None and done.opened.is_new,
        calls=github.calls if github else 0,
    )
    if format_ == "json":
        click.echo(json(told), nl=False)
        return EXIT_PASS
    click.echo(terminal(told, options.look(settings)), nl=False)
    if dry_run and done.body:
        click.echo(f"\n{read(done.body)}", nl=False)
    return EXIT_PASS
