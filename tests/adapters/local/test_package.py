"""Without its extra, the package says what to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.mark.parametrize("package", ["psutil", "httpx"])
def test_a_missing_package_is_a_missing_dependency(package: str) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); sys.modules[{package!r}] = None\n"
        "from modelctl.errors import DependencyError\n"
        "try:\n    import modelctl.adapters.local\n"
        "except DependencyError as error:\n    print(error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    expected = f"serving on this machine needs {package} (pip install 'modelctl[local]')"
    assert result.stdout.strip() == expected
