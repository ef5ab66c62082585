"""Results of other tools: read for what they say, refused where they don't say enough."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.facts import measured_facts
from modelctl.errors import EXIT_USAGE, ModelctlError
from modelctl.probes.results import FORMATS, MAX_BYTES, read_result
from support.keys import statement

CHOOSE = f"choose the format: --result-format {'|'.join(FORMATS)}"


def read(content: Any, format_: str | None = None) -> dict[str, Any]:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return read_result(data, "result.json", format_)


def refused(content: Any, format_: str | None = None) -> ModelctlError:
    with pytest.raises(ModelctlError) as caught:
        read(content, format_)
    assert caught.value.exit_code == EXIT_USAGE
    return caught.value


# JUnit


def junit(*cases: str) -> bytes:
    rows = "".join(f'<testcase name="t">{case}</testcase>' for case in cases)
    return f'<?xml version="1.0"?><testsuites><testsuite>{rows}</testsuite></testsuites>'.encode()


@pytest.mark.parametrize(
    ("cases", "counts", "passed"),
    [
        (["", ""], (2, 2, 0, 0), True),
        (["", "<skipped/>"], (2, 1, 0, 1), True),
        (["", "<failure/>"], (2, 1, 1, 0), False),
        (["", "<error/>"], (2, 1, 1, 0), False),
        (["<failure/><error/>", ""], (2, 1, 1, 0), False),
        (["<skipped/>"], (1, 0, 0, 1), False),
        ([], (0, 0, 0, 0), False),
    ],
)
def test_junit_counts_its_cases(cases: list[str], counts: tuple[int, ...], passed: bool) -> None:
    found = read(junit(*cases))
    assert tuple(found["tests"][k] for k in ("total", "passed", "failed", "skipped")) == counts
    assert found["passed"] is passed
    assert found["tool"]["name"] == "junit"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"<testsuite><testcase>", "no element found"),
        (b"<<<<<", "not well-formed"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><testsuite/>', "document type declarations are refused"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><testsuite/>'.encode("utf-16"), "it is not in UTF-8"),
    ],
)
def test_junit_that_is_no_plain_xml_is_refused(data: bytes, why: str) -> None:
    error = refused(data, "junit")
    assert error.message.startswith(f"result.json is not a junit result: {why}")
    assert (error.mend, error.location) == (CHOOSE, "result.json")


# Great Expectations


def expectations(**changes: Any) -> dict[str, Any]:
    return {
        "success": True,
        "statistics": {"evaluated_expectations": 4, "unsuccessful_expectations": 0},
        "meta": {"great_expectations_version": "1.5.0"},
        **changes,
    }


def statistics(evaluated: Any, failed: Any) -> dict[str, Any]:
    return {"evaluated_expectations": evaluated, "unsuccessful_expectations": failed}


@pytest.mark.parametrize(
    ("changes", "passed"),
    [
        ({}, True),
        ({"success": False}, False),
        ({"success": "yes"}, False),
        ({"statistics": statistics(4, 1)}, False),
        ({"statistics": statistics(0, 0)}, False),
    ],
)
def test_expectations_must_all_be_met(changes: dict[str, Any], passed: bool) -> None:
    assert read(expectations(**changes))["passed"] is passed


def test_expectations_are_counted() -> None:
    found = read(expectations(statistics=statistics(9, 2)))
    assert found["checks"] == {"total": 9, "failed": 2}
    assert found["tool"] == {"name": "great-expectations", "version": "1.5.0"}
    bare = {k: v for k, v in expectations().items() if k != "meta"}
    assert read(bare)["tool"]["version"] == "unknown"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"statistics": {}}, "evaluated_expectations is missing"),
        ({"statistics": statistics("4", 0)}, "'4' is not a count"),
        ({"statistics": statistics(4, -1)}, "-1 is not a count"),
        ({"statistics": statistics(True, 0)}, "True is not a count"),
        ({"statistics": [4, 0]}, "a value is of another type than it writes"),
        ({"meta": "1.5.0"}, "a value is of another type than it writes"),
    ],
)
def test_expectations_without_their_figures_are_refused(changes: dict[str, Any], why: str) -> None:
    error = refused(expectations(**changes), "great-expectations")
    assert error.message == f"result.json is not a great-expectations result: {why}"


# Locust


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "name": "/predict",
        "num_requests": 100,
        "num_failures": 0,
        "start_time": 1000.0,
        "last_request_timestamp": 1010.0,
        "response_times": {"10": 50, "20": 45, "30": 4, "90": 1},
        **changes,
    }


def test_locust_is_summed_up() -> None:
    found = read([entry(), entry(num_failures=1, response_times={"200": 100})])
    assert found["requests"] == found["sample_size"] == 200
    assert found["error_rate"] == 1 / 200
    assert found["throughput_rps"] == 20.0
    assert found["latency"] == {"p50_ms": 90.0, "p95_ms": 200.0, "p99_ms": 200.0}
    assert "malformed_rejected" not in found


def test_percentiles_are_the_smallest_time_that_enough_requests_kept() -> None:
    assert read([entry()])["latency"] == {"p50_ms": 10.0, "p95_ms": 20.0, "p99_ms": 30.0}


@pytest.mark.parametrize(("failures", "rejected"), [(0, 1.0), (5, 0.5), (10, 0.0)])
def test_malformed_input_counts_for_its_rejection_alone(failures: int, rejected: float) -> None:
    odd = entry(name="/predict (Malformed)", num_requests=10, num_failures=failures)
    found = read([entry(), odd])
    assert found["malformed_rejected"] == rejected
    assert (found["requests"], found["error_rate"]) == (100, 0.0)


def test_a_load_of_an_instant_has_no_throughput() -> None:
    assert "throughput_rps" not in read([entry(last_request_timestamp=1000.0)])


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([], "no request was made"),
        ([entry(num_requests=0)], "no request was made"),
        ([entry(name="malformed")], "no request was made"),
        ([entry(num_failures=101)], "more requests failed than were made"),
        ([entry(), entry(name="malformed", num_failures=101)], "more requests failed"),
        ([entry(response_times={})], "no response was timed"),
        ([entry(response_times={"fast": 100})], "could not convert string to float: 'fast'"),
        ([entry(response_times={"nan": 100})], "nan is not a time"),
        ([entry(response_times={"-1": 100})], "-1 is not a time"),
        ([entry(num_requests=1.5)], "1.5 is not a count"),
        ([entry(start_time="then")], "a value is of another type than it writes"),
        ([entry(name=None)], "a value is of another type than it writes"),
        ([{"name": "/predict"}], "num_requests is missing"),
        (["/predict"], "a value is of another type than it writes"),
    ],
)
def test_locust_without_its_figures_is_refused(entries: Sequence[Any], why: str) -> None:
    assert f"result.json is not a locust result: {why}" in refused(entries, "locust").message


# modelscan


def modelscan(**changes: Any) -> dict[str, Any]:
    summary = {
        "modelscan_version": "0.8.5",
        "total_issues": 0,
        "total_issues_by_severity": {"LOW": 0, "MEDIUM": 0, "HIGH": 0, "CRITICAL": 0},
        "scanned": {"total_scanned": 3},
    }
    return {"summary": {**summary, **changes.pop("summary", {})}, "errors": [], **changes}


@pytest.mark.parametrize(
    ("changes", "passed"),
    [
        ({}, True),
        ({"errors": ["unreadable"]}, False),
        ({"summary": {"scanned": {"total_scanned": 0}}}, False),
        ({"summary": {"total_issues_by_severity": {"LOW": 1}}}, False),
    ],
)
def test_a_scan_that_saw_everything_and_found_nothing_passes(
    changes: dict[str, Any], passed: bool
) -> None:
    assert read(modelscan(**changes))["passed"] is passed


def test_a_scan_is_counted_by_severity() -> None:
    found = read(modelscan(summary={"total_issues": 2, "total_issues_by_severity": {"HIGH": 2}}))
    assert found["vulnerabilities"] == {"high": 2}
    assert found["files"] == {"scanned": 3, "infected": 2}
    assert found["tool"]["version"] == "0.8.5"


def test_a_scan_without_its_figures_is_refused() -> None:
    summary = modelscan()["summary"]
    del summary["scanned"]
    assert "scanned is missing" in refused({"summary": summary}, "modelscan").message


# Plain JSON


def test_plain_json_is_taken_as_it_is() -> None:
    found = read({"passed": False, "values": {"a": 1.5}, "tool": {"name": "x", "version": "2"}})
    assert found == {
        "passed": False,
        "values": {"a": 1.5},
        "tool": {"name": "x", "version": "2"},
    }
    assert read({"passed": True})["tool"] == {"name": "unknown", "version": "unknown"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"passed": "yes"}, "`passed` must be true or false"),
        ({"passed": 1}, "`passed` must be true or false"),
        ({}, "passed is missing"),
        ([], "a value is of another type than it writes"),
        ({"passed": True, "made_at": "2020"}, "made_at is set by modelctl"),
        ({"passed": True, "environment": "x", "made_at": "y"}, "environment, made_at is set by"),
        (b'{"passed": true, "values": {"a": NaN}}', "NaN is not a number that can be compared"),
        (b'{"passed": true, "values": {"a": -Infinity}}', "-Infinity is not a number"),
        (b'{"passed": true, "values": {"a": 1e999}}', "1e999 is not a number"),
    ],
)
def test_plain_json_that_could_mislead_is_refused(content: Any, why: str) -> None:
    assert f"result.json is not a json result: {why}" in refused(content, "json").message


# pip-audit


def audit(*rows: Mapping[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(rows), "fixes": []}


def dependency(name: str = "numpy", *, fixes: Sequence[Sequence[str]] = ()) -> dict[str, Any]:
    vulnerabilities = [{"id": f"CVE-{n}", "fix_versions": list(f)} for n, f in enumerate(fixes)]
    return {"name": name, "version": "2.4.6", "vulns": vulnerabilities}


SKIPPED = {"name": "ours", "skip_reason": "not on the index"}


def test_an_audit_says_what_it_looked_at_and_what_it_found() -> None:
    found = read(audit(dependency("Scikit_Learn", fixes=[["1"], []]), dependency()))
    assert found["passed"] is False
    assert found["vulnerabilities"] == {"known": 2, "fixable": 1}
    assert found["dependencies"] == {
        "total": 2,
        "skipped": 0,
        "vulnerable": 1,
        "scanned": {"scikit-learn": "2.4.6", "numpy": "2.4.6"},
    }


@pytest.mark.parametrize(
    ("rows", "passed"),
    [
        ([dependency()], True),
        ([dependency(), SKIPPED], False),
        ([dependency(fixes=[["2.5.0"]])], False),
    ],
)
def test_an_audit_passes_that_saw_everything_and_found_nothing(
    rows: Sequence[Mapping[str, Any]], passed: bool
) -> None:
    assert read(audit(*rows))["passed"] is passed


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (audit(), "no dependency was looked at"),
        ({"fixes": []}, "dependencies is missing"),
        (audit({"name": "a", "version": "1"}), "vulns is missing"),
        (audit({"name": "a", "version": "1", "vulns": [{}]}), "id is missing"),
        (audit({"name": "a", "version": "1", "vulns": [7]}), "a vulnerability has no id"),
        (audit({"name": 7, "version": "1", "vulns": []}), "7 is no text"),
        (audit({"name": "a", "version": 1.1, "vulns": []}), "1.1 is no text"),
    ],
)
def test_an_audit_that_does_not_say_enough_is_refused(content: Any, why: str) -> None:
    assert refused(content, "pip-audit").message == f"result.json is not a pip-audit result: {why}"


# Evidently


def column(name: str, value: Any, method: str | None = "psi", **row: Any) -> dict[str, Any]:
    config = {"type": "evidently:metric_v2:ValueDrift", "column": name, "method": method}
    return {"config": config, "value": value, **row}


def drifted(count: float, share: float) -> dict[str, Any]:
    config = {"type": "evidently:metric_v2:DriftedColumnsCount", "drift_share": 0.5}
    return {"config": config, "value": {"count": count, "share": share}}


def report(*metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {"metrics": list(metrics), "tests": []}


def test_a_drift_report_gives_the_index_of_each_feature() -> None:
    auto = column("age", 0.3, None, metric_name="ValueDrift(column=age,method=psi,threshold=0.1)")
    found = read(report(drifted(1.0, 0.25), column("size", 0.1), auto, column("prediction", 0.05)))
    assert found["psi"] == {"size": 0.1, "age": 0.3}
    assert found["highest_psi"] == 0.3
    assert found["prediction_psi"] == 0.05
    assert found["columns"] == {"drifted": 1, "total": 3}
    assert found["share"] == 0.25


def test_a_distance_of_another_kind_is_no_stability_index() -> None:
    other = column("a", 0.01, "K-S p_value")
    found = read(report(drifted(0, 0.0), other, {"value": 7.0}))
    assert "psi" not in found
    assert "highest_psi" not in found
    assert found["columns"] == {"drifted": 0, "total": 1}
    assert read(report(drifted(0, 0.0)))["columns"] == {"drifted": 0}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (report(), "it has no population stability index and no count of drifted columns"),
        (report(column("a", 0.1, "wasserstein")), "it has no population stability index"),
        (report(column("a", "much")), "'much' is no score"),
        (report(column("a", -0.1)), "-0.1 is no score"),
        (report(column("a", True)), "True is no score"),
        (report(drifted(-1, 0.0)), "-1 is no score"),
        ({"tests": []}, "metrics is missing"),
    ],
)
def test_a_drift_report_that_does_not_say_enough_is_refused(content: Any, why: str) -> None:
    message = refused(content, "evidently").message
    assert message.startswith(f"result.json is not a evidently result: {why}")


# Told by content


@pytest.mark.parametrize(
    ("content", "format_"),
    [
        (junit(""), "junit"),
        (b"\n  " + junit("").removeprefix(b'<?xml version="1.0"?>'), "junit"),
        (expectations(), "great-expectations"),
        ([entry()], "locust"),
        (modelscan(), "modelscan"),
        (audit(dependency()), "pip-audit"),
        (report(column("a", 0.1)), "evidently"),
        ({"passed": True}, "json"),
    ],
)
def test_the_content_tells_what_it_is(content: Any, format_: str) -> None:
    assert read(content) == read(content, format_)


@pytest.mark.parametrize(
    "content", [{}, {"success": True}, {"summary": {}}, {"summary": "modelscan_version"}]
)
def test_what_can_not_be_told_asks_for_the_format(content: Any) -> None:
    error = refused(content)
    assert "result.json" in error.message
    assert error.mend == CHOOSE


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "Expecting value"),
        (b"7", "it is neither an object nor a list"),
        (b'"passed"', "it is neither an object nor a list"),
        (b"null", "it is neither an object nor a list"),
        (b"\xff\xfe", "Expecting value"),
        (b"\x80\x81", "'utf-8' codec can't decode"),
    ],
)
def test_what_is_no_result_at_all_is_refused(data: bytes, why: str) -> None:
    assert refused(data).message.startswith(f"result.json is not a result of a known tool: {why}")


def test_a_result_that_is_too_large_is_refused() -> None:
    assert refused(b" " * (MAX_BYTES + 1)).message == "result.json is larger than 20 MiB"


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"passed": true, "a":' + b"[" * 100_000])
def test_a_result_that_is_nested_too_deeply_is_refused(data: bytes) -> None:
    assert refused(data).message == "result.json is nested too deeply"


@pytest.mark.parametrize(
    ("content", "kind", "facts"),
    [
        (junit("", ""), "unit-tests", {"evidence.tests.passed": 2, "evidence.passed": True}),
        (expectations(), "data-validation", {"evidence.checks.failed": 0}),
        ([entry()], "load-test", {"evidence.latency.p99_ms": 30.0, "evidence.error_rate": 0.0}),
        (modelscan(), "security-scan", {"evidence.vulnerabilities.critical": 0}),
        (
            audit(dependency()),
            "dependency-scan",
            {
                "evidence.vulnerabilities.known": 0,
                "evidence.dependencies.scanned": {"numpy": "2.4.6"},
            },
        ),
        (
            report(column("a", 0.1), drifted(0, 0.0)),
            "drift",
            {"evidence.psi": {"a": 0.1}, "evidence.share": 0.0, "evidence.columns.drifted": 0},
        ),
    ],
)
def test_rules_can_read_what_was_read(content: Any, kind: str, facts: Mapping[str, Any]) -> None:
    found = measured_facts(statement(kind=kind, predicate=read(content)), "evidence")
    assert facts.items() <= found.items()


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,passed truefl<>/1', max_size=30))
def test_whatever_the_bytes_are_they_are_read_or_refused(data: bytes | str) -> None:
    raw = data if isinstance(data, bytes) else data.encode()
    for format_ in (None, *FORMATS):
        try:
            found = read_result(raw, "result", format_)
        except ModelctlError:
            continue
        assert isinstance(found["passed"], bool)
