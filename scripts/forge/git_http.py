"""Git over HTTP: `git http-backend` does the work, the forge says who may.

What a push wants is read from its first lines and judged before git runs; the verdicts go to the
`update` hook by way of the environment, so that a ref that is refused doesn't take along the
others. What git then did it writes into a file, by the `post-receive` hook.
"""

from __future__ import annotations

import gzip
import subprocess
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from forge.auth import Principal, covers, principal, reaches
from forge.bare import environment
from forge.errors import ApiError, not_found
from forge.pushes import pushed, verdicts
from forge.state import State
from forge.values import ROLES, Change, Repository

READ, WRITE = "git-upload-pack", "git-receive-pack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A request to git; `tail` is the path below the repository's."""

    method: str
    tail: str
    query: str
    content_type: str
    protocol: str
    content: bytes
    credentials: str | None

    @property
    def writes(self) -> bool:
        """Whether it is (the beginning of) a push."""
        return WRITE in {self.tail, *parse_qs(self.query).get("service", [])}


def git_routes(state: State) -> list[BaseRoute]:
    """For `OWNER/NAME.git/…`, and without the `.git`, as actions/checkout has it."""

    def route(repo: str, tail: str, method: str) -> Route:
        return Route(f"/{{owner}}/{repo}/{tail}", _endpoint(state, tail), methods=[method])

    wanted = (("info/refs", "GET"), (READ, "POST"), (WRITE, "POST"))
    return [route(repo, *one) for repo in ("{repo}.git", "{repo}") for one in wanted]


def _endpoint(state: State, tail: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        content = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        wanted = Wanted(
            method=request.method,
            tail=tail,
            query=request.url.query,
            content_type=request.headers.get("content-type", ""),
            protocol=request.headers.get("git-protocol", ""),
            content=content,
            credentials=request.headers.get("authorization"),
        )
        name = f"{request.path_params['owner']}/{request.path_params['repo']}"
        return await run_in_threadpool(_respond, state, name, wanted)

    return answer


def _respond(state: State, name: str, wanted: Wanted) -> Response:
    try:
        who = principal(state, wanted.credentials)
        repository = state.repository(name)
        _allow(state, who, repository, writes=wanted.writes)
        if wanted.tail == WRITE:
            return _push(state, who, repository, wanted)
    except ApiError as error:
        # Git asks for credentials only when it is told 401; GitHub does so for hidden ones too.
        headers = {"WWW-Authenticate": 'Basic realm="GitHub"'} if error.status == 401 else {}
        return Response(error.message + "\n", error.status, headers, "text/plain")
    return _cgi(repository, wanted, {})


def _allow(state: State, who: Principal, repository: Repository, *, writes: bool) -> None:
    if who.token is not None and who.token.permissions is not None:
        if not covers(who.token, repository, who.app):
            raise not_found()
        level = "write" if writes else "read"
        if not reaches(who.token.permissions, "contents", level) and (writes or repository.private):
            raise ApiError(403, f"Permission to {repository.full_name} denied to {who.login}.")
        return
    role = state.role(repository, who.login)
    if who.login is None and (writes or role is None):
        raise ApiError(401, "Authentication required")
    if role is None:
        raise not_found()
    if writes and ROLES.index(role) < ROLES.index("write"):
        raise ApiError(403, f"Permission to {repository.full_name} denied to {who.login}.")


def _push(state: State, who: Principal, repository: Repository, wanted: Wanted) -> Response:
    changes = changes_of(wanted.content)
    told = verdicts(state, who, repository, changes)
    with tempfile.NamedTemporaryFile(prefix="push-", dir=state.root) as record:
        response = _cgi(
            repository,
            wanted,
            {
                "FORGE_REFUSED": "".join(f"{ref} {text}\n" for ref, text in told.refused.items()),
                "FORGE_FORWARD": "".join(f"{ref}\n" for ref in told.forward_only),
                "FORGE_RECORD": record.name,
                "REMOTE_USER": who.login or "",
            },
        )
        lines = Path(record.name).read_text("utf-8").splitlines()
    done = [Change(*line.split(" ", 2)) for line in lines]
    pushed(state, repository, done, who.login or "")
    return response


def changes_of(content: bytes) -> list[Change]:
    """The refs that a push wants to move: its packet lines up to the first flush."""
    changes, at = [], 0
    while (size := int(content[at : at + 4] or b"0", 16)) > 0:
        line = content[at + 4 : at + size].split(b"\0", 1)[0].decode().strip()
        at += size
        if line.startswith("push-cert"):
            raise ApiError(422, "Signed pushes are not supported.")
        if not line.startswith("shallow "):
            changes.append(Change(*line.split(" ", 2)))
    return changes


def _cgi(repository: Repository, wanted: Wanted, more: dict[str, str]) -> Response:
    variables = environment() | {
        "GIT_PROJECT_ROOT": str(repository.path),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{wanted.tail}",
        "QUERY_STRING": wanted.query,
        "REQUEST_METHOD": wanted.method,
        "CONTENT_TYPE": wanted.content_type,
        "CONTENT_LENGTH": str(len(wanted.content)),
        "GIT_PROTOCOL": wanted.protocol,
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_USER": "forge",
    }
    done = subprocess.run(
        ["git", "http-backend"],
        input=wanted.content,
        env=variables | more,
        capture_output=True,
        check=False,
    )
    return _response(done.stdout)


def _response(output: bytes) -> Response:
    head, _, body = output.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if line)
    status = int(headers.pop("Status", "200").split(" ")[0])
    return Response(body, status_code=status, headers=headers)
