"""A new version of a model: read from its run, numbered, drafted, checked, and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from semver import Version

from modelctl.adapters.git_cli import run as git
from modelctl.adapters.run_folder import find_model, read_folder
from modelctl.adapters.work_tree import WorkTree
from modelctl.domain.compatibility import Bump, latest, previous
from modelctl.domain.document import Document
from modelctl.domain.drafting import Authorship, Run, draft
from modelctl.domain.manifest import Model, ModelVersion, model_from, version_from
from modelctl.domain.model_draft import model_draft
from modelctl.domain.names import MODELS, model_path, version_path
from modelctl.domain.numbering import Numbering, choose
from modelctl.errors import ModelctlError
from modelctl.services.model_documents import compose, point_release, read_document

_PLACEHOLDERS = frozenset({"todo", "tbd", "fixme", "changeme", "owner", "team", "xxx", "example"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstModel:
    """What only a person knows of a model that has no `model.yaml` yet."""

    owner: str
    task: str
    target: str
    tier: str = "standard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a new version was asked to be. Either `run_id` or `from_dir` is given.

    `artifacts_uri` overrides where the model of a folder is recorded to lie; `git_commit` is for a
    run that knows none; `first` is given to write `model.yaml` too.
    """

    model: str
    run_id: str | None = None
    tracking_uri: str | None = None
    model_name: str | None = None
    from_dir: Path | None = None
    artifacts_uri: str | None = None
    bump: Bump | None = None
    version: Version | None = None
    changelog: str | None = None
    created_by: str | None = None
    contact: str | None = None
    git_commit: str | None = None
    first: FirstModel | None = None
    release: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A new version that is ready to be written: the texts by path, and why it is as it is."""

    version: ModelVersion
    numbering: Numbering
    new: Mapping[str, str]
    changed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[str, ...] = ()


def prepare(tree: WorkTree, request: Request, now: datetime) -> Prepared:
    """Read the run and draft what is to be written; nothing is written yet.

    Raises:
        ModelctlError: the run can't become a version, or the documents would not be valid.
        DependencyError: MLflow can't be asked.
    """
    existing = read_document(tree, model_path(request.model), "model")
    _refuse_early(tree, request, existing)
    run, warnings = _run(tree, request)
    run = _with_commit(run, request.git_commit)
    email = _email(tree.top)
    author = request.created_by or run.user or email
    new: dict[str, str] = {}
    if existing is None:
        existing = _first_model(request, run, author, email)
        new[existing.file] = existing.text
    model: Model = model_from(existing.data)
    before = _previous(tree, request)
    numbering = choose(before, run.model.signature, bump=request.bump, version=request.version)
    authorship = _authorship(request, numbering, now, model, (author, email))
    data = draft(run, model, numbering.version, authorship, before)
    manifest = compose(version_path(model.name, numbering.version), "version", data)
    new[manifest.file] = manifest.text
    added, changed = _release(tree, request, numbering.version)
    return Prepared(
        version=version_from(manifest.data),
        numbering=numbering,
        new={**new, **added},
        changed=changed,
        warnings=warnings,
    )


def write(tree: WorkTree, prepared: Prepared) -> None:
    """Write what was prepared.

    Raises:
        ModelctlError: the version is there by now, or the disk refuses; nothing is left behind.
    """
    tree.write(prepared.new, prepared.changed)


def _refuse_early(tree: WorkTree, request: Request, existing: Document | None) -> None:
    """What can be said before a run is downloaded."""
    path = model_path(request.model)
    if existing is None and request.first is None:
        raise ModelctlError(
            f"{path} is missing",
            mend=f"modelctl new {request.model} … --init --owner TEAM --task classification "
            "--target kserve writes it too",
        )
    if existing is not None and request.first is not None:
        raise ModelctlError(f"{path} exists already", mend="leave --init out")
    if request.version and tree.read(version_path(request.model, request.version)) is not None:
        raise ModelctlError(
            f"{version_path(request.model, request.version)} exists already: versions never change",
            mend="choose another --version, or remove the file if it was never committed",
        )


def _run(tree: WorkTree, request: Request) -> tuple[Run, tuple[str, ...]]:
    """The run, with what is worth a warning."""
    if request.from_dir is not None:
        root, warnings = _root(tree, request.from_dir, request.artifacts_uri)
        return read_folder(request.from_dir, root), warnings
    if request.run_id is None or request.tracking_uri is None:
        raise ModelctlError(
            "no run is named" if request.run_id is None else "no tracking server is named",
            mend="use --run-id with --tracking-uri or MLFLOW_TRACKING_URI, or --from-dir",
        )
    from modelctl.adapters.registry import MlflowRegistry

    registry = MlflowRegistry(request.tracking_uri)
    return registry.run(request.run_id, model_name=request.model_name), ()


def _root(tree: WorkTree, folder: Path, uri: str | None) -> tuple[str, tuple[str, ...]]:
    """Where the model of a folder is recorded to lie: inside the repository by its path there."""
    if uri is not None:
        return uri, ()
    place, top = find_model(folder).resolve(), tree.top.resolve()
    if place.is_relative_to(top) and place != top:
        return place.relative_to(top).as_posix(), ()
    warning = "the artifacts lie outside the repository, where others can't find them"
    return place.as_uri(), (f"{warning}: name their shared place by --artifacts-uri",)


def _with_commit(run: Run, said: str | None) -> Run:
    if said is None or said == run.git_commit:
        return run
    if run.git_commit is not None:
        raise ModelctlError(
            f"the run was trained at commit {run.git_commit[:12]}, not at {said[:12]}",
            mend="leave --git-commit out",
        )
    return replace(run, git_commit=said)


def _email(top: Path) -> str | None:
    """Who works in this clone, as git would sign a commit."""
    return git("config", "user.email", directory=top).text.strip() or None


def _first_model(request: Request, run: Run, author: str | None, email: str | None) -> Document:
    first = request.first
    contact = request.contact or next((c for c in (email, author) if c and "@" in c), None)
    if first is None or contact is None:
        raise ModelctlError("nobody is named to contact about the model", mend="use --contact")
    if first.owner.lower() in _PLACEHOLDERS:
        raise ModelctlError(
            f"{first.owner!r} is no team", mend="name the team that owns the model by --owner"
        )
    data = model_draft(
        run,
        name=request.model,
        owner=first.owner,
        contact=contact,
        task=first.task,
        tier=first.tier,
        target=first.target,
    )
    return compose(model_path(request.model), "model", data)


def _previous(tree: WorkTree, request: Request) -> ModelVersion | None:
    stems = (n.removesuffix(".yaml") for n in tree.names(f"{MODELS}/{request.model}/versions"))
    known = [Version.parse(stem) for stem in stems if Version.is_valid(stem)]
    number = previous(request.version, known) if request.version else latest(known)
    if number is None:
        return None
    document = read_document(tree, version_path(request.model, number), "version")
    return version_from(document.data) if document else None


def _authorship(
    request: Request,
    numbering: Numbering,
    now: datetime,
    model: Model,
    people: tuple[str | None, str | None],
) -> Authorship:
    """`people` are the author, and who works in this clone."""
    author = people[0]
    if author is None:
        raise ModelctlError("nobody is named as the author", mend="use --created-by")
    reachable = next((person for person in people if person and "@" in person), model.contact)
    return Authorship(
        created_at=now,
        created_by=author,
        contact=request.contact or reachable,
        changelog=request.changelog or _changelog(numbering),
    )


def _changelog(numbering: Numbering) -> str:
    if numbering.previous is None:
        return "First version."
    return f"Retrained since {numbering.previous}: {'; '.join(numbering.reasons)}."


def _release(
    tree: WorkTree, request: Request, version: Version
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    return point_release(tree, request.model, version) if request.release else ({}, {})
