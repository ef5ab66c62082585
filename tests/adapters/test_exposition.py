"""What Traefik shows of itself, as counters of its services."""

from __future__ import annotations

import math

import pytest

from modelctl.adapters.exposition import traefik_counts
from modelctl.domain.counters import Counters
from modelctl.errors import DependencyError

COMMON = 'method="POST",protocol="http"'


def line(name: str, service: str, value: object, code: str = "200", more: str = "") -> str:
    return f'traefik_service_{name}{{code="{code}",{COMMON},service="{service}"{more}}} {value}'


TEXT = "\n".join(
    [
        "# HELP traefik_service_requests_total How many HTTP requests processed.",
        "# TYPE traefik_service_requests_total counter",
        line("requests_total", "m-1.0.0@file", 1200),
        line("requests_total", "m-1.0.0@file", 3, "502"),
        line("requests_total", "m-1.0.0@file", 2, "422"),
        line("requests_total", "m-1.0.0@file", 1, "200").replace("POST", "GET"),
        line("requests_total", "other@file", 7),
        "# TYPE traefik_service_request_duration_seconds histogram",
        line("request_duration_seconds_bucket", "m-1.0.0@file", 1000, more=',le="0.01"'),
        line("request_duration_seconds_bucket", "m-1.0.0@file", 2, "502", ',le="0.01"'),
        line("request_duration_seconds_bucket", "m-1.0.0@file", "1.2e+03", more=',le="+Inf"'),
        line("request_duration_seconds_sum", "m-1.0.0@file", 3.5),
        line("request_duration_seconds_count", "m-1.0.0@file", 1200),
        'traefik_router_requests_total{router="m@file",service="m-1.0.0@file"} 5',
        "go_goroutines NaN",
        "",
    ]
)


def test_counters_add_up_over_codes_and_leave_out_who_only_asks_how_it_is() -> None:
    found = traefik_counts(TEXT, ["m-1.0.0", "m-2.0.0"], "5..")
    assert found == {
        "m-1.0.0": Counters(requests=1205, errors=3, buckets={10.0: 1002.0, math.inf: 1200.0})
    }


@pytest.mark.parametrize(
    ("failures", "errors"), [("5..", 3), ("502|422", 5), ("5", 0), ("4..", 2), (".*", 1205)]
)
def test_the_codes_that_are_failures_are_the_callers_to_say(failures: str, errors: float) -> None:
    assert traefik_counts(TEXT, ["m-1.0.0"], failures)["m-1.0.0"].errors == errors


def test_without_buckets_there_are_none() -> None:
    assert traefik_counts(TEXT, ["other"], "5..") == {"other": Counters(requests=7, errors=0)}
    assert traefik_counts("", ["other"], "5..") == {}


def test_names_with_special_characters_are_those() -> None:
    text = line("requests_total", 'a\\"b\\\\c\\nd@file', 4)
    assert traefik_counts(text, ['a"b\\c\nd'], "5..")['a"b\\c\nd'].requests == 4


@pytest.mark.parametrize("value", ["NaN", "-1", "+Inf", "many", ""])
def test_what_is_no_count_is_an_error(value: str) -> None:
    with pytest.raises(DependencyError, match="can't be read"):
        traefik_counts(line("requests_total", "m@file", value), ["m"], "5..")


@pytest.mark.parametrize(
    "text",
    [
        line("request_duration_seconds_bucket", "m@file", 1, more=',le="wide"'),
        line("request_duration_seconds_bucket", "m@file", 1),
        'traefik_service_requests_total{service="m@file"',
        "traefik_service_requests_total{service=",
    ],
)
def test_what_traefik_does_not_write_is_an_error(text: str) -> None:
    with pytest.raises(DependencyError, match="can't be read"):
        traefik_counts(text, ["m"], "5..")
