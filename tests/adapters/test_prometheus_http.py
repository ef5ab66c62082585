"""A Prometheus that refuses, is slow, breaks off or says half: an error in plain words, never a
figure, and never the token."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from modelctl.adapters.prometheus_http import PrometheusApi
from modelctl.domain.metric_sources import TOKEN
from modelctl.errors import DependencyError
from support.prometheus import Page, free_port, serving

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
SECRET = "t0ken-of-somebody"
VECTOR = {"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1.5, "2"]}]}
Asker = Callable[[Page], DependencyError]


def body(data: object = VECTOR, **more: object) -> bytes:
    return json.dumps({"status": "success", "data": data, **more}).encode()


def refused(page: Page, token: str | None = SECRET, *, seconds: float = 5.0) -> DependencyError:
    """The error of one question."""
    with serving(page):
        api = PrometheusApi(
            page.url,
            token=token,
            token_from=TOKEN,
            timeout=timedelta(seconds=seconds),
            sleep=lambda _: None,
        )
        with pytest.raises(DependencyError) as caught:
            api.instant("requests", "up", NOW)
        api.close()
    assert SECRET not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
    return caught.value


def test_a_question_is_posted_with_the_token_and_its_time() -> None:
    with serving(Page([(200, body())])) as page:
        api = PrometheusApi(f"{page.url}/", token=SECRET)
        found = api.instant("requests", 'up{a="b c"}', NOW)
    (path, headers, sent) = page.seen[0]
    assert path == "/api/v1/query"
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert b"query=up%7Ba%3D%22b+c%22%7D" in sent
    assert b"time=1795168800.000" in sent
    assert (found[0].labels, found[0].samples) == ({"a": "b"}, [(1.5, 2.0)])


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_that_is_busy_is_asked_again(status: int) -> None:
    waits: list[float] = []
    with serving(Page([(status, b"later"), (status, b"later"), (200, body())])) as page:
        api = PrometheusApi(page.url, sleep=waits.append)
        assert len(api.instant("requests", "up", NOW)) == 1
    assert api.asked == 3
    assert waits == sorted(waits)
    assert all(wait > 0 for wait in waits)


def test_a_server_that_stays_busy_is_an_error() -> None:
    page = Page([(503, b"later")])
    assert "status 503" in str(refused(page))
    assert len(page.seen) == 3


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_told_by_the_name_of_its_variable(status: int) -> None:
    page = Page([(status, SECRET.encode())])
    error = refused(page)
    assert error.exit_code == 3
    assert "doesn't accept the token" in error.message
    assert TOKEN in (error.mend or "")
    assert len(page.seen) == 1
    assert "asks for a token" in refused(Page([(status, b"")]), None).message


@pytest.mark.parametrize("status", [404, 301, 302])
def test_an_address_of_something_else_is_told(status: int) -> None:
    assert "there is no Prometheus at" in refused(Page([(status, b"")])).message


def test_a_refused_question_is_told_by_its_name_without_the_token() -> None:
    answer = {"status": "error", "errorType": "bad_data", "error": f"parse error: {SECRET}\x1b[1m"}
    message = refused(Page([(400, json.dumps(answer).encode())])).message
    assert "refuses the question for requests: bad_data: parse error: … [1m" in message


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        body({"resultType": "scalar", "result": [1, "2"]}),
        body({"resultType": "vector", "result": [{"metric": {}, "histogram": [1, {}]}]}),
        body({"resultType": "vector", "result": [{"metric": {}, "value": [1, "two"]}]}),
        body({"resultType": "matrix", "result": {"a": 1}}),
        body(None),
        body([]),
    ],
)
def test_what_prometheus_does_not_say_is_an_error(answer: bytes) -> None:
    assert "isn't Prometheus'" in refused(Page([(200, answer)])).message


def test_half_an_answer_is_none() -> None:
    """Thanos and the like answer with what they reach; failures may lie in the other half."""
    error = refused(Page([(200, body(warnings=["store-2 can't be reached"]))]))
    assert "knows only a part of requests: store-2" in error.message


def test_a_remark_about_the_question_is_no_half_answer() -> None:
    notes = {"warnings": ["PromQL info: metric might not be a counter"], "infos": ["a"]}
    with serving(Page([(200, body(**notes))])) as page:
        assert len(PrometheusApi(page.url).instant("requests", "up", NOW)) == 1


def test_a_slow_server_is_not_waited_for() -> None:
    page = Page([(200, body())], slow=0.4)
    error = refused(page, seconds=0.1)
    assert "can't be asked for requests: no answer in 0.1 s" in error.message
    assert len(page.seen) == 3


def test_nobody_there_is_an_error_without_what_hides_in_the_address() -> None:
    api = PrometheusApi(
        f"http://user:{SECRET}@127.0.0.1:{free_port()}", token=SECRET, sleep=lambda _: None
    )
    with pytest.raises(DependencyError) as caught:
        api.steps("requests", "up", NOW, NOW, timedelta(seconds=15))
    assert "can't be asked for requests" in caught.value.message
    assert SECRET not in str(caught.value)
    assert api.asked == 3


@pytest.mark.parametrize("url", ["http://host:port", "http://[::1", "http://a b"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(DependencyError) as caught:
        PrometheusApi(url, sleep=lambda _: None).instant("requests", "up", NOW)
    assert caught.value.mend


def test_a_token_that_no_header_can_hold_is_not_shown() -> None:
    with pytest.raises(DependencyError) as caught:
        PrometheusApi("http://127.0.0.1:9", token="schlüssel")
    assert "schl" not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"


def test_it_says_its_version() -> None:
    with serving(Page([(200, body({"version": "2.42.0"}))])) as page:
        assert PrometheusApi(page.url).version() == "2.42.0"
    assert page.seen[0][0] == "/api/v1/status/buildinfo"
