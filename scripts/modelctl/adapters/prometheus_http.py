"""Prometheus' HTTP API: questions in, series out.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from modelctl.domain.series import Series
from modelctl.errors import DependencyError

if TYPE_CHECKING:
    import httpx

_WAITS: Final = (0.2, 0.8)
"""Seconds before a question is asked again."""

_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_MAX_BYTES: Final = 512 * 1024 * 1024
_LONGEST: Final = 300
_NOTE: Final = "PromQL info"
Sleep = Callable[[float], None]


class PrometheusApi:
    """A Prometheus, or what answers like one. `token` goes nowhere but into the request's header.

    `asked` counts the questions, those that were repeated too.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        token_from: str = "",
        timeout: timedelta = timedelta(seconds=10),
        sleep: Sleep = time.sleep,
    ):
        import httpx

        self.asked = 0
        self._where = _shown(url)
        self._token, self._token_from = token, token_from
        self._sleep, self._timeout = sleep, timeout.total_seconds()
        # To pack and unpack the answer takes longer than to send it.
        headers = {"Accept-Encoding": "identity"}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        try:
            self._client = httpx.Client(
                base_url=f"{url.rstrip('/')}/api/v1/", headers=headers, timeout=self._timeout
            )
        except (httpx.InvalidURL, UnicodeError) as error:
            # The header's value is the token, which the error would show.
            raise DependencyError(
                f"Prometheus can't be asked at {self._where}",
                mend="write its address as http://host:9090, and the token in ASCII",
            ) from (error if token is None else None)
        self.close = weakref.finalize(self, self._client.close)
        """Gives back the connections; so does the end of this."""

    def instant(self, name: str, query: str, at: datetime) -> list[Series]:
        """The answer at one instant: samples of a vector, or of each series of a matrix. `name`
        is what the question is called in an error.

        Raises:
            DependencyError: there is no answer, or only a part of one.
        """
        return self._ask(name, "query", {"query": query, "time": _stamp(at)})

    def steps(
        self, name: str, query: str, since: datetime, until: datetime, step: timedelta
    ) -> list[Series]:
        """The answers at each step from `since` to `until`, both included.

        Raises:
            DependencyError: there is no answer, or only a part of one.
        """
        span = {"start": _stamp(since), "end": _stamp(until), "step": f"{step.total_seconds():.6f}"}
        return self._ask(name, "query_range", {"query": query, **span})

    def version(self) -> str:
        """What it says that it is.

        Raises:
            DependencyError: it doesn't answer.
        """
        answer = self._sent("version", "GET", "status/buildinfo", {})
        return str(answer.get("version", "of unknown version")) if isinstance(answer, dict) else ""

    def _ask(self, name: str, path: str, form: Mapping[str, str]) -> list[Series]:
        answer = self._sent(
            name, "POST", path, {**form, "timeout": f"{round(self._timeout * 1000)}ms"}
        )
        try:
            return _series(answer)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._unreadable(name) from error

    def _sent(self, name: str, method: str, path: str, form: Mapping[str, str]) -> Any:
        """The data of the answer, asked again where that may help."""
        for wait in (*_WAITS, None):
            status, body, why = self._once(method, path, form)
            if wait is None or (status is not None and status not in _AGAIN):
                break
            self._sleep(wait)
        if status is None:
            raise DependencyError(
                f"Prometheus at {self._where} can't be asked for {name}: {why}",
                mend="see that it runs and can be reached from here, or ask for less at once",
            )
        return self._told(name, status, body)

    def _once(
        self, method: str, path: str, form: Mapping[str, str]
    ) -> tuple[int | None, bytes, str]:
        """Status and body, or None and why there is no answer."""
        import httpx

        self.asked += 1
        try:
            with self._client.stream(method, path, data=form or None) as response:
                return response.status_code, _body(response), ""
        except httpx.TimeoutException:
            return None, b"", f"no answer in {self._timeout:g} s"
        except _TooMuchError:
            return None, b"", f"the answer has over {_MAX_BYTES} bytes"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return None, b"", type(error).__name__ if self._token else str(error)

    def _told(self, name: str, status: int, body: bytes) -> Any:
        import json

        self._refused(status)
        try:
            answer = json.loads(body)
            state = answer["status"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._unreadable(name, status) from error
        if state != "success" or status != 200:
            why = self._hidden(f"{answer.get('errorType', status)}: {answer.get('error', '')}")
            raise DependencyError(
                f"Prometheus at {self._where} refuses the question for {name}: {why}",
                mend="see what policies/metrics.yaml asks for",
            )
        partly = [one for one in answer.get("warnings") or () if not str(one).startswith(_NOTE)]
        if partly:
            raise DependencyError(
                f"Prometheus at {self._where} knows only a part of {name}: "
                f"{self._hidden(str(partly[0]))}",
                mend="see why a part of it is missing; half the figures decide nothing",
            )
        return answer.get("data")

    def _refused(self, status: int) -> None:
        if status in {401, 403}:
            has = "doesn't accept the token" if self._token else "asks for a token"
            raise DependencyError(
                f"Prometheus at {self._where} {has} ({status})",
                mend=f"set the environment variable {self._token_from or 'with the token'}",
            )
        if status == 404 or 300 <= status < 400:
            raise DependencyError(
                f"there is no Prometheus at {self._where} ({status})",
                mend="write the address before /api/v1 in policies/metrics.yaml",
            )

    def _unreadable(self, name: str, status: int = 200) -> DependencyError:
        return DependencyError(
            f"{self._where} answers for {name} what isn't Prometheus' (status {status})",
            mend="see that the address is a Prometheus' or of what answers like one",
        )

    def _hidden(self, text: str) -> str:
        text = "".join(c if c.isprintable() else " " for c in text)
        return (text.replace(self._token, "…") if self._token else text)[:_LONGEST]


class _TooMuchError(Exception):
    """An answer that nobody can hold."""


def _body(response: httpx.Response) -> bytes:
    parts, size = [], 0
    for part in response.iter_bytes():
        size += len(part)
        if size > _MAX_BYTES:
            raise _TooMuchError
        parts.append(part)
    return b"".join(parts)


def _series(data: Any) -> list[Series]:
    """A vector, or a matrix of samples; a sample that is a native histogram is an error."""
    if data["resultType"] not in {"vector", "matrix"}:
        raise ValueError(data["resultType"])
    found = []
    for row in data["result"]:
        rows = row["values"] if "values" in row else (row["value"],)
        samples = [(float(at), float(value)) for at, value in rows]
        found.append(Series(labels=row["metric"], samples=samples))
    return found


def _stamp(at: datetime) -> str:
    return f"{at.timestamp():.3f}"


def _shown(url: str) -> str:
    """The address without what somebody may have hidden in it."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        return "the address of policies/metrics.yaml"
