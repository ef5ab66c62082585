"""What the environments run now: the machine branches `env/<environment>`, read."""

from __future__ import annotations

import json
from functools import lru_cache

from modelctl.domain.names import is_model_name
from modelctl.domain.release_record import recorded_request
from modelctl.domain.rendering import RELEASE, RenderRequest
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError
from modelctl.services.session import Session


def state_tree(session: Session, environment: str) -> Tree:
    """The tree of the environment's branch; the empty tree before its first deploy."""
    branch = session.policy.lifecycle.state_of(environment)
    return session.repository.tree(session.repository.remote_first(branch))


def models_of(tree: Tree) -> tuple[str, ...]:
    """The models that a state has folders of, sorted. What else lies there is no model, whatever
    is in it: alerts do, and anything that somebody pushed."""
    return tuple(filter(is_model_name, tree.names("")))


def read_state(session: Session, environment: str) -> dict[str, RenderRequest]:
    """Every model that the environment runs."""
    tree = state_tree(session, environment)
    found = ((model, record(tree, model)) for model in models_of(tree))
    return {model: one for model, one in found if one is not None}


def record(tree: Tree, model: str) -> RenderRequest | None:
    """What the environment's tree says it runs of one model, or None where it doesn't run it.

    Raises:
        ModelctlError: somebody wrote by hand what only the jobs write.
    """
    path = f"{model}/{RELEASE}"
    text = tree.read(path)
    if text is None:
        return None
    try:
        return _parsed(text)
    except (ValueError, KeyError, TypeError):
        raise ModelctlError(
            f"{path} is not what a deploy writes",
            location=path,
            mend="undo the change on the environment's branch, and let the deploy write it",
        ) from None


@lru_cache(maxsize=4096)
def _parsed(text: bytes) -> RenderRequest:
    """A record by its bytes: whoever looks again and again finds most of them as they were."""
    return recorded_request(json.loads(text)["data"])


def readable_record(tree: Tree, model: str) -> RenderRequest | None:
    """As `record`, but a record that can't be read says nothing: the deploy writes it anew."""
    try:
        return record(tree, model)
    except ModelctlError:
        return None


def running(session: Session, model: str) -> dict[str, RenderRequest]:
    """What each environment runs of `model`, where it runs it."""
    found = {
        environment: record(state_tree(session, environment), model)
        for environment in session.policy.lifecycle.environments
    }
    return {environment: one for environment, one in found.items() if one is not None}
