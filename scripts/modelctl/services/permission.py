"""Who may have a say in what an environment serves, beside pull requests.

Whose a model is says what was deployed: a push of model.yaml gives nobody a say.
"""

from __future__ import annotations

from modelctl.domain.history import authors_of, deployments, served
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.waiving import made_by
from modelctl.errors import ModelctlError
from modelctl.services.candidates import read_model, read_version
from modelctl.services.session import Session


def has_made(session: Session, request: RenderRequest, login: str) -> bool:
    """Whether somebody made the version that is asked for, or brought it to any environment: then
    it takes another one's word, as nobody approves their own."""
    tree = session.repository.tree(request.commit)
    version = read_version(tree, request.model, request.version)
    made = (version.created_by,) if version is not None else ()
    brought = authors_of(session.signed(request.model), request.digest)
    return any(made_by(login, name) for name in (*made, *brought))


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
