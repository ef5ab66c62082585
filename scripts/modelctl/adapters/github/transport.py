"""Requests to GitHub's API: bounded in time, sent again where that is safe, read to the last page.

They go through PyGithub's requester, one by one and with nothing hidden, so that `calls` is what
was really sent. An answer may get lost after GitHub has done what was asked: writes that may be
repeated are sent again, and what creates something looks first whether it is there already.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

from modelctl.adapters.github import failures
from modelctl.adapters.github.access import Access
from modelctl.adapters.github.addresses import is_local
from modelctl.adapters.github.doors import Doors, Lost
from modelctl.adapters.github.rate import Pace, Patience, Rate, asked_to_wait, rate_of, retry_after
from modelctl.adapters.strict_json import Malformed, parse
from modelctl.errors import ModelctlError

if TYPE_CHECKING:
    from github.Requester import Requester

PER_PAGE = 100
_MOST_PAGES = 1_000
_KEPT_ANSWERS = 512
_HEADERS = {"Accept": "application/vnd.github+json"}

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What GitHub answered: header names in lower case, `data` the JSON value or None."""

    status: int
    headers: Mapping[str, str]
    data: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    verb: str
    path: str
    params: Params
    body: Any = None
    as_app: bool = False

    @property
    def name(self) -> str:
        """How it is called in messages; without parameters and body."""
        return f"{self.verb} {self.path}"


def path(*parts: str | int) -> str:
    """A path of the API; each part is quoted, so that none can reach beyond its place."""
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)


class Transport:
    """One server, one repository, one identity. Not made for use by several threads at once."""

    def __init__(self, access: Access, patience: Patience, doors: Doors):
        self.calls = 0
        self.rate: Rate | None = None
        self._access = access
        self._patience = patience
        self._doors = doors
        # GitHub asks its users not to write faster; a server of this machine has nobody else.
        self._pace = None if is_local(access.api_url) else Pace()
        self._known: dict[tuple[str, str], tuple[str, Answer]] = {}

    def close(self) -> None:
        """Close the connections."""
        self._doors.close()

    def token(self) -> str:
        """A token that is valid for some minutes at least."""
        return self._doors.token(self)

    def get(
        self,
        at: str,
        params: Params | None = None,
        *,
        absent: Collection[int] = (),
        as_app: bool = False,
    ) -> Any:
        """The value at a path; None where GitHub answers with one of the `absent` statuses.

        Raises:
            ModelctlError: GitHub refuses, or there is nothing.
            DependencyError: there is no usable answer.
        """
        request = _Request(verb="GET", path=at, params=params or {}, as_app=as_app)
        answer = self._settled(request, self._get(request), absent)
        return None if answer.status in absent else answer.data

    def pages(
        self,
        at: str,
        params: Params | None = None,
        *,
        key: str | None = None,
        per_page: int = PER_PAGE,
    ) -> Iterator[Any]:
        """The items of a list, read page by page as they are needed, to the end.

        `key` is the field that holds the items, beside `total_count`.

        Raises:
            DependencyError: the list is cut, or there is no usable answer.
        """
        query: dict[str, Any] = {**(params or {}), "per_page": per_page}
        found, last = 0, 1
        for number in range(1, _MOST_PAGES + 1):
            request = _Request(verb="GET", path=at, params=query)
            answer = self._settled(request, self._get(request), ())
            items = _items(request, answer.data, key)
            yield from items
            found += len(items)
            links = _links(answer)
            last = max(last, _page_of(links.get("last")))
            following = links.get("next")
            if following is None and len(items) < per_page:
                _check_whole(request, number, last, found, answer.data if key else None)
                return
            # A full page without a next one may be the last, or its link was lost: ask.
            query = {**query, **(following or {"page": number + 1})}
        raise failures.cut(at, f"it has more than {_MOST_PAGES} pages")

    def listed(
        self, at: str, params: Params | None = None, *, absent: Collection[int] = ()
    ) -> list[Any] | None:
        """All items of a list; None where GitHub answers with one of the `absent` statuses.

        Raises:
            ModelctlError: GitHub refuses, or there is nothing.
            DependencyError: the list is cut, or there is no usable answer.
        """
        try:
            return list(self.pages(at, params))
        except failures.RefusedError as error:
            if error.status not in absent:
                raise
            return None

    def send(
        self,
        verb: str,
        at: str,
        body: Any = None,
        *,
        accept: Collection[int] = (),
        as_app: bool = False,
    ) -> Answer:
        """Send a write that may be repeated without harm. `accept` are errors that are answers.

        Raises:
            ModelctlError: GitHub refuses.
            DependencyError: there is no usable answer; it may have been done or not.
        """
        request = _Request(verb=verb, path=at, params={}, body=body, as_app=as_app)
        return self._settled(request, self._patiently(request), accept)

    def create(
        self, at: str, body: Any, *, look: Callable[[], Any | None], verb: str = "POST"
    ) -> Any:
        """Create something once. `look` finds it where an answer got lost after it was made.

        Raises:
            ModelctlError: GitHub refuses.
            DependencyError: there is no usable answer; it may have been done or not.
        """
        request = _Request(verb=verb, path=at, params={}, body=body)
        found: list[Any] = []

        def is_there() -> bool:
            found[:] = [one for one in [look()] if one is not None]
            return bool(found)

        answer = self._patiently(request, is_there)
        return found[0] if answer is None else self._settled(request, answer, ()).data

    def graphql(self, query: str) -> Any:
        """The `data` of a query that changes nothing.

        Raises:
            ModelctlError: GitHub refuses.
            DependencyError: there is no usable answer.
        """
        request = _Request(
            verb="POST", path=self._doors.graphql_url, params={}, body={"query": query}
        )
        answer = self._settled(request, self._patiently(request), ())
        data = answer.data.get("data") if isinstance(answer.data, dict) else None
        if not isinstance(data, dict):
            raise failures.unreadable(
                "a GraphQL query", failures.message_of(answer.data) or "no data"
            )
        return data

    def refusal(self, what: str, answer: Answer) -> ModelctlError:
        """The error of an answer that refuses `what` (verb and path)."""
        message = self.scrub(failures.message_of(answer.data))
        is_app = self._access.app_id is not None
        return failures.refused(what, answer.status, answer.headers, message, is_app=is_app)

    def scrub(self, text: str) -> str:
        """`text` without our secrets."""
        return self._doors.scrub(text)

    def _get(self, request: _Request) -> Answer | None:
        """Ask, or hear that what we know is still true."""
        key = (request.path, repr(sorted(request.params.items())))
        known = None if request.as_app else self._known.get(key)
        answer = self._patiently(request, etag=known[0] if known else None)
        if answer is not None and answer.status == 304 and known:
            return known[1]
        if answer is not None and answer.status == 200 and "etag" in answer.headers:
            if len(self._known) >= _KEPT_ANSWERS:
                self._known.pop(next(iter(self._known)))
            self._known[key] = (answer.headers["etag"], answer)
        return answer

    def _patiently(
        self,
        request: _Request,
        is_there: Callable[[], bool] | None = None,
        *,
        etag: str | None = None,
    ) -> Answer | None:
        """The first usable answer; None when `is_there` finds what an unusable one left."""
        waited = 0.0
        for attempt in range(1, self._patience.attempts + 1):
            outcome = self._once(request, etag)
            if isinstance(outcome, Answer):
                wait = self._asked_to_wait(outcome, attempt)
                if wait is None and outcome.status < 500:
                    return outcome
            else:
                wait = None
            waited += self._wait(request, outcome, wait, attempt, waited)
            if wait is None and is_there is not None and is_there():
                return None
        raise AssertionError("the last try raises")  # pragma: no cover

    def _once(self, request: _Request, etag: str | None) -> Answer | Lost:
        if request.verb != "GET" and self._pace is not None:
            self._pace.wait()
        requester = self._doors.requester(self, as_app=request.as_app)
        self.calls += 1
        return self._exchange(requester, request, etag)

    def _exchange(self, requester: Requester, request: _Request, etag: str | None) -> Answer | Lost:
        got = self._doors.exchange(
            requester,
            (request.verb, request.path),
            dict(request.params),
            {**_HEADERS, **({"If-None-Match": etag} if etag else {})},
            request.body,
        )
        if isinstance(got, Lost):
            return got
        status, headers, text = got
        self.rate = rate_of(headers) or self.rate
        try:
            data = parse(text.encode()) if text and status < 500 else None
        except (Malformed, UnicodeError) as error:
            if status < 400:
                return Lost(reason=f"its body can't be read: {error}")
            data = None
        return Answer(status=status, headers=headers, data=data)

    def _asked_to_wait(self, answer: Answer, attempt: int) -> float | None:
        message = failures.message_of(answer.data)
        return asked_to_wait(answer.status, answer.headers, message, attempt)

    def _wait(
        self,
        request: _Request,
        outcome: Answer | Lost,
        wait: float | None,
        attempt: int,
        waited: float,
    ) -> float:
        """Sleep before the next try; how long.

        Raises:
            DependencyError: patience has ended.
        """
        pause = self._patience.pause(attempt) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        if isinstance(outcome, Answer):
            pause = max(pause, wait or retry_after(outcome.headers) or 0.0)
        too_long = waited + pause > self._patience.longest
        if wait is not None and (too_long or attempt == self._patience.attempts):
            raise failures.exhausted(request.name, wait, self.rate)
        if too_long or attempt == self._patience.attempts:
            reason = outcome.reason if isinstance(outcome, Lost) else f"HTTP {outcome.status}"
            raise failures.given_up(request.name, self.scrub(reason), attempt, self.rate)
        time.sleep(pause)
        return pause

    def _settled(self, request: _Request, answer: Answer | None, accept: Collection[int]) -> Answer:
        """The answer, unless it is an error that nobody expects."""
        if answer is None:
            raise AssertionError("only what creates can be found done")  # pragma: no cover
        if answer.status < 300 or answer.status in accept:
            return answer
        raise self.refusal(request.name, answer)


def _items(request: _Request, data: Any, key: str | None) -> list[Any]:
    found = data.get(key) if key and isinstance(data, dict) else data
    if not isinstance(found, list):
        raise failures.unreadable(request.name, "it is no list")
    return found


def _check_whole(request: _Request, pages: int, last: int, found: int, data: Any) -> None:
    """Fail closed where pages are missing."""
    if pages < last:
        raise failures.cut(request.path, f"it ends after page {pages} of {last}")
    total = data.get("total_count") if data is not None else None
    if isinstance(total, int) and found < total:
        raise failures.cut(request.path, f"it has {found} of {total} items")


def _links(answer: Answer) -> dict[str, dict[str, str]]:
    """The query of each link in a `Link` header. Only that: where it leads is not theirs to say."""
    found = {}
    for link in answer.headers.get("link", "").split(","):
        address, _, rest = link.partition(";")
        relation = rest.replace('"', "").replace(" ", "").partition("rel=")[2]
        if relation:
            found[relation] = dict(parse_qsl(urlsplit(address.strip().strip("<>")).query))
    return found


def _page_of(query: Mapping[str, str] | None) -> int:
    page = (query or {}).get("page", "1")
    return int(page) if page.isdigit() else 1
