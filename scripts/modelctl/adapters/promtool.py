"""promtool, where there is one: what Prometheus itself says of rules before it loads them."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from modelctl.errors import DependencyError

_SECONDS: Final = 60.0
_FILE: Final = "rules.yaml"


def find_promtool() -> str | None:
    """The promtool of the PATH."""
    return shutil.which("promtool")


def check_rules(promtool: str, groups: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What is wrong with groups of rules, a line each; nothing where Prometheus would load them.

    Raises:
        DependencyError: promtool can't run, or takes too long.
    """
    with tempfile.TemporaryDirectory(prefix="modelctl-rules-") as name:
        path = Path(name) / _FILE
        path.write_text(json.dumps({"groups": list(groups)}), encoding="utf-8")
        try:
            result = subprocess.run(
                [promtool, "check", "rules", str(path)],
                capture_output=True,
                check=False,
                encoding="utf-8",
                stdin=subprocess.DEVNULL,
                timeout=_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DependencyError(f"promtool can't be run: {error}") from error
    if result.returncode == 0:
        return ()
    lines = [line.strip().replace(f"{path}: ", "") for line in result.stderr.splitlines()]
    return tuple(line for line in lines if line and line != "FAILED:")
