"""Serving on this machine, behind a router. Needs the extra `local`; import it only where used.

Raises:
    DependencyError: the extra isn't installed.
"""

from __future__ import annotations

from modelctl.errors import DependencyError

try:
    from modelctl.adapters.local.limits import Limits
    from modelctl.adapters.local.target import LocalTarget
except ModuleNotFoundError as error:
    raise DependencyError(
        f"serving on this machine needs {error.name}", mend="pip install 'modelctl[local]'"
    ) from error

__all__ = ["Limits", "LocalTarget"]
