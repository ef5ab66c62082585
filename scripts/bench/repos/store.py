"""Where generated repositories are kept: by a digest of all that they are made from."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import support
from bench.repos.people import rule_files

_LENGTH = 12


class Store:
    """A folder of generated repositories, each made once."""

    def __init__(self, folder: Path, say: Callable[[str], None]):
        self._folder = folder
        self._say = say

    def get(self, name: str, make: Callable[[Path], None]) -> Path:
        """The repository `name`, which `make` generates in an empty folder where it isn't there.

        One that an older generator made, or that was left half made, is removed.
        """
        wanted = self._folder / f"{name}-{_generator()}"
        if wanted.exists():
            return wanted
        self._folder.mkdir(parents=True, exist_ok=True)
        of_this_name = re.compile(rf"{re.escape(name)}-[0-9a-f]{{{_LENGTH}}}(\.draft)?")
        for old in self._folder.iterdir():
            if of_this_name.fullmatch(old.name):
                shutil.rmtree(old)
        self._say(f"generating {name}")
        draft = wanted.with_suffix(".draft")
        draft.mkdir()
        make(draft)
        draft.rename(wanted)
        return wanted


@cache
def _generator() -> str:
    """A digest of the generators' own code and of the rules that they copy."""
    sources = [*Path(__file__).parent.glob("*.py"), *Path(support.__path__[0]).glob("*.py")]
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.read_bytes())
    for name, content in sorted(rule_files().items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:_LENGTH]
