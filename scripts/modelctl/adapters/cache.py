"""What was worked out before, by the content that it was worked out from.

One file of lines, each a key, a value and a checksum of both. Whatever isn't as it was written is
passed over, and a file that can't be read or written is as good as none: a cache that is wrong, old
or damaged is only slower. It keeps nothing from somebody who may write into `.git` and wants it to
lie, so no change and no deploy is ever judged by it (docs/security.md).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

LARGEST: Final = 32 * 1024 * 1024
"""So many bytes are kept; what was asked for last stays longest."""

_CHECKSUM = 32


class Cache:
    """The values below one file. Keys are digests of everything that a value follows from."""

    __slots__ = ("_largest", "_path")

    def __init__(self, path: Path, *, largest: int = LARGEST):
        self._path = path
        self._largest = largest

    def get_many(self, keys: Collection[str]) -> Mapping[str, bytes]:
        """The values of these keys, as far as they are there and sound."""
        wanted = set(keys)
        found = {}
        for line in self._lines():
            key = line.partition(" ")[0]
            if key in wanted and (value := _value(line)) is not None:
                found[key] = value
        return found

    def put_many(self, used: Collection[str], new: Mapping[str, bytes]) -> None:
        """Keep new values beside those that are there; `used` are the keys that were of use.

        The file is replaced whole. Of two that write at once one wins.
        """
        kept = {line.partition(" ")[0]: line for line in self._lines()}
        fresh = {key: kept.pop(key) for key in used if key in kept}
        fresh |= {key: _line(key, value) for key, value in new.items()}
        lines = _newest([*kept.values(), *fresh.values()], self._largest)
        with contextlib.suppress(OSError):
            self._replace("".join(f"{line}\n" for line in lines))

    def _lines(self) -> list[str]:
        try:
            if self._path.stat().st_size > 2 * self._largest:
                return []  # nothing that we wrote
            return self._path.read_text(encoding="ascii", errors="replace").splitlines()
        except OSError:
            return []

    def _replace(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=self._path.parent, prefix=f"{self._path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="ascii", errors="replace") as file:
                file.write(text)
            Path(draft).replace(self._path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise


def _line(key: str, value: bytes) -> str:
    text = base64.b64encode(value).decode()
    return f"{key} {text} {_checksum(key, text)}"


def _value(line: str) -> bytes | None:
    """The value of a line, None where the line is not as it was written."""
    key, _, rest = line.partition(" ")
    text, _, checksum = rest.partition(" ")
    if checksum != _checksum(key, text):
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _checksum(key: str, text: str) -> str:
    return hashlib.sha256(f"{key} {text}".encode(errors="replace")).hexdigest()[:_CHECKSUM]


def _newest(lines: list[str], largest: int) -> Iterator[str]:
    """As many of the last lines as there is room for, in their order."""
    room = largest - sum(len(line) + 1 for line in lines)
    for line in lines:
        if room >= 0:
            yield line
        else:
            room += len(line) + 1
