"""Writing files that must be new: whole or not at all."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from modelctl.errors import ModelctlError


def write_new(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Writes a file that isn't there yet, at once and with its final mode.

    Raises:
        ModelctlError: it is there already, or can't be written.
    """
    draft = path.with_name(f".{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(draft, data, mode)
            os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        if os.path.lexists(path):
            message, mend = f"{path} is there already", "edit or remove it, or choose another name"
            raise ModelctlError(message, mend=mend) from None
        raise ModelctlError(f"{path} can't be written: {error.strerror}") from None


def _write(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
