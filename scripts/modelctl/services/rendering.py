"""Renders environments: by the trusted overlays alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

from modelctl.adapters.kustomize import Kustomize
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.tree import REGULAR
from modelctl.errors import ModelctlError
from modelctl.services.session import Session

KUSTOMIZE = "kustomize"
EXECUTABLE = 0o100755
Rendered = Mapping[str, Mapping[str, str]]
"""Model → file name → text."""

_KEPT: OrderedDict[tuple[str | None, str], Mapping[str, str]] = OrderedDict()
_MOST = 256


def render(session: Session, requests: Iterable[RenderRequest]) -> Rendered:
    """Everything that is asked for, in one build of the trusted `kustomize/` folder."""
    return builder(session, requests)()


def rendered(session: Session, request: RenderRequest) -> Mapping[str, str]:
    """The files of one request, kept by the overlays and by what is asked for: whoever looks again
    and again builds them once."""
    overlays = session.repository.tree(session.policy.commit).subtree(KUSTOMIZE)
    key = overlays, repr(request)
    if key not in _KEPT:
        _KEPT[key] = render(session, [request])[request.model]
        while len(_KEPT) > _MOST:
            _KEPT.popitem(last=False)
    return _KEPT[key]


def builder(session: Session, requests: Iterable[RenderRequest]) -> Callable[[], Rendered]:
    """The same in two: the trusted files are read now, and what is returned builds from them. It
    looks at the repository no more, so that it may run beside what does."""
    wanted = tuple(requests)
    files = kustomize_files(session) if wanted else {}
    return lambda: Kustomize.find().build(files, wanted) if wanted else {}


def kustomize_files(session: Session) -> dict[str, bytes]:
    """The `kustomize/` folder of the trusted ref, by path below it.

    Raises:
        ModelctlError: a symbolic link or a submodule, which could lead out of the folder.
    """
    tree = session.repository.tree(session.policy.commit)
    files = {}
    for entry in tree.walk(KUSTOMIZE):
        if entry.mode not in (REGULAR, EXECUTABLE):
            raise ModelctlError(
                f"{entry.path} is not a plain file",
                location=entry.path,
                mend="overlays are plain files: put its content there",
            )
        files[entry.path.removeprefix(f"{KUSTOMIZE}/")] = tree.read(entry.path) or b""
    return files
