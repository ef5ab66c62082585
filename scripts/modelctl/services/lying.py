"""What lies on an environment's branch, whoever put it there: looked at, and never walked through.

Whoever may push the branch can put a tree there that a few objects make of billions of files. So a
folder is told by its name, and taken out as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from modelctl.domain.tree import REGULAR, Entry, Tree

FOLDER: Final = 0o040000
"""The mode of an entry that is a folder."""


def lying(here: Tree, name: str) -> Sequence[Entry]:
    """What lies directly in a folder, or the file of that name."""
    file = here.entry(name)
    if file is not None:
        return [file]
    paths = (f"{name}/{inner}" for inner in here.names(name))
    return [here.entry(path) or _folder(here, path) for path in paths]


def _folder(here: Tree, path: str) -> Entry:
    return Entry(path=path, oid=here.subtree(path) or "", mode=FOLDER)


def holds(here: Tree, name: str, files: Mapping[str, str]) -> bool:
    """Whether a folder holds these files, byte for byte, and nothing else."""
    wanted = {f"{name}/{file}": text.encode() for file, text in files.items()}
    entries = {entry.path: entry for entry in lying(here, name)}
    return entries.keys() == wanted.keys() and all(
        entries[path].mode == REGULAR and here.size(path) == len(data) and here.read(path) == data
        for path, data in wanted.items()
    )
