"""What is wrong with the steps of a strategy, told with line and mend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from modelctl.adapters.documents import dump, load
from modelctl.adapters.plan_problems import plan_problems
from modelctl.domain.strategies import strategies_from
from support.plans import Compiled, condition

WHOLE = {"weight": 100, "duration": "1h"}
HALF = {"weight": 50, "duration": "1h"}
AGAINST = condition("canary.error_rate > stable.error_rate", name="errors")
TEST = {"primary": "clicks", "minimum_sample": 1}


def told(kind: str = "canary", **row: Any) -> list[tuple[str, str, str]]:
    """The line, the message and the mend of everything that is wrong."""
    data = {"defaults": {}, "strategies": {"it": {"kind": kind, **row}}}
    document = load(dump(data).encode(), "policies/strategies.yaml")
    plan = strategies_from(document, Compiled())["it"]
    found = plan_problems(document, ("strategies", "it"), plan)
    lines = document.text.splitlines()
    return [
        (lines[p.location.line - 1].strip().replace('"', ""), p.message, p.mend or "")
        for p in found
    ]


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("blue-green", {}),
        ("canary", {"steps": [HALF, WHOLE], "conditions": [AGAINST], "baseline": True}),
        ("canary", {"steps": [HALF], "automatic": False}),
        ("canary", {"steps": [WHOLE]}),
        ("canary", {"steps": [HALF, WHOLE], "conditions": [{**AGAINST, "sustained": "3h"}]}),
        ("shadow", {"steps": [{"weight": 0, "duration": "7d", "requests": 9}], "compare": ["x"]}),
        ("ab-test", {"steps": [{"weight": 0, "duration": "1h", "requests": 9}],
                     "experiment": {**TEST, "header": {"name": "x", "value": "b"}}}),
    ],
)  # fmt: skip
def test_sound_plans_have_no_problems(kind: str, row: Mapping[str, Any]) -> None:
    assert told(kind, **row) == []


@pytest.mark.parametrize(
    ("kind", "row", "line", "message", "mend"),
    [
        ("canary", {"steps": [HALF]}, "weight: 50", "the steps end at 50 %, and then all traffic",
         "add a step with weight: 100"),
        ("canary", {"steps": [{"weight": 60, "duration": "1h"}, WHOLE], "baseline": True},
         "weight: 60", "a baseline as large as 60 % doesn't fit", "at 50 % or less"),
        ("canary", {"steps": [{"weight": 0, "duration": "1h", "requests": 5}, WHOLE]},
         "requests: 5", "a step with no traffic never sees 5 requests", "remove requests"),
        ("ab-test", {"steps": [{"weight": 0, "duration": "1h", "requests": 5}],
                     "experiment": TEST},
         "requests: 5", "a step with no traffic", "a share of the traffic"),
        ("canary", {"steps": [WHOLE], "conditions": [AGAINST]}, "weight: 100",
         "the first step takes all traffic", "begin with a smaller share"),
        ("canary", {"steps": [HALF, WHOLE], "conditions": [{**AGAINST, "name": "patience"}]},
         "when: canary.error_rate > stable.error_rate", "patience is what a rollout calls",
         "another name"),
        ("canary", {"steps": [HALF, WHOLE],
                    "conditions": [condition("canary.drift > 0.3", "review", sustained="2h")]},
         "duration: 1h", "canary.drift > 0.3 must hold for 2 h, and the step may be left after 1 h",
         "last longer"),
        ("canary", {"steps": [HALF, WHOLE], "conditions": [condition(
            " || ".join(f"canary.{x} > stable.{x}" for x in (
                "error_rate", "accuracy", "latency_p50_ms", "latency_p95_ms")))]},
         None, "the condition compares more than 3 figures", "split it"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where_it_stands(
    kind: str, row: Mapping[str, Any], line: str | None, message: str, mend: str
) -> None:
    found = told(kind, **row)
    assert found, "nothing was told"
    for where, said, advice in found:
        assert line is None or where.removeprefix("- ") == line
        assert said.startswith(message)
        assert mend in advice
