"""A changed policy, tried on every deployment that was ever recorded.

Each is judged by both policies with what was known when it happened: its time, the statements made
by then, and what its environment served before. Reviews are not judged again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from modelctl.adapters.git import Repository
from modelctl.adapters.ledger import Ledger
from modelctl.adapters.policies import PolicyError, load_policy
from modelctl.domain.backtest import Backtest, Trial, only_in, shifts
from modelctl.domain.candidate import Candidate, Served
from modelctl.domain.evidence import Signed
from modelctl.domain.history import Deployment, deployments, goes_back, served
from modelctl.domain.policy import Policy, Transition
from modelctl.domain.verdict import Verdict
from modelctl.errors import ModelctlError
from modelctl.gates import judge
from modelctl.services.candidates import read_candidate
from modelctl.services.moves import facts_of, unpointed

WORK_TREE = "the work tree"
_SECOND = timedelta(seconds=1)
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A policy, what people call it, and the tree or commit that it is from."""

    name: str
    policy: Policy


def read_rules(repository: Repository, ref: str | None) -> Rules:
    """The policy of a ref, as the remote has it where that is a branch; None for the work tree.

    Raises:
        ModelctlError: it can't be used; every problem is told.
    """
    name = ref or WORK_TREE
    if ref is None:
        commit = repository.working_tree()
    else:
        commit = repository.remote_first(ref) or repository.resolve(ref)
    try:
        policy = load_policy(repository.tree(commit), commit)
    except PolicyError as error:
        look = f"modelctl policy lint --ref {ref}" if ref else "modelctl policy lint"
        raise ModelctlError(f"{name}: {error.message}", mend=look) from None
    return Rules(name=name, policy=policy)


def backtest(repository: Repository, base: Rules, head: Rules, progress: Progress) -> Backtest:
    """Every deployment on the ledger, judged by both policies."""
    trials: list[Trial] = []
    branch = base.policy.lifecycle.ledger_branch
    ledgers = [Ledger(repository, r.policy.keys, branch=branch) for r in (base, head)]
    models = ledgers[0].models()
    same_keys = base.policy.keys == head.policy.keys
    for number, model in enumerate(models, 1):
        as_it_is = _read(ledgers[0], model, base.policy)
        changed = replace(as_it_is, policy=head.policy)
        if not same_keys:
            changed = _read(ledgers[1], model, head.policy)
        trials.extend(_model(repository, as_it_is, changed))
        progress(f"{number} of {len(models)} models, {len(trials)} deployments: {model}")
    return Backtest(
        base=base.name,
        head=head.name,
        trials=tuple(trials),
        added=only_in(head.policy, base.policy),
        removed=only_in(base.policy, head.policy),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A policy, and the statements about a model as its keys prove them, with the deployments."""

    policy: Policy
    signed: tuple[Signed, ...]
    history: tuple[Deployment, ...]

    def verdict(
        self, candidate: Candidate, deployment: Deployment, then: Served | None
    ) -> Verdict | None:
        """What the policy would have said; None where it has no such environment.

        Known is what was on the ledger before the deployment, and made by the time of it. That is
        the time of a commit, which knows whole seconds only.
        """
        transition = self.policy.lifecycle.to_environment(deployment.environment)
        if transition is None:
            return None
        end = deployment.at + _SECOND
        earlier = (s for s in self.signed if s.seq < deployment.seq)
        signed = tuple(s for s in earlier if s.statement is None or s.statement.made_at < end)
        history = tuple(d for d in self.history if d.seq < deployment.seq and d.at < end)
        made = (one.statement.made_at for one in signed if one.statement is not None)
        last = self.policy.lifecycle.last
        known = facts_of(signed, history, max((deployment.at, *made)), then, last)
        models = [one for one in (candidate.model, candidate.model_before) if one is not None]
        step = transition.for_tiers(model.tier for model in models)
        return judge(replace(candidate, transition=step), self.policy, known)


def _read(ledger: Ledger, model: str, policy: Policy) -> _Known:
    signed = tuple(entry.signed for entry in ledger.entries(model))
    return _Known(policy=policy, signed=signed, history=deployments(signed))


def _model(repository: Repository, base: _Known, head: _Known) -> Iterator[Trial]:
    """The trials of one model, in the order of its deployments."""
    for number, deployment in enumerate(base.history):
        earlier = base.history[:number]
        trial = Trial(
            model=deployment.model,
            version=deployment.version,
            environment=deployment.environment,
            at=deployment.at,
            served=served(base.history, deployment.environment) is deployment,
        )
        try:
            candidate = _candidate(repository, base.policy, head.policy, deployment, earlier)
        except ModelctlError as error:
            yield replace(trial, problem=error.message)
            continue
        last = served(earlier, deployment.environment)
        then = Served(version=last.version, digest=last.digest) if last else None
        was = base.verdict(candidate, deployment, then)
        would = head.verdict(candidate, deployment, then)
        yield replace(
            trial,
            before=was.outcome if was else None,
            after=would.outcome if would else None,
            shifts=shifts(was, would),
        )


def _candidate(
    repository: Repository,
    base: Policy,
    head: Policy,
    deployment: Deployment,
    earlier: Sequence[Deployment],
) -> Candidate:
    """The version as it was deployed.

    Raises:
        ModelctlError: this clone lacks the commit, or it doesn't hold the manifest any more.
    """
    environment = deployment.environment
    transition = _transition(base, environment) or _transition(head, environment)
    if transition is None:
        raise ModelctlError(f"neither policy has an environment {environment}")
    last = served(earlier, environment)
    candidate, findings = read_candidate(
        repository.tree(deployment.commit),
        repository.tree(last.commit if last else None),
        deployment.model,
        deployment.version,
        transition,
        served=last.version if last else None,
        is_rollback=goes_back(earlier, environment, deployment.digest) and _moved(deployment, last),
    )
    if candidate is None:
        why = next((f.message for f in findings if f.outcome.blocks), "its documents are gone")
        raise ModelctlError(f"commit {deployment.commit[:12]} can't be read: {why}")
    if candidate.digest != deployment.digest:
        raise ModelctlError(f"commit {deployment.commit[:12]} has another manifest than the ledger")
    return unpointed(candidate)


def _moved(deployment: Deployment, last: Deployment | None) -> bool:
    return last is None or last.digest != deployment.digest


def _transition(policy: Policy, environment: str) -> Transition | None:
    return policy.lifecycle.to_environment(environment)
