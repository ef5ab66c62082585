"""The files of a model: fetched, measured, and compared with what a manifest lists.

What was fetched is not trusted: symbolic links and whatever else isn't a plain file are refused, so
that nothing outside the folder is ever read in its place.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from modelctl.adapters import mlflow_client
from modelctl.domain.manifest import ArtifactFile
from modelctl.errors import DependencyError, ModelctlError

_TRACKED = ("models:/", "runs:/")


def fetch(
    root: str, into: Path, *, tracking_uri: str | None = None, repository: Path | None = None
) -> Path:
    """A copy below `into` of the folder that `root` names; nobody else can change it.

    `root` is as in a manifest: `models:/…` and `runs:/…` need `tracking_uri`, a folder relative to
    the repository needs `repository`, `file:…` needs neither.

    Raises:
        ModelctlError: there is no such folder, or it is outside the repository.
        DependencyError: MLflow can't be asked.
    """
    if root.startswith(_TRACKED):
        return _download(root, into, tracking_uri)
    source = _folder(root, repository)
    if not source.is_dir():
        raise ModelctlError(
            f"there is no folder {root}", mend="fetch the artifacts, or mend artifacts.root"
        )
    _refuse(_odd(source))
    target = into / source.name
    shutil.copytree(source, target, symlinks=True)
    return target


def measure(folder: Path) -> tuple[ArtifactFile, ...]:
    """Every file below `folder`, by path, with its sha256 and its size in bytes.

    Raises:
        ModelctlError: there are none, or something that isn't a plain file.
    """
    _refuse(_odd(folder))
    files = tuple(sorted((_file(folder, path) for path in _walk(folder)), key=lambda f: f.path))
    if not files:
        raise ModelctlError(f"{folder.name} holds no files", mend="name the folder of the model")
    return files


def verify(folder: Path, artifacts: Sequence[ArtifactFile]) -> tuple[str, ...]:
    """How `folder` differs from what a manifest lists: one sentence for each file, by path."""
    odd = dict(_odd(folder))
    found = {
        file.path: file
        for file in (_file(folder, p) for p in _walk(folder) if _name(folder, p) not in odd)
    }
    listed = {file.path: file for file in artifacts}
    problems = {path: f"{path} is {what}" for path, what in odd.items()}
    for path, file in listed.items():
        if path not in problems and (problem := _difference(file, found.get(path))):
            problems[path] = problem
    for path in found.keys() - listed.keys():
        problems[path] = f"{path} is not listed"
    return tuple(problems[path] for path in sorted(problems))


def _difference(listed: ArtifactFile, found: ArtifactFile | None) -> str | None:
    if found is None:
        return f"{listed.path} is missing"
    if found.size != listed.size:
        return f"{listed.path} has {found.size} bytes, not {listed.size}"
    if found.sha256 != listed.sha256:
        return f"{listed.path} was altered: sha256 {found.sha256[:12]}…, not {listed.sha256[:12]}…"
    return None


def _download(root: str, into: Path, tracking_uri: str | None) -> Path:
    if tracking_uri is None:
        raise DependencyError(
            f"{root} lies with MLflow, and no tracking server is named",
            mend="set MLFLOW_TRACKING_URI, or use --tracking-uri",
        )
    return mlflow_client.download(mlflow_client.connect(tracking_uri), tracking_uri, root, into)


def _folder(root: str, repository: Path | None) -> Path:
    if root.startswith("file:"):
        parts = urlsplit(root)
        path = Path(unquote(parts.path))
        if parts.netloc or not path.is_absolute():
            raise ModelctlError(f"{root} names no folder here", mend="write file:///path/to/folder")
        return path
    if repository is None:
        raise ModelctlError(f"{root} is relative to a repository, and none is known")
    top = repository.resolve()
    path = (top / root).resolve()
    if not path.is_relative_to(top):
        raise ModelctlError(
            f"{root} leaves the repository", mend="name a folder inside it, or a file: address"
        )
    return path


def _walk(folder: Path) -> Iterator[Path]:
    """Everything below `folder` that isn't a folder; links are not followed."""
    for parent, folders, names in os.walk(folder, onerror=_raise):
        linked = [name for name in folders if Path(parent, name).is_symlink()]
        yield from (Path(parent, name) for name in (*names, *linked))


def _raise(error: OSError) -> None:
    raise ModelctlError(f"{error.filename} can't be read: {error.strerror}") from error


def _odd(folder: Path) -> Iterator[tuple[str, str]]:
    """What isn't a plain file, with what it is instead."""
    for path in _walk(folder):
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            what = "a symbolic link" if stat.S_ISLNK(mode) else "no plain file"
            yield _name(folder, path), what


def _refuse(odd: Iterator[tuple[str, str]]) -> None:
    found = sorted(f"{path} is {what}" for path, what in odd)
    if found:
        raise ModelctlError(
            f"the artifacts are not plain files: {'; '.join(found)}",
            mend="put copies in their place",
        )


def _file(folder: Path, path: Path) -> ArtifactFile:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = os.fstat(stream.fileno()).st_size
    return ArtifactFile(path=_name(folder, path), sha256=digest, size=size)


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()
