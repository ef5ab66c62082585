"""Pull requests: create, list, get, update, merge, commits, files."""

from __future__ import annotations

from forge import payloads, payloads_pull
from forge.bare import branch_tip, commit_at, opened
from forge.diffs import commits, files
from forge.errors import ApiError, invalid, not_found
from forge.merging import METHODS, Wish, merge, mergeable_state, trial_of
from forge.payloads_commits import commit as commit_json
from forge.payloads_events import full_pull, tell_pull
from forge.pulling import Proposal, dismiss_stale, open_pull, set_state
from forge.values import Pull, Repository, now
from forge.web import Call, Endpoint, Reply

MOST_COMMITS = 250
MOST_FILES = 3000


def create(call: Call) -> Reply:
    """POST /repos/{owner}/{repo}/pulls"""
    repository = call.repository
    base = str(call.required("PullRequest", "base"))
    source, branch = _head(call, str(call.required("PullRequest", "head")))
    proposal = Proposal(
        title=str(call.required("PullRequest", "title")),
        body=call.body.get("body"),
        base=base,
        source=source,
        branch=branch,
        draft=bool(call.body.get("draft")),
        modifiable=bool(call.body.get("maintainer_can_modify", True)),
    )
    pull = open_pull(call.state, repository, call.login, proposal)
    return Reply(status=201, body=shown(call, pull), headers=_location(call, pull))


def _location(call: Call, pull: Pull) -> dict[str, str]:
    return {"Location": f"{call.state.api_url}{call.path}/{pull.number}"}


def _head(call: Call, head: str) -> tuple[Repository, str]:
    """`branch`, or `owner:branch` of this repository or of a fork of it."""
    owner, colon, branch = head.partition(":")
    if not colon:
        return call.repository, head
    for repository in list(call.state.repositories.values()):
        related = repository is call.repository or repository.fork_of == call.repository.full_name
        if related and repository.owner.lower() == owner.lower():
            return repository, branch
    raise invalid("PullRequest", "head")


def shown(call: Call, pull: Pull) -> payloads.Json:
    """A pull request as asked for by itself (GitHub's `pull-request`)."""
    state, repository = call.state, call.repository
    trial = trial_of(repository, pull)
    word = mergeable_state(state, repository, pull, trial)
    with state.lock:
        is_open = pull.state == "open"
        able = trial.commit is not None if is_open else None
        body = full_pull(state, repository, pull)
        body |= {"mergeable": able, "rebaseable": able, "mergeable_state": word}
        if is_open:
            body["merge_commit_sha"] = trial.commit
        return body


def get(call: Call) -> payloads.Json:
    """GET /repos/{owner}/{repo}/pulls/{number}"""
    return shown(call, call.pull())


def listed(call: Call) -> Reply:
    """GET /repos/{owner}/{repo}/pulls"""
    state, repository = call.state, call.repository
    wanted = call.query.get("state", "open")
    with state.lock:
        rows = [p for p in repository.pulls() if wanted in {"all", p.state}]
        if base := call.query.get("base"):
            rows = [pull for pull in rows if pull.base == base]
        owner, colon, branch = call.query.get("head", "").partition(":")
        if colon:
            rows = [pull for pull in rows if _is_head(pull, owner, branch)]
        return call.page(_sorted(call, rows), lambda pull: _row(call, pull))


def _is_head(pull: Pull, owner: str, branch: str) -> bool:
    source = (pull.repository or "").partition("/")[0]
    return pull.branch == branch and source.lower() == owner.lower()


def _sorted(call: Call, rows: list[Pull]) -> list[Pull]:
    by = call.query.get("sort", "created")
    down = call.query.get("direction", "desc" if by == "created" else "asc") == "desc"
    moment = "updated_at" if by == "updated" else "created_at"
    return sorted(rows, key=lambda p: (getattr(p, moment), p.number), reverse=down)


def _row(call: Call, pull: Pull) -> payloads.Json:
    body = payloads_pull.pull_request(call.state, call.repository, pull)
    if pull.state == "open" and pull.trial is not None:
        body["merge_commit_sha"] = pull.trial.commit
    return body


def update(call: Call) -> payloads.Json:
    """PATCH /repos/{owner}/{repo}/pulls/{number}: title, body, base, state"""
    state, repository, pull = call.state, call.repository, call.pull()
    _may_edit(call, pull)
    with state.lock:
        changes: payloads.Json = {}
        for field in ("title", "body"):
            if field in call.body and call.body[field] != getattr(pull, field):
                changes[field] = {"from": getattr(pull, field)}
                setattr(pull, field, call.body[field])
        if call.body.get("base", pull.base) != pull.base:
            changes["base"] = {"ref": {"from": pull.base}, "sha": {"from": pull.base_sha}}
            _rebase(pull, repository, str(call.body["base"]))
        if changes:
            pull.updated_at = now()
            tell_pull(state, repository, pull, "edited", call.login, changes=changes)
        if "base" in changes:
            dismiss_stale(state, repository, pull, call.login)
    if call.body.get("state") in {"open", "closed"}:
        set_state(state, repository, pull, call.body["state"], call.login)
    return shown(call, pull)


def _rebase(pull: Pull, repository: Repository, base: str) -> None:
    tip = branch_tip(repository.path, base)
    if tip is None:
        raise invalid("PullRequest", "base")
    pull.base, pull.base_sha = base, tip


def _may_edit(call: Call, pull: Pull) -> None:
    """The author, and whoever may write."""
    role = call.state.role(call.repository, call.login)
    if not call.who.is_installation and call.login != pull.user and role in {"read", "triage"}:
        raise not_found()


def merged(call: Call) -> payloads.Json:
    """PUT /repos/{owner}/{repo}/pulls/{number}/merge"""
    method = call.body.get("merge_method", "merge")
    if method not in METHODS:
        raise invalid("PullRequest", "merge_method")
    wish = Wish(
        sha=call.body.get("sha"),
        method=method,
        title=call.body.get("commit_title"),
        message=call.body.get("commit_message"),
    )
    commit = merge(call.state, call.who, call.repository, call.pull(), wish)
    return {"sha": commit, "merged": True, "message": "Pull Request successfully merged"}


def is_merged(call: Call) -> Reply:
    """GET /repos/{owner}/{repo}/pulls/{number}/merge"""
    if call.pull().merged_at is None:
        raise not_found()
    return Reply(status=204)


def its_commits(call: Call) -> Reply:
    """GET /repos/{owner}/{repo}/pulls/{number}/commits: 250 at the most"""
    repository, trial = call.repository, trial_of(call.repository, call.pull())
    git = opened(repository.path)
    rows = trial.commits[:MOST_COMMITS]
    return call.page(rows, lambda sha: commit_json(call.state, repository, commit_at(git, sha)))


def its_files(call: Call) -> Reply:
    """GET /repos/{owner}/{repo}/pulls/{number}/files: 3,000 at the most"""
    state, repository, pull = call.state, call.repository, call.pull()
    trial = trial_of(repository, pull)
    rows = files(repository.path, trial.base, trial.head)[:MOST_FILES]
    return call.page(
        rows, lambda row: payloads_pull.changed_file(state, repository, trial.head, row)
    )


def of_commit(call: Call) -> Reply:
    """GET /repos/{owner}/{repo}/commits/{sha}/pulls: merged ones and open ones"""
    repository, sha = call.repository, call.params["sha"]
    git = opened(repository.path)
    found = git.get(sha) if len(sha) == 40 else None
    if found is None:
        raise ApiError(422, f"No commit found for SHA: {sha}")
    with call.state.lock:
        pulls = [p for p in repository.pulls() if p.state == "open" or p.merged_at is not None]
    rows = [pull for pull in pulls if _has(repository, pull, sha)]
    return call.page(rows, lambda pull: _row(call, pull))


def _has(repository: Repository, pull: Pull, sha: str) -> bool:
    if sha in {pull.head, pull.merge_commit}:
        return True
    if pull.trial is None or pull.trial.head != pull.head:
        ends = (pull.base_sha, pull.head)
        return sha in {str(one.id) for one in commits(repository.path, *ends)}
    return sha in pull.trial.commits


ONE = "/repos/{owner}/{repo}/pulls/{number}"

routes = [
    Endpoint("GET", "/repos/{owner}/{repo}/pulls", listed, "pull_requests:read"),
    Endpoint("POST", "/repos/{owner}/{repo}/pulls", create, "pull_requests:write"),
    Endpoint("GET", ONE, get, "pull_requests:read"),
    Endpoint("PATCH", ONE, update, "pull_requests:write"),
    Endpoint("PUT", ONE + "/merge", merged, "contents:write", "write"),
    Endpoint("GET", ONE + "/merge", is_merged, "contents:read"),
    Endpoint("GET", ONE + "/commits", its_commits, "pull_requests:read"),
    Endpoint("GET", ONE + "/files", its_files, "pull_requests:read"),
    Endpoint("GET", "/repos/{owner}/{repo}/commits/{sha}/pulls", of_commit, "pull_requests:read"),
]
