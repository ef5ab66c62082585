"""Files of the work tree: read as they lie there, and written whole or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

from modelctl.adapters.files import write_new
from modelctl.errors import ModelctlError


class WorkTree:
    """The work tree whose top is `top`; paths are relative to it, with `/` between their parts."""

    __slots__ = ("top",)

    def __init__(self, top: Path):
        self.top = top

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, None where there is none."""
        try:
            return (self.top / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ModelctlError(f"{path} can't be read: {error.strerror}") from error

    def names(self, folder: str) -> tuple[str, ...]:
        """The names of what lies directly in `folder`, sorted; none where there is no folder."""
        place = self.top / folder
        return tuple(sorted(one.name for one in place.iterdir())) if place.is_dir() else ()

    def write(self, new: Mapping[str, str], changed: Mapping[str, str]) -> None:
        """Create the files `new`, which must not exist, and replace the files `changed`.

        Each file is written whole or not at all, and when one can't be, the new ones go again.

        Raises:
            ModelctlError: one of `new` is there already, or the disk refuses.
        """
        made: list[Path] = []
        try:
            for path, text in new.items():
                write_new(self.top / path, text.encode())
                made.append(self.top / path)
            for path, text in changed.items():
                _replace(self.top / path, text.encode())
        except ModelctlError:
            for file in made:
                file.unlink()
            raise


def _replace(target: Path, data: bytes) -> None:
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        write_new(draft, data)
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ModelctlError(f"{target} can't be written: {error.strerror}") from None
