"""Puts the state of an environment into force on this machine, for models of the `local` target."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from modelctl.adapters.artifacts import fetch, verify
from modelctl.adapters.local.target import LocalTarget
from modelctl.adapters.manifests import read_objects
from modelctl.domain.rendering import MANIFESTS, RenderRequest
from modelctl.domain.serving import KIND, Backend, Serving, parse_local_serving
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError
from modelctl.services.candidates import read_version
from modelctl.services.session import Session
from modelctl.services.state import read_state, record

ARTIFACTS = ".artifacts"
"""Beside the environments, whose names never begin with a dot."""

FIRST_PORT = 18080
"""Each environment has its own router: the first one's port, then the next ones in order."""

Progress = Callable[[str], None]


def local_target(session: Session, environment: str, root: Path, port: int | None) -> LocalTarget:
    """The local target of an environment; its port follows from the order of the environments."""
    order = session.policy.lifecycle.environments.index(environment)
    return LocalTarget(root, environment, port=port or FIRST_PORT + order)


def converge(
    session: Session,
    target: LocalTarget,
    state: Tree,
    root: Path,
    tracking_uri: str | None,
    progress: Progress,
) -> list[str]:
    """Serves what the state says, and returns what couldn't be served, a sentence for each model.

    A model whose artifacts can't be had, or aren't those of its manifest, goes on serving as it
    did; the others move on.
    """
    desired: list[Serving] = []
    problems: list[str] = []
    for one in _records(state):
        try:
            backends = list(_backends(state, one.model))
            desired += [serving(session, one, b, root, tracking_uri) for b in backends]
        except ModelctlError as error:
            problems.append(f"{one.model} {one.version}: {error}")
            desired += _as_it_is(target, one.model, root)
    try:
        for status in target.converge(desired, progress=progress):
            progress(f"serving {status.model} {status.version} at {status.url}")
    except ModelctlError as error:
        problems.append(str(error))
    else:
        _forget(session, desired, root)
    return problems


def _as_it_is(target: LocalTarget, model: str, root: Path) -> Iterator[Serving]:
    """What serves of a model now, to be kept."""
    for status in target.status():
        if status.model == model and status.digest is not None and status.pid is not None:
            yield Serving(
                model=model,
                version=status.version,
                digest=status.digest,
                model_path=root / ARTIFACTS / status.digest,
                weight=status.weight,
            )


def _forget(session: Session, serving: Iterable[Serving], root: Path) -> None:
    """Removes the artifacts that no environment runs any more."""
    kept = {one.digest for one in serving}
    for environment in session.policy.lifecycle.environments:
        kept |= {one.digest for one in read_state(session, environment).values()}
    folder = root / ARTIFACTS
    for old in folder.iterdir() if folder.is_dir() else ():
        if old.name.partition(".")[0] not in kept:
            shutil.rmtree(old)


def serving(
    session: Session, state: RenderRequest, backend: Backend, root: Path, tracking_uri: str | None
) -> Serving:
    """A backend with its artifacts on this machine, proved to be those of its manifest."""
    folder = root / ARTIFACTS / backend.digest
    tree = session.repository.tree(state.commit)
    version = read_version(tree, backend.model, backend.version)
    if version is None:
        raise ModelctlError(f"{backend.model}@{backend.version} has no manifest at {state.commit}")
    files = version.artifacts.files
    if not folder.is_dir() or verify(folder, files):
        _fetch(session, backend, folder, tracking_uri)
    problems = verify(folder, files)
    if problems:
        shutil.rmtree(folder)
        raise ModelctlError(
            f"the artifacts of {backend.model}@{backend.version} are not those of its manifest: "
            + "; ".join(problems[:5]),
            mend="restore them where artifacts.root says; nothing of them was loaded",
        )
    return Serving(
        model=backend.model,
        version=backend.version,
        digest=backend.digest,
        model_path=folder,
        weight=backend.weight,
    )


def _fetch(session: Session, backend: Backend, folder: Path, tracking_uri: str | None) -> None:
    """Brings the artifacts here whole: into a folder beside, then renamed."""
    coming = folder.with_name(f"{folder.name}.coming")
    shutil.rmtree(coming, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    coming.mkdir(parents=True)
    found = fetch(
        backend.artifacts,
        coming,
        tracking_uri=tracking_uri,
        repository=session.repository.directory,
    )
    found.rename(folder)
    shutil.rmtree(coming, ignore_errors=True)


def _records(state: Tree) -> Iterator[RenderRequest]:
    for model in state.names(""):
        one = record(state, model)
        if one is not None and one.target == "local":
            yield one


def _backends(state: Tree, model: str) -> Iterator[Backend]:
    path = f"{model}/{MANIFESTS}"
    for obj in read_objects((state.read(path) or b"").decode(), file=path):
        if obj.get("kind") == KIND:
            yield from parse_local_serving(obj)
