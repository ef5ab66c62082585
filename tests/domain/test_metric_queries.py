"""Questions that no name can change, and answers that find their backend."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, strategies as st

from modelctl.domain.metric_queries import (
    PLACEHOLDERS,
    Backend,
    Finder,
    any_of,
    at_steps,
    backends,
    gauge_query,
    placeholders,
    quoted,
    raw,
    seconds,
    without_placeholders,
)
from modelctl.domain.metric_sources import Gauge
from modelctl.domain.observations import Endpoint, Watched

BEGIN = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
FRESH = timedelta(seconds=37.5)
PORT = "{namespace}-{service}-(http-)?[0-9]+@kubernetes.*"


def watched(model: str = "m-one", **services: str) -> Watched:
    return Watched(
        model=model,
        environment="production",
        namespace="ns",
        since=BEGIN,
        sides={side: Endpoint(version="1.2.0+b", service=name) for side, name in services.items()},
    )


def backend(model: str, service: str, **values: str) -> Backend:
    return Backend(owner=(model, "canary"), values={"model": model, "service": service, **values})


def test_every_side_is_a_backend_with_all_that_a_pattern_may_name() -> None:
    one = watched(canary="m-v2", live="m-v2", stable="m-b1")
    places = {"canary": 1, "live": None, "stable": 2}
    sides = {side: replace(end, position=places[side]) for side, end in one.sides.items()}
    found = list(backends([replace(one, sides=sides)]))
    assert [one.owner for one in found] == [(("m-one"), s) for s in ("canary", "live", "stable")]
    assert [one.values["position"] for one in found] == ["1", "none", "2"]
    assert set(found[0].values) == {*PLACEHOLDERS, "side"}
    assert found[0].values["version_label"] == "1.2.0_b"
    assert found[0].values["name"] == "m-one"


def test_a_series_finds_its_backends_by_all_its_labels() -> None:
    one = Finder(
        {"namespace": "{namespace}", "service": PORT},
        [
            backend("a", "m-v1", namespace="ns"),
            backend("b", "m-v1-1", namespace="ns"),
            backend("c", "m-v1", namespace="other"),
        ],
    )
    service = "ns-m-v1-80@kubernetesgateway"
    assert one.owners({"namespace": "ns", "service": service}) == [("a", "canary")]
    assert one.owners({"namespace": "other", "service": service}) == []
    assert one.owners({"namespace": "ns", "service": "ns-m-v1-1-http-80@kubernetescrd"}) == [
        ("b", "canary")
    ]
    assert one.owners({"namespace": "ns"}) == []
    assert one.selector({"a": 'b"'}) == (
        'a="b\\"",namespace=~"ns|other",'
        'service=~"ns-m\\\\-v1-(http-)?[0-9]+@kubernetes.*|'
        "ns-m\\\\-v1\\\\-1-(http-)?[0-9]+@kubernetes.*|"
        'other-m\\\\-v1-(http-)?[0-9]+@kubernetes.*"'
    )


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("{service}", "abc"),
        ("{service}@file", "abc@file"),
        ("{service}s?@file", "abc@file"),
        ("x|{service}", "abc"),
        ("x|{service}", "x"),
        (".*{service}", "zzabc"),
        ("{service}(-{model})?", "abc-m"),
        ("(a|{service}){2,3}", "aabc"),
        ("ab?{service}", "aabc"),
    ],
)
def test_a_pattern_is_found_however_it_begins(pattern: str, value: str) -> None:
    one = Finder({"l": pattern}, [backend("m", "abc")])
    assert one.owners({"l": value}) == [("m", "canary")]
    assert one.owners({"l": f"{value}!"}) == []


@given(st.text(), st.text())
@example(".*", "anything")
@example("a|b", "b")
@example("{model}", "m")
def test_a_name_matches_itself_and_nothing_else(name: str, other: str) -> None:
    for pattern in ("{service}", "{service}(-[0-9]+)?"):
        one = Finder({"l": pattern}, [backend("m", name)])
        assert one.owners({"l": name})
    if other != name:
        assert not Finder({"l": "{service}"}, [backend("m", name)]).owners({"l": other})


@pytest.mark.parametrize(("pattern", "most"), [("{service}-[0-9]+", 100), ("{service}", 500)])
def test_many_backends_are_asked_for_by_their_common_shape(pattern: str, most: int) -> None:
    full = f"{{namespace}}/{pattern}"
    many = [backend("m", f"a{n}", namespace=("ns", "os")[n % 2]) for n in range(most + 1)]
    assert Finder({"l": full}, many[:-1]).selector().count("a") == most
    one = Finder({"l": full}, many)
    asked = pattern.replace("{service}", ".+")
    assert one.selector() == f'l=~"ns/{asked}|os/{asked}"'
    end = "-5" if "[" in pattern else ""
    assert one.owners({"l": f"ns/a1{end}"}) == []
    assert one.owners({"l": f"os/a1{end}"}) == [("m", "canary")]


def test_a_series_is_of_each_backend_but_once() -> None:
    services = ("a", "abc", "abcdefgh")
    one = Finder({"l": "{service}"}, [backend(f"m-{name}", name) for name in services])
    assert one.owners({"l": "abc"}) == [("m-abc", "canary")]
    wide = Finder({"l": "{service}.*"}, [backend(f"m-{name}", name) for name in services])
    assert wide.owners({"l": "abc"}) == [("m-a", "canary"), ("m-abc", "canary")]


@given(st.text())
@example('"} or vector(1) or x{a="')
@example("\\")
@example("\n")
def test_a_string_ends_where_it_should(text: str) -> None:
    found = quoted(text)
    assert found[0] == found[-1] == '"'
    assert re.fullmatch(r'([^"\\\x00-\x1f]|\\["\\]|\\x[0-9a-f]{2})*', found[1:-1])


def test_a_pattern_says_what_it_names() -> None:
    assert placeholders("{a}-[0-9]{2}-{b_c}") == ["a", "b_c"]
    assert without_placeholders("{a}-[0-9]{2}") == "x-[0-9]{2}"


def test_questions_are_what_prometheus_reads() -> None:
    one = Finder({"model": "{model}"}, [backend("m", "s")])
    assert raw("up", timedelta(seconds=90)) == "up[90000ms]"
    assert seconds(timedelta(microseconds=1)) == "1ms"
    assert at_steps("up", FRESH, ("a", "b")) == "sum by (a, b) (last_over_time(up[37500ms]))"
    assert any_of(["a_total", "b"], "x=1") == '{__name__=~"a_total|b",x=1}'
    assert gauge_query(Gauge(name="drift", metric="d", by="avg"), one, FRESH) == (
        'avg by (model) (last_over_time(d{model=~"m"}[37500ms]))'
    )
    own = Gauge(name="psi", query="max by ($by) (p{$selector}) > $$1", label="f")
    assert gauge_query(own, one, FRESH) == 'max by (model, f) (p{model=~"m"}) > $1'
