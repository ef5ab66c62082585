"""The trusted `kustomize/` tree: what a build may be made of.

Kustomize can fetch from the network, run Helm and plugins, and read secrets. None of that may
happen in a build that deploys, so a kustomization has only the fields named here, and each path in
it is a file or a folder of the tree. Names are plain, because Kustomize takes `https:`,
`github.com` or `x.git` for an address even where a folder of that name exists.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from modelctl.adapters.documents import load
from modelctl.domain.document import Document, Path as Place
from modelctl.errors import ModelctlError

ROOT: Final = "kustomize"

_KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_ADDRESS = re.compile(r"[:?@]|^[^/]+\.[a-z]+/")
_RESOURCE_FILES: Final = (".yaml", ".yml", ".json")
_ALLOWED: Final = frozenset(
    (
        "apiVersion",
        "buildMetadata",
        "commonAnnotations",
        "components",
        "configMapGenerator",
        "configurations",
        "generatorOptions",
        "images",
        "kind",
        "labels",
        "metadata",
        "namePrefix",
        "nameSuffix",
        "namespace",
        "patches",
        "replacements",
        "replicas",
        "resources",
        "sortOptions",
    )
)
_PLUGINS = ("plugins are not allowed", "use a patch, a replacement or a component")
_HELM = ("Helm is not allowed", "render the chart once and keep the result as resources")
_OLD = ("it is deprecated", "use resources, components, patches or replacements")
_REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    "bases": _OLD,
    "commonLabels": ("it changes selectors, which can't change", "use labels"),
    "generators": _PLUGINS,
    "helmChartInflationGenerator": _HELM,
    "helmCharts": _HELM,
    "helmGlobals": _HELM,
    "imageTags": _OLD,
    "openapi": ("it replaces the built-in schemas", "use JSON 6902 patches for custom resources"),
    "patchesJson6902": _OLD,
    "patchesStrategicMerge": _OLD,
    "secretGenerator": ("secrets don't belong in git", "refer to a Secret of the namespace"),
    "transformers": _PLUGINS,
    "validators": _PLUGINS,
    "vars": _OLD,
}


def read_tree(folder: Path) -> Mapping[str, bytes]:
    """The files below `folder` by their paths in it, in order.

    Raises:
        ModelctlError: `folder` is none, or a symlink or another odd file lies in it.
    """
    if not folder.is_dir():
        raise ModelctlError(f"there is no folder {folder}", mend="it holds bases and overlays")
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    for name, path in found.items():
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ModelctlError(
                "symlinks and special files are not allowed",
                mend="put a copy there, or share it as a component",
                location=f"{ROOT}/{name}",
            )
    return {name: path.read_bytes() for name, path in found.items() if path.is_file()}


def kustomization_folders(files: Mapping[str, bytes]) -> frozenset[str]:
    """The folders that hold a kustomization."""
    return frozenset(folder for folder, _ in _kustomizations(files))


def check_tree(files: Mapping[str, bytes]) -> None:
    """Refuse a tree from which a build could reach outside it.

    Raises:
        ModelctlError: the first thing that isn't allowed, with its file, line and column.
    """
    for path in files:
        *folders, name = path.split("/")
        if not _FILE.fullmatch(name) or not all(_FOLDER.fullmatch(f) for f in folders):
            raise ModelctlError(
                "this is not a path that a build may have",
                mend="use letters, digits, - and _, and dots in the names of files only",
                location=f"{ROOT}/{path}",
            )
    known = kustomization_folders(files)
    for _, path in _kustomizations(files):
        document = load(files[path], f"{ROOT}/{path}")
        _check_fields(document)
        for place, target, is_folder in _references(document.data):
            _check_reference(document, place, target, known if is_folder else files)


def _kustomizations(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    for path in sorted(files):
        folder, _, name = path.rpartition("/")
        if name in _KUSTOMIZATIONS:
            yield folder, path


def _check_fields(document: Document) -> None:
    for field in document.data:
        if field not in _ALLOWED:
            why, mend = _REFUSED.get(field, ("it is not a field of a kustomization", "remove it"))
            raise _refusal(document, (field,), f"`{field}` can't be used: {why}", mend)


def _references(data: Mapping[str, Any]) -> Iterator[tuple[Place, Any, bool]]:
    """Each place that names a file or a folder, what it names, and whether it is a folder.

    A value of a wrong shape is left to Kustomize, which explains it.
    """
    for n, target in enumerate(_list(data, "resources")):
        yield ("resources", n), target, posixpath.splitext(str(target))[1] not in _RESOURCE_FILES
    for n, target in enumerate(_list(data, "components")):
        yield ("components", n), target, True
    for n, target in enumerate(_list(data, "configurations")):
        yield ("configurations", n), target, False
    for field in ("patches", "replacements"):
        for n, entry in enumerate(_list(data, field)):
            if isinstance(entry, Mapping) and "path" in entry:
                yield (field, n, "path"), entry["path"], False
    yield from _generated(data)


def _generated(data: Mapping[str, Any]) -> Iterator[tuple[Place, Any, bool]]:
    for n, entry in enumerate(_list(data, "configMapGenerator")):
        if not isinstance(entry, Mapping):
            continue
        for key in ("files", "envs"):
            for m, target in enumerate(_list(entry, key)):
                path = str(target).rpartition("=")[2] if key == "files" else target
                yield ("configMapGenerator", n, key, m), path, False
        if "env" in entry:
            yield ("configMapGenerator", n, "env"), entry["env"], False


def _check_reference(document: Document, place: Place, target: Any, known: Collection[str]) -> None:
    """`target` must be plain, stay in the tree and be there."""
    text = str(target)
    folder = posixpath.dirname(document.file.removeprefix(f"{ROOT}/"))
    plain = all(part in (".", "..") or _FILE.fullmatch(part) for part in text.split("/"))
    if plain and posixpath.normpath(posixpath.join(folder, text)) in known:
        return
    if _ADDRESS.search(text):
        problem, mend = f"`{text}` is remote", "keep a copy of it in kustomize/"
    else:
        problem = f"`{text}` is not in kustomize/"
        mend = "name a file, or a folder with a kustomization.yaml, by a relative path"
    raise _refusal(document, place, problem, mend)


def _refusal(document: Document, place: Place, problem: str, mend: str) -> ModelctlError:
    return ModelctlError(problem, mend=mend, location=str(document.locate(place)))


def _list(data: Mapping[str, Any], field: str) -> Sequence[Any]:
    value = data.get(field)
    return value if isinstance(value, list) else ()
