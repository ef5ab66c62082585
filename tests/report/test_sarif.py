"""SARIF: held to a closed schema of the part of 2.1.0 that is written, and to the prose of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given, settings, strategies as st
from jsonschema import Draft202012Validator

from modelctl.domain.verdict import Outcome, Report
from modelctl.report import sarif
from modelctl.report.sarif import render

SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0-part.schema.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
REPOSITORY = "https://github.com/acme/models"


def run_of(report: Report, **options: Any) -> dict[str, Any]:
    log = json.loads(render(report, **options))
    assert [error.message for error in VALIDATOR.iter_errors(log)] == []
    (run,) = log["runs"]
    return dict(run)


def test_golden(
    make: SimpleNamespace,
    golden: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sarif, "__version__", "0.0.0")
    golden("report.sarif.json", render(make.everything(), repository=REPOSITORY))


def test_every_report_keeps_to_the_schema(sample: tuple[str, Report]) -> None:
    run_of(sample[1])
    run_of(sample[1], repository=REPOSITORY)


def test_the_schema_is_closed(make: SimpleNamespace) -> None:
    log = json.loads(render(make.everything()))
    log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    assert not VALIDATOR.is_valid(log)
    log = json.loads(render(make.everything()))
    log["runs"][0]["results"][0]["severity"] = "error"
    assert not VALIDATOR.is_valid(log)


def test_each_rule_is_a_gate_and_each_result_names_its_rule(make: SimpleNamespace) -> None:
    run = run_of(make.everything())
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules)) == 6
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])


def test_levels(make: SimpleNamespace) -> None:
    results = run_of(make.everything())["results"]
    assert {(r["properties"]["outcome"], r["level"]) for r in results} == {
        ("fail", "error"),
        ("inconclusive", "error"),
        ("pending", "warning"),
        ("waived", "note"),
    }
    suppressed = [r["ruleId"] for r in results if r.get("suppressions")]
    assert suppressed == ["explainability"]


def test_what_passes_is_no_result(make: SimpleNamespace) -> None:
    assert run_of(make.report(make.verdict(*make.passing("a"))))["results"] == []


def test_every_result_has_a_place(make: SimpleNamespace) -> None:
    bare = replace(make.unclaimed(), policy=None)
    on_version = run_of(make.report(make.verdict(bare)))["results"][0]
    on_change = run_of(make.report(make.verdict(bare, about=make.Subject())))["results"][0]
    where = [
        r["locations"][0]["physicalLocation"]["artifactLocation"] for r in (on_version, on_change)
    ]
    assert where[0]["uri"] == make.MANIFEST
    assert where[1]["uri"] == "models"


def test_a_fingerprint_survives_a_moved_line_and_nothing_else(make: SimpleNamespace) -> None:
    def mark(finding: Any, **about: Any) -> str:
        verdict = make.verdict(finding, about=make.subject(**about))
        result = run_of(make.report(verdict))["results"][0]
        return str(result["partialFingerprints"]["modelctlFinding/v1"])

    finding = make.below_the_threshold()
    moved = replace(finding, location=replace(finding.location, line=77, column=3), quote="x")
    assert mark(finding) == mark(moved)
    others = [
        mark(replace(finding, gate="other")),
        mark(replace(finding, rule="evidence.metrics.f1_score >= 0.9")),
        mark(replace(finding, location=replace(finding.location, path="metrics[7].value"))),
        mark(finding, version="1.1.1"),
    ]
    assert len({mark(finding), *others}) == 5


def test_help_links_to_the_policy_of_the_trusted_commit(make: SimpleNamespace) -> None:
    report = make.everything()
    with_links = run_of(report, repository=REPOSITORY)["tool"]["driver"]["rules"][0]
    assert with_links["helpUri"] == f"{REPOSITORY}/blob/{report.trusted}/{make.QUALITY}#L24"
    assert "helpUri" not in run_of(report)["tool"]["driver"]["rules"][0]


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_foreign_text_is_neither_link_nor_place_elsewhere(
    hostile: SimpleNamespace, data: st.DataObject
) -> None:
    report: Report = data.draw(hostile.reports)
    run = run_of(report, repository=REPOSITORY)
    told = [f for v in report.verdicts for f in v.findings if f.outcome is not Outcome.PASS]
    unjudged = sum(not v.findings for v in report.verdicts)
    assert len(run["results"]) == len(told) + unjudged
    for result in run["results"]:
        assert not re.search(r"\]\(", result["message"]["text"])
        for place in (*result["locations"], *result.get("relatedLocations", ())):
            link = place["physicalLocation"]["artifactLocation"]["uri"]
            parts = urlsplit(link)
            assert (parts.scheme, parts.netloc) == ("", "")
            assert urljoin("https://a.example/b/c/", link).startswith("https://a.example/b/c/")
    for rule in run["tool"]["driver"]["rules"]:
        assert rule.get("helpUri", REPOSITORY).startswith(REPOSITORY)
