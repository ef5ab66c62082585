"""The command line as people use it, in this process: arguments in, exit code and text out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modelctl.cli import main


@dataclass(kw_only=True)
class CommandLine:
    """`modelctl -C <directory> …`; `error` is what the last run said on stderr."""

    directory: Path
    capsys: pytest.CaptureFixture[str]
    error: str = ""

    def __call__(self, *args: object, code: int = 0) -> str:
        """Runs a command that must end with `code`; what it prints on stdout."""
        self.capsys.readouterr()
        found = main(["-C", str(self.directory), *(str(arg) for arg in args)])
        out, self.error = self.capsys.readouterr()
        assert found == code, f"exit {found}\n{out}\n{self.error}"
        return out

    def json(self, *args: object, code: int = 0) -> Any:
        """Runs a command with `--format json`; stdout must be nothing but JSON."""
        return json.loads(self(*args, "--format", "json", code=code))

    def fails(self, *args: object, code: int = 2) -> tuple[str, str]:
        """Runs a command that must fail and print nothing: the message and the mend."""
        assert self(*args, code=code) == ""
        message, _, mend = self.error.partition("\n  mend: ")
        return message.strip().removeprefix("error: "), mend.strip()
