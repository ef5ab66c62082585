"""From what a person types to the version that is meant: its tree, digest and git object id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from semver import Version

from modelctl.domain.history import deployments
from modelctl.domain.manifest import ModelVersion
from modelctl.domain.names import (
    LATEST,
    MODELS,
    Pointer,
    choice,
    model_path,
    parse_pointer,
    resolve_pointer,
    version_path,
)
from modelctl.domain.rollout_split import serving_of
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError
from modelctl.services.candidates import digest, models, parse_file, versions
from modelctl.services.session import Session
from modelctl.services.state import running

_MOST_CHOICES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A version and where it was found. `digest` is the manifest's sha256, `blob` its object id."""

    version: ModelVersion
    tree: Tree
    commit: str
    digest: str
    blob: str

    @property
    def model(self) -> str:
        """The model's name."""
        return self.version.model

    @property
    def name(self) -> str:
        """`model@version`."""
        return f"{self.version.model}@{self.version.version}"

    @property
    def path(self) -> str:
        """The manifest's path in the repository: the subject of evidence."""
        return version_path(self.version.model, self.version.version)


def locate(session: Session, text: str, *, ref: str | None = None) -> Located:
    """The version that `text` names (see `modelctl.domain.names.Pointer`).

    An environment's name means what that environment serves. It is looked for at `ref`; without
    one at HEAD, then on the branches of the lifecycle, latest stage first.

    Raises:
        ModelctlError: nothing fits, or its manifest can't be read; the mend lists what is there.
    """
    pointer = parse_pointer(text)
    # Whatever is on its way there: it doesn't serve yet.
    served = {name: serving_of(one) for name, one in running(session, pointer.model).items()}
    commits = session.places() if ref is None else [session.repository.resolve(ref)]
    trees = [(commit, session.repository.tree(commit)) for commit in commits]
    holding = [(commit, tree) for commit, tree in trees if versions(tree, pointer.model)]
    if not holding:
        known = sorted({name for _, tree in trees for name in models(tree)})
        unknown = unknown_model(pointer.model, known, " with versions")
        raise _elsewhere(session, pointer, ref) or unknown
    # `latest` means what is seen from here: a version of a later branch isn't newer, only merged.
    seen = holding[:1] if pointer.selector in (None, LATEST) else holding
    candidates = {version for _, tree in seen for version in versions(tree, pointer.model)}
    names = {environment: one.version for environment, one in served.items()}
    try:
        version = resolve_pointer(pointer, candidates, names)
    except ModelctlError as error:
        raise _elsewhere(session, pointer, ref) or error from None
    meant = served.get(pointer.selector or "")
    found = (_read(commit, tree, pointer.model, str(version)) for commit, tree in holding)
    located = next(
        (one for one in found if one and (not meant or one.digest == meant.digest)), None
    )
    if located is None:
        raise ModelctlError(
            f"{text} is {version}, but no branch here has its manifest", mend="git fetch"
        )
    return located


def _elsewhere(session: Session, pointer: Pointer, ref: str | None) -> ModelctlError | None:
    """That the version is only on a branch which isn't looked at unasked; None where it isn't."""
    if ref is not None or not Version.is_valid(pointer.selector or ""):
        return None
    name = holder(session, pointer.model, pointer.selector or "")
    if name is None:
        return None
    return ModelctlError(f"{pointer} is not merged yet", mend=f"it is on {name}: --ref {name}")


def holder(session: Session, model: str, version: str) -> str | None:
    """A branch that has a version's manifest, by its name: `x` here, `origin/x` on the remote."""
    path, repository = version_path(model, version), session.repository
    found = (n for n, tip in repository.branches().items() if repository.tree(tip).entry(path))
    return next(found, None)


def require_version(session: Session, model: str, version: str) -> None:
    """Makes sure that a branch has the version, or that it was ever deployed.

    Raises:
        ModelctlError: neither; the mend lists the versions that there are.
    """
    deployed = (one.version for one in deployments(session.signed(model)))
    if version in deployed or holder(session, model, version) is not None:
        return
    require_model(session, model)
    trees = map(session.repository.tree, session.places())
    known = sorted({one for tree in trees for one in versions(tree, model)})
    listed = [str(one) for one in known]
    mend = choice(version, listed, "the versions are ") if listed else "no branch has one yet"
    raise ModelctlError(f"there is no version {version} of {model}", mend=mend)


def locate_exactly(session: Session, text: str, *, ref: str | None = None) -> Located:
    """The same for what signs or waives, where a guess would be somebody's word: `text` must say
    which version is meant.

    Raises:
        ModelctlError: it names the model alone; the mend lists what could be meant.
    """
    pointer = parse_pointer(text)
    if pointer.selector is None:
        model = locate(session, text, ref=ref).model  # one that there is
        raise ModelctlError(f"which version of {model}?", mend=_which(session, model, ref))
    return locate(session, text, ref=ref)


def _which(session: Session, model: str, ref: str | None) -> str:
    """`tumor-classifier@1.0.0, @1.1.0, or by environment, @staging`: the last few of them."""
    commits = session.places() if ref is None else [session.repository.resolve(ref)]
    trees = map(session.repository.tree, commits)
    known = sorted({version for tree in trees for version in versions(tree, model)})
    listed = ", ".join(f"@{version}" for version in known[-_MOST_CHOICES:])
    served = ", ".join(f"@{environment}" for environment in running(session, model))
    return f"{model}{listed}" + (f", or by environment, {served}" if served else "")


def known_models(session: Session) -> tuple[str, ...]:
    """Every model that a branch of the lifecycle, HEAD or the ledger knows."""
    found, seen = set(session.ledger.models()), set[tuple[str, str]]()
    for tree in map(session.repository.tree, session.places()):
        folders = set(tree.folders(MODELS).items()) - seen  # most are the same on each branch
        seen |= folders
        found.update(name for name, _ in folders if tree.entry(model_path(name)) is not None)
    return tuple(sorted(found))


def require_model(session: Session, model: str) -> str:
    """The name of a model that is known.

    Raises:
        ModelctlError: nobody knows it; the mend lists those that there are.
    """
    known = known_models(session)
    if model not in known:
        raise unknown_model(model, known)
    return model


def unknown_model(model: str, known: Iterable[str], what: str = "") -> ModelctlError:
    """That nobody knows this model, with the name that was probably meant, and those there are."""
    names = tuple(known)
    mend = choice(model, names, "the models are ") if names else "there are no models yet"
    return ModelctlError(f"there is no model {model}{what}", mend=mend)


def unknown_environment(environment: str, known: Iterable[str]) -> ModelctlError:
    """That the lifecycle has no such environment, with the one that was probably meant."""
    mend = choice(environment, known, "one of: ")
    return ModelctlError(f"there is no environment {environment}", mend=mend)


def _read(commit: str, tree: Tree, model: str, version: str) -> Located | None:
    """The version as the tree has it, None where it doesn't."""
    path = version_path(model, version)
    entry = tree.entry(path)
    if entry is None:
        return None
    parsed = parse_file(tree, path)
    if parsed.value is None:
        finding = parsed.findings[0]
        raise ModelctlError(finding.message, mend=finding.mend, location=str(finding.location))
    sha256 = digest(tree, model, version) or ""
    return Located(version=parsed.value, tree=tree, commit=commit, digest=sha256, blob=entry.oid)
