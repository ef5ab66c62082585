"""PyGithub without the classes of all objects of GitHub's API.

Its package imports every one of them, for a third of a second; its requester needs none. So the
package is only read in when somebody asks it for more than the modules that were imported from it.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

_NAME = "github"


def prepare() -> None:
    """Let `import github.X` read in X alone, unless the package was read in already.

    Raises:
        ImportError: PyGithub isn't installed.
    """
    if _NAME in sys.modules:
        return
    spec = find_spec(_NAME)
    if spec is None:
        raise ImportError(f"there is no package {_NAME}", name=_NAME)
    package = module_from_spec(spec)
    package.__class__ = _Late
    sys.modules[_NAME] = package


class _Late(ModuleType):
    """A package that is read in as soon as a name is asked for that it doesn't have yet."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self.__spec__ is None or self.__spec__.loader is None:
            raise AttributeError(name)
        self.__class__ = ModuleType  # type: ignore[assignment] # a class that it derives from
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)
