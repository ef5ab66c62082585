"""The open pull requests as a list, by as few requests as can be: one for a hundred of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from modelctl.adapters.settings_file import gate_app
from modelctl.domain.checked import Listed
from modelctl.domain.pull_labels import GATE, STATES
from modelctl.domain.pulls import CHECK_NAME, CheckState, PullSummary
from modelctl.domain.settings import PATH
from modelctl.errors import ModelctlError
from modelctl.services.pull_heads import fetch
from modelctl.services.pull_scope import scope_of_pull
from modelctl.services.session import Session

if TYPE_CHECKING:
    from modelctl.adapters.github import CheckRun, GitHub


def list_pulls(
    session: Session, github: GitHub, *, base: str | None = None, checks: bool = False
) -> tuple[Listed, ...]:
    """The open pull requests, oldest first; into `base` alone where it is given.

    The models are read from git. The verdict is that of the labels, which anybody who sorts pull
    requests may set; with `checks` it is the check run of the gate's App, by one more request for
    each.

    Raises:
        ModelctlError, DependencyError: GitHub or the remote can't be asked.
    """
    pulls = sorted(github.pulls.open(base=base), key=lambda pull: pull.number)
    with suppress(ModelctlError):  # one head may be gone; it is listed without its models
        fetch(session, pulls)
    return tuple(_listed(session, github, pull, checks=checks) for pull in pulls)


def _listed(session: Session, github: GitHub, pull: PullSummary, *, checks: bool) -> Listed:
    listed = Listed(pull=pull, models=_models(session, pull), verdict=_by_label(pull.labels))
    if not checks:
        return listed
    run = _run(session, github, pull.head)
    return replace(listed, verdict=_by_run(run), title=run.title if run is not None else None)


def _run(session: Session, github: GitHub, head: str) -> CheckRun | None:
    """The newest check run of the App that judges: of ours, or for somebody who is none of the one
    that the settings name."""
    if github.access.app_id is not None:
        return github.checks.own(head, CHECK_NAME)
    gate = gate_app(session.repository.tree(session.policy.commit))
    if gate is None:
        raise ModelctlError(
            f"nothing says which App's {CHECK_NAME} counts",
            mend=f"write its id into {PATH}: apps.gate.id; or list them without --checks",
        )
    runs = (run for run in github.checks.of(head, CHECK_NAME) if run.app_id == gate)
    return max(runs, key=lambda run: run.id, default=None)


def _models(session: Session, pull: PullSummary) -> tuple[str, ...] | None:
    try:
        scope = scope_of_pull(session, pull)
    except ModelctlError:
        return None
    released = {name.partition("@")[0]: name for name in scope.releases}
    return tuple(released.get(model, model) for model in scope.models)


def _by_label(labels: Sequence[str]) -> str | None:
    found = (label.removeprefix(GATE) for label in labels if label.startswith(GATE))
    return next(iter(found), None)


def _by_run(run: CheckRun | None) -> str | None:
    if run is None:
        return None
    state = run.conclusion or run.status
    known = {one.value: STATES[one] for one in CheckState}
    return known.get(state, STATES[CheckState.FAILURE])
