"""The router's configuration, and the routes that are read back from it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from modelctl.adapters import documents
from modelctl.adapters.local.traefik import (
    dynamic_config,
    from_text,
    revision_path,
    static_config,
    to_text,
)
from modelctl.domain.rendering import PARTS
from modelctl.domain.serving import Route
from modelctl.errors import ModelctlError

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,5}){1,2}", fullmatch=True)
VERSIONS = st.from_regex(r"(0|[1-9]\d?)\.(0|[1-9]\d?)\.\d(-rc\.[1-9])?(\+b[0-9])?", fullmatch=True)
ROUTES = st.lists(
    st.builds(
        Route,
        model=NAMES,
        version=VERSIONS,
        port=st.integers(1, 65535),
        weight=st.integers(0, 100),
        part=st.sampled_from(PARTS),
        mirror=st.sampled_from([0, 0, 1, 30, 100]),
        header=st.sampled_from([(), (), ("X-Group", "b"), ("x-user", "a; b=c")]),
    ),
    unique_by=lambda r: r.service,
)
ROUTE = Route(model="churn-predictor", version="1.0.0", port=4711, weight=100)


@given(ROUTES)
def test_routes_are_read_back_as_they_were_written(routes: list[Route]) -> None:
    assert from_text(to_text(routes), "routes.yaml") == tuple(sorted(routes))
    # What Traefik reads of it is YAML.
    assert documents.load(to_text(routes).encode(), "routes.yaml").data == dynamic_config(routes)


@pytest.mark.parametrize("text", ["", "http: {}\n", "# {}\n{}", "# []\n[1]", "# {}\n{"])
def test_what_is_no_such_file_is_said(text: str) -> None:
    with pytest.raises(ModelctlError, match="not the routes that a deploy writes"):
        from_text(text, "routes.yaml")


@given(ROUTES, ROUTES)
def test_only_equal_routes_share_a_revision(first: list[Route], second: list[Route]) -> None:
    same = revision_path(first) == revision_path(second)
    assert same == (dynamic_config(first) == dynamic_config(second))


@given(ROUTES)
def test_the_configuration_does_not_depend_on_the_order(routes: list[Route]) -> None:
    assert dynamic_config(routes) == dynamic_config(routes[::-1])


def test_a_model_takes_its_path_and_what_is_below_and_strips_it() -> None:
    http = dynamic_config([ROUTE])["http"]
    router = http["routers"]["churn-predictor"]
    assert router["rule"] == "Path(`/churn-predictor`) || PathPrefix(`/churn-predictor/`)"
    strip = http["middlewares"][router["middlewares"][0]]
    assert strip == {"stripPrefix": {"prefixes": ["/churn-predictor"]}}
    service = http["services"][router["service"]]
    assert service == {"weighted": {"services": [{"name": "churn-predictor-1.0.0", "weight": 100}]}}
    backend = http["services"]["churn-predictor-1.0.0"]
    assert backend == {"loadBalancer": {"servers": [{"url": "http://127.0.0.1:4711"}]}}


SHADOW = Route(
    model="churn-predictor", version="2.0.0", port=4712, weight=0, part="shadow", mirror=30
)
GROUP_B = Route(
    model="churn-predictor",
    version="3.0.0",
    port=4713,
    weight=0,
    part="canary",
    header=("X-Group", "b"),
)
FRESH = Route(model="churn-predictor", version="1.0.0", port=4714, weight=0, part="baseline")


def test_copies_are_made_before_the_traffic_is_split() -> None:
    http = dynamic_config([ROUTE, SHADOW])["http"]
    assert http["routers"]["churn-predictor"]["service"] == "churn-predictor:mirror"
    mirrors = [{"name": "churn-predictor-2.0.0", "percent": 30}]
    expected = {"mirroring": {"service": "churn-predictor", "mirrors": mirrors}}
    assert http["services"]["churn-predictor:mirror"] == expected


def test_a_header_goes_before_the_weights_and_is_copied_as_well() -> None:
    http = dynamic_config([ROUTE, GROUP_B])["http"]
    router = http["routers"]["churn-predictor-3.0.0:header"]
    assert router["rule"].endswith("&& Header(`X-Group`, `b`)")
    assert router["priority"] > len(router["rule"])
    assert router["service"] == "churn-predictor-3.0.0"
    http = dynamic_config([ROUTE, GROUP_B, SHADOW])["http"]
    router = http["routers"]["churn-predictor-3.0.0:header"]
    mirror = http["services"][router["service"]]["mirroring"]
    assert mirror["service"] == "churn-predictor-3.0.0"


def test_a_baseline_has_a_name_of_its_own() -> None:
    services = dynamic_config([ROUTE, FRESH])["http"]["services"]
    names = [item["name"] for item in services["churn-predictor"]["weighted"]["services"]]
    assert names == ["churn-predictor-1.0.0", "churn-predictor-1.0.0:baseline"]


def test_a_part_by_another_name_is_the_same_revision() -> None:
    from dataclasses import replace

    canary = replace(ROUTE, part="canary")
    assert revision_path([canary]) == revision_path([ROUTE])
    assert dynamic_config([canary]) == dynamic_config([ROUTE])
    assert to_text([canary]) != to_text([ROUTE])


def test_without_models_only_the_revision_answers() -> None:
    http = dynamic_config([])["http"]
    assert http.keys() == {"routers"}
    (marker,) = http["routers"].values()
    assert marker["rule"] == f"Path(`{revision_path([])}`)"


def test_the_router_reports_to_nobody_and_listens_on_this_machine_alone() -> None:
    config = static_config(8100, 8101, Path("routes"))
    assert config["global"] == {"checkNewVersion": False, "sendAnonymousUsage": False}
    addresses = [point["address"] for point in config["entryPoints"].values()]
    assert addresses == ["127.0.0.1:8100", "127.0.0.1:8101"]
    assert config["metrics"]["prometheus"]["addServicesLabels"] is True
    assert config["metrics"]["prometheus"]["entryPoint"] == "traefik"


@pytest.mark.parametrize(
    "change",
    [
        {"port": 4712},
        {"weight": 99},
        {"version": "1.0.1"},
        {"part": "baseline"},
        {"mirror": 5},
        {"header": ("X-Group", "b")},
    ],
)
def test_any_change_is_a_new_revision(change) -> None:
    from dataclasses import replace

    assert revision_path([replace(ROUTE, **change)]) != revision_path([ROUTE])


def test_its_buckets_are_no_wider_than_what_the_policy_lets_a_p99_differ_by() -> None:
    config = static_config(1, 2, Path("routes"))
    bounds = config["metrics"]["prometheus"]["buckets"]
    usual = [0.0, *(bound for bound in bounds if bound <= 0.07)]
    assert all(0 < above - below <= 0.0201 for below, above in pairwise(usual))
    assert bounds == sorted(bounds)
    assert bounds[-1] == 10.0
