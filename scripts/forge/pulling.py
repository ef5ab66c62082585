"""Pull requests: opened, and followed as branches move."""

from __future__ import annotations

from dataclasses import dataclass

import pygit2

from forge.bare import ZERO, branch_tip, opened, put, run_git
from forge.errors import ApiError, invalid
from forge.payloads_events import tell_pull, tell_review
from forge.rules import rules_for
from forge.state import State
from forge.values import Change, Pull, Repository, now


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a pull request is opened with; `source` is the repository of `branch`."""

    title: str
    body: str | None
    base: str
    source: Repository
    branch: str
    draft: bool = False
    modifiable: bool = True


def open_pull(state: State, repository: Repository, login: str, wanted: Proposal) -> Pull:
    """A new pull request; ApiError 422 if its ends don't do."""
    base = branch_tip(repository.path, wanted.base)
    head = branch_tip(wanted.source.path, wanted.branch)
    if base is None:
        raise invalid("PullRequest", "base")
    if head is None:
        raise invalid("PullRequest", "head")
    _bring(repository, wanted.source, wanted.branch)
    git = opened(repository.path)
    if head == base or git.descendant_of(pygit2.Oid(hex=base), pygit2.Oid(hex=head)):
        raise _custom(f"No commits between {wanted.base} and {wanted.branch}")
    with state.lock:
        if _open_one(repository, wanted) is not None:
            owner = wanted.source.owner
            raise _custom(f"A pull request already exists for {owner}:{wanted.branch}.")
        pull = _number(state, repository, login, wanted, (base, head))
    put(repository.path, f"refs/pull/{pull.number}/head", head)
    tell_pull(state, repository, pull, "opened", login)
    return pull


def _custom(message: str) -> ApiError:
    error = {"resource": "PullRequest", "code": "custom", "message": message}
    return ApiError(422, "Validation Failed", [error])


def _open_one(repository: Repository, wanted: Proposal) -> Pull | None:
    ends = (wanted.source.full_name, wanted.branch, wanted.base)
    for pull in repository.pulls():
        if pull.state == "open" and (pull.repository, pull.branch, pull.base) == ends:
            return pull
    return None


def _number(
    state: State, repository: Repository, login: str, wanted: Proposal, ends: tuple[str, str]
) -> Pull:
    repository.last_number += 1
    pull = Pull(
        id=state.new_id(),
        issue_id=state.new_id(),
        number=repository.last_number,
        title=wanted.title,
        body=wanted.body,
        user=login,
        base=wanted.base,
        base_sha=ends[0],
        repository=wanted.source.full_name,
        branch=wanted.branch,
        head=ends[1],
        pusher=wanted.source.pushers.get(wanted.branch, login),
        draft=wanted.draft,
        modifiable=wanted.modifiable and wanted.source is not repository,
    )
    repository.issues[pull.number] = pull
    return pull


def _bring(repository: Repository, source: Repository, branch: str) -> None:
    """A fork's objects have to be where they are compared and merged."""
    if source is not repository:
        run_git(repository.path, "fetch", "--quiet", str(source.path), f"refs/heads/{branch}")


def _following(state: State, source: Repository, branch: str) -> list[tuple[Repository, Pull]]:
    """The open pull requests whose head is that branch, here and where this was forked from."""
    with state.lock:
        places = [source]
        if source.fork_of is not None and source.fork_of.lower() in state.repositories:
            places.append(state.repositories[source.fork_of.lower()])
        return [
            (place, pull)
            for place in places
            for pull in place.pulls()
            if pull.state == "open" and (pull.repository, pull.branch) == (source.full_name, branch)
        ]


def head_moved(state: State, source: Repository, branch: str, change: Change, login: str) -> None:
    """The pull requests of a branch that was pushed get its commits, and lose stale approvals."""
    for place, pull in _following(state, source, branch):
        _bring(place, source, branch)
        base = branch_tip(place.path, pull.base)
        put(place.path, f"refs/pull/{pull.number}/head", change.new)
        with state.lock:
            pull.head, pull.pusher = change.new, login
            pull.base_sha = base or pull.base_sha
            pull.updated_at = now()
            ends = {"before": change.old, "after": change.new}
            tell_pull(state, place, pull, "synchronize", login, **ends)
            dismiss_stale(state, place, pull, login)


def dismiss_stale(state: State, place: Repository, pull: Pull, login: str) -> None:
    """Approvals of what a pull request was before a push, or on its way into another base, where a
    rule of its base says so."""
    rules = rules_for(state, place, f"refs/heads/{pull.base}", None)
    if not any(rule.parameters.get("dismiss_stale_reviews_on_push") for rule in rules):
        return
    for review in pull.reviews:
        if review.state == "APPROVED":
            review.state = "DISMISSED"
            tell_review(state, place, pull, review, "dismissed", login)


def base_moved(state: State, place: Repository, branch: str, change: Change, login: str) -> None:
    """GitHub marks as merged what a base branch contains, however it came there."""
    with state.lock:
        waiting = [p for p in place.pulls() if p.state == "open" and p.base == branch]
    if not waiting or change.old == ZERO:
        return
    walker = opened(place.path).walk(pygit2.Oid(hex=change.new))
    walker.hide(pygit2.Oid(hex=change.old))
    arrived = {str(commit.id) for commit in walker}
    for pull in waiting:
        if pull.head in arrived:
            mark_merged(state, place, pull, change, head=pull.head, login=login)


def mark_merged(
    state: State, place: Repository, pull: Pull, change: Change, *, head: str, login: str
) -> None:
    """Close a pull request as merged by the commit that its base moved to. `head` is what of it was
    merged: a push that came between the look and the merge is not a part of it."""
    with state.lock:
        if pull.state != "open":
            return
        pull.head = head
        pull.state, pull.merge_commit, pull.merged_by = "closed", change.new, login
        pull.base_sha, pull.closed_by = change.old, login
        pull.merged_at = pull.closed_at = pull.updated_at = now()
        tell_pull(state, place, pull, "closed", login)
    put(place.path, f"refs/pull/{pull.number}/head", head)


def head_gone(state: State, source: Repository, branch: str, login: str) -> None:
    """Without its branch, or without its base, a pull request is closed."""
    with state.lock:
        based = [(source, p) for p in source.pulls() if p.state == "open" and p.base == branch]
    for place, pull in [*_following(state, source, branch), *based]:
        set_state(state, place, pull, "closed", login)


def set_state(state: State, place: Repository, pull: Pull, to: str, login: str) -> None:
    """Close, or open again, without merging."""
    with state.lock:
        if pull.state == to:
            return
        if to == "open" and pull.merged_at is not None:
            raise _custom("Pull request is merged and can't be reopened.")
        pull.state, pull.updated_at = to, now()
        pull.closed_at = now() if to == "closed" else None
        pull.closed_by = login if to == "closed" else None
        tell_pull(state, place, pull, "closed" if to == "closed" else "reopened", login)
