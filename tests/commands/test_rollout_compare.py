"""`modelctl rollout compare`: two logs beside each other, and the verdict as evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelctl.adapters.local.registry import Registry
from modelctl.adapters.local.traefik import to_text
from modelctl.adapters.prediction_log import log_file
from modelctl.domain.serving import Route
from support.command_line import CommandLine
from support.journey import trust
from support.world import MODEL, World

ROWS = 200


def log(path: Path, version: str, *, wrong: int = 0, rows: int = ROWS, first: int = 0) -> Path:
    """A log of answers; the first `wrong` ones are of the other class."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        {
            "time": f"2026-11-20T10:{n // 60 % 60:02}:{n % 60:02}Z",
            "request": f"r{first + n}",
            "version": version,
            "inputs": {"size_band": ["young" if n % 4 else "old"], "site": ["a"]},
            "outputs": [n % 2 if n >= wrong else 1 - n % 2],
        }
        for n in range(rows)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def logs(tmp_path: Path) -> tuple[str, Path, str, Path]:
    stable = log(tmp_path / "stable.jsonl", "0.9.0")
    return ("--stable", stable, "--canary", log(tmp_path / "shadow.jsonl", "1.0.0", wrong=10))


def compare(cli: CommandLine, *args: object, code: int = 0) -> str:
    return cli("rollout", "compare", MODEL, "--env", "staging", *args, code=code)


def test_it_says_how_much_agrees_and_where_least(served: World, cli: CommandLine, logs) -> None:
    said = compare(cli, *logs)
    assert f"✓ {MODEL} 1.0.0 beside 0.9.0 in staging" in said
    assert "95.00%" in said
    assert "size_band young" in said
    assert "200 and 200 requests of 0.9.0 and 1.0.0; 0 and 0 of them without the other" in said
    assert "population stability index of the answers: 0.000" in said
    assert "least of all for size_band old: 94.00%" in said


def test_the_same_as_json_and_markdown(served: World, cli: CommandLine, logs) -> None:
    data = json.loads(compare(cli, *logs, "--format", "json"))
    assert data["agreement"]["rows"] == ROWS
    assert data["metrics"]["agreement"] == 0.95
    assert set(data["slices"]) == {"size_band"}
    assert data["slices"]["size_band"]["old"]["agreed"] == 47
    assert data["unmatched"] == {"stable": 0, "canary": 0}
    assert data["place"] is None
    table = compare(cli, *logs, "--format", "markdown")
    assert "| all | 200 | 95.00% |" in table


def test_a_column_may_be_named(served: World, cli: CommandLine, logs) -> None:
    data = json.loads(compare(cli, *logs, "--slice", "site", "--format", "json"))
    assert data["slices"] == {"site": {"a": data["agreement"]}}


def test_less_than_is_asked_for_fails_by_the_lower_limit(served: World, cli, logs) -> None:
    compare(cli, *logs, "--at-least", "0.8")
    said = compare(cli, *logs, "--at-least", "0.94", code=1)
    assert "✗" in said
    assert "asked for: 94.00% or more, by the lower limit" in said


def test_it_is_recorded_as_evidence(served: World, cli: CommandLine, key: Path, logs) -> None:
    trust(served, key, "shadow")
    data = json.loads(compare(cli, *logs, "--record", "--key", key, "--format", "json"))
    assert data["place"].startswith(f"models/{MODEL}/")
    [row] = [
        row
        for row in cli.json("evidence", "list", f"{MODEL}@1.0.0")["entries"]
        if row["kind"] == "shadow"
    ]
    assert (row["environment"], row["signer"]) == ("staging", "me")
    whole = json.loads(cli("ledger", "show", MODEL, row["seq"]))["statement"]["predicate"]
    assert whole["passed"] is True
    assert whole["sample_size"] == ROWS
    assert whole["metrics"] == {"agreement": 0.95, "agreement_min_slice": 0.94}
    assert whole["groups"]["size_band"]["old"] == {"agreement": 0.94}
    assert whole["labels"] == {"against": "0.9.0"}
    assert 0 < whole["lower"]["agreement"] < 0.95 < whole["upper"]["agreement"]


def test_without_a_key_nothing_is_recorded(served: World, cli: CommandLine, logs) -> None:
    message, _ = cli.fails("rollout", "compare", MODEL, "--env", "staging", *logs, "--record")
    assert message == "there is no key to sign with"


def test_without_a_common_request_nothing_is_decided(served: World, cli, tmp_path: Path) -> None:
    stable = log(tmp_path / "stable.jsonl", "0.9.0")
    canary = log(tmp_path / "canary.jsonl", "1.0.0", first=1000)
    compare(cli, "--stable", stable, "--canary", canary, code=3)
    assert "no request was answered by both" in cli.error


def test_the_logs_that_are_kept_here_are_found(served: World, cli, tmp_path: Path) -> None:
    root = tmp_path / "local"
    registry = Registry(root / "staging")
    parts = {"stable": "0.9.0", "shadow": "1.0.0"}
    routes = [
        Route(model=MODEL, version=v, port=1, weight=100 if p == "stable" else 0, part=p)
        for p, v in parts.items()
    ]
    registry.write(registry.routes, to_text(routes))
    args = ("--local-root", root, "--format", "json")
    message, _ = cli.fails("rollout", "compare", MODEL, "--env", "staging", *args, code=3)
    assert message == f"{MODEL}-0.9.0.jsonl holds no predictions yet"
    for version in parts.values():
        log(log_file(registry.folder, f"{MODEL}-{version}"), version)
    assert json.loads(compare(cli, *args))["metrics"]["agreement"] == 1.0


def test_where_nothing_is_compared_the_logs_must_be_named(served: World, cli, tmp_path) -> None:
    message, mend = cli.fails(
        "rollout", "compare", MODEL, "--env", "staging", "--local-root", tmp_path
    )
    assert message == f"no version of {MODEL} is held against another one here"
    assert mend == "name the two logs: --stable FILE --canary FILE"


def test_a_log_of_several_versions_must_be_narrowed(
    served: World, cli, tmp_path: Path, logs
) -> None:
    both = tmp_path / "both.jsonl"
    later = log(tmp_path / "later.jsonl", "1.0.0").read_text().replace("2026-11-20", "2026-11-21")
    both.write_text(log(tmp_path / "a.jsonl", "0.8.0").read_text() + later)
    args = (*logs[:2], "--canary", both)
    message, mend = cli.fails("rollout", "compare", MODEL, "--env", "staging", *args)
    assert "the log holds predictions of several versions: 0.8.0, 1.0.0" in message
    assert mend == "say since when: --since TIME"
    cli.fails("rollout", "compare", MODEL, "--env", "staging", *args, "--since", "soon")
    compare(cli, *args, "--since", "2026-11-21", code=3)  # stable has nothing of that day


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--env", "moon"), "there is no environment moon"),
        (("--env", "staging", "--stable", "STABLE"), "--stable and --canary are given together"),
    ],
)
def test_what_can_not_be_is_told(served: World, cli, logs, args, message: str) -> None:
    given = [logs[1] if arg == "STABLE" else arg for arg in args]
    said, _ = cli.fails("rollout", "compare", MODEL, *given)
    assert message in said


def test_a_model_that_nobody_knows_is_told(served: World, cli: CommandLine, logs) -> None:
    message, _ = cli.fails("rollout", "compare", "no-such", "--env", "staging", *logs)
    assert message == "there is no model no-such"
