"""`modelctl rollout simulate`: recordings and scenarios through the rules of the work tree."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from modelctl.services.scenarios import parse_scenario
from support.command_line import CommandLine
from support.simulated import BOUNDS, recording
from support.world import World

STRATEGIES = """defaults: {critical: quick, standard: quick, experimental: quick}
strategies:
  quick:
    kind: canary
    patience: 10m
    steps:
      - {weight: 5, duration: 5m, requests: 100}
      - {weight: 100, duration: 5m, requests: 100}
    conditions:
      - name: error-rate
        when: canary.error_rate > stable.error_rate + 0.02
        action: rollback
        because: too many requests fail
        requests: 100
  loose:
    kind: canary
    patience: 10m
    steps:
      - {weight: 5, duration: 5m, requests: 100}
      - {weight: 100, duration: 5m, requests: 100}
  asking:
    kind: canary
    patience: 10m
    steps:
      - {weight: 5, duration: 5m, requests: 100}
      - {weight: 100, duration: 5m, requests: 100}
    conditions:
      - name: sla
        when: canary.error_rate > model.sla.error_rate
        action: rollback
        because: the model promises less
  at-once:
    kind: immediate
"""
ROLLBACK = """within: 5m
incident: {root_cause_within: 48h, checklist: [Identify the failing version]}
triggers:
  - name: emergency
    when: live.error_rate > 0.5
    emergency: true
    because: most requests fail
    requests: 10
"""


@pytest.fixture(autouse=True)
def rules(world: World) -> None:
    """Strategies that are quick, in the work tree alone."""
    world.builder.checkout()
    policies = world.directory / "policies"
    (policies / "strategies.yaml").write_text(STRATEGIES)
    (policies / "rollback.yaml").write_text(ROLLBACK)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Twenty minutes in which a fifth of the new version's requests fail."""
    return write(tmp_path / "incident.csv", 0.2)


def write(path: Path, failing: float) -> Path:
    buckets = [f"le_{bound:g}" for bound in (*BOUNDS, float("inf"))]
    rows = [",".join(("time", "side", "requests", "errors", *buckets))]
    for one in recording(20, failing):
        for side, counts in one.sides.items():
            assert counts.latency is not None
            below = [sum(counts.latency.counts[: n + 1]) for n in range(len(buckets))]
            cells = (one.at.isoformat(), side, counts.requests, counts.errors, *below)
            rows.append(",".join(map(str, cells)))
    path.write_text("\n".join(rows) + "\n")
    return path


def counters(failing: float) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """The same as `write` has, as counters by side and status code."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for one in recording(20, failing):
        for side, counts in one.sides.items():
            for code, more in (("200", counts.requests - counts.errors), ("500", counts.errors)):
                series = found.setdefault((side, code), [])
                series.append((one.at.timestamp(), (series[-1][1] if series else 0.0) + more))
    return found


def range_query(path: Path) -> Path:
    """What Prometheus answers to a range query."""
    result = [
        {
            "metric": {"__name__": "requests_total", "side": side, "code": code},
            "values": [[at, str(value)] for at, value in values],
        }
        for (side, code), values in counters(0.2).items()
    ]
    answer = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    path.write_text(json.dumps(answer))
    return path


def open_metrics(path: Path) -> Path:
    """The same in the text of OpenMetrics, with timestamps."""
    lines = ["# TYPE requests counter"]
    for (side, code), values in counters(0.2).items():
        labels = f'{{side="{side}",code="{code}"}}'
        lines += [f"requests_total{labels} {value} {at}" for at, value in values]
    path.write_text("\n".join([*lines, "# EOF\n"]))
    return path


@pytest.mark.parametrize(("name", "make"), [("a.json", range_query), ("a.om", open_metrics)])
def test_what_prometheus_says_is_replayed_alike(
    cli: CommandLine, tmp_path: Path, name: str, make: Callable[[Path], Path]
) -> None:
    out = simulate(cli, "--metrics", make(tmp_path / name), "--format", "json")
    [one] = json.loads(out)["simulations"]
    assert one["phase"] == "rolled-back"
    assert one["stays"][0]["reasons"][0]["name"] == "error-rate"
    assert one["every_seconds"] == 15


def simulate(cli: CommandLine, *args: object, **more: object) -> str:
    return cli("rollout", "simulate", "--strategy", "quick", *args, **more)  # type: ignore[arg-type]


def test_a_recording_is_replayed(cli: CommandLine, recorded: Path) -> None:
    out = simulate(cli, "--metrics", recorded)
    assert "quick would have been rolled back at 5 %" in out
    assert "error-rate" in out
    [one] = cli.json("rollout", "simulate", "--strategy", "quick", "--metrics", recorded)[
        "simulations"
    ]
    assert one["phase"] == "rolled-back"
    assert one["kept_at_least"] == pytest.approx(0.1)
    assert one["synthetic"] is None


def test_the_rules_are_those_of_the_work_tree_or_of_a_ref(
    cli: CommandLine, world: World, recorded: Path
) -> None:
    message, mend = cli.fails(
        "rollout", "simulate", "--strategy", "quick", "--metrics", recorded, "--policy-ref", "HEAD"
    )
    assert message == "there is no strategy quick"
    assert "those with steps are" in mend


def test_a_scenario_is_said_to_be_synthetic_and_is_the_same_each_time(cli: CommandLine) -> None:
    first = simulate(cli, "--scenario", "errors:at=2m,rate=0.2,rps=40")
    assert "synthetic traffic, measured nowhere: errors:at=2m,rate=0.2,rps=40,seed=1" in first
    assert "would have been rolled back" in first
    assert first == simulate(cli, "--scenario", "errors:at=2m,rate=0.2,rps=40")
    assert "would have finished" in simulate(cli, "--scenario", "healthy:rps=40")
    silent = simulate(cli, "--scenario", "silent:at=2m,rps=40")
    assert "patience" in silent


def test_triggers_of_the_rollback_policy_take_part(cli: CommandLine) -> None:
    out = cli(
        "rollout", "simulate", "--strategy", "loose",
        "--scenario", "errors:at=2m,rate=0.9,rps=200",
    )  # fmt: skip
    assert "emergency: all traffic back at once" in out


def test_two_strategies_stand_side_by_side(cli: CommandLine, recorded: Path) -> None:
    out = simulate(cli, "--strategy", "loose", "--metrics", recorded, "--format", "markdown")
    assert "### quick would have been rolled back" in out
    assert "### loose would have finished" in out
    assert "| `loose` | finished after 10 min |" in out


def test_pictures_are_written_where_asked(cli: CommandLine, recorded: Path, tmp_path: Path) -> None:
    png, svg = tmp_path / "it.png", tmp_path / "it.svg"
    simulate(cli, "--metrics", recorded, "--png", png, "--svg", svg)
    assert png.read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in svg.read_bytes()
    assert f"drawn: {png}" in cli.error
    simulate(cli, "--metrics", recorded, "--png", tmp_path / "no" / "it.png", code=2)
    assert "can't be written" in cli.error


def test_the_speed_is_told_beside_the_data(cli: CommandLine, recorded: Path) -> None:
    plain = simulate(cli, "--metrics", recorded)
    assert simulate(cli, "--metrics", recorded, "--speed") == plain
    assert "× real time" in cli.error


def test_a_part_of_a_recording_can_be_replayed(cli: CommandLine, recorded: Path) -> None:
    simulated = cli.json(
        "rollout", "simulate", "--strategy", "loose", "--metrics", recorded,
        "--from", "2026-11-20T10:04:00Z", "--until", "2026-11-20T10:06:00Z",
    )  # fmt: skip
    [one] = simulated["simulations"]
    assert (one["began"], one["until"]) == ("2026-11-20T10:04:00Z", "2026-11-20T10:06:00Z")
    assert one["phase"] == "running"


def test_time_goes_on_after_a_recording_so_that_patience_ends(
    cli: CommandLine, recorded: Path
) -> None:
    [one] = cli.json(
        "rollout", "simulate", "--strategy", "loose", "--metrics", write(recorded, 0.0),
        "--from", "2026-11-20T10:18:00Z", "--until", "2026-11-20T11:00:00Z",
    )["simulations"]  # fmt: skip
    assert one["phase"] == "rolled-back"
    assert one["stays"][-1]["reasons"][0]["name"] == "patience"


def test_conditions_that_ask_of_the_model_need_one(cli: CommandLine, recorded: Path) -> None:
    message, mend = cli.fails("rollout", "simulate", "--strategy", "asking", "--metrics", recorded)
    assert message.endswith("the condition sla reads model.sla.error_rate")
    assert mend == "name the model: --model MODEL"
    message, mend = cli.fails(
        "rollout", "simulate", "--strategy", "asking", "--metrics", recorded, "--model", "nobody"
    )
    assert message == "there is no model nobody in the work tree"


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ((), "figures come from a recording or from a scenario"),
        (("--scenario", "healthy", "--until", "now"), "are about recordings"),
        (("--scenario", "odd"), "there is no scenario odd"),
        (("--scenario", "errors:at=2h"), "errors begins at 2h, when the traffic has ended"),
        (("--scenario", "healthy:rate=0.5"), "healthy takes no rate"),
        (("--scenario", "healthy", "--svg", "x.PNG"), "--svg x.PNG: that is the name of another"),
        (("--scenario", "healthy", "--png", "x.svg"), "--png x.svg: that is the name of another"),
        (("--scenario", "healthy", "--env", "moon"), "there is no environment moon"),
        (("--scenario", "healthy", "--strategy", "at-once"), "changes over at once"),
        (("--scenario", "healthy", "--policy-ref", "nowhere"), "nowhere"),
    ],
)
def test_what_makes_no_sense_is_told(cli: CommandLine, args: tuple[str, ...], problem: str) -> None:
    message, _ = cli.fails("rollout", "simulate", "--strategy", "quick", *args)
    assert problem in message


def test_what_nobody_recorded_can_be_assumed(cli: CommandLine, recorded: Path) -> None:
    args = ("rollout", "simulate", "--strategy", "loose", "--metrics", recorded, "--assume")
    assert cli(*args, "canary.failed_health_checks=0")
    for wrong in ("canary.colour=1", "canary.drift", "canary.drift=much", "=1"):
        message, mend = cli.fails(*args, wrong)
        assert message == f"{wrong} is no figure with its value"
        assert "policy facts live" in mend


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ("canary.error_rate=0", "comes from what was counted"),
        ("stable.latency_p99_ms=40", "comes from what was counted"),
        ("live.requests=9", "comes from what was counted"),
        ("canary.failed_health_checks=nan", "is nothing that canary.failed_health_checks can be"),
        ("canary.failed_health_checks=-1", "is nothing that"),
        ("canary.failed_health_checks=1e300", "is nothing that"),
        ("canary.failed_health_checks=0.5", "is no count"),
        ("canary.drift=inf", "is nothing that"),
        ("baseline.latency_p99_ms=-5", "is nothing that"),
        ("baseline.metrics=1", "is no figure with its value"),
        ("model.sla.error_rate=1", "is no figure with its value"),
    ],
)
def test_what_is_counted_or_no_number_is_not_assumed(
    cli: CommandLine, recorded: Path, wrong: str, problem: str
) -> None:
    args = ("rollout", "simulate", "--strategy", "loose", "--metrics", recorded, "--assume")
    message, mend = cli.fails(*args, wrong)
    assert problem in message
    assert mend


@pytest.mark.parametrize("column", ["drift", "psi"])
def test_what_was_recorded_is_not_assumed(cli: CommandLine, tmp_path: Path, column: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        f"time,side,requests,errors,{column}\n"
        "1795168800,canary,100,0,0.2\n1795168800,stable,100,0,\n"
        "1795168815,canary,100,0,\n1795168815,stable,100,0,\n"
    )
    args = ("rollout", "simulate", "--strategy", "loose", "--metrics", path, "--assume")
    message, mend = cli.fails(*args, f"canary.{column}=0")
    assert message == f"canary.{column} was recorded, so it can't be assumed"
    assert "leave out --assume" in mend
    assert cli(*args, "canary.failed_health_checks=0", "--assume", "live.accuracy_drop=-0.1")


def test_a_recording_of_one_side_is_refused(cli: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "half.csv"
    path.write_text(
        "time,side,requests,errors\n"
        "2026-11-20T10:00:00Z,canary,100,0\n2026-11-20T10:00:15Z,canary,100,0\n"
    )
    message, _ = cli.fails("rollout", "simulate", "--strategy", "loose", "--metrics", path)
    assert message == "nobody recorded stable, so there is nothing to compare"


def test_the_scenarios_of_the_help_are_scenarios(cli: CommandLine) -> None:
    shown = cli("rollout", "simulate", "--help")
    for words in ("errors:at=90m,rate=0.02", "slow:by=1.5", "errors:at=2h,rate=0.05"):
        assert words in shown
        parse_scenario(words)
