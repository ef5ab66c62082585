"""Files of lines that are added whole, by writers that may be killed in the middle of one."""

from __future__ import annotations

from typing import BinaryIO


def cut_half_line(file: BinaryIO) -> None:
    """Remove what a writer left that was killed in the middle of a line. `file` must be open to be
    read and written; it stands at its end afterwards."""
    size = file.seek(0, 2)
    if size == 0:
        return
    file.seek(size - 1)
    if file.read(1) == b"\n":
        return
    file.seek(0)
    file.truncate(file.read().rfind(b"\n") + 1)
    file.seek(0, 2)
