"""What modelctl keeps beside a repository to be faster the next time."""

from __future__ import annotations

import shutil
from pathlib import Path


def forget(repository: Path) -> None:
    """Make the next command one that has never run here."""
    shutil.rmtree(repository / ".git" / "modelctl", ignore_errors=True)
