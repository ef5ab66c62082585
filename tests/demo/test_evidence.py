from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from demo import evidence
from demo.cases import TUMOR
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


def test_after_the_last_try_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    stage: Any = SimpleNamespace(
        job=lambda name: name,
        types=lambda *args, **options: None,
        ports={"staging": 1},
        screen=SimpleNamespace(say=said.append),
    )
    monkeypatch.setattr(evidence, "_put_load_on", lambda *args: False)
    with pytest.raises(DemoError, match="end what else uses the processor, then: make demo"):
        evidence._try_load(stage, TUMOR, "1.0.0")
    assert [line.endswith("Once more.") for line in said] == [True] * (evidence.ATTEMPTS - 1) + [
        False
    ]
