"""Puts the state of an environment into force on this machine, for models of the `local` target."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from modelctl.adapters.artifacts import fetch, verify
from modelctl.adapters.local.metrics import LocalMetrics
from modelctl.adapters.local.target import LocalTarget, running_port
from modelctl.adapters.manifests import read_objects
from modelctl.domain.agreement import Comparing, comparing
from modelctl.domain.local_manifest import KIND, Backend, parse_local_serving
from modelctl.domain.rendering import MANIFESTS, RenderRequest
from modelctl.domain.serving import Key, Serving
from modelctl.domain.strategies import STEPPED
from modelctl.domain.tree import Tree
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.acting import WHOLE_TARGET
from modelctl.services.candidates import read_model, read_version
from modelctl.services.session import Session
from modelctl.services.state import models_of, read_state, record

ARTIFACTS = ".artifacts"
"""Beside the environments, whose names never begin with a dot."""

FIRST_PORT = 18080
"""Each environment has its own router: the first one's port, then the next ones in order."""

Progress = Callable[[str], None]


def local_target(session: Session, environment: str, root: Path, port: int | None) -> LocalTarget:
    """The local target of an environment. Unless `port` says otherwise a router stays where it was
    started, and a new one's port follows from the order of the environments."""
    order = session.policy.lifecycle.environments.index(environment)
    kept = port or running_port(root, environment)
    return LocalTarget(root, environment, port=kept or FIRST_PORT + order)


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
    _look(session, target)
    try:
        for status in target.converge(desired, progress=progress):
            progress(f"serving {status.model} {status.version} at {status.url}")
    except ModelctlError as error:
        problems.append(str(error))
    else:
        _forget(session, desired, root)
    return problems


def _look(session: Session, target: LocalTarget) -> None:
    """What is counted from now on is counted under the new weights."""
    with suppress(DependencyError):
        failures = session.policy.metrics.failures_at(target.folder.name)
        LocalMetrics(target, failures=failures).scrape(session.now)


def shift(
    session: Session,
    target: LocalTarget,
    state: Tree,
    models: Collection[str],
    root: Path,
    tracking_uri: str | None,
    progress: Progress,
) -> Mapping[str, str]:
    """Serves these models as the state says, and touches no other; what isn't in force, by model.

    Between versions that run already traffic moves at once. A version that must be started is
    proved first. A model that the state doesn't have any more is left as it is: see `converge`.
    """
    desired: list[Serving] = []
    problems: dict[str, str] = {}
    running = target.running()
    for one in (record(state, model) for model in sorted(models)):
        if one is None or one.target != "local":
            continue
        try:
            backends = list(_backends(state, one.model))
            desired += [serving(session, one, b, root, tracking_uri, running) for b in backends]
        except ModelctlError as error:
            problems[one.model] = f"{one.model} {one.version}: {error}"
    _look(session, target)
    try:
        if desired:
            target.shift(desired, progress=progress)
    except ModelctlError as error:
        moved = {one.model for one in desired}
        problems[moved.pop() if len(moved) == 1 else WHOLE_TARGET] = str(error)
    return problems


def put_into_force(
    session: Session,
    target: LocalTarget,
    state: Tree,
    models: Collection[str] | None,
    root: Path,
    tracking_uri: str | None,
    progress: Progress,
) -> Mapping[str, str]:
    """Serves what the state says: of these models alone where they are named and still there, else
    all of it, and nothing else. What isn't in force, by model."""
    known = set(models_of(state))
    if models is not None and known.issuperset(models):
        return shift(session, target, state, models, root, tracking_uri, progress)
    problems = converge(session, target, state, root, tracking_uri, progress)
    return {WHOLE_TARGET: "; ".join(problems)} if problems else {}


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
                part=status.part,
                mirror=status.mirror,
                header=status.header,
            )


def _forget(session: Session, serving: Iterable[Serving], root: Path) -> None:
    """Removes the artifacts that no environment runs any more."""
    kept = {one.digest for one in serving}
    for environment in session.policy.lifecycle.environments:
        try:
            state = read_state(session, environment).values()
        except ModelctlError:  # somebody wrote what only jobs write: nobody can tell what is kept
            return
        kept |= {backend.digest for one in state for backend in one.split}
    folder = root / ARTIFACTS
    for old in folder.iterdir() if folder.is_dir() else ():
        if old.name.partition(".")[0] not in kept:
            shutil.rmtree(old)


def serving(
    session: Session,
    state: RenderRequest,
    backend: Backend,
    root: Path,
    tracking_uri: str | None,
    already: Collection[Key] = (),
) -> Serving:
    """A backend with its artifacts on this machine, proved to be those of its manifest. Of what
    runs `already` they were proved when it started."""
    folder = root / ARTIFACTS / backend.digest
    tree = session.repository.tree(state.commit)
    how = _comparing(tree, backend.model)
    running = _awaited(session, state, backend.serving(folder, how))
    if running.key in already:
        return running  # It was proved before it was loaded.
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
    return running


def _awaited(session: Session, state: RenderRequest, one: Serving) -> Serving:
    """The same, with how long it may take to become healthy, where its strategy says so."""
    plan = session.policy.strategies.get(state.strategy)
    if plan is None or plan.kind in STEPPED:
        return one
    seconds = plan.health.patience.total_seconds()
    return replace(one, patience=seconds, ping=plan.health.path or one.ping)


def _comparing(tree: Tree, model: str) -> Comparing:
    """How versions of the model are compared: by its protected groups."""
    about = read_model(tree, model)
    return comparing(about.task, about.data_contract.protected_groups) if about else Comparing()


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
    for model in models_of(state):
        one = record(state, model)
        if one is not None and one.target == "local":
            yield one


def _backends(state: Tree, model: str) -> Iterator[Backend]:
    path = f"{model}/{MANIFESTS}"
    for obj in read_objects((state.read(path) or b"").decode(), file=path):
        if obj.get("kind") == KIND:
            yield from parse_local_serving(obj)
