"""The takeover's own parts: when the guard is done, and what the callers may have seen."""

from __future__ import annotations

import re
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from demo import takeover
from demo.cases import DIABETES, TUMOR
from demo.failure import DemoError

FINISHED = "15:55:38 production/tumor-classifier 1.1.0: finished: 4 s and 137 requests"
ROLLED_BACK = "15:55:12 production/diabetes-progression 1.0.1: rolled back: 19 % fail"
ON_PAPER = "production/diabetes-progression: incident #17, pull request #16"


def stage(*, terminal: bool = False) -> Any:
    """A stage that keeps what is shown on it."""
    told: list[str] = []
    screen = SimpleNamespace(say=told.append, printed=told.append, is_terminal=terminal)
    return SimpleNamespace(
        screen=screen,
        told=told,
        person=lambda who: who.login,
        types=lambda who, command, show: told.append(f"{who}$ {command}"),
    )


def guard(*lines: str | None, runs: bool = True) -> Any:
    """One that says its lines one by one."""
    left = list(lines)
    said = SimpleNamespace(line=lambda patience: left.pop(0) if left else None)
    said.runs = lambda: runs
    return said


def caller(answers: int, *failures: str) -> Any:
    return SimpleNamespace(
        asked=answers + len(failures), answered=Counter(x=answers), failures=list(failures)
    )


def test_it_is_over_when_one_has_all_and_the_other_is_back_on_paper_too() -> None:
    assert not takeover._over([FINISHED, ROLLED_BACK])
    assert not takeover._over([ROLLED_BACK, ON_PAPER])
    assert takeover._over([ROLLED_BACK, FINISHED, ON_PAPER])


def test_moves_are_shown_and_once_how_far_everything_is() -> None:
    seen = stage()
    step = "15:55:12 production/tumor-classifier 1.1.0: advanced to 25 %: 21 requests"
    takeover._listen(seen, guard("stopping x", step, ROLLED_BACK, None, ON_PAPER, FINISHED))
    assert seen.told == [step, "pat$ modelctl rollout status", ROLLED_BACK, ON_PAPER, FINISHED]


def test_what_was_drawn_on_a_terminal_is_not_shown_again() -> None:
    seen = stage(terminal=True)
    takeover._listen(seen, guard("advanced to 25 %", ON_PAPER, FINISHED))
    assert seen.told == [ON_PAPER, FINISHED]


def test_a_guard_that_ends_or_comes_to_no_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DemoError, match="doesn't come to an end") as caught:
        takeover._listen(stage(), guard(ROLLED_BACK, runs=False))
    assert caught.value.detail == ROLLED_BACK
    monkeypatch.setattr(takeover, "_PATIENCE", 0.0)
    with pytest.raises(DemoError, match="doesn't come to an end"):
        takeover._listen(stage(), guard())


def test_failures_of_the_version_that_was_taken_back_are_told() -> None:
    seen = stage()
    asked = {
        TUMOR.model: [caller(600), caller(400)],
        DIABETES.model: [caller(500, *["1.0.1 answered with 500"] * 4)],
    }
    takeover._told(seen, asked)
    assert seen.told == [
        "1000 requests to tumor-classifier meanwhile: none failed.",
        "504 requests to diabetes-progression meanwhile: 4 failed, all by 1.0.1.",
    ]


@pytest.mark.parametrize(
    ("model", "failure"),
    [
        (TUMOR.model, "1.1.0 answered with 500"),
        (DIABETES.model, "1.0.0 answered with 500"),
        (DIABETES.model, "None answered with 502"),
        (DIABETES.model, "timed out"),
    ],
)
def test_any_other_failure_ends_the_demo(model: str, failure: str) -> None:
    with pytest.raises(DemoError, match=f"requests to {model} failed") as caught:
        takeover._told(stage(), {model: [caller(10, "1.0.1 answered with 500", failure)]})
    assert re.search(re.escape(failure), caught.value.detail)


def test_an_incident_is_told_in_plain_words() -> None:
    body = (
        "#17  x was rolled back\n<!-- marker -->\n\n**x@&#8203;1.0.1** was taken back.\n\n"
        "| what | value |\n| --- | --- |\n| triggered by | `errors`: error\\_rate is 1 |\n"
        "| at | now |\n\n### Checklist\n- [x] Identify it\n"
    )
    assert takeover._in_short(body).splitlines() == [
        "#17  x was rolled back",
        "x@1.0.1 was taken back.",
        "  triggered by: errors: error_rate is 1",
        "### Checklist",
        "- [x] Identify it",
    ]
