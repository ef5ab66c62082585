"""The options of every command that talks to GitHub, and the connection that they make.

Tokens come from the environment alone, never from an option: an option would be seen in the list of
processes and in the logs of a job.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import click

from modelctl.adapters.git import Repository
from modelctl.cli import Settings
from modelctl.commands.options import Decorator

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub

CREDENTIALS = (
    "Needs a token, export GITHUB_TOKEN=$(gh auth token), or the GitHub App's MODELCTL_APP_ID and "
    "MODELCTL_APP_KEY."
)
"""What `--help` of such a command ends with."""

repository: Decorator = click.option(
    "--repository",
    metavar="OWNER/NAME",
    envvar="GITHUB_REPOSITORY",
    show_envvar=True,
    help="The repository on GitHub.  [default: that of the git remote]",
)
api: Decorator = click.option(
    "--github-api",
    "api",
    metavar="URL",
    envvar="GITHUB_API_URL",
    show_envvar=True,
    help="The address of GitHub's API, for GitHub Enterprise Server.",
)


def hub(settings: Settings, repository: str | None, api: str | None) -> GitHub:
    """The repository on GitHub, by an App (`MODELCTL_APP_ID`, `MODELCTL_APP_KEY`) or else by
    `GITHUB_TOKEN` or `GH_TOKEN`, until the command ends.

    Until then git reaches its remote as the same account, where that is on the same server.

    Raises:
        ModelctlError: no repository or no token is given, or the key is none.
    """
    from modelctl.adapters.git_cli import authorize
    from modelctl.adapters.github import access_from, connect

    remote_url = Repository.discover(settings.directory).remote_url
    access = access_from(os.environ, repository=repository, api_url=api, remote_url=remote_url)
    context = click.get_current_context()
    github = context.with_resource(contextlib.closing(connect(access)))
    if remote_url is not None:
        # Asked for before each of git's commands, since an App's tokens live for an hour.
        context.with_resource(authorize(lambda: github.git_settings(remote_url)))
    return github


def git_access() -> None:
    """Where a job was given the App, git reaches its remote as that until the command ends."""
    from modelctl.adapters.github.access import APP_KEY

    settings = click.get_current_context().find_object(Settings)
    if settings is not None and os.environ.get(APP_KEY):
        hub(settings, None, None)
