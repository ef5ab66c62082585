"""The policies of the five source documents: each one the shipped policies with its own files.

A profile has only the files that differ. It is read by the product's own reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from modelctl.adapters.documents import load as load_document
from modelctl.adapters.policies import load_policy
from modelctl.domain.document import Document
from modelctl.domain.policy import Policy
from reference_pages.profiles import FOLDER, Place, Row
from support.trees import MemoryTree
from support.world import PROJECT

COMMIT = "f" * 40
Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a policy says: whether the figure's own line lets it be, and what else is against it."""

    lets: bool
    others: tuple[str, ...] = ()


@cache
def files(source: str) -> Files:
    """The policies of a profile, by path: the shipped ones with its own laid over them."""
    found: dict[str, bytes] = {}
    for root in (PROJECT, PROJECT / FOLDER / source):
        for path in sorted((root / "policies").rglob("*")):
            if path.is_file():
                found[path.relative_to(root).as_posix()] = path.read_bytes()
    return found


def is_own(source: str, path: str) -> bool:
    """Whether a file of the policies is the profile's own, not the shipped one."""
    return (PROJECT / FOLDER / source / path).is_file()


def load(found: Files) -> Policy:
    """The policy in these files, with four people in every role."""
    loaded = load_policy(MemoryTree(found), COMMIT)
    roles = {
        name: replace(role, members=frozenset(f"{name}-{n}" for n in range(4)))
        for name, role in loaded.roles.items()
    }
    return replace(loaded, roles=roles)


@cache
def policy(source: str) -> Policy:
    """The policy of a profile."""
    return load(files(source))


def place(row: Row) -> Place:
    """Where the figure of a row stands in `files`."""
    return row.line.within(_document(row.figure.source, f"policies/{row.line.file}"))


@cache
def _document(source: str, path: str) -> Document:
    return load_document(files(source)[path], path)
