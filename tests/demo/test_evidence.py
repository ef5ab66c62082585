from __future__ import annotations

from typing import Any

import pytest

from demo.cases import TUMOR
from demo.evidence import _keeps_promise

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
