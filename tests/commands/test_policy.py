"""`modelctl policy`: the rules checked, and who judges what by which line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from modelctl.domain.facts import kinds
from support.command_line import CommandLine
from support.repos import RepoBuilder
from support.world import MODEL, PROJECT, World, model_data

QUALITY = "policies/gates/quality.yaml"


@pytest.fixture
def edited(world: World) -> Path:
    """The work tree of the default branch, to be edited."""
    world.builder.checkout("main")
    return world.directory


# lint


def test_sound_policies_are_counted(edited: Path, cli: CommandLine) -> None:
    found = cli.json("policy", "lint")
    assert found["problems"] == []
    assert found["keys"] == 2
    assert found["gates"] >= 20
    assert f"✓ {found['gates']} gates, {found['rules']} rules" in cli("policy", "lint")


def test_the_policies_of_this_repository_are_sound(cli: CommandLine, tmp_path: Path) -> None:
    repo = RepoBuilder.create(tmp_path / "product")
    shutil.copytree(PROJECT / "policies", repo.directory / "policies")
    cli.directory = repo.directory
    found = cli.json("policy", "lint")
    assert (found["problems"], found["notes"]) == ([], [])


def test_every_problem_of_the_work_tree_is_told_with_line_and_mend(
    edited: Path, cli: CommandLine
) -> None:
    path = edited / QUALITY
    text = path.read_text()
    text = text.replace("evidence.metrics.f1_score >= 0.85", "evidence.metrics.f1_score >= 1")
    path.write_text(text.replace("min_sample: 100", "min_sampel: 100"))
    (edited / "policies/roles.yaml").unlink()
    out = cli("policy", "lint", code=1)
    assert "policies/roles.yaml is missing" in out
    assert out.endswith("2 problems\n")
    rows = cli.json("policy", "lint", code=1)["problems"]
    assert {row["file"] for row in rows} == {"policies/roles.yaml", QUALITY}
    assert all(row["mend"] and row["line"] for row in rows)
    line = text.splitlines().index("    min_sample: 100") + 1
    assert f"✗ {QUALITY}:{line}:" in out


def test_one_problem_is_no_problems(edited: Path, cli: CommandLine) -> None:
    path = edited / QUALITY
    path.write_text(path.read_text().replace("f1_score >= 0.85", "f1_score >= 1"))
    out = cli("policy", "lint", code=1)
    assert f"✗ {QUALITY}:25:15" in out
    assert "a decimal number is compared with a whole one: write 100.0 for 100" in out
    assert out.endswith("1 problem\n")


def test_a_ref_is_checked_instead_of_the_work_tree(edited: Path, cli: CommandLine) -> None:
    (edited / "policies/roles.yaml").unlink()
    assert cli("policy", "lint", "--ref", "main")
    assert cli("policy", "lint", code=1)
    message, _ = cli.fails("policy", "lint", "--ref", "")
    assert message == "'' is no commit, branch or tag here"


# explain


def test_every_way_is_explained(world: World, cli: CommandLine) -> None:
    out = cli("policy", "explain")
    assert out.count("promotion to ") == 3
    every = cli.json("policy", "explain")
    assert [one["transition"]["environment"] for one in every] == ["dev", "staging", "production"]
    production = {gate["gate"] for gate in every[2]["gates"]}
    assert {"soak", "load", "manual-reviews"} <= production
    assert not {"soak", "load"} & {gate["gate"] for gate in every[0]["gates"]}


def test_a_model_is_judged_by_the_gates_of_its_task_and_tier(
    world: World, cli: CommandLine
) -> None:
    world.submit()
    world.builder.checkout("feature/1.0.0")
    [one] = cli.json("policy", "explain", "--model", MODEL, "--to", "production")
    names = {gate["gate"] for gate in one["gates"]}
    assert "classification-quality" in names
    assert not {"regression-quality", "manual-reviews"} & names
    assert one["subject"]["model"] == MODEL
    world.submit(model=model_data(tier="critical"))
    world.builder.checkout("feature/1.0.0")
    [one] = cli.json("policy", "explain", "--model", MODEL, "--to", "production")
    assert "manual-reviews" in {gate["gate"] for gate in one["gates"]}


def test_each_rule_is_shown_with_its_line_and_the_command(world: World, cli: CommandLine) -> None:
    world.submit()
    world.builder.checkout("feature/1.0.0")
    out = cli("policy", "explain", "--model", f"{MODEL}@1.0.0", "--to", "dev")
    assert "evidence.metrics.f1_score >= 0.85" in out
    assert "policies/gates/quality.yaml:25" in out
    assert f"modelctl evidence evaluate {MODEL}@1.0.0" in out


def test_json_holds_no_letters_that_a_terminal_may_lack(world: World, cli: CommandLine) -> None:
    out = cli("policy", "explain", "--format", "json")
    assert out.isascii()
    assert "≥" in json.dumps(json.loads(out), ensure_ascii=False)


@pytest.mark.parametrize(
    ("args", "message", "mend"),
    [
        (("--to", "prod"), "there is no environment prod", "one of: dev, staging, production"),
        (
            ("--model", "fraud-detector"),
            "there is no model fraud-detector",
            "there are no models yet",
        ),
        (("--model", "Fraud"), "'Fraud' is not a model name", "such as churn-predictor"),
    ],
)
def test_what_is_not_there_can_not_be_explained(
    world: World, cli: CommandLine, args: tuple[str, ...], message: str, mend: str
) -> None:
    said, help_ = cli.fails("policy", "explain", *args)
    assert said == message
    assert help_.endswith(mend)


# facts


def test_facts_are_listed_by_kind(cli: CommandLine) -> None:
    assert cli("policy", "facts").split() == [*kinds(), "live"]
    assert "modelctl policy facts custom" in cli.error
    rows = dict(line.split(maxsplit=1) for line in cli("policy", "facts", "load-test").splitlines())
    assert rows["evidence.throughput_rps"] == rows["serving.throughput_rps"] == "double"
    assert "evidence.values" in cli("policy", "facts", "pen-test")


def test_live_figures_are_listed_with_their_units(cli: CommandLine) -> None:
    rows = [line.split(maxsplit=2) for line in cli("policy", "facts", "live").splitlines()]
    assert ["canary.latency_p99_ms", "double"] in [row[:2] for row in rows]
    [sla] = [row for row in rows if row[0] == "model.sla"]
    assert sla[2].endswith("as model.yaml has it")
    assert all(len(row) == 3 for row in rows)


def test_a_kind_that_is_not_known_is_told(cli: CommandLine) -> None:
    first, *rest = cli("policy", "facts", "nope").splitlines()
    assert first == "nope is no kind known here; facts of any kind:"
    assert any(line.startswith("evidence.passed") for line in rest)


# notes


def test_names_that_protect_nothing_are_notes(edited: Path, cli: CommandLine) -> None:
    (edited / "policies/freezes.yaml").write_text(
        """\
windows:
  year-end:
    kind: deny
    rrule: FREQ=YEARLY;UNTIL=20251231T000000
    start: "2025-01-01T00:00"
    timezone: UTC
    duration: 1d
    reason: Year-end freeze
  office:
    kind: allow
    rrule: FREQ=DAILY;UNTIL=20251231T000000
    start: "2025-01-01T00:00"
    timezone: UTC
    duration: 1d
    reason: Somebody is there
emergencies:
  - models: [churn-*, fraud-detectr]
    since: "2026-11-20T10:00:00Z"
    reason: Wrong labels
"""
    )
    model = edited / "models/fraud-detector/model.yaml"
    model.parent.mkdir(parents=True)
    model.write_text("name: fraud-detector\n")
    retention = edited / "policies/retention.yaml"
    pins = "pins: [fraud-detecter@1.0.0, fraud-detector@9.9.9]"
    retention.write_text(retention.read_text().replace("pins: []", pins))
    found = cli.json("policy", "lint")
    assert found["problems"] == []
    assert [note.partition(": ")[2] for note in found["notes"]] == [
        "no model is named fraud-detectr, so this freezes nothing; did you mean fraud-detector?",
        "the window year-end is over, so it freezes nothing any more",
        "the window office is over, so it never lets anything move again",
        "no model is named fraud-detecter, so this keeps nothing; did you mean fraud-detector?",
        "no branch has fraud-detector@9.9.9, so this keeps nothing",
    ]
    assert found["notes"][0].startswith("policies/freezes.yaml:17: ")
    line = next(n for n, x in enumerate(retention.read_text().splitlines(), 1) if "pins:" in x)
    assert found["notes"][3].startswith(f"policies/retention.yaml:{line}: ")
    assert "! policies/freezes.yaml:17: no model is named" in cli("policy", "lint")


def test_a_comparison_of_what_has_no_metrics_is_a_problem(edited: Path, cli: CommandLine) -> None:
    (edited / "policies/gates/own.yaml").write_text(
        """\
gates:
  tests-beyond-chance:
    title: Tests are good beyond chance
    evidence: unit-tests
    environment: [offline]
    check: significance
    with: {metric: accuracy, minimum: 0.9}
"""
    )
    [problem] = cli.json("policy", "lint", code=1)["problems"]
    assert problem["line"] == 4
    assert problem["message"].startswith("evidence of the kind unit-tests has no metrics")


# check --all


def test_broken_policies_of_the_work_tree_are_found(edited: Path, cli: CommandLine) -> None:
    before = [f for v in cli.json("check", "--all")["verdicts"] for f in v["findings"]]
    assert "policy" not in {finding["gate"] for finding in before}
    (edited / "policies/freezes.yaml").write_text("windows: {}\nemergencies: 7\n")
    for _ in range(2):  # nothing of it is kept
        report = cli.json("check", "--all", code=1)
        [found] = [f for v in report["verdicts"] for f in v["findings"] if f["gate"] == "policy"]
        assert found["outcome"] == "fail"
        assert (found["location"]["file"], found["location"]["line"]) == (
            "policies/freezes.yaml", 2,
        )  # fmt: skip


# the trusted ref


def test_head_is_what_is_checked_out_and_a_branch_is_the_remotes(
    edited: Path, world: World, cli: CommandLine
) -> None:
    path = edited / "policies/gates/integrity.yaml"
    changed = path.read_text().replace("What has ended is", "What is over is")
    world.builder.commit({"policies/gates/integrity.yaml": changed}, "main")
    world.builder.checkout("main")
    for ref, local in (("HEAD", True), ("main", False), ("refs/heads/main", True)):
        out = cli("policy", "explain", "--trusted-ref", ref)
        assert ("What is over is promoted" in out) is local
    assert "refs/heads/BRANCH is your own" in " ".join(cli("policy", "explain", "--help").split())


def test_what_the_router_of_this_machine_does_not_tell_is_noted(
    cli: CommandLine, edited: Path
) -> None:
    strategies, triggers = edited / "policies/strategies.yaml", edited / "policies/rollback.yaml"
    text, drift = strategies.read_text(), "canary.compared >= 500 && canary.drift > 0.3"
    assert drift in text
    strategies.write_text(text.replace(drift, "canary.drift > 0.3"))
    unguarded = triggers.read_text().replace("live.labelled >= 1000 && ", "")
    triggers.write_text(
        unguarded.replace("  - name: health\n", "  - name: busy\n    applies: {environments: "
        "[dev]}\n    when: live.cpu_percent > 99.0\n    because: busy\n  - name: health\n")
    )  # fmt: skip
    found = cli.json("policy", "lint")
    assert found["problems"] == []
    where, after = "the router of this machine tells of no", "in dev, staging, production, and"
    line = text.splitlines().index(f"    when: {drift}") + 1
    drifted, busy, accuracy = found["notes"]
    assert drifted.startswith(f"policies/strategies.yaml:{line}: {where} canary.drift, so drift ")
    assert f"{after} rollouts hold" in drifted
    assert f"{where} live.cpu_percent, so busy can't be judged in dev, and it protects" in busy
    assert f"{where} live.accuracy_drop, so accuracy " in accuracy
    assert f"{after} it protects nobody" in accuracy
    metrics = edited / "policies/metrics.yaml"
    elsewhere = "{kind: prometheus, url: 'http://prometheus:9090', mesh: traefik}"
    metrics.write_text(metrics.read_text().replace("{kind: local}", elsewhere))
    assert cli.json("policy", "lint")["notes"] == []


def test_health_that_a_mesh_does_not_tell_of_is_noted(cli: CommandLine, edited: Path) -> None:
    path = edited / "policies/metrics.yaml"
    honest = path.read_text()
    istio = "production: {kind: prometheus, url: 'http://prometheus:9090', mesh: istio}"
    path.write_text(honest.replace("production: {kind: local}", istio, 1))
    found = cli.json("policy", "lint")
    assert found["problems"] == []
    [note] = found["notes"]
    assert note.startswith("policies/metrics.yaml:")
    assert "istio tells of no health checks, so health can't be decided in production" in note
    assert "own.gauges.failed_health_checks" in note
    query = "max by ($by) (count_over_time(up{$selector}[1m]) - sum_over_time(up{$selector}[1m]))"
    own = f'  gauges:\n    failed_health_checks: {{query: "{query}"}}\n'
    path.write_text(path.read_text().replace("  gauges:\n", own, 1))
    found = cli.json("policy", "lint")
    assert (found["problems"], found["notes"]) == ([], [])
