"""Freezes that can't hold are problems of the policy, each with its line and mend."""

from __future__ import annotations

import pytest

from modelctl.adapters.policies import PolicyError, load_policy
from support.trees import MemoryTree
from support.world import PROJECT

FREEZES, TIMING = "policies/freezes.yaml", "policies/gates/timing.yaml"
SOUND = """\
windows:
  year-end:
    kind: deny
    rrule: FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=20
    start: "2025-01-01T00:00"
    timezone: Europe/Berlin
    duration: 14d
    environments: [production]
    tiers: [critical]
    models: [churn-*]
    reason: Year-end freeze
emergencies:
  - models: [churn-predictor]
    environments: [production]
    since: "2026-11-20T10:00:00Z"
    until: "2026-11-21T10:00:00Z"
    reason: Wrong labels
"""


def product() -> dict[str, bytes]:
    files = sorted((PROJECT / "policies").rglob("*"))
    return {str(p.relative_to(PROJECT)): p.read_bytes() for p in files if p.is_file()}


def problems(text: str, *, gate: bool = True) -> list[tuple[str, str, str]]:
    """Where, message and mend of everything that is wrong; the place as `line: path`."""
    files = {**product(), FREEZES: text.encode()}
    if not gate:
        del files[TIMING]
        lists = files.pop("policies/checklists.yaml")
        assert b"gate: freeze" in lists
    try:
        load_policy(MemoryTree(files), "f" * 40)
    except PolicyError as error:
        return [
            (f"{p.location.line}: {p.location.path}", p.message, p.mend or "")
            for p in error.problems
        ]
    return []


def test_what_is_shipped_freezes_nothing() -> None:
    policy = load_policy(MemoryTree(product()), "f" * 40)
    assert (policy.freezes.windows, policy.freezes.emergencies) == ((), ())
    assert [gate.check for gate in policy.gates if gate.name == "freeze"] == ["freeze"]
    assert not any(gate.on_rollback for gate in policy.gates if gate.check == "freeze")


def test_what_the_shipped_file_shows_in_its_comments_is_sound() -> None:
    text = product()[FREEZES].decode()
    example = [line.removeprefix("#").removeprefix(" ") for line in text.splitlines()
               if line.startswith("#")]  # fmt: skip
    start = example.index("windows:")
    assert problems("\n".join(example[start:]) + "\n") == []


def test_sound_freezes_are_read() -> None:
    assert problems(SOUND) == []


@pytest.mark.parametrize(
    ("old", "new", "place", "message", "mend"),
    [
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=20", "FREQ=HOURLY", "4: windows.year-end.rrule",
         "a rule can't recur HOURLY", "choose FREQ=DAILY|WEEKLY|MONTHLY|YEARLY"),
        ("BYMONTH=12;BYMONTHDAY=20", "BYMONTH=2;BYMONTHDAY=30", "4: windows.year-end.rrule",
         "the rule never holds on any day", "correct its days"),
        ("Europe/Berlin", "Europe/Berln", "6: windows.year-end.timezone",
         "there is no time zone Europe/Berln", "did you mean Europe/Berlin?"),
        ("2025-01-01T00:00", "2025-02-30T00:00", "5: windows.year-end.start",
         "2025-02-30T00:00 is on no calendar", "write a local time"),
        ("14d", "400d", "7: windows.year-end.duration",
         "one occurrence would be longer than a year", "emergency"),
        ("14d", "14w", "7: windows.year-end.duration", "`windows.year-end.duration`", ""),
        ("kind: deny", "kind: denied", "3: windows.year-end.kind", "`windows.year-end.kind`", ""),
        ("[production]\n    tiers", "[prod]\n    tiers", "8: windows.year-end.environments[0]",
         "there is no environment prod", "the environments are dev, staging, production"),
        ("[critical]", "[crucial]", "9: windows.year-end.tiers[0]",
         "there is no tier crucial", "the tiers are critical"),
        ("[production]\n    since", "[prod]\n    since", "14: emergencies[0].environments[0]",
         "there is no environment prod", "the environments are"),
        ("models: [churn-predictor]", "all: true\n    models: [a-b]", "13: emergencies[0]",
         "an emergency freezes either some models or all", "give it models"),
        ("models: [churn-predictor]\n    env", "env", "13: emergencies[0]",
         "an emergency freezes either some models or all", "all: true"),
        ("2026-11-21T10", "2026-11-20T10", "16: emergencies[0].until",
         "the emergency ends before it begins", "correct since and until"),
        ("2026-11-21T10", "2026-11-31T10", "16: ", "2026-11-31T10:00:00Z is on no calendar",
         "write a time in UTC"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(
    old: str, new: str, place: str, message: str, mend: str
) -> None:
    assert old in SOUND
    [(where, said, todo)] = problems(SOUND.replace(old, new, 1))
    assert where == place
    assert said.startswith(message)
    assert mend in todo


def test_a_freeze_that_no_gate_looks_at_is_a_problem() -> None:
    [(place, message, mend)] = problems(SOUND, gate=False)
    assert place == "2: windows.year-end"
    assert message == "no gate has check: freeze, so nothing is ever frozen"
    assert mend == "add a gate with check: freeze to policies/gates/"


def test_without_freezes_no_gate_is_needed() -> None:
    assert problems("windows: {}\n", gate=False) == []
