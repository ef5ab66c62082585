"""Proves each deployment on the ledger by everything else that this clone holds.

The chain of the ledger itself is `adapters/ledger_verify.py`'s to prove. Here it is asked whether
what the statements say is so: the manifest at its commit, the evidence, the approvals by the rules
of the time, the way through the branches, and what the environments' branches record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import islice

from modelctl.adapters.policies import load_policy
from modelctl.domain.audit import envelopes
from modelctl.domain.authorship import Credit, authorship
from modelctl.domain.evidence import Signed
from modelctl.domain.history import Deployment, deployments, served
from modelctl.domain.names import MODELS
from modelctl.domain.policy import Policy
from modelctl.domain.proof import Case, Part, ProofProblem, Recorded, Rules, prove, unrecorded
from modelctl.domain.rendering import RELEASE
from modelctl.domain.reviews import User
from modelctl.domain.rollout_events import open_rollout
from modelctl.domain.tree import Commit, Tree
from modelctl.errors import ModelctlError
from modelctl.services.candidates import digest, read_model
from modelctl.services.session import Session
from modelctl.services.state import models_of, readable_record, state_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """How many deployments of how many models were looked at, and everything that isn't proved."""

    deployments: int
    models: int
    problems: tuple[ProofProblem, ...]


def prove_deployments(session: Session, models: Iterable[str] | None = None) -> Proofs:
    """Proves every deployment of these models, or of all that the ledger or a state branch knows.

    Raises:
        ModelctlError: the clone is shallow, so that nobody can tell what its branches hold.
    """
    clone = _Clone(session)
    names = tuple(models) if models is not None else _known(session)
    counts, problems = [], []
    for model in names:
        listed = list(_cases(clone, model))
        problems += [problem for case in listed for problem in prove(case)]
        problems += _now(session, model, [case.deployment for case in listed])
        counts.append(len(listed))
    return Proofs(deployments=sum(counts), models=sum(map(bool, counts)), problems=tuple(problems))


def _known(session: Session) -> tuple[str, ...]:
    trees = [state_tree(session, name) for name in session.policy.lifecycle.environments]
    running = {name for tree in trees for name in models_of(tree)}
    return tuple(sorted({*session.ledger.models(), *running}))


def _now(session: Session, model: str, history: list[Deployment]) -> Iterator[ProofProblem]:
    """Where what an environment runs now isn't what the ledger tells last: an end that was cut off
    shows by this, and so does a state that was written by hand."""
    signed = session.signed(model)
    for environment in session.policy.lifecycle.environments:
        now = _recorded(state_tree(session, environment), model)
        last = served(history, environment)
        told = (
            Recorded(version=last.version, digest=last.digest, commit=last.commit) if last else None
        )
        rollout = open_rollout(signed, environment)
        if rollout is not None:
            told = Recorded(version=rollout.version, digest=rollout.digest, commit=rollout.commit)
        message = unrecorded(environment, model, now, told)
        if message is not None:
            branch = session.policy.lifecycle.state_of(environment)
            place = f"{branch}:{model}/{RELEASE}"
            yield ProofProblem(file=place, part=Part.STATE, message=message)


def _recorded(tree: Tree, model: str) -> Recorded | None:
    one = readable_record(tree, model)
    if one is None:
        return None
    return Recorded(version=one.version, digest=one.digest, commit=one.commit)


def _cases(clone: _Clone, model: str) -> Iterator[Case]:
    """Each deployment of a model with what is known about it, in the order of the ledger."""
    signed = clone.session.signed(model)
    by_seq = {one.seq: one for one in signed}
    by_digest: dict[str, Signed] = {}
    # Of a statement that is there twice the first one counts, and never a damaged one before it.
    for one in sorted(signed, key=lambda one: one.problem is not None):
        by_digest.setdefault(one.envelope_digest, one)
    history = deployments(signed)
    for index, deployment in enumerate(history):
        statement = by_seq[deployment.seq]
        yield _case(clone, deployment, statement, by_digest, history[:index])


def _case(
    clone: _Clone,
    one: Deployment,
    signed: Signed,
    by_digest: Mapping[str, Signed],
    before: tuple[Deployment, ...],
) -> Case:
    predicate = signed.statement.predicate if signed.statement else {}
    tree = clone.tree(one.commit)
    model = read_model(tree, one.model) if tree else None
    rules = clone.rules(one.environment, one.at, model.tier if model else "")
    if isinstance(rules, Rules):
        branch = rules.transition.to_branch
    else:
        branch = str(predicate.get("branch"))
    last = served(before, one.environment)
    named = predicate.get("state_commit")
    state_commit = named if isinstance(named, str) else None
    return Case(
        place=signed.place,
        deployment=one,
        evidence=envelopes(predicate),
        envelopes=by_digest,
        before=before,
        files={e.path: e.oid for e in tree.walk(f"{MODELS}/{one.model}")} if tree else None,
        digest=digest(tree, one.model, one.version) if tree else None,
        branch=branch,
        on_branch=one.commit in clone.line(branch),
        rules=rules,
        owner=model.owner if model else None,
        state_commit=state_commit,
        recorded=clone.recorded(one, state_commit),
        authors=clone.authors(one, last.commit if last else None) if tree else (),
    )


class _Clone:
    """What a clone holds, each thing looked up once."""

    def __init__(self, session: Session):
        self.session = session
        self.line = cache(self._line)
        self._policy = cache(self._read_policy)
        self._rules_line = list(session.repository.first_parents(session.policy.commit))

    def tree(self, commit: str) -> Tree | None:
        """The tree of a commit, None where it isn't here any more."""
        try:
            return self.session.repository.tree(self.session.repository.commit(commit).sha)
        except ModelctlError:
            return None

    def _line(self, branch: str) -> frozenset[str]:
        """The commits of a branch and its first parents; none where there is no such branch."""
        tip = self.session.repository.remote_first(branch)
        commits = self.session.repository.first_parents(tip) if tip else ()
        return frozenset(commit.sha for commit in commits)

    def rules(self, environment: str, at: datetime, tier: str) -> Rules | str:
        """The rules of that time for a way into an environment, or why nobody can tell them."""
        seconds = at.timestamp()
        commit = next((c for c in self._rules_line if c.at <= seconds), None)
        if commit is None:
            return f"the rules are younger than this, so nobody can tell those of {at:%Y-%m-%d}"
        policy = self._policy(commit.sha)
        if isinstance(policy, str):
            return policy
        transition = policy.lifecycle.to_environment(environment)
        if transition is None:
            return f"the rules of then (commit {commit.sha[:12]}) know no {environment}"
        return Rules(transition=transition.for_tiers((tier,)), roles=policy.roles)

    def _read_policy(self, sha: str) -> Policy | str:
        tree = self.session.repository.tree(sha)
        same = self.session.repository.tree(self.session.policy.commit).subtree("policies")
        if tree.subtree("policies") == same:
            return self.session.policy
        try:
            return load_policy(tree, sha)
        except ModelctlError as error:
            first = error.message.splitlines()[0]
            return f"the rules of then (commit {sha[:12]}) can't be read: {first}"

    def recorded(self, one: Deployment, state_commit: str | None) -> Recorded | None:
        """What the environment's branch says at a commit, None where that isn't on the branch."""
        branch = self.session.policy.lifecycle.state_of(one.environment)
        if state_commit is None or state_commit not in self.line(branch):
            return None
        return _recorded(self.session.repository.tree(state_commit), one.model)

    def authors(self, one: Deployment, last: str | None) -> frozenset[str]:
        """The accounts that wrote what was approved, as far as commits tell.

        Only where one merge alone brought it: of several, nobody can tell who approved which.
        """
        merges = list(islice(self._merges(one, last), 2))
        if len(merges) != 1:
            return frozenset()
        merge, repository = merges[0], self.session.repository
        written = [merge]
        if len(merge.parents) > 1:
            between = repository.commits_between(merge.parents[0], merge.sha)
            written = [commit for commit in between if commit.sha != merge.sha]
        approvers = [User(id=-i, login=login) for i, login in enumerate(one.approvers, start=1)]
        told = authorship(map(_credit, written), approvers)
        return frozenset(user.login.lower() for user in told.accounts)

    def _merges(self, one: Deployment, last: str | None) -> Iterator[Commit]:
        """The commits of the branch that changed the model since its last deployment."""
        repository, folder = self.session.repository, f"{MODELS}/{one.model}"
        for commit in repository.first_parents(one.commit):
            if commit.sha == last:
                return
            here = repository.tree(commit.tree).subtree(folder)
            parent = commit.parents[0] if commit.parents else None
            if here != repository.tree(parent).subtree(folder):
                yield commit
            if here is None:
                return


def _credit(commit: Commit) -> Credit:
    return Credit(
        author=None,
        author_email=commit.author_email,
        message=commit.message,
        committer_email=commit.committer_email,
    )
