"""Reads JSON value by value: what is missing or of another type is named by its path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from modelctl.adapters.strict_json import Malformed, parse
from modelctl.errors import ModelctlError

_T = TypeVar("_T")
_WORDS = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value of a JSON file; `path` is where it stands: `$.reviews[0].user`."""

    value: Any
    file: str
    path: str = "$"

    def field(self, name: str) -> Node:
        """The value of a field.

        Raises:
            ModelctlError: this is no object, or the field is missing or null.
        """
        found = self.optional(name)
        if found is None:
            raise self._error(f"{self.path}.{name} is missing")
        return found

    def optional(self, name: str) -> Node | None:
        """The value of a field, or None where it is missing or null."""
        value = self._expect(dict).get(name)
        return (
            None if value is None else Node(value=value, file=self.file, path=f"{self.path}.{name}")
        )

    def items(self) -> Iterator[Node]:
        """The values of a list."""
        for index, value in enumerate(self._expect(list)):
            yield Node(value=value, file=self.file, path=f"{self.path}[{index}]")

    def fields(self) -> Iterator[tuple[str, Node]]:
        """The fields of an object."""
        for name, value in self._expect(dict).items():
            yield name, Node(value=value, file=self.file, path=f"{self.path}.{name}")

    def text(self) -> str:
        """The value as text."""
        return self._expect(str)

    def number(self) -> int:
        """The value as a whole number."""
        return self._expect(int)

    def flag(self) -> bool:
        """The value as true or false."""
        return self._expect(bool)

    def instant(self) -> datetime:
        """The value as a time in UTC; it must say its offset."""
        try:
            at = datetime.fromisoformat(self.text())
        except ValueError:
            raise self._error(f"{self.path} is no time such as 2026-11-20T10:00:00Z") from None
        if at.tzinfo is None:
            raise self._error(f"{self.path} doesn't say its time zone")
        return at.astimezone(UTC)

    def _expect(self, kind: type[_T]) -> _T:
        # `True` is an int to Python, but no number to JSON.
        if not isinstance(self.value, kind) or (kind is int and isinstance(self.value, bool)):
            raise self._error(f"{self.path} must be {_WORDS[kind]}")
        return self.value

    def _error(self, message: str) -> ModelctlError:
        return ModelctlError(message, location=self.file)


def read_json(path: Path) -> Node:
    """The JSON value in a file, read strictly.

    Raises:
        ModelctlError: the file can't be read, or isn't JSON that everybody reads alike.
    """
    try:
        return Node(value=parse(path.read_bytes()), file=str(path))
    except OSError as error:
        raise ModelctlError(f"{path} can't be read: {error.strerror}") from error
    except Malformed as error:
        raise ModelctlError(str(error), location=str(path)) from error
