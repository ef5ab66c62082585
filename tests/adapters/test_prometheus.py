"""Against a real Prometheus: what is observed adds up to what was counted, whatever happened."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelctl.adapters.documents import load
from modelctl.adapters.prometheus import PrometheusSource
from modelctl.adapters.prometheus_http import PrometheusApi
from modelctl.domain.metric_sources import Gauge, Mesh, OwnFigures, PrometheusAt, metrics_from
from modelctl.domain.observations import Counts, Endpoint, Mean, Observation, Ratio, Watched
from support.prometheus import (
    PROJECT,
    START,
    Page,
    backfilled,
    openmetrics,
    sample,
    scraping,
    serving,
)

SCRAPE = 15
NAME, COUNT, HIST = "plain", "model_requests_total", "model_request_duration_seconds"
AT = PrometheusAt(mesh=NAME, url="http://unused")
MESH = Mesh(
    name=NAME,
    backend={"model": "{model}", "version": "{version}"},
    requests=COUNT,
    code="code",
    errors="5..",
    durations=HIST,
    health="model_up",
)
OWN = OwnFigures(
    backend=MESH.backend,
    counters={"labelled": "labelled_total", "correct": "correct_total"},
    ratios={"conversion": {"hits": "bought_total", "trials": "offers_total"}},
    means={"basket": {"sum": "basket_sum_total", "count": "basket_count_total"}},
    gauges=(
        Gauge(name="drift", metric="drift"),
        Gauge(name="feature_psi", metric="psi", label="feature"),
        Gauge(name="psi", query="max by ($by) (last_over_time(psi{$selector}[$window]))"),
    ),
)


class History:
    """Samples of counters, to be written as OpenMetrics."""

    def __init__(self) -> None:
        self.rows: dict[str, list[str]] = {}

    def put(self, name: str, at: float, value: float, **labels: str) -> None:
        full = {"job": "m", "instance": "a", **labels}
        self.rows.setdefault(name, []).append(sample(name, full, value, START + at))

    def text(self) -> str:
        kinds = {name: (_family(name), rows) for name, rows in self.rows.items()}
        return openmetrics({family: (kind, rows) for (family, kind), rows in kinds.values()})


def _family(name: str) -> tuple[str, str]:
    if name.endswith("_total"):
        return name.removesuffix("_total"), "counter"
    if name.endswith("_bucket"):
        return name.removesuffix("_bucket"), "histogram"
    return name, "gauge"


def history() -> str:
    """An hour of several models:

    steady-one  30 requests a scrape, 3 of them failures, latencies, own figures, readings
    reset-two   began anew at 1800 s; its first failure was counted at 2400 s
    gap-three   no samples from 1000 s to 1300 s
    gone-four   no samples after 1800 s
    nan-five    its counter was NaN at 1815 s
    """
    found = History()
    for scrape in range(241):
        at = scrape * SCRAPE + 4
        labels = {"model": "steady-one", "version": "1.0.0"}
        found.put(COUNT, at, 27 * scrape, code="200", **labels)
        found.put(COUNT, at, 3 * scrape, code="503", **labels)
        for bound, count in (("0.05", 15), ("0.1", 24), ("+Inf", 30)):
            found.put(f"{HIST}_bucket", at, count * scrape, le=bound, **labels)
        for name, count in (("labelled", 10), ("correct", 9), ("offers", 4), ("bought", 1)):
            found.put(f"{name}_total", at, count * scrape, **labels)
        found.put("basket_sum_total", at, 12.5 * scrape, **labels)
        found.put("basket_count_total", at, 2 * scrape, **labels)
        found.put("drift", at, 0.25, **labels)
        found.put("psi", at, 0.1, feature="radius", **labels)
        found.put("psi", at, math.nan if scrape > 200 else 0.3, feature="texture", **labels)
        found.put("model_up", at, 0 if scrape > 236 else 1, **labels)
        labels = {"model": "reset-two", "version": "1.0.0"}
        found.put(COUNT, at, 10 * (scrape if at < 1800 else scrape - 120), code="200", **labels)
        if at > 2400:
            found.put(COUNT, at, 7, code="500", **labels)
        labels = {"model": "gap-three", "version": "1.0.0"}
        if not 1000 < at < 1300:
            found.put(COUNT, at, 10 * scrape, code="200", **labels)
        if at < 1800:
            found.put(COUNT, at, 10 * scrape, code="200", model="gone-four", version="1.0.0")
            found.put("drift", at, 0.9, model="gone-four", version="1.0.0")
        value = math.nan if 1800 < at < 1830 else 10 * scrape
        found.put(COUNT, at, value, code="200", model="nan-five", version="1.0.0")
    return found.text()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with backfilled(tmp_path_factory.mktemp("prometheus"), history()) as found:
        yield found


@pytest.fixture
def api(url: str) -> Iterator[PrometheusApi]:
    found = PrometheusApi(url)
    yield found
    found.close()


def instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(START, UTC) + timedelta(seconds=seconds)


def watched(model: str, since: float = 600, side: str = "canary") -> Watched:
    return Watched(
        model=model,
        environment="production",
        namespace="ns",
        since=instant(since),
        sides={side: Endpoint(version="1.0.0", service=f"{model}-v1")},
    )


def source(api: PrometheusApi, **changes: object) -> PrometheusSource:
    return PrometheusSource(api, AT, MESH, OWN, **changes)  # type: ignore[arg-type]


def total(observed: Mapping[str, object], model: str, side: str = "canary") -> Counts:
    rows: list[Observation] = observed[model]  # type: ignore[assignment]
    found = Counts(requests=0.0, errors=0.0)
    for row in rows:
        if side in row.sides:
            found = found.plus(row.sides[side])
    return found


def test_observations_add_up_to_what_was_counted(api: PrometheusApi) -> None:
    found = source(api).observe([watched("steady-one")], instant(3001))
    counts = total(found, "steady-one")
    assert (counts.requests, counts.errors) == (30 * 160, 3 * 160)
    assert counts.latency is not None
    assert counts.latency.bounds_ms == (50.0, 100.0)
    assert counts.latency.counts == (15 * 160, 9 * 160, 6 * 160)
    assert (counts.labelled, counts.correct) == (10 * 160, 9 * 160)
    assert counts.own == {
        "conversion": Ratio(hits=160, trials=4 * 160),
        "basket": Mean(total=12.5 * 160, count=2 * 160),
    }
    rows = found["steady-one"]
    assert sum((row.span for row in rows), timedelta()) == rows[-1].at - instant(600)
    assert rows[-1].at == instant(3000)
    assert {row.sides["canary"].requests for row in rows} == {30.0}


def test_one_look_after_the_other_misses_nothing_and_counts_nothing_twice(
    api: PrometheusApi,
) -> None:
    """As the guard does: each look goes on from the last observation, at odd instants."""
    since, rows = instant(600), list[Observation]()
    one = source(api)
    for step in range(1, 120):
        until = instant(601 + step * 6.1)
        new = one.observe([replace(watched("steady-one"), since=since)], until)["steady-one"]
        rows.extend(new)
        since = rows[-1].at if rows else since
    assert total({"steady-one": rows}, "steady-one").requests == 30 * 49
    assert [row.at for row in rows] == sorted({row.at for row in rows})


def test_a_counter_that_began_anew_counts_from_zero(api: PrometheusApi) -> None:
    counts = total(source(api).observe([watched("reset-two")], instant(3001)), "reset-two")
    # Nobody saw what was counted between the last sample and the restart: the sample is 0 then.
    assert counts.requests == 10 * 159 + 7
    assert counts.errors == 7


def test_the_first_failure_is_counted_though_its_series_has_no_sample_before(
    api: PrometheusApi,
) -> None:
    found = source(api).observe([watched("reset-two", 2395)], instant(2430))
    assert total(found, "reset-two").errors == 7


def test_a_gap_is_no_time_in_which_nothing_happened(api: PrometheusApi) -> None:
    rows = source(api).observe([watched("gap-three")], instant(2001))["gap-three"]
    assert total({"gap-three": rows}, "gap-three").requests == 10 * 94
    longest = max(rows, key=lambda row: row.span)
    assert longest.span > timedelta(seconds=300)
    assert longest.sides["canary"].requests == 10 * 21
    inside = source(api).observe([watched("gap-three", 1050)], instant(1250))
    assert inside["gap-three"] == []


def test_a_series_that_ended_is_no_data(api: PrometheusApi) -> None:
    found = source(api).observe([watched("gone-four", 1830)], instant(1900))
    assert found["gone-four"] == []
    nobody = source(api).observe([watched("nobody-six")], instant(1900))
    assert nobody["nobody-six"] == []


def test_nan_is_missing_and_not_zero(api: PrometheusApi) -> None:
    rows = source(api).observe([watched("nan-five", 1770)], instant(1861))["nan-five"]
    counts = [row.sides["canary"].requests for row in rows]
    assert counts in ([10, 10, 30, 10], [10, 10, 30])
    assert not any(math.isnan(one) for one in counts)


def test_readings_are_those_of_now(api: PrometheusApi) -> None:
    both = [watched("steady-one", 3500, "live"), watched("gone-four", 3500, "live")]
    found = source(api).observe(both, instant(3600))
    last = found["steady-one"][-1].figures
    assert last["live.drift"] == 0.25
    assert last["live.feature_psi"] == {"radius": 0.1}
    assert "live.psi" not in last or last["live.psi"] == 0.1
    assert last["live.failed_health_checks"] == 3.0
    assert found["gone-four"] == []
    assert all(not row.figures for row in found["steady-one"][:-1])


def test_readings_count_where_nobody_asks_the_model_anything(api: PrometheusApi) -> None:
    quiet = replace(MESH, requests="never_counted_total")
    one = PrometheusSource(api, AT, quiet, OWN)
    rows = one.observe([watched("steady-one", 3000)], instant(3600))["steady-one"]
    assert rows[-1].figures["canary.failed_health_checks"] == 3.0


def test_what_is_normal_is_asked_for_once_in_a_while(api: PrometheusApi) -> None:
    one, live = source(api, reference=timedelta(hours=1)), watched("steady-one", 3500, "live")
    rows = one.observe([live], instant(3600))["steady-one"]
    figures = rows[-1].figures
    assert figures["baseline.error_rate"] == pytest.approx(0.1)
    assert figures["baseline.latency_p50_ms"] == pytest.approx(50.0)
    assert figures["baseline.throughput_rps"] == pytest.approx(2.0, rel=0.1)
    # What must last is held against it from the first stretch on.
    assert len(rows) > 1
    assert rows[0].figures["baseline.error_rate"] == figures["baseline.error_rate"]
    asked = api.asked
    again = one.observe([live], instant(3601))["steady-one"]
    assert again[-1].figures["baseline.error_rate"] == figures["baseline.error_rate"]
    assert api.asked == 2 * asked - 2
    one.observe([live], instant(3600) + timedelta(minutes=11))
    assert api.asked == 3 * asked - 2


def test_long_times_are_asked_for_in_steps_and_add_up_all_the_same(api: PrometheusApi) -> None:
    coarse = source(api, most_samples=20 * 60)
    found = coarse.observe([watched("steady-one", 300)], instant(3601))
    counts = total(found, "steady-one")
    assert counts.requests == pytest.approx(30 * 220, abs=30 * 5)
    assert counts.errors == pytest.approx(counts.requests / 10)
    assert counts.latency is not None
    assert counts.latency.total == pytest.approx(counts.requests)


def test_a_thousand_models_take_no_more_questions_than_one(api: PrometheusApi) -> None:
    one = source(api, reference=timedelta(hours=1))
    one.observe([watched("steady-one", 3500)], instant(3600))
    alone = api.asked
    many = [watched(f"model-{index}", 3000 if index % 2 else 0) for index in range(1000)]
    one.observe([*many, watched("steady-one", 3500)], instant(3600))
    assert api.asked - alone <= 20
    assert api.asked - alone <= alone + 3


def test_nothing_that_a_manifest_says_changes_a_question(api: PrometheusApi) -> None:
    """Names that are patterns or end a string select nothing, and break nothing."""
    for evil in (
        '1.0.0"} or vector(1) or x{a="',
        "1.0.0|.*",
        ".*",
        "1\\.0\\.0",
        "1.0.0\n",
        "\\",
        "${by}",
        "{model}",
        "é\x00\x7f",
    ):
        end = Endpoint(version=evil, service=evil)
        one = replace(watched("steady-one"), namespace=evil, sides={"canary": end})
        found = source(api).observe([one], instant(3001))
        assert found == {"steady-one": []}, evil


def test_names_with_special_characters_are_found(tmp_path: Path) -> None:
    odd, rows = 'a"b\\c.d+e|f(g)\nh', History()
    for scrape in range(20):
        rows.put(COUNT, scrape * SCRAPE, scrape, code="200", model="odd-one", version=odd)
        plain = odd.replace(".", "x")
        rows.put(COUNT, scrape * SCRAPE, 9 * scrape, code="200", model="odd-one", version=plain)
    with backfilled(tmp_path, rows.text()) as url:
        end = Endpoint(version=odd, service="odd")
        one = replace(watched("odd-one", 10), sides={"canary": end})
        found = source(PrometheusApi(url)).observe([one], instant(200))
    assert total(found, "odd-one").requests == 13


def test_patterns_of_the_shipped_meshes_tell_backends_apart(tmp_path: Path) -> None:
    rows, service = History(), "ns-m-one-v1-2-{}-80@kubernetesgateway"
    for scrape in range(20):
        for patch, each in ((0, 5), (1, 7)):
            labels = {"service": service.format(patch), "code": "200", "job": "traefik"}
            rows.put("traefik_service_requests_total", scrape * SCRAPE, each * scrape, **labels)
            labels = {
                "envoy_cluster_name": f"httproute/ns/m-one/rule/0/backend/{patch}",
                "envoy_response_code_class": "5",
                "job": "envoy-gateway",
            }
            rows.put("envoy_cluster_upstream_rq_xx", scrape * SCRAPE, each * scrape, **labels)
    document = load((PROJECT / "policies" / "metrics.yaml").read_bytes(), "metrics.yaml")
    shipped = metrics_from(document)
    sides = {
        "canary": Endpoint(version="1.2.1", service="m-one-v1-2-1", position=1),
        "stable": Endpoint(version="1.2.0", service="m-one-v1-2-0", position=0),
        "live": Endpoint(version="1.2.1", service="m-one-v1-2-1", position=1),
    }
    one = replace(watched("m-one", 10), sides=sides)
    with backfilled(tmp_path, rows.text()) as url:
        api = PrometheusApi(url)
        for name, failed in (("traefik", 0.0), ("envoy-gateway", 1.0)):
            found = PrometheusSource(api, AT, shipped.meshes[name]).observe([one], instant(200))
            for side, each in (("canary", 7), ("stable", 5), ("live", 7)):
                counts = total(found, "m-one", side)
                assert (counts.requests, counts.errors) == (13 * each, failed * 13 * each)


@pytest.mark.parametrize(
    "values", [[1e6 * k for k in range(9)], [math.nan] * 9], ids=["many", "nan"]
)
def test_what_a_pod_shows_in_the_name_of_the_router_is_not_counted(
    tmp_path: Path, values: Sequence[float]
) -> None:
    metric, service = "traefik_service_requests_total", "ns-m-v1-http-80@kubernetesgateway"
    rows = History()
    for scrape, value in enumerate(values):
        for code in ("200", "500"):
            labels = {"service": service, "code": code, "job": "traefik", "instance": "router"}
            rows.put(metric, scrape * SCRAPE, 5 * scrape, **labels)
        labels = {"service": service, "code": "200", "job": "models", "instance": "pod"}
        rows.put(metric, scrape * SCRAPE, value, **labels)
    document = load((PROJECT / "policies" / "metrics.yaml").read_bytes(), "metrics.yaml")
    mesh = metrics_from(document).meshes["traefik"]
    with backfilled(tmp_path, rows.text()) as url:
        found = PrometheusSource(PrometheusApi(url), AT, mesh).observe(
            [watched("m", 1)], instant(8 * SCRAPE + 1)
        )
    counts = total(found, "m")
    assert (counts.requests, counts.errors) == (80, 40)


def test_a_live_process_is_followed_and_its_restart_too(tmp_path: Path) -> None:
    """A Prometheus that scrapes often sees what is counted now."""

    def shown(good: int, bad: int) -> bytes:
        labels = 'model="live-one",version="1.0.0"'
        return (
            f"# TYPE {COUNT} counter\n"
            f'{COUNT}{{{labels},code="200"}} {good}\n{COUNT}{{{labels},code="500"}} {bad}\n'
        ).encode()

    at = replace(AT, scrape_interval=timedelta(seconds=0.25))
    with (
        serving(Page([(200, shown(100, 0))])) as page,
        scraping(tmp_path, page.port, "250ms") as url,
    ):
        one = PrometheusSource(PrometheusApi(url), at, replace(MESH, health=None))
        wanted = replace(watched("live-one"), since=datetime.now(UTC))
        rows, want = list[Observation](), 0.0
        for answer, counted in ((shown(100, 0), 0), (shown(160, 5), 65), (shown(3, 0), 68)):
            page.answers[:] = [(200, answer)]
            want, end = float(counted), time.monotonic() + 20
            while time.monotonic() < end:
                new = one.observe([wanted], datetime.now(UTC))["live-one"]
                rows.extend(new)
                wanted = replace(wanted, since=rows[-1].at) if rows else wanted
                seen = total({"live-one": rows}, "live-one")
                if rows and seen.requests >= want:
                    break
                time.sleep(0.1)
        assert (seen.requests, seen.errors) == (68.0, 5.0)
