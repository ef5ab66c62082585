"""Refs and files of a repository, by the API. Branch rules hold here as they do for pushes."""

from __future__ import annotations

import base64

import pygit2

from forge import payloads
from forge.bare import ZERO, move, opened
from forge.diffs import is_ancestor
from forge.errors import ApiError, not_found
from forge.pushes import pushed, verdicts
from forge.routes_repositories import resolve
from forge.values import Change
from forge.web import Call, Endpoint, Reply


def _tip(call: Call, ref: str) -> pygit2.Oid:
    found = opened(call.repository.path).references.get(ref)
    if found is None or not isinstance(found.target, pygit2.Oid):
        raise not_found()
    return found.target


def _shown(call: Call, ref: str) -> payloads.Json:
    repository, target = call.repository, _tip(call, ref)
    url = f"{payloads.repository_url(call.state, repository)}/git"
    kind = opened(repository.path)[target].type_str
    return {
        "ref": ref,
        "node_id": payloads.node("Ref", repository.id),
        "url": f"{url}/{ref}",
        "object": {"sha": str(target), "type": kind, "url": f"{url}/{kind}s/{target}"},
    }


def get(call: Call) -> payloads.Json:
    """GET …/git/ref/{ref}, without the `refs/`"""
    return _shown(call, f"refs/{call.params['ref']}")


def matching(call: Call) -> list[payloads.Json]:
    """GET …/git/matching-refs/{ref}: all that begin with it"""
    start = f"refs/{call.params['ref']}"
    names = sorted(opened(call.repository.path).references)
    return [_shown(call, name) for name in names if name.startswith(start)]


def create(call: Call) -> Reply:
    """POST …/git/refs"""
    ref, sha = str(call.required("Reference", "ref")), str(call.required("Reference", "sha"))
    git = opened(call.repository.path)
    if not ref.startswith(("refs/heads/", "refs/tags/")) or not _valid(ref):
        raise ApiError(422, "Reference name isn't valid.")
    if len(sha) != 40 or git.get(sha) is None:
        raise ApiError(422, "Object does not exist")
    if git.references.get(ref) is not None:
        raise ApiError(422, "Reference already exists")
    _change(call, Change(ZERO, sha, ref))
    shown = _shown(call, ref)
    return Reply(status=201, body=shown, headers={"Location": shown["url"]})


def _valid(ref: str) -> bool:
    return bool(pygit2.reference_is_valid_name(ref))


def update(call: Call) -> payloads.Json:
    """PATCH …/git/refs/{ref}: forward only, unless forced"""
    ref, sha = f"refs/{call.params['ref']}", str(call.required("Reference", "sha"))
    git, old = opened(call.repository.path), str(_tip(call, ref))
    if len(sha) != 40 or git.get(sha) is None:
        raise ApiError(422, "Object does not exist")
    forward = is_ancestor(git, old, sha)
    if not forward and not call.body.get("force"):
        raise ApiError(422, "Update is not a fast forward")
    _change(call, Change(old, sha, ref), forward=forward)
    return _shown(call, ref)


def delete(call: Call) -> Reply:
    """DELETE …/git/refs/{ref}"""
    ref = f"refs/{call.params['ref']}"
    _change(call, Change(str(_tip(call, ref)), ZERO, ref))
    return Reply(status=204)


def _change(call: Call, change: Change, *, forward: bool = True) -> None:
    state, repository = call.state, call.repository
    if change.ref.startswith("refs/pull/"):
        raise ApiError(422, "Reference cannot be updated")
    told = verdicts(state, call.who, repository, [change])
    refused = told.refused.get(change.ref)
    if refused is None and not forward and change.ref in told.forward_only:
        refused = "Cannot force-push to this branch"
    if refused is not None:
        raise ApiError(422, f"Repository rule violations found\n\n{refused}\n\n")
    old = None if change.old == ZERO else change.old
    new = None if change.new == ZERO else change.new
    if not move(repository.path, change.ref, new, old):
        raise ApiError(422, "Reference cannot be updated")
    pushed(state, repository, [change], call.login)


def contents(call: Call) -> payloads.Json | list[payloads.Json]:
    """GET …/contents/{path}?ref=: a file with its content, or what a folder has"""
    path = call.params["path"].strip("/")
    commit = resolve(call.repository, call.query.get("ref") or call.repository.default_branch)
    try:
        found = commit.tree[path] if path else commit.tree
    except KeyError as error:
        raise not_found() from error
    if isinstance(found, pygit2.Tree):
        return [_entry(call, f"{path}/{one.name}".lstrip("/"), one) for one in found]
    if not isinstance(found, pygit2.Blob):
        raise not_found()
    encoded = base64.encodebytes(found.data).decode()
    return _entry(call, path, found) | {"encoding": "base64", "content": encoded}


def _entry(call: Call, path: str, one: pygit2.Object) -> payloads.Json:
    ref = call.query.get("ref") or call.repository.default_branch
    url = f"{payloads.repository_url(call.state, call.repository)}/contents/{path}?ref={ref}"
    is_file = isinstance(one, pygit2.Blob)
    html = f"{call.state.web_url}/{call.repository.full_name}/blob/{ref}/{path}"
    raw = html.replace("/blob/", "/raw/")
    git = f"{payloads.repository_url(call.state, call.repository)}/git"
    git += f"/{'blobs' if is_file else 'trees'}/{one.id}"
    return {
        "type": "file" if is_file else "dir",
        "size": one.size if isinstance(one, pygit2.Blob) else 0,
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": str(one.id),
        "url": url,
        "git_url": git,
        "html_url": html,
        "download_url": raw if is_file else None,
        "_links": {"self": url, "git": git, "html": html},
    }


ONE = "/repos/{owner}/{repo}"

routes = [
    Endpoint("GET", ONE + "/git/ref/{ref:path}", get, "contents:read"),
    Endpoint("GET", ONE + "/git/matching-refs/{ref:path}", matching, "contents:read"),
    Endpoint("POST", ONE + "/git/refs", create, "contents:write", "write"),
    Endpoint("PATCH", ONE + "/git/refs/{ref:path}", update, "contents:write", "write"),
    Endpoint("DELETE", ONE + "/git/refs/{ref:path}", delete, "contents:write", "write"),
    Endpoint("GET", ONE + "/contents/{path:path}", contents, "contents:read"),
]
