"""`modelctl init`: a fresh copy of this repository becomes a team's own."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelctl.adapters.git import Repository
from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.errors import EXIT_PASS

if TYPE_CHECKING:
    from modelctl.report.adoption import Place
    from modelctl.services.adopting import Adoption, Wishes

_TARGETS = ("kserve", "argo-rollouts", "gateway-api", "local")
_REPEAT = "; repeat it for each"
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.command(short_help="Make a fresh copy of this repository your own.")
@click.option("--organisation", metavar="NAME", help="Your organisation on GitHub.")
@click.option("--repository", metavar="NAME", help="The repository's name there.")
@click.option(
    "--member", "members", multiple=True, metavar="ROLE=LOGIN,…", help=f"Who holds a role{_REPEAT}."
)
@click.option(
    "--role-team",
    "role_teams",
    multiple=True,
    metavar="ROLE=SLUG",
    help=f"The GitHub team of a role{_REPEAT}.",
)
@click.option(
    "--team",
    "teams",
    multiple=True,
    metavar="NAME=CONTACT[,SLUG]",
    help=f"A team that owns models, and its GitHub team{_REPEAT}.",
)
@click.option(
    "--environment",
    "environments",
    multiple=True,
    metavar="OLD=NEW",
    help=f"Rename an environment{_REPEAT}.  [default: as shipped]",
)
@click.option("--serving-target", type=click.Choice(_TARGETS), help="What serves new models.")
@click.option("--images", metavar="HOST/PATH", help="The registry of the serving image.")
@click.option("--mlflow", metavar="URI", help="The address of your MLflow, without credentials.")
@click.option("--gate-app", type=click.IntRange(1), metavar="ID", help="The id of the gate App.")
@click.option("--deploy-app", type=click.IntRange(1), metavar="ID", help="That of the deploy App.")
@click.option(
    "--keys",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the private keys, outside of the repository.  [default: beside it]",
)
@click.option("--dry-run", is_flag=True, help="Print the diff, write nothing.")
@click.option("--yes", is_flag=True, help="Ask nothing; what isn't given stays as it is.")
@click.pass_obj
def command(settings: Settings, /, yes: bool, dry_run: bool, keys: Path | None, **said: Any) -> int:
    """Write the organisation, roles, teams, CODEOWNERS and branch rules, make the keys that sign,
    and say what only a person can do. It asks for what isn't given.

    It may be run again: it adds what is missing and overwrites nothing that you filled in. It
    refuses a repository that is another organisation's.

    \b
    modelctl init --organisation acme --dry-run
    modelctl init --organisation acme --member platform=pat,quinn --member ml-lead=lena \\
      --member ml-team=ada,ben --team oncology-ml=oncology@acme.example,oncology-ml --yes
    """
    from modelctl.commands.init_questions import ask
    from modelctl.commands.init_wishes import wishes as wishes_of
    from modelctl.services.adopting import adoption, check_outside, refuse_origin

    repository = Repository.discover(settings.directory)
    now = datetime.now(UTC).replace(microsecond=0)
    place = _place(repository, said.pop("repository"))
    if not yes and sys.stdin.isatty():
        ask(repository, said)
    wishes = wishes_of(**said)
    private = keys or repository.directory.parent / f"{wishes.organisation}-modelctl-keys"
    check_outside(repository, private)
    refuse_origin(repository, wishes.organisation)
    found = adoption(repository, wishes, now)
    for note in found.notes:
        options.progress(f"note: {note}")
    if dry_run:
        _show(settings, found)
        return EXIT_PASS
    _write(repository, found, wishes, place, private, now)
    return EXIT_PASS


def _show(settings: Settings, found: Adoption) -> None:
    """What a run would change."""
    from modelctl.report.adoption import diff

    for line in diff(found.changes, found.moves).splitlines():
        colour = _COLOURS.get(line[:1]) if settings.color else None
        click.echo(click.style(line, fg=colour) if colour else line)
    if not (found.changes or found.keys):
        options.progress("nothing to write")
    options.progress(f"keys to make: {', '.join(found.keys) or 'none'}")


def _write(
    repository: Repository,
    found: Adoption,
    wishes: Wishes,
    place: Place,
    private: Path,
    now: datetime,
) -> None:
    """Writes it all, and says what is left to people."""
    from modelctl.adapters.settings_file import require_settings
    from modelctl.report.adoption import steps
    from modelctl.services.adopting import adopt

    made = adopt(repository, found, private, now)
    gone = set(found.moves.values())
    for path in (*(path for path in found.changes if path not in gone), *(p for p, _ in made)):
        old = found.moves.get(path)
        options.progress(f"moved {old} to {path}" if old else f"wrote {path}")
    if not (found.changes or made):
        options.progress("nothing to write")
    tree = repository.tree(repository.working_tree())
    where = [(Path(public).stem, str(path)) for public, path in made]
    one = require_settings(tree)
    remote = repository.remote is not None
    text = steps(found.policy, one, place, where, registry=wishes.registry, remote=remote)
    click.echo(text, nl=False)


def _place(repository: Repository, name: str | None) -> Place:
    """Where the repository is on the web, by its remote; on GitHub itself without one."""
    from modelctl.adapters.github.addresses import parse_remote, web_url
    from modelctl.report.adoption import Place

    url = repository.remote_url
    remote = parse_remote(url) if url else None
    server = web_url(remote.api_url) if remote else "https://github.com"
    own = remote.repository.partition("/")[2] if remote else repository.directory.name
    return Place(server=server, name=name or own)
