"""What is wrong with strategies, rollback, monitoring and their gates: told with line and mend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from modelctl.adapters.policies import PolicyError, load_policy
from modelctl.domain.policy import Policy
from support.trees import MemoryTree
from support.world import PROJECT

STRATEGIES, ROLLBACK = "policies/strategies.yaml", "policies/rollback.yaml"
MONITORING, GATE = "policies/monitoring.yaml", "policies/gates/more.yaml"


def product() -> dict[str, bytes]:
    """The policies that the product comes with."""
    files = sorted((PROJECT / "policies").rglob("*"))
    return {str(p.relative_to(PROJECT)): p.read_bytes() for p in files if p.is_file()}


def loaded(files: Mapping[str, bytes | None]) -> Policy:
    """The product's policies with these files written, or taken away where they are None."""
    present = {path: data for path, data in (product() | files).items() if data is not None}
    return load_policy(MemoryTree(present), "f" * 40)


def problems(files: Mapping[str, bytes | None]) -> list[tuple[str, int, str, str]]:
    """File, line, message and mend of everything that is wrong."""
    with pytest.raises(PolicyError) as caught:
        loaded(files)
    return [
        (p.location.file, p.location.line, p.message, p.mend or "") for p in caught.value.problems
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One edit of one file, text on the line that is meant after it, and what must be said."""

    file: str
    old: str
    new: str
    at: str
    message: str
    mend: str


BACK = "back: {weights: [50, 25, 0], every: 1m}"
REHEARSAL = "rehearsal: {environment: staging, max_age: 30d}\n"
WRONG = {
    "an unknown figure in a condition": Wrong(
        file=STRATEGIES, old="canary.drift > 0.3", new="canary.drfit > 0.3", at="drfit",
        message="undeclared reference to 'canary.drfit'", mend="did you mean canary.drift",
    ),
    "a whole number where a decimal one must stand": Wrong(
        file=ROLLBACK, old="> 500.0", new="> 500", at="> 500", message="double, int",
        mend="write 100.0 for 100",
    ),
    "a share above one": Wrong(
        file=ROLLBACK, old="live.error_rate > 0.1", new="live.error_rate > 2.0", at="> 2.0",
        message="live.error_rate > 2.0 never holds, whatever is measured",
        mend="write 0.05 for 5 %",
    ),
    "a condition of a step that never holds": Wrong(
        file=STRATEGIES, old="canary.error_rate > stable.error_rate + 0.005",
        new="canary.error_rate > canary.error_rate", at="canary.error_rate > canary.error_rate",
        message="canary.error_rate > canary.error_rate never holds", mend="shares lie between",
    ),
    "an alert that never comes": Wrong(
        file=MONITORING, old="live.error_rate > 0.01", new="'false'", at="when: 'false'",
        message="the condition never holds", mend="shares lie between",
    ),
    "a condition that lets everything through": Wrong(
        file=STRATEGIES, old="canary.error_rate < stable.error_rate + 0.01",
        new="canary.error_rate < 5.0", at="< 5.0",
        message="canary.error_rate < 5.0 always holds, whatever is measured",
        mend="compare with what may rightly fail",
    ),
    "a condition that must hold for years": Wrong(
        file=ROLLBACK, old="sustained: 5m", new="sustained: 3650d", at="3650d",
        message="sustained is 3650d, and nothing here may last longer than 90d",
        mend="write 90d or less",
    ),
    "a patience of years": Wrong(
        file=STRATEGIES, old="patience: 2h", new="patience: 91d", at="91d",
        message="patience is 91d, and nothing", mend="write 90d or less",
    ),
    "a way back over years": Wrong(
        file=STRATEGIES, old=BACK, new=BACK.replace("1m", "3650d"), at="3650d",
        message="every is 3650d, and nothing", mend="write 90d or less",
    ),
    "requests that never come": Wrong(
        file=ROLLBACK, old="requests: 100\n", new="requests: 1000000000\n", at="1000000000",
        message="100000000", mend="requests: ",
    ),
    "attempts without an end": Wrong(
        file=STRATEGIES, old="attempts: 3", new="attempts: 100000", at="100000",
        message="100", mend="attempts: ",
    ),
    "two conditions of one name": Wrong(
        file=STRATEGIES, old="name: latency-p99", new="name: error-rate", at="name: error-rate",
        message="error-rate is the name of two in one list", mend="give each a name of its own",
    ),
    "an unknown action": Wrong(
        file=STRATEGIES, old="action: halt", new="action: stop", at="action: stop",
        message="must be one of rollback, halt", mend="action: ",
    ),
    "steps that nothing takes back": Wrong(
        file=STRATEGIES, old=BACK, new="back: {weights: [50, 25], every: 1m}", at="[50, 25]",
        message="the way back doesn't fall to 0", mend="[50, 25, 0]",
    ),
    "a way back that rises": Wrong(
        file=STRATEGIES, old=BACK, new="back: {weights: [25, 50, 0], every: 1m}", at="[25, 50, 0]",
        message="the way back doesn't fall to 0", mend="[50, 25, 0]",
    ),
    "a way back that takes too long": Wrong(
        file=STRATEGIES, old=BACK, new="back: {weights: [50, 25, 0], every: 3m}", at="every: 3m",
        message="the way back takes 6 min, and rollback.yaml allows 5 min",
        mend="take fewer steps, or hold each for less",
    ),
    "conditions of what goes at once": Wrong(
        file=STRATEGIES, old="    kind: immediate\n", new="    kind: immediate\n    patience: 1h\n",
        at="patience: 1h", message="a strategy of kind immediate has no patience",
        mend="remove patience; it belongs to ab-test, canary, shadow",
    ),
    "a canary whose share falls": Wrong(
        file=STRATEGIES, old="weight: 50, duration: 12h", new="weight: 5, duration: 12h",
        at="weight: 5, duration: 12h", message="the share falls from 25 to 5 %",
        mend="let the share of a canary grow",
    ),
    "a shadow that serves": Wrong(
        file=STRATEGIES, old="weight: 0, duration: 7d", new="weight: 1, duration: 7d",
        at="weight: 1", message="a shadow serves nobody", mend="write weight: 0",
    ),
    "a shadow that compares nothing": Wrong(
        file=STRATEGIES, old="    compare: [accuracy, latency_p99_ms, prediction_distribution]\n",
        new="", at="shadow-week:", message="a strategy of kind shadow needs compare",
        mend="add compare",
    ),
    "a shadow that compares what nobody measures": Wrong(
        file=STRATEGIES, old="[accuracy, latency_p99_ms", new="[accuracy, latency_p98_ms",
        at="latency_p98_ms", message="there is no figure latency_p98_ms",
        mend="the figures are error_rate, latency_p50_ms",
    ),
    "a guardrail that looks elsewhere": Wrong(
        file=STRATEGIES, old="metric: latency_p99_ms", new="metric: accuracy", at="when: canary",
        message="the condition doesn't look at accuracy",
        mend="compare canary.accuracy with stable.accuracy",
    ),
    "a trigger in no environment": Wrong(
        file=ROLLBACK, old="[staging]", new="[stagging]", at="stagging",
        message="there is no environment stagging", mend="the environments are dev, staging",
    ),
    "two triggers of one name": Wrong(
        file=ROLLBACK, old="name: errors", new="name: emergency", at="name: emergency",
        message="emergency is the name of two in one list", mend="give each a name of its own",
    ),
    "a rehearsal that no gate asks for": Wrong(
        file=ROLLBACK, old="within: 5m\n", new=f"within: 5m\n{REHEARSAL}", at="rehearsal:",
        message="a rehearsal is asked for, and no gate looks at it",
        mend="add a gate with check: rehearsal, or remove it",
    ),
    "a fact that ticks no line": Wrong(
        file=ROLLBACK, old="serving: Verify that", new="serving: See that", at="See that",
        message="the checklist has no line 'See that the version before is serving'",
        mend="write it as the checklist has it",
    ),
    "a rehearsal nowhere": Wrong(
        file=ROLLBACK, old="within: 5m\n", at="rehearsal:",
        new="within: 5m\nrehearsal: {environment: stage, max_age: 30d}\n",
        message="there is no environment stage", mend="the environments are dev, staging",
    ),
    "an alert that nobody hears": Wrong(
        file=MONITORING, old="  info: [slack]\n", new="", at="severity: info",
        message="nobody would hear it: info alerts have no channel",
        mend="add channels: {info: [slack]}",
    ),
    "an unknown severity": Wrong(
        file=MONITORING, old="severity: info", new="severity: notice", at="severity: notice",
        message="must be one of critical", mend="severity: ",
    ),
    "an alert for no tier": Wrong(
        file=MONITORING, old="    severity: info\n",
        new="    severity: info\n    applies: {tiers: [crucial]}\n", at="crucial",
        message="there is no tier crucial", mend="the tiers are critical",
    ),
    "a calendar that can't be read": Wrong(
        file=MONITORING, old="BYMONTHDAY=1,", new="BYMONTHDAY=77,", at="BYMONTHDAY=77",
        message="BYMONTHDAY=77 has no 77", mend="choose 1 to 31",
    ),
    "a time zone that is nowhere": Wrong(
        file=MONITORING, old="timezone: UTC", new="timezone: Europe/Berlinn", at="Berlinn",
        message="there is no time zone Europe/Berlinn", mend="Europe/Berlin",
    ),
    "retraining for no task": Wrong(
        file=MONITORING, old="    - name: performance\n", at="clasification",
        new="    - name: performance\n      applies: {tasks: [clasification]}\n",
        message="there is no task clasification", mend="the tasks are classification",
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_its_line_and_its_mend(wrong: Wrong) -> None:
    text = product()[wrong.file].decode()
    assert wrong.old in text
    edited = text.replace(wrong.old, wrong.new, 1)
    lines = [n for n, line in enumerate(edited.splitlines(), 1) if wrong.at in line]
    found = problems({wrong.file: edited.encode()})
    about = [
        (file, line, message, mend)
        for file, line, message, mend in found
        if wrong.message in message and wrong.mend in mend and line in lines
    ]
    assert about, found
    assert {file for file, *_ in about} == {wrong.file}
    assert all(mend for _, _, _, mend in found), found


SIGNIFICANCE = """\
gates:
  significance:
    title: Beyond chance
    check: significance
    evidence: evaluation
    with: {metric: accuracy%s}
"""
REHEARSED = """\
gates:
  rehearsed:
    title: The way back was tried
    check: rehearsal
    evidence: rollback-rehearsal
%s"""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "check significance needs one of against, minimum and maximum"),
        (", minimum: 0.8, maximum: 0.9", "check significance needs one of against"),
        (", minimum: 0.8, margin: 0.1", "margin has no effect beside a minimum or a maximum"),
        (", maximum: 0.8, higher_is_better: true", "higher_is_better has no effect beside"),
        (", against: serving", "a comparison must say which way is better"),
        (", against: served, higher_is_better: true", "'served' can't be against"),
        (", minimum: much", "'much' can't be minimum"),
        (", minimum: 0.8, confidence: 1", "1 can't be confidence"),
        (", minimum: 0.8, confidence: 95.0", "95.0 can't be confidence"),
    ],
)
def test_options_of_significance_that_say_too_little_or_too_much(
    options: str, message: str
) -> None:
    [(file, line, told, mend)] = problems({GATE: (SIGNIFICANCE % options).encode()})
    assert (file, line in (2, 6)) == (GATE, True), line
    assert message in told
    assert mend


@pytest.mark.parametrize(
    "options",
    [
        ", minimum: -1.5", ", maximum: 7", ", minimum: 0.8, confidence: 0.9",
        ", against: serving, higher_is_better: true, margin: 0.01",
        ", against: baseline, higher_is_better: false",
    ],
)  # fmt: skip
def test_options_of_significance_that_fit(options: str) -> None:
    assert any(
        gate.check == "significance"
        for gate in loaded({GATE: (SIGNIFICANCE % options).encode()}).gates
    )


def test_a_gate_over_rehearsals_needs_to_know_where() -> None:
    [(file, line, message, mend)] = problems({GATE: (REHEARSED % "").encode()})
    assert (file, line) == (GATE, 2)
    assert message.startswith("nothing says where and how lately")
    assert mend == "add rehearsal: {environment: …, max_age: 30d} to policies/rollback.yaml"
    [without] = problems({GATE: (REHEARSED % "").encode(), ROLLBACK: None})
    assert without[3].endswith("to rollback.yaml")


def test_a_rehearsal_and_its_gate_belong_together() -> None:
    rollback = product()[ROLLBACK].replace(b"within: 5m\n", f"within: 5m\n{REHEARSAL}".encode())
    files = {GATE: (REHEARSED % "").encode(), ROLLBACK: rollback}
    assert loaded(files).rollback.rehearsal is not None
    idle = REHEARSED % "    environment: [source]\n    max_age: 30d\n"
    found = problems({**files, GATE: idle.encode()})
    assert [(line, message) for _, line, message, _ in found] == [
        (6, "check rehearsal looks at no environment here"),
        (7, "check rehearsal looks at no max_age here"),
    ]


def test_what_lasts_ninety_days_may_stand() -> None:
    text = product()[STRATEGIES].replace(b"patience: 2h", b"patience: 90d")
    assert any(plan.patience.days == 90 for plan in loaded({STRATEGIES: text}).strategies.values())


def test_without_these_files_nothing_is_wrong() -> None:
    policy = loaded({ROLLBACK: None, MONITORING: None})
    assert policy.rollback.triggers == ()
    assert policy.monitoring.alerts == ()


def test_monitoring_may_leave_retraining_to_people() -> None:
    text = product()[MONITORING].decode()
    policy = loaded({MONITORING: text[: text.index("retraining:")].encode()})
    assert policy.monitoring.retraining.schedule is None
    [without] = [
        loaded({MONITORING: text.replace(line, "").encode()})
        for line in text.splitlines(keepends=True)
        if "schedule:" in line
    ]
    assert len(without.monitoring.retraining.triggers) == 3
