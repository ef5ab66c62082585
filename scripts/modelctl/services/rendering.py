"""Renders environments: by the trusted overlays, what the state records, or what a branch wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from modelctl.adapters.kustomize import Kustomize
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.tree import REGULAR, Tree
from modelctl.errors import ModelctlError
from modelctl.services.intent import fresh_request, read_intent, released
from modelctl.services.session import Session
from modelctl.services.state import record, state_tree

KUSTOMIZE = "kustomize"
EXECUTABLE = 0o100755
Rendered = Mapping[str, Mapping[str, str]]
"""Model → file name → text."""


def render(session: Session, requests: Iterable[RenderRequest]) -> Rendered:
    """Everything that is asked for, in one build of the trusted `kustomize/` folder."""
    return builder(session, requests)()


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


def wanted_requests(
    session: Session,
    transition: Transition,
    models: Iterable[str] | None = None,
    *,
    ref: str | None = None,
) -> list[RenderRequest]:
    """What the branch of an environment wants of each model, rendered as a deploy would if
    everything passed: what runs already keeps the record of who brought it. `ref` asks for another
    commit, such as the head of a pull request."""
    resolve = session.repository.resolve
    branch = resolve(ref) if ref else session.branch_tip(transition.to_branch)
    tree, state = session.repository.tree(branch), state_tree(session, transition.environment)
    names = released(tree) if models is None else tuple(models)
    return [_wanted(session, transition, tree, state, branch, name) for name in names]


def _wanted(
    session: Session, transition: Transition, tree: Tree, state: Tree, branch: str, model: str
) -> RenderRequest:
    intent, running = read_intent(tree, model, transition, session.policy), record(state, model)
    if running is not None and intent.matches(running):
        return running
    return fresh_request(
        intent, transition.environment, commit=branch, approvers=(), pull_request=None
    )
