"""What an environment runs by the signed history. The state branch alone is anybody's word: whoever
may push it can write a record, but not the statement that names the commit with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from modelctl.domain.evidence import Signed
from modelctl.domain.history import deployments, served
from modelctl.domain.rendering import RenderRequest
from modelctl.errors import ModelctlError
from modelctl.services.session import Session
from modelctl.services.state import readable_record


def accounted(
    session: Session, model: str, signed: Iterable[Signed], environment: str
) -> RenderRequest | None:
    """The record that the last signed deployment of a model wrote, or None.

    It is read from the commit that the statement names, whatever the state branch holds now. None
    as well where that commit isn't here, or its record says something else than what was signed.
    """
    entries = tuple(signed)
    last = served(deployments(entries), environment)
    if last is None:
        return None
    found = (s.statement for s in entries if s.seq == last.seq and s.problem is None)
    statement = next((one for one in found if one is not None), None)
    predicate: Mapping[str, Any] = statement.predicate if statement else {}
    one = _written(session, model, predicate.get("state_commit"))
    if one is None or (one.environment, one.digest) != (environment, last.digest):
        return None
    return one if all(predicate.get(name) == value for name, value in told(one).items()) else None


def told(one: RenderRequest) -> Mapping[str, Any]:
    """What a deployment's statement says of a record, beside its digest."""
    return {
        "version": one.version,
        "commit": one.commit,
        "approvers": list(one.approvers),
        "strategy": one.strategy,
        "target": one.target,
        "pull_request": one.pull_request,
        "waivers": [waiver.as_data() for waiver in one.waivers],
    }


def same(one: RenderRequest | None, other: RenderRequest | None) -> bool:
    """Whether two records say the same, field by field, however their split is written."""
    if one is None or other is None:
        return one is other
    return replace(one, backends=()) == replace(other, backends=()) and one.split == other.split


def _written(session: Session, model: str, state_commit: object) -> RenderRequest | None:
    if not isinstance(state_commit, str):
        return None
    try:
        commit = session.repository.commit(state_commit)
    except ModelctlError:
        return None
    one = readable_record(session.repository.tree(commit.tree), model)
    return one if one is not None and one.model == model else None
