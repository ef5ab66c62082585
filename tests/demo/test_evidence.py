from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from demo import evidence
from demo.cases import CASES, TUMOR, Case
from demo.evidence import LEAST_SHARE, _keeps_promise
from demo.failure import DemoError

GOOD: dict[str, Any] = {"throughput_rps": 100.0, "latency": {"p95_ms": 250.0, "p99_ms": 500.0}}


@pytest.mark.parametrize(
    ("measured", "kept"),
    [
        (GOOD, True),
        (GOOD | {"throughput_rps": 99.9}, False),
        (GOOD | {"latency": {"p95_ms": 251.0, "p99_ms": 500.0}}, False),
        (GOOD | {"latency": {"p95_ms": 250.0, "p99_ms": 501.0}}, False),
    ],
)
def test_load_is_put_on_again_only_where_the_promise_was_not_kept(
    measured: dict[str, Any], kept: bool
) -> None:
    assert _keeps_promise(TUMOR, measured) is kept


@pytest.mark.parametrize(("served", "kept"), [(0.0, True), (200.0, True), (200.3, False)])
def test_load_is_put_on_again_where_what_serves_answers_more(served: float, kept: bool) -> None:
    assert _keeps_promise(TUMOR, GOOD | {"throughput_rps": 180.0}, served) is kept
    assert LEAST_SHARE == 0.9


VERSIONS = {case.model: "1.0.0" for case in CASES}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stage that keeps what is said; nobody asks anything over HTTP."""
    monkeypatch.setattr(evidence, "_ask_over_http", lambda *args: None)
    said: list[str] = []
    screen = SimpleNamespace(say=said.append)

    def together(*parts: Callable[[Any], None]) -> None:
        for part in parts:
            part(screen)

    return SimpleNamespace(screen=screen, said=said, together=together)


def load(monkeypatch: pytest.MonkeyPatch, *kept: bool) -> list[str]:
    """What is asked under load, one after the other, and whether it keeps its promise then."""
    asked, results = list[str](), list(kept)

    def put(stage: Any, case: Case, version: str, voice: Any) -> bool:
        asked.append(f"{case.model} {version}")
        return results.pop(0)

    monkeypatch.setattr(evidence, "_put_load_on", put)
    return asked


def test_load_is_put_on_both_at_once(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = load(monkeypatch, True, True)
    evidence.try_out(stage, VERSIONS)
    assert asked == ["tumor-classifier 1.0.0", "diabetes-progression 1.0.0"]
    assert stage.said == []


def test_what_breaks_its_promise_then_is_asked_again_alone(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = load(monkeypatch, True, False, False, True)
    evidence.try_out(stage, VERSIONS)
    assert asked[2:] == ["diabetes-progression 1.0.0"] * 2
    assert [line.endswith("Once more, on it alone.") for line in stage.said] == [True, True]


def test_after_the_last_try_it_says_what_to_do(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = load(monkeypatch, *[False] * (2 + evidence.ATTEMPTS))
    with pytest.raises(DemoError, match="end what else uses the processor, then: make demo"):
        evidence.try_out(stage, VERSIONS)
    assert asked[2:] == ["tumor-classifier 1.0.0"] * evidence.ATTEMPTS
    assert [line.endswith("Once more, on it alone.") for line in stage.said] == [
        *[True] * evidence.ATTEMPTS,
        False,
    ]
