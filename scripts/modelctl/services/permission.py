"""Who may have a say in what an environment serves, beside pull requests.

Whose a model is says what was deployed: a push of model.yaml gives nobody a say.
"""

from __future__ import annotations

from modelctl.domain.history import deployments, served
from modelctl.domain.policy import Transition
from modelctl.errors import ModelctlError
from modelctl.services.candidates import read_model
from modelctl.services.session import Session


def require_role(session: Session, transition: Transition, model: str, login: str | None) -> str:
    """The login, where it holds a role that approves for this environment and this model.

    Raises:
        ModelctlError: nobody is named, or they may not.
    """
    if login is None:
        raise ModelctlError("who says so?", mend="--by LOGIN, of whoever answers for it")
    last = served(deployments(session.signed(model)), transition.environment)
    commit = last.commit if last is not None else session.branch_tip(transition.to_branch)
    about = read_model(session.repository.tree(commit), model)
    names = [rule.role for rule in transition.approvals]
    known = [session.policy.roles[name] for name in names if name in session.policy.roles]
    if not any(role.may_approve(login, about.owner if about else None) for role in known):
        raise ModelctlError(
            f"{login} holds no role that approves for {transition.environment}",
            mend=f"somebody of {' or '.join(names)} may (policies/roles.yaml)",
        )
    return login
