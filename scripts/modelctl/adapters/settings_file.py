"""Reads `.github/settings.yaml` of a tree."""

from __future__ import annotations

from modelctl.adapters.documents import MAX_BYTES, load, too_large
from modelctl.adapters.schema import validate
from modelctl.domain.settings import DEPLOY, GATE, PATH, Settings, settings_from
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError


def read_settings(tree: Tree) -> Settings | None:
    """The settings in a tree, None where there are none.

    Raises:
        ModelctlError: they can't be read; the message has the first problem, with its place.
    """
    if (size := tree.size(PATH) or 0) > MAX_BYTES:
        raise too_large(size, PATH)
    data = tree.read(PATH)
    if data is None:
        return None
    document = load(data, PATH)
    for problem in validate(document, "settings"):
        place = str(document.locate(problem.path))
        raise ModelctlError(problem.message, mend=problem.mend, location=place)
    found = settings_from(document.data)
    if found.apps[GATE] is not None and found.apps[GATE] == found.apps[DEPLOY]:
        raise ModelctlError(
            "the gate and the deploy App are one and the same: it could pass what it deploys",
            mend="create a second App, and write its id",
            location=str(document.locate(("apps", DEPLOY, "id"))),
        )
    return found


def require_settings(tree: Tree) -> Settings:
    """The settings in a tree.

    Raises:
        ModelctlError: there are none, or they can't be read.
    """
    found = read_settings(tree)
    if found is None:
        raise ModelctlError(
            f"{PATH} is missing, and it names the organisation",
            mend="add it; `modelctl schema print settings` shows its form",
        )
    return found


def gate_app(tree: Tree) -> int | None:
    """The id of the App that judges pull requests; None where the settings name none.

    Raises:
        ModelctlError: they can't be read.
    """
    found = read_settings(tree)
    return found.apps.get(GATE) if found is not None else None
