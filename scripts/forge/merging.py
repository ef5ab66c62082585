"""Trying whether a pull request can be merged, and merging it.

A merge is made in this process and put on its branch by compare and swap; for each branch there
is one merge at a time, and no lock on anything else while git works.
"""

from __future__ import annotations

from dataclasses import dataclass

import pygit2

from forge import diffs
from forge.auth import Principal
from forge.bare import branch_tip, commit_at, move, opened, put
from forge.checks import PASSED, latest_runs, latest_statuses
from forge.errors import ApiError
from forge.payloads_events import push_event
from forge.pulling import base_moved, mark_merged
from forge.requirements import missing
from forge.rules import rules_for
from forge.state import State
from forge.values import Change, Pull, Repository, Trial

METHODS = ("merge", "squash", "rebase")
TRIES = 20


def trial_of(repository: Repository, pull: Pull) -> Trial:
    """Of the pull request as it stands: made anew when its head or its base has moved."""
    base = pull.base_sha if pull.state == "closed" else branch_tip(repository.path, pull.base)
    head, known = pull.head, pull.trial
    if known is not None and (known.base, known.head) == (base, head):
        return known
    made = _try(repository, pull, base or pull.base_sha, head)
    if made.commit is not None and pull.state == "open":
        put(repository.path, f"refs/pull/{pull.number}/merge", made.commit)
    pull.trial = made
    return made


def _try(repository: Repository, pull: Pull, base: str, head: str) -> Trial:
    git = opened(repository.path)
    tree = diffs.merged_tree(git, base, head)
    commit = None
    if tree is not None:
        message = f"Merge {head} into {base}"
        commit = diffs.commit(git, tree, message, [base, head], diffs.FORGE)
    changed = diffs.difference(git, base, head)
    paths = {file.path for d in changed.deltas for file in (d.old_file, d.new_file)}
    return Trial(
        base=base,
        head=head,
        commit=commit,
        commits=tuple(str(one.id) for one in diffs.commits(repository.path, base, head)),
        additions=changed.stats.insertions,
        deletions=changed.stats.deletions,
        paths=tuple(sorted(paths)),
    )


def mergeable_state(state: State, repository: Repository, pull: Pull, trial: Trial) -> str:
    """GitHub's word for what stands in the way: clean, unstable, blocked, behind, dirty, draft;
    unknown for a closed one."""
    if pull.state != "open":
        return "unknown"
    if trial.commit is None:
        return "dirty"
    if pull.draft:
        return "draft"
    against = missing(state, repository, pull, trial, None)
    if against:
        return "behind" if all("up to date" in text for text in against) else "blocked"
    with state.lock:
        results = [run.conclusion for run in latest_runs(repository, pull.head)]
        results += [status.state for status in latest_statuses(repository, pull.head)]
    return "clean" if all(result in PASSED for result in results) else "unstable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How to merge. `sha` is what the head has to be; None takes it as it is."""

    sha: str | None = None
    method: str = "merge"
    title: str | None = None
    message: str | None = None


def merge(state: State, who: Principal, repository: Repository, pull: Pull, wish: Wish) -> str:
    """Merge, or refuse as GitHub does (405, 409); returns the commit that the base is at."""
    with state.branch_lock(repository, pull.base):
        for _ in range(TRIES):
            trial = trial_of(repository, pull)
            _may_merge(state, who, repository, pull, (trial, wish))
            commit = _commit(state, who, repository, pull, (trial, wish))
            change = Change(trial.base, commit, f"refs/heads/{pull.base}")
            # A push may have come first: then look again at what the base has become.
            if move(repository.path, change.ref, change.new, change.old):
                break
        else:
            raise ApiError(405, "Base branch was modified. Review and try the merge again.")
        login = who.login or ""
        mark_merged(state, repository, pull, change, head=trial.head, login=login)
    base_moved(state, repository, pull.base, change, login)
    state.emit("push", push_event(state, repository, change, login))
    return commit


def _may_merge(
    state: State,
    who: Principal,
    repository: Repository,
    pull: Pull,
    plan: tuple[Trial, Wish],
) -> None:
    trial, wish = plan
    if pull.state != "open" or trial.commit is None:
        raise ApiError(405, "Pull Request is not mergeable")
    if pull.draft:
        raise ApiError(405, "Pull Request is still a draft")
    if pull.head != trial.head or wish.sha not in {None, trial.head}:
        raise ApiError(409, "Head branch was modified. Review and try the merge again.")
    against = missing(state, repository, pull, trial, who)
    for rule in rules_for(state, repository, f"refs/heads/{pull.base}", who):
        allowed = rule.parameters.get("allowed_merge_methods")
        if allowed and wish.method not in allowed and rule.bypassed is None:
            against.append(f"The merge method {wish.method} is not allowed on this branch.")
        if rule.kind == "required_linear_history" and wish.method == "merge":
            against.append("This branch must not contain merge commits.")
    if against:
        raise ApiError(405, "Repository rule violations found\n\n" + "\n\n".join(against) + "\n\n")


def _commit(
    state: State,
    who: Principal,
    repository: Repository,
    pull: Pull,
    plan: tuple[Trial, Wish],
) -> str:
    trial, wish = plan
    git = opened(repository.path)
    user = state.user(who.login or "")
    author = (user.name or user.login, user.email or _address(user.id, user.login))
    if wish.method == "rebase":
        return _rebased(git, trial)
    # It has been tried already; the commit of that try has the tree.
    tree = commit_at(git, trial.commit or "").tree_id
    if wish.method == "squash":
        title = wish.title or f"{pull.title} (#{pull.number})"
        return diffs.commit(git, tree, _text(title, wish.message), [trial.base], author)
    owner = (pull.repository or repository.full_name).partition("/")[0]
    title = wish.title or f"Merge pull request #{pull.number} from {owner}/{pull.branch}"
    text = _text(title, pull.title if wish.message is None else wish.message)
    return diffs.commit(git, tree, text, [trial.base, trial.head], author)


def _address(identity: int, login: str) -> str:
    return f"{identity}+{login}@users.noreply.github.com"


def _text(title: str, message: str | None) -> str:
    return f"{title}\n\n{message}\n" if message else f"{title}\n"


def _rebased(git: pygit2.Repository, trial: Trial) -> str:
    """Each commit of the head anew on top of the base; 405 where one doesn't fit."""
    at = trial.base
    for sha in trial.commits:
        one = commit_at(git, sha)
        before = commit_at(git, str(one.parent_ids[0])).tree
        index = git.merge_trees(before, commit_at(git, at).tree, one.tree)
        if index.conflicts is not None:
            raise ApiError(405, "This branch can't be rebased")
        author = (one.author.name, one.author.email)
        at = diffs.commit(git, index.write_tree(git), one.message, [at], author)
    return at
