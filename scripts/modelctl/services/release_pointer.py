"""The release pointer with another version, and the rest of the file as people wrote it."""

from __future__ import annotations

import re

from modelctl.adapters.documents import DocumentError, dump, load

_SCALAR = re.compile(r"\"[^\"]*\"|'[^']*'|[^\s#]+")


def pointed(data: bytes, path: str, version: str) -> bytes:
    """The text of release.yaml that names `version`; `data` is what it says now.

    Raises:
        DocumentError: it can't be read.
    """
    document = load(data, path)
    wanted = {**document.data, "version": version}
    place = document.locate(("version",))
    lines = document.text.splitlines(keepends=True)
    line, at = lines[place.line - 1], place.column - 1
    lines[place.line - 1] = line[:at] + _SCALAR.sub(f'"{version}"', line[at:], count=1)
    text = "".join(lines)
    try:
        if load(text.encode(), path).data == wanted:
            return text.encode()
    except DocumentError:  # written in a way that a line doesn't tell
        pass
    return dump(wanted).encode()
