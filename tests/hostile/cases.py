"""Reads the cases below `hostile/`; its README says how one is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from hostile.generators import CHANGES, DOCUMENTS
from modelctl.adapters.documents import dump
from support.repos import File, Files
from support.world import MODEL, PROJECT, model_data, release_data, submission, version_data

ROOT = Path(__file__).parent
SOUND = {
    "model": dump(model_data()),
    "version": dump(version_data()),
    "release": dump(release_data()),
}


def names(folder: str) -> list[str]:
    """Every case of a folder."""
    return sorted(path.stem for path in (ROOT / folder).glob("*.yaml"))


def read(folder: str, name: str) -> dict[str, Any]:
    """One case as its file has it."""
    case: dict[str, Any] = yaml.safe_load((ROOT / folder / f"{name}.yaml").read_bytes())
    return case


def document(case: Mapping[str, Any]) -> bytes:
    """The bytes of a hostile document."""
    if "generate" in case:
        return DOCUMENTS[case["generate"]]()
    if "text" in case:
        return str(case["text"]).encode()
    if "latin1" in case:
        return str(case["latin1"]).encode("latin-1")
    return edited(_sound(case), case["edits"]).encode()


def _sound(case: Mapping[str, Any]) -> str:
    path = case.get("path")
    return SOUND[case["kind"]] if path is None else (PROJECT / path).read_text()


def edited(text: str, edits: Sequence[Mapping[str, str]]) -> str:
    """`text` with each `old`, which must stand there once, replaced by its `new`."""
    for edit in edits:
        assert text.count(edit["old"]) == 1, f"{edit['old']!r} must stand once in\n{text}"
        text = text.replace(edit["old"], edit["new"])
    return text


def files(case: Mapping[str, Any], sound: Mapping[str, str]) -> Files:
    """The files of a hostile pull request; `sound` are those that its edits begin from."""
    found: dict[str, str | bytes | File | None] = {}
    if case.get("sound", False):
        found |= submission()
    found |= {path: _content(content) for path, content in case.get("files", {}).items()}
    for path, edits in case.get("edits", {}).items():
        found[path] = edited(sound[path], edits)
    for old, new in case.get("move", {}).items():
        found |= {new: sound[old], old: None}
    if "generate" in case:
        found |= CHANGES[case["generate"]]()
    return found


def _content(content: Any) -> str | bytes | File | None:
    if not isinstance(content, dict):
        return content
    if "latin1" in content:
        return str(content["latin1"]).encode("latin-1")
    return File(mode=content["mode"], data=str(content["data"]).encode())


__all__ = [
    "CHANGES",
    "DOCUMENTS",
    "MODEL",
    "ROOT",
    "SOUND",
    "document",
    "edited",
    "files",
    "names",
    "read",
]
