"""Recordings in three forms, from a real Prometheus and by hand; and files that are none."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from modelctl.adapters import recorded_metrics
from modelctl.adapters.recorded_metrics import RECORDED, Recording, read_recording
from modelctl.domain.metric_sources import OwnFigures
from modelctl.domain.observations import Counts, Endpoint, Observation
from modelctl.errors import ModelctlError
from support.prometheus import START, backfilled, openmetrics, sample, tool

STEP = 15
COUNT, BUCKET = RECORDED.requests, f"{RECORDED.durations}_bucket"
HEAD = "time,side,requests,errors"


def recorded_text() -> str:
    """Ten minutes: 30 requests a scrape on stable, 10 on the canary, 2 of those failures."""
    count, buckets = [], []
    for side, good, bad in (("stable", 30, 0), ("canary", 8, 2)):
        for code, each in (("200", good), ("500", bad)):
            labels = {"side": side, "code": code}
            times = [(n, START + n * STEP) for n in range(41)]
            count += [sample(COUNT, labels, each * n, at) for n, at in times]
        for le, share in (("0.1", 0.5), ("0.5", 0.9), ("+Inf", 1.0)):
            labels = {"side": side, "le": le}
            every = (good + bad) * share
            buckets += [sample(BUCKET, labels, every * n, START + n * STEP) for n in range(41)]
    family = COUNT.removesuffix("_total")
    return openmetrics({family: ("counter", count), RECORDED.durations or "": ("unknown", buckets)})


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(path: Path, text: str | bytes) -> ModelctlError:
    with pytest.raises(ModelctlError) as caught:
        read_recording(written(path, text))
    assert str(path) in str(caught.value)
    return caught.value


def total(rows: Sequence[Observation], side: str) -> Counts:
    found = Counts(requests=0.0, errors=0.0)
    for row in rows:
        found = found.plus(row.sides[side])
    return found


def check(rows: Sequence[Observation]) -> None:
    """What `recorded_text` holds."""
    assert len(rows) == 40
    assert {row.span for row in rows} == {timedelta(seconds=STEP)}
    canary, stable = total(rows, "canary"), total(rows, "stable")
    assert (canary.requests, canary.errors) == (400, 80)
    assert (stable.requests, stable.errors) == (1200, 0)
    assert canary.latency is not None
    assert canary.latency.bounds_ms == (100.0, 500.0)
    assert canary.latency.counts == pytest.approx((200, 160, 40))


def test_openmetrics_text_is_read(tmp_path: Path) -> None:
    text = recorded_text()
    for name in ("a.om", "a.txt", "a.prom", "recorded"):
        check(read_recording(written(tmp_path / name, text)))


def histograms(*, typed: bool, by_time: bool) -> str:
    """Four scrapes of both sides: counters, and a histogram with its sum and count."""
    rows = []
    for side, each in (("canary", 10), ("stable", 30)):
        for n in range(4):
            at = START + n * STEP
            rows.append((0, at, sample(COUNT, {"side": side, "code": "200"}, each * n, at)))
            for le, share in (("0.05", 0.5), ("+Inf", 1)):
                labels = {"side": side, "le": le}
                rows.append((1, at, sample(BUCKET, labels, each * share * n, at)))
            for what in ("count", "sum"):
                name = f"{RECORDED.durations}_{what}"
                rows.append((1, at, sample(name, {"side": side}, each * n, at)))
    heads = (
        f"# TYPE {COUNT.removesuffix('_total')} counter",
        f"# TYPE {RECORDED.durations} histogram",
    )
    lines = list[str]()
    for family, head in enumerate(heads):
        found = [(at, text) for kind, at, text in rows if kind == family]
        found.sort(key=lambda row: (row[0],) if by_time else (row[1].partition(" ")[0], row[0]))
        lines += [head] * typed + [text for _, text in found]
    return "\n".join([*lines, "# EOF", ""])


@pytest.mark.parametrize("typed", [True, False])
@pytest.mark.parametrize("by_time", [True, False])
def test_histograms_are_read_as_promtool_takes_them(
    tmp_path: Path, typed: bool, by_time: bool
) -> None:
    """Series by series or time by time, with their types or without."""
    path = written(tmp_path / "a.om", histograms(typed=typed, by_time=by_time))
    command = [tool("promtool"), "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run([*command, path, tmp_path / "blocks"], check=True, capture_output=True)
    rows = read_recording(path)
    assert len(rows) == 3
    canary, stable = total(rows, "canary"), total(rows, "stable")
    assert (canary.requests, stable.requests) == (30, 90)
    assert canary.latency is not None
    assert canary.latency.bounds_ms == (50.0,)
    assert canary.latency.counts == (15, 15)


def test_exemplars_repeated_samples_and_odd_labels_are_no_matter(tmp_path: Path) -> None:
    labels = '{side="canary",code="200",path="a # {b} \\" c\u2028"}'
    lines = [f"{COUNT}{labels} {10 * n} {START + n * STEP}" for n in range(3)]
    lines[1] += ' # {trace_id="x # {y"} 1 1'
    (first, second) = read_recording(
        written(tmp_path / "a.om", "\r\n".join([*lines[:2], lines[1], lines[2], "# EOF", ""]))
    )
    assert (first.sides["canary"].requests, second.sides["canary"].requests) == (10, 10)


def test_what_a_prometheus_answers_is_read(tmp_path: Path) -> None:
    """By the HTTP API, several answers in a list, and by promtool."""
    form = {"start": START, "end": START + 600, "step": STEP}
    with backfilled(tmp_path / "prometheus", recorded_text()) as url:
        answers = [
            httpx.post(f"{url}/api/v1/query_range", data={"query": query, **form}).json()
            for query in (COUNT, BUCKET)
        ]
        asked = subprocess.run(
            [
                *(tool("promtool"), "query", "range", "--format=json", f"--start={START}"),
                *(f"--end={START + 600}", f"--step={STEP}s", url),
                f'{{__name__=~"{COUNT}|{BUCKET}"}}',
            ],
            capture_output=True,
            check=True,
        )
    check(read_recording(written(tmp_path / "a.json", json.dumps(answers))))
    check(read_recording(written(tmp_path / "b.json", asked.stdout)))
    alone = read_recording(written(tmp_path / "c.json", json.dumps(answers[0])))
    assert total(alone, "canary").requests == 400
    assert total(alone, "canary").latency is None


def test_series_without_names_go_by_their_labels(tmp_path: Path) -> None:
    rows = [
        {"metric": {"side": "canary", "code": "500"}, "values": [[START, "0"], [START + 15, "4"]]},
        {"metric": {"side": "canary", "le": "+Inf"}, "values": [[START, "0"], [START + 15, "4"]]},
        {"metric": {"side": "canary", "__name__": "x"}, "values": [[START, "0"], [START, "4"]]},
    ]
    (found,) = read_recording(written(tmp_path / "a.json", json.dumps(rows)))
    assert (found.sides["canary"].requests, found.sides["canary"].errors) == (4, 4)
    assert found.sides["canary"].latency is not None


def test_the_names_of_ones_own_mesh_are_read(tmp_path: Path) -> None:
    labels = {"service": "m-v2"}
    text = openmetrics(
        {
            "calls": ("counter", [sample("calls_total", labels, n, START + n) for n in (0, 5)]),
            "right": ("counter", [sample("right_total", labels, n, START + n) for n in (0, 5)]),
        }
    )
    how = Recording(
        mesh=type(RECORDED)(
            name="mine",
            backend={"service": "{service}"},
            requests="calls_total",
            code="code",
            errors="5..",
        ),
        own=OwnFigures(backend={"service": "{service}"}, counters={"correct": "right_total"}),
        sides={"live": Endpoint(version="2.0.0", service="m-v2")},
    )
    (found,) = read_recording(written(tmp_path / "a.om", text), how)
    assert (found.sides["live"].requests, found.sides["live"].correct) == (5, 5)


def test_a_table_is_read(tmp_path: Path) -> None:
    text = "\n".join(
        [
            f"{HEAD},labelled,correct,le_100,le_inf,p99_ms,drift",
            "2026-11-20T10:00:00Z,canary,10,1,4,3,8,10,,0.25",
            "2026-11-20T11:00:15+01:00,canary,20,0,,,,,120.5,NaN",
            "1795168815,stable,90,2,,,50,90,,",
            "1795168845,stable,,,,,,,80,",
        ]
    )
    rows = read_recording(written(tmp_path / "a.csv", text))
    begin = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    assert [row.at - begin for row in rows] == [timedelta(seconds=s) for s in (0, 15, 45)]
    assert [row.span.total_seconds() for row in rows] == [15, 15, 30]
    first = rows[0].sides["canary"]
    assert (first.requests, first.errors, first.labelled, first.correct) == (10, 1, 4, 3)
    assert first.latency is not None
    assert first.latency.counts == (8, 2)
    assert rows[0].figures == {"canary.drift": 0.25}
    assert rows[1].figures == {"canary.latency_p99_ms": 120.5}
    assert rows[1].sides["canary"].latency is None
    assert rows[1].sides["stable"].requests == 90
    assert rows[2].sides == {}
    assert rows[2].figures == {"stable.latency_p99_ms": 80}


def test_a_table_as_a_spreadsheet_writes_it_is_read(tmp_path: Path) -> None:
    text = f"\ufeff{HEAD}\r\n1,canary,5,0\r\n2,canary,5,0\r\n"
    assert total(read_recording(written(tmp_path / "a.csv", text)), "canary").requests == 10


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("", 1, "no column time"),
        ("time,side,requests\n", 1, "no column errors"),
        (f"{HEAD},errors\n", 1, "two columns have one name"),
        (f"{HEAD},le_many\n", 1, "nobody reads the column 'le_many'"),
        (f"{HEAD},le_-5,le_inf\n", 1, "nobody reads"),
        (f"{HEAD},le_100\n", 1, "took longer"),
        (f"{HEAD}\n1,canary,1\n", 2, "another number of cells"),
        (f"{HEAD}\n1,canary,1,0,5\n", 2, "another number of cells"),
        (f"{HEAD}\n1,canary,1,0\n1,canary,1,0\n", 3, "has a row at this time already"),
        (f"{HEAD}\n1,canaries,1,0\n", 2, "no side 'canaries'"),
        (f"{HEAD}\nnoon,canary,1,0\n", 2, "'noon' is no time"),
        (f"{HEAD}\n2026-11-20T10:00:00,canary,1,0\n", 2, "no time with its zone"),
        (f"{HEAD}\n1e400,canary,1,0\n", 2, "no time"),
        (f"{HEAD}\n1,canary,many,0\n", 2, "requests is 'many'"),
        (f"{HEAD}\n1,canary,-1,0\n", 2, "requests is -1"),
        (f"{HEAD}\n1,canary,inf,0\n", 2, "requests is inf"),
        (f"{HEAD}\n1,canary,1,2\n", 2, "more errors than requests"),
        (f"{HEAD},correct\n1,canary,1,0,1\n", 2, "more correct than labelled"),
        (f"{HEAD},le_1,le_inf\n1,canary,3,0,3,2\n", 2, "fewer requests than a smaller one"),
        (f'{HEAD}\n1,"canary,1,0\n', 2, "isn't CSV"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, told: str
) -> None:
    error = refused(tmp_path / "a.csv", text)
    assert told in error.message
    assert error.location == f"{tmp_path / 'a.csv'}:{line}:1"


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("# TYPE a counter\na_total 1 1\na_total 2 2\n", None, "EOF"),
        ("# TYPE a counter\na_total 1\n# EOF\n", None, "no timestamp"),
        ("# TYPE a counter\na_total 1 1\na_total{ 2 2\n# EOF\n", 3, ""),
        ("# TYPE a counter\na_total 2 2\na_total 1 1\n# EOF\n", 3, ""),
        ("# TYPE a counter\na_total one 1\n# EOF\n", 2, ""),
        ("a_total 1 1\na_total 2 1\n# EOF\n", 2, "another value at this time already"),
        ("a_total 1 1\n# EOF\na_total 2 2\n", 2, "a line follows # EOF"),
        ("a_total 1 1\n\n# EOF\n", 2, "blank line"),
    ],
)
def test_what_is_wrong_with_openmetrics_is_told_with_its_line(
    tmp_path: Path, text: str, line: int | None, told: str
) -> None:
    error = refused(tmp_path / "a.om", text)
    assert told in error.message
    if line is not None:
        assert error.location == f"{tmp_path / 'a.om'}:{line}:1"


@pytest.mark.parametrize(
    "data",
    [
        {"status": "error"},
        [[[[[[]]]]]],
        {"data": {"data": {"data": {"data": {"data": []}}}}},
        [{"metric": [], "values": []}],
        [{"metric": {}, "values": [[1]]}],
        [{"metric": {}, "values": [["x", "1"]]}],
        [{"metric": {}, "values": [[1e300, "1"]]}],
        [{"metric": {}, "value": [1, "1"]}],
        [1],
        "text",
        None,
    ],
)
def test_json_that_no_prometheus_answers_is_told(tmp_path: Path, data: Any) -> None:
    refused(tmp_path / "a.json", json.dumps(data))


def test_files_that_are_none_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelctlError, match="can't be read"):
        read_recording(tmp_path / "absent.csv")
    assert "isn't UTF-8" in refused(tmp_path / "a.csv", b"time\xff").message
    assert refused(tmp_path / "a.json", '[\n{"a": }]').location == f"{tmp_path / 'a.json'}:2:7"
    refused(tmp_path / "a.json", "[" * 100_000)
    assert "two are the fewest" in refused(tmp_path / "a.csv", f"{HEAD}\n1,canary,1,0\n").message
    assert "two are the fewest" in refused(tmp_path / "a.json", "[]").message
    quiet = [{"metric": {"side": "nobody"}, "values": [[1, "1"], [2, "2"]]}]
    assert "counts requests of a side" in refused(tmp_path / "a.json", json.dumps(quiet)).message
    monkeypatch.setattr(recorded_metrics, "MAX_SAMPLES", 3)
    assert "over 3 samples" in refused(tmp_path / "a.json", json.dumps([*quiet, *quiet])).message
    monkeypatch.setattr(recorded_metrics, "MAX_BYTES", 1024)
    assert "has over" in refused(tmp_path / "a.csv", "x" * 1025).message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
@example('{"metric": {}}')
@example("# TYPE a histogram\na_bucket 1 1\n# EOF\n")
@example("# TYPE a\n# EOF\n")
def test_whatever_a_file_holds_the_error_is_ours(tmp_path: Path, text: str) -> None:
    for name in ("a.json", "a.csv", "a.om"):
        with suppress(ModelctlError):
            read_recording(written(tmp_path / name, text))


def test_an_answer_that_is_an_error_shows_its_message(tmp_path: Path) -> None:
    text = '{"status": "error", "errorType": "bad_data", "error": "parse error at char 4"}'
    assert "bad_data: parse error at char 4" in str(refused(tmp_path / "a.json", text))


def test_what_is_no_recording_names_the_three_forms(tmp_path: Path) -> None:
    for name, text in (("a.json", "{"), ("a.csv", b"\xff"), ("a.om", "nothing")):
        mend = refused(tmp_path / name, text).mend or ""
        assert all(form in mend for form in (".json", ".om", ".csv"))
