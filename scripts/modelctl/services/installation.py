"""What the files round the policies must agree with: the overlays and the job that deploys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelctl.adapters.documents import load
from modelctl.adapters.policy_problems import PolicyProblem
from modelctl.adapters.settings_file import read_settings
from modelctl.domain.document import Path as Place
from modelctl.domain.policy import Policy
from modelctl.domain.tree import Tree

LIFECYCLE = "policies/lifecycle.yaml"
OVERLAYS = "kustomize/overlays"
DEPLOY_WORKFLOW = ".github/workflows/deploy.yml"
PUSHED: Place = ("on", "push", "branches")
"""Where the workflow says the pushes of which branches start it."""


def installation_problems(tree: Tree, policy: Policy) -> tuple[PolicyProblem, ...]:
    """What doesn't agree with the policies of the same tree; what isn't there at all is left out.

    Raises:
        ModelctlError: the settings or the workflow can't be read.
    """
    read_settings(tree)
    return (*_overlays(tree, policy), *_workflow(tree, policy))


def _overlays(tree: Tree, policy: Policy) -> Iterator[PolicyProblem]:
    there = tree.names(OVERLAYS)
    data = tree.read(LIFECYCLE)
    if not there or data is None:
        return
    document = load(data, LIFECYCLE)
    for index, transition in enumerate(policy.lifecycle.transitions):
        name = transition.environment
        if name not in there:
            yield PolicyProblem(
                location=document.locate(("transitions", index, "environment")),
                message=f"there is no {OVERLAYS}/{name}, so nothing can be deployed to {name}",
                mend=f"add it; it may begin as a copy of {OVERLAYS}/{there[0]}",
            )


def _workflow(tree: Tree, policy: Policy) -> Iterator[PolicyProblem]:
    data, branch = tree.read(DEPLOY_WORKFLOW), policy.lifecycle.default_branch
    if data is None:
        return
    document = load(data, DEPLOY_WORKFLOW)
    pushed = _pushed(document.data)
    if pushed != [branch]:
        yield PolicyProblem(
            location=document.locate(PUSHED),
            message=f"pushes to {', '.join(pushed) or 'no branch'} start it, not to {branch}",
            mend=f"write branches: [{branch}]",
        )


def _pushed(data: Any) -> list[str]:
    """The branches whose pushes start a workflow; none where it names none."""
    for key in PUSHED:
        data = data.get(key) if isinstance(data, dict) else None
    return [str(name) for name in data] if isinstance(data, list) else []
