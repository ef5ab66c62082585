"""From a request to a handler and back: what every endpoint of the API shares.

A module of endpoints has a list `routes` of `Endpoint`; `app.py` joins the lists. A handler takes
a `Call` and returns a `Reply` or the JSON of a 200.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from forge.auth import Principal, allow, principal
from forge.errors import ApiError, invalid, not_found
from forge.state import State
from forge.values import Logged, Pull, Repository, User

PER_PAGE = 30
MOST_PER_PAGE = 100
RATE = 15_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer. `body` is JSON; None sends no body at all."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Call:
    """One request. `repository` is set where the path has one; `body` is an object, {} if none
    was sent."""

    state: State
    who: Principal
    method: str
    path: str
    params: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]
    target: Repository | None = None

    @property
    def repository(self) -> Repository:
        """That of the path."""
        if self.target is None:
            raise not_found()
        return self.target

    @property
    def login(self) -> str:
        """Who asks; ApiError 401 for nobody."""
        if self.who.login is None:
            raise ApiError(401, "Requires authentication")
        return self.who.login

    @property
    def user(self) -> User:
        """Who asks; ApiError 401 for nobody."""
        return self.state.user(self.login)

    def number(self, name: str) -> int:
        """A number of the path; ApiError 404 if it isn't one."""
        try:
            return int(self.params[name])
        except ValueError as error:
            raise not_found() from error

    def pull(self) -> Pull:
        """The pull request of the path; ApiError 404 if there is none."""
        found = self.repository.pull(self.number("number"))
        if found is None:
            raise not_found()
        return found

    def required(self, resource: str, name: str) -> Any:
        """A field of the body; ApiError 422 if it is missing."""
        value = self.body.get(name)
        if value is None or value == "":
            raise invalid(resource, name, "missing_field")
        return value

    def page(
        self, rows: Sequence[Any], render: Callable[[Any], Any], key: str | None = None
    ) -> Reply:
        """The rows that are asked for by `page` and `per_page`, with links to the other pages.
        With a `key` they stand below it, beside `total_count`."""
        size = min(max(_whole(self.query, "per_page", PER_PAGE), 1), MOST_PER_PAGE)
        number = max(_whole(self.query, "page", 1), 1)
        shown = [render(row) for row in rows[(number - 1) * size : number * size]]
        body = shown if key is None else {"total_count": len(rows), key: shown}
        last = max(-(-len(rows) // size), 1)
        links = self._links(number, last)
        return Reply(body=body, headers={"Link": links} if links else {})

    def _links(self, number: int, last: int) -> str:
        pages: dict[str, int] = {}
        if number > 1:
            pages |= {"prev": min(number - 1, last), "first": 1}
        if number < last:
            pages |= {"next": number + 1, "last": last}
        base = f"{self.state.api_url}{self.path}"
        return ", ".join(
            f'<{base}?{urlencode(self.query | {"page": str(page)})}>; rel="{name}"'
            for name, page in pages.items()
        )


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name, "")
    return int(value) if value.isdecimal() else default


Handler = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`path` is below the API's root; `{owner}` and `{repo}` in it name the repository.

    `needs` is the permission of an app's installation, `contents:write`; with `|` between several
    of which one is enough. `role` is what a person needs in the repository.
    """

    method: str
    path: str
    handler: Handler
    needs: str = "metadata:read"
    role: str = "read"

    def answer(self, call: Call) -> Reply:
        """Check what may be done, then do it."""
        writes = self.method != "GET"
        if "owner" in call.params and "repo" in call.params:
            full_name = f"{call.params['owner']}/{call.params['repo']}"
            call.target = call.state.repository(full_name)
            allow(
                call.state, call.who, call.target, needs=self.needs, role=self.role, writes=writes
            )
        made = self.handler(call)
        return made if isinstance(made, Reply) else Reply(body=made)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The parts of an HTTP request that matter; `path` is below the API's root."""

    method: str
    path: str
    params: dict[str, str]
    query: str
    headers: Mapping[str, str]
    content: bytes


def respond(state: State, endpoint: Endpoint, asked: Asked) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer, with all that GitHub sends beside it."""
    who = Principal()
    try:
        who = principal(state, asked.headers.get("authorization"))
        reply = endpoint.answer(_call(state, who, asked))
    except ApiError as error:
        reply = Reply(status=error.status, body=error.body())
    state.requests.append(
        Logged(method=asked.method, path=asked.path, status=reply.status, login=_name(who))
    )
    content = b"" if reply.body is None else json.dumps(reply.body).encode()
    headers = common_headers(state, who) | dict(reply.headers)
    if content:
        headers["Content-Type"] = "application/json; charset=utf-8"
    if asked.method == "GET" and reply.status == 200:
        etag = f'W/"{hashlib.sha256(content).hexdigest()}"'
        headers["ETag"] = etag
        if asked.headers.get("if-none-match") == etag:
            # A type without a body would be taken for broken JSON.
            del headers["Content-Type"]
            return 304, headers, b""
    return reply.status, headers, content


def _call(state: State, who: Principal, asked: Asked) -> Call:
    return Call(
        state=state,
        who=who,
        method=asked.method,
        path=asked.path,
        params=asked.params,
        query=dict(parse_qsl(asked.query, keep_blank_values=True)),
        body=_object(asked.content),
    )


def _object(content: bytes) -> dict[str, Any]:
    if not content.strip():
        return {}
    try:
        body = json.loads(content)
    except ValueError as error:
        raise ApiError(400, "Problems parsing JSON") from error
    if not isinstance(body, dict):
        # The labels of an issue may be sent as a bare list.
        return {"": body}
    return body


def _name(who: Principal) -> str | None:
    return who.login or (who.app.slug if who.app else None)


def rate_of(state: State, who: Principal, count: int = 0) -> dict[str, int]:
    """What is told of the rate: limit, used, remaining, reset."""
    used, reset = state.use(_name(who), count)
    used = min(used, RATE)
    return {"limit": RATE, "used": used, "remaining": RATE - used, "reset": reset}


def common_headers(state: State, who: Principal) -> dict[str, str]:
    """What every answer carries."""
    rate = rate_of(state, who, 1)
    return {
        "X-GitHub-Request-Id": secrets.token_hex(8).upper(),
        "X-GitHub-Media-Type": "github.v3; format=json",
        **{f"X-RateLimit-{name.title()}": str(value) for name, value in rate.items()},
        "X-RateLimit-Resource": "core",
        "Cache-Control": "private, max-age=60, s-maxage=60",
    }
