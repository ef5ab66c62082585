"""`modelctl codeowners`: the file, as the policies and the models give it."""

from __future__ import annotations

import click

from modelctl.adapters.git import Repository
from modelctl.adapters.policies import load_policy
from modelctl.adapters.settings_file import require_settings
from modelctl.adapters.work_tree import WorkTree
from modelctl.cli import Settings
from modelctl.commands import options
from modelctl.domain.code_owner_rules import problems
from modelctl.domain.codeowners import PATH, SHADOW, WRITE
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS, ModelctlError
from modelctl.services.generated import code_owners


@click.command(short_help="Generate CODEOWNERS from the policies.")
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 when it isn't up to date.")
@click.option("--write", is_flag=True, help="Write it into the work tree.")
@click.pass_obj
def command(settings: Settings, check: bool, write: bool) -> int:
    """Print CODEOWNERS as the policies of the work tree, and the models of all shared branches,
    give it.

    \b
    modelctl codeowners --check
    modelctl codeowners --write
    """
    if check and write:
        raise click.UsageError("--check and --write don't go together")
    repository = Repository.discover(settings.directory)
    if repository.bare:
        raise ModelctlError(f"{repository.directory} has no work tree", mend="run it in a clone")
    tree = repository.tree(repository.working_tree())
    policy = load_policy(tree, tree.oid)
    text = code_owners(repository, policy, require_settings(tree).organisation, [tree])
    found = tree.read(PATH)
    if not (check or write):
        click.echo(text, nl=False)
        return EXIT_PASS
    for problem in problems((found or b"").decode(errors="replace")):
        options.progress(f"{PATH}:{problem.number}: GitHub skips this line: {problem.message}")
    if tree.entry(SHADOW) is not None:
        raise ModelctlError(f"GitHub reads {SHADOW}, and {PATH} no more", mend=f"git rm {SHADOW}")
    if found == text.encode():
        options.progress(f"{PATH} is up to date")
        return EXIT_PASS
    if check:
        click.echo(_difference(found, text), nl=False)
        options.progress(f"{PATH} is not up to date: run `{WRITE}`")
        return EXIT_BLOCKED
    files = {PATH: text}
    new, changed = ({}, files) if found is not None else (files, {})
    WorkTree(repository.directory).write(new, changed)
    options.progress(f"wrote {PATH}")
    return EXIT_PASS


def _difference(found: bytes | None, text: str) -> str:
    import difflib

    old = (found or b"").decode(errors="replace").splitlines(keepends=True)
    names = f"{PATH} as it is", f"{PATH} as the policies give it"
    return "".join(difflib.unified_diff(old, text.splitlines(keepends=True), *names))
