"""From what a person types to the version that is meant: its tree, digest and git object id."""

from __future__ import annotations

from dataclasses import dataclass

from modelctl.domain.manifest import ModelVersion
from modelctl.domain.names import LATEST, parse_pointer, resolve_pointer, version_path
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError
from modelctl.services.candidates import digest, models, parse_file, versions
from modelctl.services.session import Session
from modelctl.services.state import running


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
    served = running(session, pointer.model)
    commits = session.places() if ref is None else [session.repository.resolve(ref)]
    trees = [(commit, session.repository.tree(commit)) for commit in commits]
    holding = [(commit, tree) for commit, tree in trees if versions(tree, pointer.model)]
    if not holding:
        known = sorted({name for _, tree in trees for name in models(tree)})
        mend = f"the models are {', '.join(known)}" if known else "there are no models yet"
        raise ModelctlError(f"there is no model {pointer.model} with versions", mend=mend)
    # `latest` means what is seen from here: a version of a later branch isn't newer, only merged.
    seen = holding[:1] if pointer.selector in (None, LATEST) else holding
    candidates = {version for _, tree in seen for version in versions(tree, pointer.model)}
    names = {environment: one.version for environment, one in served.items()}
    version = resolve_pointer(pointer, candidates, names)
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


def known_models(session: Session) -> tuple[str, ...]:
    """Every model that a branch of the lifecycle, HEAD or the ledger knows."""
    trees = (session.repository.tree(commit) for commit in session.places())
    return tuple(sorted({*session.ledger.models(), *(n for tree in trees for n in models(tree))}))


def require_model(session: Session, model: str) -> str:
    """The name of a model that is known.

    Raises:
        ModelctlError: nobody knows it; the mend lists those that there are.
    """
    known = known_models(session)
    if model not in known:
        mend = f"the models are {', '.join(known)}" if known else "there are no models yet"
        raise ModelctlError(f"there is no model {model}", mend=mend)
    return model


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
