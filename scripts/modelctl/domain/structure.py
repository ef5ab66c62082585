"""The shape of a change: models or rules, known files only, regular files only, rules from one
branch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from modelctl.domain.document import Location
from modelctl.domain.flow_input import FlowInput, shown
from modelctl.domain.names import classify, model_path, release_path, version_path
from modelctl.domain.tree import REGULAR, Tree
from modelctl.domain.verdict import Finding, Outcome

MIXING, PLACEMENT, FILE_MODE = "mixing", "placement", "file-mode"
RULES_BRANCH, SYNC = "rules-branch", "sync"
RULE_ROOTS = ("policies", "scripts", "kustomize", ".github", "CODEOWNERS")
"""What a sync must bring to a branch as a whole; whatever else it touches goes file by file."""

_KINDS = {0o120000: "a symbolic link", 0o160000: "a submodule", 0o100755: "executable"}


def failure(gate: str, message: str, path: str, *, mend: str) -> Finding:
    """A finding that blocks, at a file of the change."""
    location = Location(file=shown(path))
    return Finding(gate=gate, outcome=Outcome.FAIL, message=message, location=location, mend=mend)


def mixing(proposal: FlowInput) -> Iterator[Finding]:
    """Models and rules never change together: rules are judged by other people, on one branch."""
    models, rules = proposal.model_changes, proposal.rule_changes
    if models and rules:
        yield failure(
            MIXING,
            f"models and rules change together: {shown(models[0].path)} and {shown(rules[0].path)}",
            rules[0].path,
            mend="split it in two pull requests, the rules into "
            f"{proposal.default_branch} and the models here",
        )


def placement(proposal: FlowInput) -> Iterator[Finding]:
    """Only known files below `models/`, on branches that have an environment."""
    changes = proposal.model_changes
    if changes and proposal.transition is None:
        yield failure(
            PLACEMENT,
            f"no environment follows {proposal.branch}, so models can't change there",
            changes[0].path,
            mend="open the pull request into a branch of the lifecycle",
        )
    for change in changes:
        if change.after is not None and classify(change.path) is None:
            yield _unknown_file(change.path)
    yield from _case_clashes(proposal)
    yield from _homeless(proposal)


def _unknown_file(path: str) -> Finding:
    return failure(
        PLACEMENT,
        f"{shown(path)} may not lie below models/",
        path,
        mend="keep to models/<domain>-<task>/model.yaml, release.yaml and versions/<semver>.yaml",
    )


def _case_clashes(proposal: FlowInput) -> Iterator[Finding]:
    """Versions that are one file where the file system doesn't tell upper from lower case."""
    there: dict[str, dict[str, list[str]]] = {}
    for change, file in proposal.known_files():
        if file.version is None:
            continue
        name = f"{file.version}.yaml"
        if file.model not in there:
            there[file.model] = _by_lower_case(proposal.after, f"models/{file.model}/versions")
        for other in there[file.model].get(name.lower(), ()):
            if other != name:
                yield failure(
                    PLACEMENT,
                    f"{change.path} and {shown(other)} differ only in upper and lower case",
                    change.path,
                    mend="choose another version",
                )


def _by_lower_case(tree: Tree, folder: str) -> dict[str, list[str]]:
    """The names in a folder, by what they are to a file system that ignores case."""
    found: dict[str, list[str]] = {}
    for name in tree.names(folder):
        found.setdefault(name.lower(), []).append(name)
    return found


def _homeless(proposal: FlowInput) -> Iterator[Finding]:
    """Models without model.yaml. One that was taken away is immutability's to tell."""
    for model in proposal.models:
        path = model_path(model)
        if proposal.after.entry(path) is None and proposal.before.entry(path) is None:
            yield failure(PLACEMENT, f"{model} has no model.yaml", path, mend=f"add {path}")


def file_modes(proposal: FlowInput) -> Iterator[Finding]:
    """Regular files only: the changed ones, and those that a release stands on."""
    paths = {change.path: change.after for change in proposal.model_changes}
    for model in proposal.models:
        release = proposal.releases_after.get(model)
        versions = [version_path(model, release.version)] if release else []
        for path in (model_path(model), release_path(model), *versions):
            paths.setdefault(path, proposal.after.entry(path))
    for path, entry in sorted(paths.items()):
        if entry is not None and entry.mode != REGULAR:
            kind = _KINDS.get(entry.mode, f"of mode {entry.mode:o}")
            yield failure(
                FILE_MODE,
                f"{shown(path)} is {kind}, not a regular file",
                path,
                mend="commit it as a plain file with mode 100644",
            )


def rules_branch(proposal: FlowInput) -> Iterator[Finding]:
    """On other branches than the default one rules may only become what they are there."""
    if proposal.branch == proposal.default_branch:
        return
    for change in proposal.rule_changes:
        if change.after != proposal.trusted.entry(change.path):
            yield failure(
                RULES_BRANCH,
                f"{shown(change.path)} is not as it is on {proposal.default_branch}",
                change.path,
                mend=f"change rules on {proposal.default_branch} and sync them from there",
            )


def sync(proposal: FlowInput) -> Iterator[Finding]:
    """A sync brings all rules: half of them could be weaker than either whole."""
    if proposal.branch == proposal.default_branch or not proposal.rule_changes:
        return
    for root in RULE_ROOTS:
        if _identity(proposal.after, root) != _identity(proposal.trusted, root):
            finding = failure(
                SYNC,
                f"{root} is not wholly as it is on {proposal.default_branch}",
                root,
                mend="sync all of it",
            )
            restore = f"git restore --source {proposal.default_branch} --staged --worktree {root}"
            yield replace(finding, command=restore)


def _identity(tree: Tree, path: str) -> object:
    """What makes a folder or a file equal to another one."""
    return tree.subtree(path) or tree.entry(path)
