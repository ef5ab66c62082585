"""An open repository with the trusted rules and the ledger: where every job begins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from modelctl.adapters.git import Author, Repository
from modelctl.adapters.git_transport import InTheWay
from modelctl.adapters.ledger import Ledger
from modelctl.adapters.policies import load_policy
from modelctl.domain.evidence import Signed
from modelctl.domain.policy import Lifecycle, Policy
from modelctl.errors import ModelctlError

FIRST_BRANCH = "main"
"""Where the rules are looked for in a repository without a remote, which has no default branch."""

_SAY = "give the branch that holds them: --trusted-ref BRANCH"

MACHINE = Author(name="modelctl", email="modelctl@localhost")
"""Who writes the machine branches. Who decided is in the statements, not in the commits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A repository, the rules that judge in it, its history, and the time of the run (UTC)."""

    repository: Repository
    policy: Policy
    ledger: Ledger
    now: datetime

    def branch_tip(self, branch: str) -> str:
        """The commit of a shared branch, as the remote has it where there is one.

        Raises:
            ModelctlError: the branch doesn't exist.
        """
        tip = self.repository.remote_first(branch)
        if tip is None:
            raise ModelctlError(
                f"there is no branch {branch}", mend=f"git fetch, or create {branch}"
            )
        return tip

    def places(self) -> list[str]:
        """The commits where documents are looked for: HEAD, then the branches of the lifecycle,
        latest stage first."""
        transitions = reversed(self.policy.lifecycle.transitions)
        tips = [self.repository.remote_first(t.to_branch) for t in transitions]
        return list(dict.fromkeys(tip for tip in (self._head(), *tips) if tip is not None))

    def _head(self) -> str | None:
        """The commit that is checked out; None in a bare repository, and before the first one."""
        if self.repository.bare:
            return None
        try:
            return self.repository.resolve("HEAD")
        except ModelctlError:
            return None

    def signed(self, model: str) -> tuple[Signed, ...]:
        """Every statement about a model on the ledger, oldest first."""
        return tuple(entry.signed for entry in self.ledger.entries(model))

    def at(self, now: datetime) -> Session:
        """The same session at a later instant (UTC), without asking the remote."""
        branch = self.policy.lifecycle.ledger_branch
        ledger = Ledger(self.repository, self.policy.keys, branch=branch, now=now)
        return replace(self, ledger=ledger, now=now)


def open_session(
    directory: Path,
    *,
    trusted: str | None = None,
    now: datetime | None = None,
    fetch: bool = False,
) -> Session:
    """Opens the repository that `directory` lies in, with the rules of the trusted ref.

    `trusted` is given by the job's own configuration, never by a pull request. `fetch` brings the
    shared branches here first, where there is a remote.

    Raises:
        ModelctlError: no repository, no trusted ref, or a policy that can't be used.
        DependencyError: the remote can't be reached.
    """
    repository = Repository.discover(directory)
    policy = _load(repository, trusted)
    if fetch and repository.remote is not None:
        _bring_here(repository, repository.remote, policy.lifecycle)
        policy = _load(repository, trusted, policy)
    at = now or datetime.now(UTC)
    ledger = Ledger(repository, policy.keys, branch=policy.lifecycle.ledger_branch, now=at)
    return Session(repository=repository, policy=policy, ledger=ledger, now=at)


def _bring_here(repository: Repository, remote: str, lifecycle: Lifecycle) -> None:
    """Fetches the branches. Those of people may have been rewritten, those of machines not: a
    ledger or a state that doesn't follow what was seen before is an error, not an update."""
    machines = (lifecycle.ledger_branch, *map(lifecycle.state_of, lifecycle.environments))
    specs = [
        f"+refs/heads/*:refs/remotes/{remote}/*",
        *(f"^refs/heads/{branch}" for branch in machines),
    ]
    only_adds = {name: name == lifecycle.ledger_branch for name in machines}
    try:
        repository.fetch(remote, specs)
        repository.bring(remote, only_adds)
    except InTheWay:  # somebody's branch `a` is gone, and `a/b` came
        repository.fetch(remote, specs, prune=True)
        repository.bring(remote, only_adds)


def _load(repository: Repository, trusted: str | None, known: Policy | None = None) -> Policy:
    """The policy of the trusted ref; `known` where that is still its commit.

    Without one it is that of the default branch, which must agree that it is: a policy that
    names another branch would hand the trust on to whoever can push that one.
    """
    if trusted is not None:
        # HEAD is what is checked out here; the remote has one too, which nobody means.
        shared = None if trusted == "HEAD" else repository.remote_first(trusted)
        commit = shared or repository.resolve(trusted)
        return _at(repository, commit, known)
    branch = _default_branch(repository)
    tip = repository.remote_first(branch)
    if tip is None:
        raise ModelctlError(f"there is no branch {branch} to take the rules from", mend=_SAY)
    policy = _at(repository, tip, known)
    if policy.lifecycle.default_branch != branch:
        raise ModelctlError(
            f"the rules of {branch} name {policy.lifecycle.default_branch} as the default branch",
            location="policies/lifecycle.yaml",
            mend=f"set default_branch to {branch}, or say whom to trust: --trusted-ref REF",
        )
    return policy


def _at(repository: Repository, commit: str, known: Policy | None) -> Policy:
    if known is not None and known.commit == commit:
        return known
    return load_policy(repository.tree(commit), commit)


def _default_branch(repository: Repository) -> str:
    branch = repository.default_branch
    if branch is not None:
        return branch
    if repository.remote is None:
        return FIRST_BRANCH
    raise ModelctlError(
        "this clone doesn't know the default branch of its remote, so it can't tell whose rules "
        "to take",
        mend=f"git remote set-head {repository.remote} --auto, or {_SAY}",
    )
