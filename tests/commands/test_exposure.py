"""From the figures of a service to a soak that counts them, by the command line alone."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from support.command_line import CommandLine
from support.journey import STEP, publish, trust
from support.world import MODEL, PROJECT, World

TESTS = "policies/gates/tests.yaml"
VERSION = f"{MODEL}@1.0.0"


def soak(cli: CommandLine) -> list[dict[str, Any]]:
    """What the soak says of the way to production."""
    [verdict] = cli.json("check", VERSION, "--to", "production", code=1)["verdicts"]
    return [f for f in verdict["findings"] if f["gate"] == "soak"]


def test_exposure_is_recorded_and_counted(
    served: World, cli: CommandLine, key: Path, tmp_path: Path
) -> None:
    trust(served, key, "exposure")
    text = (PROJECT / TESTS).read_text()
    asked = text.replace("{minimum: 24h}", "{minimum: 24h, requests: 1000, max_error_rate: 0.01}")
    assert asked != text
    publish(served, "main", {TESTS: asked})
    time, exposed = soak(cli)
    assert (time["outcome"], exposed["outcome"]) == ("pass", "inconclusive")
    result = tmp_path / "exposure.json"
    command = exposed["command"].split()
    assert command[:3] == ["modelctl", "evidence", "record"]
    assert command[-2:] == ["--result", "exposure.json"]

    since = served.now - STEP + timedelta(hours=1)
    figures = {"requests": 1500, "errors": 3, "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
               "until": f"{served.now - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"}  # fmt: skip
    result.write_text(json.dumps(figures))
    cli(*command[1:-1], result, "--key", key)
    assert [f["outcome"] for f in soak(cli)] == ["pass", "pass", "pass"]
    listed = cli("evidence", "list", VERSION)
    assert "exposure" in listed
    assert "1,500 requests, 3 errors" in " ".join(listed.split())


def test_exposure_that_could_not_count_is_not_recorded(
    served: World, cli: CommandLine, key: Path, tmp_path: Path
) -> None:
    trust(served, key, "exposure")
    result = tmp_path / "exposure.json"
    result.write_text('{"requests": -5, "errors": 0, "since": "x", "until": "y"}')
    message, _ = cli.fails(
        "evidence", "record", VERSION, "--kind", "exposure", "--environment", "staging",
        "--result", result, "--key", key,
    )  # fmt: skip
    assert "requests and errors must be whole numbers of 0 or more" in message
