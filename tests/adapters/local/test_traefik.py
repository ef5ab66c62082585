"""The router's configuration, and the routes that are read back from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from modelctl.adapters import documents
from modelctl.adapters.local.traefik import (
    dynamic_config,
    read_routes,
    revision_path,
    static_config,
)
from modelctl.domain.serving import Route

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,5}){1,2}", fullmatch=True)
VERSIONS = st.from_regex(r"(0|[1-9]\d?)\.(0|[1-9]\d?)\.\d(-rc\.[1-9])?(\+b[0-9])?", fullmatch=True)
ROUTES = st.lists(
    st.builds(
        Route,
        model=NAMES,
        version=VERSIONS,
        port=st.integers(1, 65535),
        weight=st.integers(0, 100),
    ),
    unique_by=lambda r: (r.model, r.version),
)
ROUTE = Route(model="churn-predictor", version="1.0.0", port=4711, weight=100)


@given(ROUTES)
def test_routes_are_read_back_as_they_were_written(routes: list[Route]) -> None:
    text = documents.dump(dynamic_config(routes))
    assert read_routes(documents.load(text.encode(), "routes.yaml").data) == tuple(sorted(routes))


@given(ROUTES, ROUTES)
def test_only_equal_routes_share_a_revision(first: list[Route], second: list[Route]) -> None:
    same = revision_path(first) == revision_path(second)
    assert same == (sorted(first) == sorted(second))


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


@pytest.mark.parametrize("change", [{"port": 4712}, {"weight": 99}, {"version": "1.0.1"}])
def test_any_change_is_a_new_revision(change) -> None:
    from dataclasses import replace

    assert revision_path([replace(ROUTE, **change)]) != revision_path([ROUTE])
