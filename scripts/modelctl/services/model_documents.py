"""Documents below `models/` of the work tree: read strictly, and composed to be read so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semver import Version

from modelctl.adapters.documents import DocumentError, dump, load
from modelctl.adapters.schema import validate
from modelctl.adapters.work_tree import WorkTree
from modelctl.domain.document import Document, dotted
from modelctl.domain.model_draft import repointed
from modelctl.domain.names import release_path
from modelctl.errors import ModelctlError

OWNERSHIP = "policies/ownership.yaml"
_SCHEMAS = "scripts/modelctl/schemas"


def read_document(tree: WorkTree, path: str, kind: str) -> Document | None:
    """A document of the work tree, None where there is none.

    Raises:
        ModelctlError: it can't be read, or breaks its schema.
    """
    data = tree.read(path)
    return None if data is None else _checked(load(data, path), kind)


def compose(path: str, kind: str, data: Mapping[str, Any]) -> Document:
    """The document that is to lie at `path`, read back from its own text.

    Raises:
        ModelctlError: it would break its schema; every problem is named.
    """
    up = "../" * path.count("/")
    text = dump(data, schema=f"{up}{_SCHEMAS}/{kind}.schema.json")
    return _checked(load(text.encode(), path), kind)


def point_release(
    tree: WorkTree, model: str, version: Version
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The release pointer that names `version`, as a new file or as a changed one, by path."""
    path = release_path(model)
    known = read_document(tree, path, "release")
    if known is None:
        data = {"model": model, "version": str(version)}
        return {path: compose(path, "release", data).text}, {}
    wanted = {**known.data, "version": str(version)}
    text = repointed(known, version)
    if not _says(text, path, wanted):
        text = compose(path, "release", wanted).text
    return {}, {path: text}


def default_target(tree: WorkTree) -> str | None:
    """What serves new models where nobody says otherwise, by policies/ownership.yaml."""
    known = read_document(tree, OWNERSHIP, "ownership")
    return known.data.get("serving_target") if known else None


def _says(text: str, path: str, wanted: Mapping[str, Any]) -> bool:
    """Whether a change in place worked; where a scalar spans lines it can't."""
    try:
        return bool(load(text.encode(), path).data == wanted)
    except DocumentError:
        return False


def _checked(document: Document, kind: str) -> Document:
    problems = validate(document, kind)
    if problems:
        said = "; ".join(f"{dotted(p.path) or 'the file'}: {p.message}" for p in problems)
        raise ModelctlError(
            f"{document.file} is not valid: {said}",
            mend="; ".join(dict.fromkeys(p.mend for p in problems)),
            location=str(document.locate(problems[0].path)),
        )
    return document
