"""`modelctl github`: the repository's settings on GitHub, as code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from modelctl.adapters.git import Repository
from modelctl.adapters.policies import load_policy
from modelctl.adapters.settings_file import require_settings
from modelctl.adapters.work_tree import WorkTree
from modelctl.cli import Settings
from modelctl.commands import github_options, options
from modelctl.domain import rulesets as branch_rules
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS
from modelctl.services.generated import ruleset_files, stale_rulesets

if TYPE_CHECKING:
    from modelctl.domain.settings_plan import Plan


@click.command(
    short_help="Show how GitHub differs from the settings.", epilog=github_options.CREDENTIALS
)
@click.option("--check", is_flag=True, help="Exit code 1 when anything differs.")
@click.option("--issue", is_flag=True, help="Keep one issue about it: opened, updated, closed.")
@github_options.repository
@github_options.api
@options.trusted_ref
@options.output_format("terminal", "json", "markdown")
@click.pass_obj
def plan(
    settings: Settings,
    check: bool,
    issue: bool,
    repository: str | None,
    api: str | None,
    trusted_ref: str | None,
    format_: str,
) -> int:
    """Compare the repository on GitHub with .github/settings.yaml, and with the branch rules,
    labels and environments that the lifecycle and the roles ask for. Nothing is changed.

    \b
    modelctl github plan
    modelctl github plan --check --issue    # each day: one issue while something differs
    """
    from modelctl.report import settings_plan as report
    from modelctl.services.settings_sync import look, report_drift

    session = options.start(settings, trusted_ref)
    github = github_options.hub(settings, repository, api)
    made = look(session, github).plan
    click.echo(_shown(settings, made, format_), nl=False)
    if issue:
        report_drift(github, made, report.markdown(made))
    return EXIT_BLOCKED if check and made.steps else EXIT_PASS


@click.command(
    name="apply",
    short_help="Bring GitHub in line with the settings.",
    epilog=github_options.CREDENTIALS,
)
@click.option("--yes", is_flag=True, help="Don't ask.")
@github_options.repository
@github_options.api
@options.trusted_ref
@click.pass_obj
def apply_(
    settings: Settings,
    yes: bool,
    repository: str | None,
    api: str | None,
    trusted_ref: str | None,
) -> int:
    """Show the plan, ask, and carry it out. It may be killed and run again at any point; a second
    run changes nothing. What only a person can do is listed, and ends it with exit code 1.

    \b
    modelctl github apply
    modelctl github apply --yes    # in a script
    """
    from modelctl.report import settings_plan as report
    from modelctl.services.settings_sync import apply, look

    session = options.start(settings, trusted_ref)
    github = github_options.hub(settings, repository, api)
    made = look(session, github)
    click.echo(_shown(settings, made.plan, "terminal"), nl=False)
    doable = len(made.plan.doable)
    if doable and not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("there is no terminal to ask at; --yes applies it unasked")
        click.confirm(
            f"Take {'this step' if doable == 1 else f'these {doable} steps'}?", abort=True, err=True
        )
    apply(made, github, lambda step: options.progress(report.done(step)))
    return EXIT_BLOCKED if len(made.plan.steps) > doable else EXIT_PASS


@click.command(short_help="Generate the branch rules from the lifecycle.")
@click.option("--write", is_flag=True, help="Write them into the work tree.")
@click.pass_obj
def rulesets(settings: Settings, write: bool) -> int:
    """Compare .github/rulesets/ of the work tree with the branch rules that its lifecycle and
    roles ask for; exit code 1 when a file differs.

    \b
    modelctl github rulesets
    modelctl github rulesets --write
    """
    repository = Repository.discover(settings.directory)
    tree = repository.tree(repository.working_tree())
    policy, one = load_policy(tree, tree.oid), require_settings(tree)
    stale = stale_rulesets(policy, one, tree)
    if not stale:
        options.progress(f"{len(ruleset_files(policy, one))} files are up to date")
        return EXIT_PASS
    for path, text in stale.items():
        click.echo(f"{path} {'differs' if text else 'belongs to no branch'}")
    if not write:
        options.progress(f"run `{branch_rules.WRITE}`")
        return EXIT_BLOCKED
    texts = {path: text for path, text in stale.items() if text is not None}
    new = {path: text for path, text in texts.items() if tree.read(path) is None}
    work = WorkTree(repository.directory)
    work.write(new, {path: text for path, text in texts.items() if path not in new})
    for path in stale.keys() - texts.keys():
        (repository.directory / path).unlink()
    return EXIT_PASS


def _shown(settings: Settings, made: Plan, format_: str) -> str:
    from modelctl.report import settings_plan as report

    if format_ == "terminal":
        return report.terminal(made, options.look(settings))
    return report.json(made) if format_ == "json" else report.markdown(made)
