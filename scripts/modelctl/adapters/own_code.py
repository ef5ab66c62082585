"""The identity of the program itself: what it answered before counts only for the same code."""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

import modelctl

_LIBRARIES = ("cel-expr-python", "jsonschema-rs", "pyyaml", "semver")
"""What decides beside our own code."""

_SUFFIXES = (".py", ".json")


@cache
def code_identity() -> str:
    """A digest of every module and schema of ours, of Python and of the libraries that decide.

    The files are read, since a time or a size can stay the same when the content doesn't.
    """
    digest = hashlib.sha256(sys.version.encode())
    for name in _LIBRARIES:
        digest.update(f"{name} {version(name)}\0".encode())
    root = Path(modelctl.__path__[0])
    for path in sorted(p for p in root.rglob("*") if p.suffix in _SUFFIXES):
        digest.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
