"""Looks into model files for what could run code when they are loaded; nothing is loaded.

`MLmodel` and skops files are held to allow-lists: what it may say (`mlmodel_rules`), and the types
that skops trusts. Everything else that may hide a pickle goes through picklescan (a deny-list: a
signal, not a proof).
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from modelctl.adapters.documents import MAX_BYTES, DocumentError, load
from modelctl.adapters.model_folder import MLMODEL
from modelctl.errors import DependencyError, ModelctlError
from modelctl.probes.mlmodel_rules import Given, objections

SKOPS = ".skops"

TEXT = frozenset({".yaml", ".yml", ".txt", ".json", ".md", ""})
"""Suffixes of what MLflow reads as text beside a model (`MLmodel` has none): a text can happen to
look like a pickle, but nothing loads it as one."""

CODE = frozenset({".py", ".pyc", ".pyd", ".pyw", ".pyz", ".pth", ".so", ".dll", ".dylib", ".whl"})
"""Suffixes of what Python runs or imports. A model that is data needs none of it."""

MAX_ENTRIES: Final = 50_000
MAX_UNPACKED: Final = 2 * 1024**3
"""Limits of an archive, so that looking into it can't exhaust the machine. Bytes."""

_HEAD, _END = b"PK\x03\x04", b"PK\x05\x06"
_END_RECORD = struct.Struct("<4s4H2LH")


def scan(folder: Path, files: Sequence[str], allowed: Sequence[str] = ()) -> dict[str, Any]:
    """The measured part of a `security-scan` predicate for the files of a model.

    `allowed` are types and loaders that the scanners don't know but the caller has looked at. An
    allowed loader is trusted with whatever `MLmodel` tells it; the files are scanned even so.

    Raises:
        DependencyError: a scanner is missing; nothing was decided.
    """
    given = Given(files=frozenset(files), allowed=frozenset(allowed))
    reports = {path: _scan_file(folder, path, given) for path in files}
    infected = {path: reasons for path, reasons in reports.items() if reasons}
    return {
        "passed": not infected,
        "vulnerabilities": {"critical": len(infected), "high": 0, "medium": 0, "low": 0},
        "files": {"scanned": len(reports), "infected": len(infected)},
        "labels": {path: "; ".join(reasons)[:500] for path, reasons in infected.items()},
        "tool": {"name": "modelctl scan (skops, picklescan)", "version": _versions()},
    }


def refuse_code(folder: Path, files: Sequence[str], allowed: Sequence[str] = ()) -> None:
    """Stops whoever is about to load a model that could run code.

    Raises:
        ModelctlError: it could; the message says which file, and why.
    """
    found = scan(folder, files, allowed)["labels"]
    if found:
        reasons = "; ".join(f"{path}: {why}" for path, why in found.items())
        raise ModelctlError(
            f"loading the model could run code, so it was not loaded ({reasons})",
            mend="save it as skops; what you have looked at can be allowed: --allow NAME",
        )


def _scan_file(folder: Path, name: str, given: Given) -> list[str]:
    path = folder / name
    if name == MLMODEL:
        return [*([] if _is_text(path) else _pickles(path)), *_loading(path, given)]
    if path.name.casefold() == MLMODEL.casefold():
        return ["it is a second MLmodel, which could be read in place of the first"]
    if PurePosixPath(name).suffix.lower() in CODE:
        return ["it is code"]
    if _is_skops(path):
        return _untrusted(path, given)
    return [] if _is_text(path) else _pickles(path)


def _loading(path: Path, given: Given) -> list[str]:
    """What `MLmodel` asks a loader to do beside reading data.

    It is read strictly, as aliases let a small file stand for one that fills the memory, and as it
    must not say one thing here and another to MLflow. On Windows, MLflow writes it with CR LF.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        return [f"it has {size} bytes, more than the {MAX_BYTES} allowed"]
    try:
        document = load(path.read_bytes().replace(b"\r\n", b"\n"), MLMODEL)
    except DocumentError as error:
        return [f"it can't be read: {error.problem}"]
    return list(objections(document.data, given))


def _is_skops(path: Path) -> bool:
    """By name or by content: what loads a file doesn't ask for its suffix."""
    if path.suffix.lower() == SKOPS:
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            return "schema.json" in archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return False


def _is_text(path: Path) -> bool:
    if path.suffix not in TEXT or (path.suffix == "" and path.name != MLMODEL):
        return False
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _untrusted(path: Path, given: Given) -> list[str]:
    try:
        from skops.io import get_untrusted_types
    except ImportError:
        raise _missing("skops") from None
    try:
        if flaw := _flaw(path):
            return [flaw]
        types = get_untrusted_types(file=path)
    except Exception as error:  # noqa: BLE001 - whatever it is, nobody can vouch for the file
        return [f"the scanner failed on it: {type(error).__name__}"]
    return [f"untrusted type {name}" for name in types if name not in given.allowed]


def _flaw(path: Path) -> str | None:
    """Why a file is no plain archive.

    An archive is read from its end, a pickle from its beginning: a file can be both.
    """
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if not entries or not _whole(path, len(entries)) or min(e.header_offset for e in entries):
        return "it is not an archive from its first byte to its last"
    if len({entry.filename for entry in entries}) != len(entries):
        return "it holds two files of one name"
    if any(entry.flag_bits & 1 for entry in entries):
        return "it is encrypted"
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        return f"it holds more than {MAX_ENTRIES} files or {MAX_UNPACKED} bytes"
    return None


def _whole(path: Path, entries: int) -> bool:
    """Whether an archive begins with its first entry, and ends with its directory and no comment.

    Layout: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.7 and 4.3.16.
    """
    where = path.stat().st_size - _END_RECORD.size
    with path.open("rb") as stream:
        head = stream.read(len(_HEAD))
        stream.seek(where)
        mark, disk, first_disk, here, total, length, start, comment = _END_RECORD.unpack(
            stream.read()
        )
    return (
        (head, mark) == (_HEAD, _END)
        and (disk, first_disk, comment) == (0, 0, 0)
        and here == total == entries
        and start + length == where
    )


def _pickles(path: Path) -> list[str]:
    try:
        from picklescan.scanner import SafetyLevel, scan_bytes
    except ImportError:
        raise _missing("picklescan") from None
    result = scan_bytes(io.BytesIO(path.read_bytes()), path.name)
    doubtful = [g for g in result.globals if g.safety is not SafetyLevel.Innocuous]
    reasons = [f"{g.module}.{g.name} is {g.safety.value}" for g in doubtful]
    return [*reasons, *(["the scanner failed on it"] if result.scan_err else [])]


def _versions() -> str:
    from importlib.metadata import version

    return ", ".join(f"{name} {version(name)}" for name in ("skops", "picklescan"))


def _missing(package: str) -> DependencyError:
    return DependencyError(
        f"{package} is not installed, so the files can't be scanned",
        mend="install the extra: pip install 'modelctl[evaluate]'",
    )
