"""Routes of alerts, held to what Alertmanager's own tool says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelctl.domain.alert_routes import (
    SECRET,
    SECRETS_FOLDER,
    channels_of,
    config_fragment,
    config_object,
)
from modelctl.domain.alert_rules import CRITICAL, WARNING
from support.alerting import run
from support.governed import policy as shipped
from support.prometheus import tool

CHANNELS = {
    "critical": ("pagerduty", "slack", "email"),
    "warning": ("slack", "opsgenie"),
    "info": ("slack",),
}
OWN = {**CHANNELS, "info": ("pager-of-our-own",)}
"""With a channel that nobody knows by its name. Alertmanager reads its address from a file since
0.26, which is newer than the amtool of some systems."""
GLOBAL = {"smtp_smarthost": "mail.example.com:25", "smtp_from": "alerts@example.com"}


def written(folder: Path, channels: dict[str, tuple[str, ...]]) -> Path:
    """The fragment with the `global` that belongs to the platform."""
    path = folder / "alertmanager.yml"
    fragment = config_fragment(["staging", "production"], channels)
    path.write_text(json.dumps({"global": GLOBAL, **fragment}))
    return path


@pytest.mark.parametrize("channels", [CHANNELS, {"warning": ("slack",)}, {}])
def test_alertmanager_takes_the_fragment(
    channels: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    path = written(tmp_path, channels)
    code, said = run(tool("amtool"), "check-config", str(path), cwd=tmp_path)
    assert code == 0, said
    assert "3 receivers" in said


@pytest.mark.parametrize("environment", ["staging", "production"])
@pytest.mark.parametrize("severity", ["critical", "warning", "info"])
def test_an_alert_goes_to_the_receiver_of_its_severity(
    environment: str, severity: str, tmp_path: Path
) -> None:
    path = written(tmp_path, CHANNELS)
    labels = (f"environment={environment}", f"severity={severity}", "model=tumor-classifier")
    at = f"--config.file={path}"
    code, said = run(tool("amtool"), "config", "routes", "test", at, *labels, cwd=tmp_path)
    assert (code, said.splitlines()[0]) == (0, severity)


def test_what_is_from_elsewhere_wakes_nobody(tmp_path: Path) -> None:
    at = f"--config.file={written(tmp_path, CHANNELS)}"
    labels = ("environment=elsewhere", "severity=critical")
    _, said = run(tool("amtool"), "config", "routes", "test", at, *labels, cwd=tmp_path)
    assert said.splitlines()[0] == "info"


@pytest.mark.parametrize(
    ("channels", "severity", "expected"),
    [
        (CHANNELS, "warning", ("slack", "opsgenie")),
        ({"warning": ["slack"]}, "critical", ("slack",)),
        ({"info": ["slack"]}, "critical", ("slack",)),
        ({"critical": ["pagerduty"], "info": ["slack"]}, "warning", ("pagerduty",)),
        ({"critical": ["pagerduty"], "warning": ["slack"]}, "info", ("slack",)),
        ({}, "critical", ()),
    ],
)
def test_a_severity_without_channels_takes_the_nearest_ones(
    channels: Any, severity: str, expected: tuple[str, ...]
) -> None:
    assert channels_of(channels, severity) == expected


def receivers(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in config["spec"]["receivers"]}


def test_the_operator_gets_the_same_receivers() -> None:
    found = receivers(config_object("production", "models", OWN))
    assert {name: sorted(set(one) - {"name"}) for name, one in found.items()} == {
        "critical": ["emailConfigs", "pagerdutyConfigs", "slackConfigs"],
        "warning": ["opsgenieConfigs", "slackConfigs"],
        "info": ["webhookConfigs"],
    }
    secret = found["info"]["webhookConfigs"][0]["urlSecret"]
    assert secret == {"name": SECRET, "key": "pager-of-our-own"}


def test_a_channel_that_nobody_knows_is_a_webhook() -> None:
    info = config_fragment(["production"], OWN)["receivers"][-1]
    assert info["webhook_configs"] == [
        {"send_resolved": True, "url_file": f"{SECRETS_FOLDER}/pager-of-our-own"}
    ]


def test_two_channels_of_one_kind_are_both_told() -> None:
    found = receivers(config_object("production", "models", {"info": ("one", "two")}))
    assert [one["urlSecret"]["key"] for one in found["info"]["webhookConfigs"]] == ["one", "two"]


def test_the_operator_routes_an_environment_by_severity() -> None:
    config = config_object("production", "models", CHANNELS)
    assert config["metadata"]["namespace"] == "models"
    route = config["spec"]["route"]
    assert route["matchers"] == [{"name": "environment", "value": "production", "matchType": "="}]
    told = {one["matchers"][0]["value"]: one["receiver"] for one in route["routes"]}
    assert told == {"critical": "critical", "warning": "warning", "info": "info"}
    assert {CRITICAL, WARNING} <= set(told)


def test_no_secret_is_written_anywhere() -> None:
    everything = json.dumps(
        [
            config_object("production", "models", shipped().monitoring.channels),
            config_fragment(["production"], shipped().monitoring.channels),
        ]
    )
    for word in ("hooks.slack.com", "https://", "password", "token"):
        assert word not in everything
