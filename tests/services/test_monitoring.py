"""Alerts on an environment's branch: what a deploy keeps there."""

from __future__ import annotations

import json

import pytest

from modelctl.domain.alert_rules import FOLDER
from modelctl.services.monitoring import write_monitoring
from support.deploys import run
from support.journey import publish
from support.world import MODEL, PROJECT, World

POLICY = "policies/metrics.yaml"
HERE = "  dev: {kind: local}\n"
THERE = "  dev: {kind: prometheus, url: 'http://127.0.0.1:9090', mesh: traefik}\n"
STATE = "env/dev"


@pytest.fixture(autouse=True)
def _measured(served: World) -> None:
    """A Prometheus knows of dev, where 1.0.0 serves."""
    text = (PROJECT / POLICY).read_text()
    assert HERE in text
    publish(served, "main", {POLICY: text.replace(HERE, THERE)})


def there(world: World) -> set[str]:
    repository = world.session().repository
    tree = repository.tree(repository.remote_first(STATE))
    return {entry.path for entry in tree.walk(FOLDER)}


def test_a_deploy_keeps_the_alerts_of_what_it_brought(served: World) -> None:
    assert run(served, "dev").warnings == ()
    assert there(served) == {f"{FOLDER}/_environment.json", f"{FOLDER}/{MODEL}.json"}
    rules = json.loads(served.show(f"origin/{STATE}", f"{FOLDER}/{MODEL}.json"))
    assert rules["items"][0]["metadata"]["annotations"]["modelctl.dev/version"] == "1.0.0"


def test_a_second_deploy_finds_nothing_strange_and_writes_nothing(served: World) -> None:
    run(served, "dev")
    tip = served.session().repository.remote_first(STATE)
    again = run(served, "dev")
    assert (again.unaccounted, again.recorded) == ((), 0)
    assert served.session().repository.remote_first(STATE) == tip


def test_what_somebody_put_there_is_taken_out(served: World) -> None:
    run(served, "dev")
    publish(served, STATE, {f"{FOLDER}/by-hand.json": "{}"})
    run(served, "dev")
    assert f"{FOLDER}/by-hand.json" not in there(served)


def test_without_a_prometheus_there_are_none(served: World) -> None:
    run(served, "dev")
    publish(served, "main", {POLICY: (PROJECT / POLICY).read_text()})
    again = run(served, "dev")
    assert (again.unaccounted, there(served)) == ((), set())
    assert write_monitoring(served.session(), served.transition("dev")).commit is None


def test_what_cant_become_an_alert_is_a_warning_and_stops_no_deploy(served: World) -> None:
    path = "policies/monitoring.yaml"
    text = (PROJECT / path).read_text()
    publish(
        served, "main", {path: text.replace("live.cpu_percent > 80.0", "live.requests / 2 > 8")}
    )
    done = run(served, "dev")
    (warning,) = done.warnings
    assert warning.startswith(f"alerts: {path}:")
    assert "divides whole numbers" in warning
