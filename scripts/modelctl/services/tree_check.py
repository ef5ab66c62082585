"""Every document of a tree, whatever changes: valid, in its place, and of one piece."""

from __future__ import annotations

from collections.abc import Iterator

from modelctl.domain.document import Location
from modelctl.domain.flow_input import ABOUT_MODELS, shown
from modelctl.domain.manifest import Release
from modelctl.domain.names import (
    MODELS,
    classify,
    is_model_name,
    model_path,
    release_path,
    version_path,
)
from modelctl.domain.releases import RELEASE
from modelctl.domain.structure import PLACEMENT
from modelctl.domain.tree import Tree
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from modelctl.services.candidates import GATE, parse_file, read_release
from modelctl.services.session import Session


def check_tree(session: Session, tree: Tree, commit: str | None) -> Report:
    """Every document of a tree: valid, in its place, and in agreement with its path."""
    paths = {name: f"{MODELS}/{name}" for name in tree.names(MODELS)}
    folders = {name: path for name, path in paths.items() if tree.subtree(path) is not None}
    loose = sorted(set(paths.values()) - set(folders.values()) - {ABOUT_MODELS})
    strays = tuple(_misplaced(path) for path in loose)
    return Report(
        title="every document",
        verdicts=(
            *([Verdict(subject=Subject(), findings=strays)] if strays else ()),
            *(
                Verdict(subject=Subject(model=name), findings=tuple(_model(tree, name)))
                for name in folders
            ),
        ),
        trusted=session.policy.commit,
        head=commit,
        at=session.now,
    )


def _model(tree: Tree, model: str) -> Iterator[Finding]:
    """What is wrong with the files of one model, or that nothing is."""
    paths = [entry.path for entry in tree.walk(f"{MODELS}/{model}")]
    found = [f for path in paths if classify(path) for f in parse_file(tree, path).findings]
    found.extend(_misplaced(path) for path in paths if classify(path) is None)
    if is_model_name(model) and tree.entry(model_path(model)) is None:
        found.extend(parse_file(tree, model_path(model)).findings)
    release = read_release(tree, model)
    if release is not None and tree.entry(version_path(model, release.version)) is None:
        found.append(_dangling(model, release))
    yield from found
    if not found:
        message = f"{len(paths)} documents are valid"
        yield Finding(gate=GATE, outcome=Outcome.PASS, message=message)


def _dangling(model: str, release: Release) -> Finding:
    return Finding(
        gate=RELEASE,
        outcome=Outcome.FAIL,
        message=f"{release_path(model)} names {release.version}, which has no manifest",
        location=Location(file=release_path(model)),
        mend=f"add {version_path(model, release.version)}, or name a version that is there",
    )


def _misplaced(path: str) -> Finding:
    return Finding(
        gate=PLACEMENT,
        outcome=Outcome.FAIL,
        message=f"{shown(path)} is no document of a model",
        location=Location(file=shown(path)),
        mend=f"below {MODELS}/ lie model.yaml, release.yaml and versions/<semver>.yaml only",
    )
