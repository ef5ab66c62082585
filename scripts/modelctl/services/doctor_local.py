"""What the clone, its rules and this machine tell of an installation."""

from __future__ import annotations

import os
from pathlib import Path

from modelctl.adapters.git import Repository
from modelctl.adapters.git_cli import NETWORK_SECONDS, run
from modelctl.adapters.kustomize import Kustomize
from modelctl.adapters.ledger_verify import broken
from modelctl.adapters.settings_file import read_settings
from modelctl.domain.code_owner_rules import lines, problems
from modelctl.domain.codeowners import PATH, SHADOW, WRITE, model_of
from modelctl.domain.diagnosis import (
    ending_keys,
    keygen,
    unfilled_roles,
    unmeasured_kinds,
    unsigned_environments,
)
from modelctl.domain.evidence import OFFLINE
from modelctl.domain.history import DEPLOYMENT, QUARANTINE, ROLLBACK, ROLLOUT
from modelctl.domain.rulesets import WRITE as WRITE_RULESETS
from modelctl.domain.settings import PATH as SETTINGS, PLACEHOLDER
from modelctl.errors import ModelctlError
from modelctl.services.generated import code_owners, stale_rulesets
from modelctl.services.installation import installation_problems
from modelctl.services.ledger import no_ledger
from modelctl.services.patient import Patient, UnaskedError
from modelctl.services.sources import prometheus_of

_FEW = 200


def git(patient: Patient) -> str:
    """That this is a whole clone, of a remote whose default branch is known."""
    repository = Repository.discover(patient.directory)
    where = repository.directory
    version = run("version", directory=where).text.strip()
    remote = repository.remote
    if remote is None:
        raise ModelctlError(f"{version}, but no remote", mend="git remote add origin ADDRESS")
    if run("rev-parse", "--is-shallow-repository", directory=where).text.strip() == "true":
        raise ModelctlError(
            "this clone is shallow, and its history proves what was deployed",
            mend=f"git fetch --unshallow {remote}",
        )
    if not _follows_all(repository, remote):
        raise ModelctlError(
            f"this clone follows single branches of {remote}",
            mend=f"git remote set-branches {remote} '*' && git fetch {remote}",
        )
    if repository.default_branch is None:
        raise ModelctlError(
            f"this clone doesn't know the default branch of {remote}",
            mend=f"git remote set-head {remote} --auto",
        )
    return f"{version}, remote {remote}, default branch {repository.default_branch}"


def _follows_all(repository: Repository, remote: str) -> bool:
    """Whether a fetch brings every branch of the remote."""
    asked = run("config", "--get-all", f"remote.{remote}.fetch", directory=repository.directory)
    return any(spec.lstrip("+").startswith("refs/heads/*:") for spec in asked.text.split())


def policies(patient: Patient) -> str:
    """That the rules can be loaded, and agree with the files round them."""
    session = patient.session
    policy = session.policy
    found = installation_problems(session.repository.tree(policy.commit), policy)
    if found:
        raise ModelctlError(found[0].message, mend=found[0].mend, location=str(found[0].location))
    return f"{len(policy.gates)} gates, rules of {policy.commit[:12]}"


def settings(patient: Patient) -> str:
    """That somebody has adopted the copy, where everybody sees it."""
    one = patient.settings
    if one.organisation != PLACEHOLDER:
        return f"organisation {one.organisation}"
    repository = patient.session.repository
    here = None if repository.bare else read_settings(repository.tree(repository.working_tree()))
    if here is not None and here.organisation != PLACEHOLDER:
        branch = patient.session.policy.lifecycle.default_branch
        remote = f"{repository.remote}/" if repository.remote else ""
        raise ModelctlError(
            f"init's changes are not on {remote}{branch} yet", mend="commit them, and push"
        )
    raise ModelctlError(
        "nobody has adopted this copy yet", mend="modelctl init --organisation NAME"
    )


def apps(patient: Patient) -> str:
    """That both Apps are there."""
    absent = [name for name, number in patient.settings.apps.items() if number is None]
    if absent:
        fields = " and ".join(f"apps.{name}.id" for name in absent)
        raise ModelctlError(
            f"there is no {' and no '.join(absent)} App, so the branch rules can't be applied",
            mend=f"create it (modelctl init prints the link), and write its id to {fields} in "
            f"{SETTINGS}",
        )
    return ", ".join(f"{name} App {number}" for name, number in patient.settings.apps.items())


def roles(patient: Patient) -> str:
    """That every role that must approve is held by somebody."""
    policy = patient.session.policy
    empty = unfilled_roles(policy)
    if empty:
        raise ModelctlError(
            f"nobody holds {', '.join(empty)}, so what needs their approval is blocked",
            mend="add members in policies/roles.yaml",
        )
    return f"{len(policy.roles)} roles, every one that must approve has members"


def keys(patient: Patient) -> str:
    """That somebody may sign what is to come."""
    session = patient.session
    policy, now = session.policy, session.now
    without = unsigned_environments(policy, now)
    if without:
        raise ModelctlError(
            f"no key may sign deployments to {', '.join(without)} now",
            mend=keygen(policy, (DEPLOYMENT, ROLLBACK, ROLLOUT, QUARANTINE), without),
        )
    unmeasured = unmeasured_kinds(policy, now)
    if unmeasured:
        raise ModelctlError(
            f"gates ask for evidence that no key may sign now: {', '.join(unmeasured)}",
            mend=keygen(policy, unmeasured, (OFFLINE, *policy.lifecycle.environments)),
        )
    ending = ending_keys(policy, now)
    if ending:
        told = ", ".join(f"{key.name} on {key.valid_until:%Y-%m-%d}" for key in ending)
        raise ModelctlError(
            f"a key ends soon: {told}",
            mend=keygen(policy, ending[0].kinds, ending[0].environments),
        )
    return f"{len(policy.keys)} keys, none ends soon"


def branches(patient: Patient) -> str:
    """That every branch of the lifecycle is here."""
    session, lifecycle = patient.session, patient.session.policy.lifecycle
    wanted = dict.fromkeys(
        [lifecycle.default_branch, *(t.to_branch for t in lifecycle.transitions)]
    )
    absent = [name for name in wanted if session.repository.remote_first(name) is None]
    if absent:
        remote = session.repository.remote or "origin"
        there = "" if patient.offline else _remote_heads(session.repository, remote)
        unfetched = all(f"refs/heads/{name}\n" in there for name in absent)
        first = f"{remote}/{lifecycle.default_branch}"
        pushed = " ".join(
            f"{first}:refs/heads/{name}" for name in absent if f"refs/heads/{name}\n" not in there
        )
        raise ModelctlError(
            f"there is no branch {', '.join(absent)}",
            mend=f"git fetch {remote}" if unfetched else f"git push {remote} {pushed}",
        )
    return ", ".join(wanted)


def _remote_heads(repository: Repository, remote: str) -> str:
    """The branches of the remote, a line each."""
    if repository.remote is None:
        return ""
    asked = run(
        "ls-remote", "--heads", remote, directory=repository.directory, seconds=NETWORK_SECONDS
    )
    return f"{asked.text}\n"


def generated(patient: Patient) -> str:
    """That CODEOWNERS and the branch rules are what the policies give."""
    session = patient.session
    tree = session.repository.tree(session.policy.commit)
    one = patient.settings
    found = (tree.read(PATH) or b"").decode(errors="replace")
    if tree.entry(SHADOW) is not None:
        raise ModelctlError(f"GitHub reads {SHADOW}, and {PATH} no more", mend=f"remove {SHADOW}")
    odd = problems(found)
    if odd:
        where = f"{PATH}:{odd[0].number}: GitHub skips this line: {odd[0].message}"
        raise ModelctlError(where, mend=WRITE)
    wanted = code_owners(session.repository, session.policy, one.organisation)
    if _general(found) != _general(wanted):
        raise ModelctlError(f"{PATH} is not what the policies and the models give", mend=WRITE)
    stale = stale_rulesets(session.policy, one, tree)
    if stale:
        raise ModelctlError(f"{next(iter(stale))} is out of step", mend=WRITE_RULESETS)
    if found != wanted:
        raise UnaskedError(
            f"models have come or gone since {PATH} was written, which holds nobody", mend=WRITE
        )
    return "CODEOWNERS and the branch rules are what the policies give"


def _general(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """The lines that are about no single model."""
    return [(row.pattern, row.owners) for row in lines(text) if model_of(row) is None]


def history(patient: Patient) -> str:
    """That the chains of the ledger hold."""
    session = patient.session
    if no_ledger(session.repository, session.policy.lifecycle.ledger_branch) is not None:
        raise UnaskedError("nothing was deployed yet, as far as this clone was fetched")
    models = session.ledger.models()
    for model in models[:_FEW]:
        why = broken(session.ledger.entries(model))
        if why is not None:
            raise ModelctlError(
                f"the history of {model} is damaged: {why}", mend="modelctl ledger verify"
            )
    if len(models) == 1:
        return "the chain of 1 model holds"
    rest = f", of {len(models)}" if len(models) > _FEW else ""
    return f"the chains of {min(len(models), _FEW)} models hold{rest}"


def kustomize(_patient: Patient) -> str:
    """That there is something to render with."""
    return " ".join(Path(word).name for word in Kustomize.find().command)


def registry(patient: Patient) -> str:
    """That MLflow answers, where it is used."""
    if patient.tracking_uri is None:
        raise UnaskedError(
            "MLflow is not configured", mend="set MLFLOW_TRACKING_URI where there is one"
        )
    from modelctl.adapters.registry import MlflowRegistry

    MlflowRegistry(patient.tracking_uri).state("modelctl-doctor")
    return "MLflow answers"


def figures(patient: Patient) -> str:
    """That every Prometheus answers by which rollouts step and versions are taken back."""
    metrics = patient.session.policy.metrics
    asked = {name: at for name, at in metrics.sources.items() if at is not None}
    if not asked:
        raise UnaskedError("figures come from the router of this machine")
    if patient.offline:
        raise UnaskedError("Prometheus is left out", mend="leave away --offline")
    versions = {name: prometheus_of(at, os.environ).version() for name, at in asked.items()}
    return ", ".join(f"Prometheus {version} for {name}" for name, version in versions.items())
