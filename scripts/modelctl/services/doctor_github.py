"""What only GitHub can tell of an installation."""

from __future__ import annotations

from modelctl.domain.settings import DEPLOY, PATH, PERMISSIONS
from modelctl.domain.settings_plan import Action
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.patient import Patient, UnaskedError

_LEVELS = ("none", "read", "write", "admin")


def reach(patient: Patient) -> str:
    """That GitHub answers about the repository that is meant, as people know it."""
    github, organisation = patient.github, patient.settings.organisation
    if github.access.owner.lower() != organisation.lower():
        raise ModelctlError(
            f"{github.access.repository} was looked at, but {PATH} is for {organisation}",
            mend=f"modelctl doctor --repository {organisation}/NAME",
        )
    branch = github.settings.repository()["default_branch"]
    wanted = patient.session.policy.lifecycle.default_branch
    if branch != wanted:
        raise ModelctlError(
            f"the default branch on GitHub is {branch}, not {wanted}",
            mend=f"make {wanted} the default branch: {github.web_url}/settings/branches",
        )
    return github.web_url


def app(patient: Patient) -> str:
    """That the App has its permissions, where it is the one that looks."""
    github = patient.github
    if github.access.app_id is None:
        raise UnaskedError(
            "a person's token is used", mend="set MODELCTL_APP_ID and MODELCTL_APP_KEY"
        )
    given = github.settings.installation()["permissions"]
    kind = _kind(patient)
    if kind is None:
        raise ModelctlError(
            f"App {github.access.app_id} is neither the gate nor the deploy App of the settings",
            mend=f"write its id to {PATH}",
        )
    lacking = [
        f"{name}: {level}"
        for name, level in PERMISSIONS[kind].items()
        if _LEVELS.index(given.get(name, "none")) < _LEVELS.index(level)
    ]
    if lacking:
        raise ModelctlError(
            f"the {kind} App lacks {', '.join(lacking)}",
            mend="add them on the App's page, and accept them",
        )
    return f"the {kind} App has the permissions that it needs"


def in_force(patient: Patient) -> str:
    """That GitHub is set to what the settings say."""
    from modelctl.services.settings_sync import look

    if _kind(patient) == DEPLOY:
        raise UnaskedError(
            "the deploy App may not read the settings", mend="ask as the gate App, or as yourself"
        )
    plan = look(patient.session, patient.github).plan
    if plan.doable:
        raise ModelctlError(
            f"{len(plan.doable)} settings differ from those of {PATH}",
            mend="modelctl github plan, then modelctl github apply",
        )
    waits = sum(step.action is Action.WAIT for step in plan.steps)
    if waits:
        things = "1 thing waits" if waits == 1 else f"{waits} things wait"
        raise ModelctlError(f"{things} for a person", mend="modelctl github plan")
    if plan.unseen:
        raise DependencyError(
            f"{plan.in_force} settings are in force as far as this account is shown, but "
            f"{plan.unseen[0]}, was not compared",
            mend="ask with the token of somebody who administers the repository",
        )
    return f"{plan.in_force} settings are in force"


def theirs(patient: Patient) -> str:
    """That GitHub knows every owner of CODEOWNERS."""
    branch = patient.session.policy.lifecycle.default_branch
    errors = patient.github.settings.codeowners_errors(branch)
    if errors:
        first = errors[0]
        raise ModelctlError(
            f"GitHub finds {first['kind']} in {first['path']}:{first['line']}: "
            f"{str(first.get('source', '')).strip()}",
            mend="modelctl github apply lets the teams push; the plan names those that aren't "
            "there or can't be seen",
        )
    return "GitHub finds no error in CODEOWNERS"


def _kind(patient: Patient) -> str | None:
    """Which App looks: `gate` or `deploy`; None where it is a person or another one."""
    number = patient.github.access.app_id
    if number is None:
        return None
    return next((name for name, one in patient.settings.apps.items() if one == number), None)
