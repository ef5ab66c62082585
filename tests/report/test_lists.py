"""Checklists and freezes as text: for narrow terminals, without UTF-8, and with hostile text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from modelctl.domain.checklists import Checklist, Item, State, Tick, Ticked
from modelctl.domain.document import Location
from modelctl.domain.freeze_board import FreezeBoard, freeze_board
from modelctl.domain.freezes import Emergency, Freezes, Window
from modelctl.domain.recurrence import Recurrence
from modelctl.domain.rules import Scope
from modelctl.report import checklist, explain, freezes
from modelctl.report.look import Look
from support.judging import STEPS

HOSTILE = "\x1b[31m<!-- @everyone --> [x](javascript:1) `a` | b\nc"
PLACE = Location(file="policies/checklists.yaml", line=4, column=5)
NOW = datetime(2026, 12, 24, 12, tzinfo=UTC)


def ticked(state: State, text: str = "Metrics meet their thresholds", why: str = "why") -> Ticked:
    item = Item(text=text, fact="gate", name="quality", scope=Scope(), location=PLACE)
    return Ticked(item=item, tick=Tick(state=state, why=why))


LISTS = Checklist(
    subject="churn-predictor@1.0.0",
    environment="production",
    lists={
        "before": tuple(ticked(state) for state in State),
        "after": (),
        "rollback": (ticked(State.BY_HAND, HOSTILE, ""), ticked(State.OPEN, "x", HOSTILE)),
    },
)


def board() -> FreezeBoard:
    recurrence = Recurrence(
        rrule="FREQ=DAILY", start="2026-01-01T11:00", timezone="UTC", duration=timedelta(hours=3)
    )
    narrow = Scope(models=("churn-*",), tiers=("critical",))
    windows = [
        Window(name=name, kind=kind, recurrence=recurrence, reason=HOSTILE, scope=scope,
               location=PLACE)
        for name, kind, scope in (("noon", "deny", Scope()), ("lunch", "allow", narrow))
    ]  # fmt: skip
    over = replace(windows[0], name="over", recurrence=replace(
        recurrence, rrule="FREQ=DAILY;UNTIL=20260102T000000"))  # fmt: skip
    lasting = Emergency(reason=HOSTILE, scope=Scope(), since=NOW, until=None, location=PLACE)
    ending = replace(lasting, until=NOW + timedelta(hours=2), scope=Scope(environments=("dev",)))
    found = Freezes(windows=(*windows, over), emergencies=(lasting, ending))
    facts = {"environment": "production", "task": "", "tier": "", "target": "", "model": ""}
    return freeze_board(found, [facts], model=None, at=NOW)


@pytest.mark.parametrize("width", [40, 80, 140])
@pytest.mark.parametrize(
    "render",
    [lambda look: checklist.terminal(LISTS, look), lambda look: freezes.terminal(board(), look)],
    ids=["checklist", "freezes"],
)
def test_it_fits_any_terminal(render: Callable[[Look], str], width: int) -> None:
    for unicode in (True, False):
        text = render(Look(width=width, unicode=unicode))
        assert max(cell_len(line) for line in text.splitlines()) <= width
        assert "\x1b" not in text
        assert unicode or text.isascii()
        assert text.endswith("\n")


def test_a_checklist_counts_what_is_done() -> None:
    text = checklist.terminal(LISTS, Look(width=80))
    assert "Before the promotion  1 of 4 done\n" in text
    assert "After the promotion  nothing to do\n" in text
    assert "  [✓] Metrics meet their thresholds\n" in text
    assert "  […] " in text
    assert "  [✗] " in text
    assert "  [ ] " in text


def test_markdown_ticks_what_is_done_and_lets_nothing_through() -> None:
    page = checklist.markdown(LISTS)
    assert page.count("- [x] ") == 1
    assert page.count("- [ ] ") == 5
    assert page.count("<!--") == page.count("\\<!--") > 0
    assert "@everyone" not in page
    assert page.count("](javascript") == page.count("\\](javascript") > 0


def test_what_never_opens_is_told_so() -> None:
    text = freezes.terminal(board(), Look(width=140))
    assert "✗ production  frozen  doesn't open by itself" in text
    assert "until it is lifted" in text
    assert "over" in text


@pytest.mark.parametrize(
    ("mode", "modes", "said"),
    [
        ("manual", {}, None),
        ("automated", {}, "decided by   the gates alone (automated)"),
        ("hybrid", {}, "decided by   the gates, unless somebody who may approve requests changes"),
        (
            "manual",
            {"default": "manual", "experimental": "automated"},
            "decided by   people, once every gate passes (manual); experimental: the gates alone",
        ),
    ],
)
def test_an_explanation_says_who_decides(
    mode: str, modes: dict[str, str], said: str | None
) -> None:
    step = replace(STEPS[0], decision=mode, decisions=modes)
    text = explain.terminal((), step, Look(width=120))
    assert (said is None and "decided by" not in text) or (said or "") in text
    assert f'"decision": "{mode}"' in explain.json((), step)
