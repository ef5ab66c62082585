"""Environments that a Prometheus knows of, and the alerts that lie on their branches."""

from __future__ import annotations

import json

from modelctl.domain.alert_rules import FOLDER
from support.journey import publish
from support.world import MODEL, PROJECT, World

_POLICY = "policies/metrics.yaml"


def measured(world: World, environment: str = "dev") -> None:
    """Has a Prometheus know of an environment."""
    text = (PROJECT / _POLICY).read_text()
    here = f"  {environment}: {{kind: local}}\n"
    assert here in text
    there = here.replace("local", "prometheus, url: 'http://127.0.0.1:9090', mesh: traefik")
    publish(world, "main", {_POLICY: text.replace(here, there)})


def alerts_of(world: World, environment: str = "dev") -> tuple[str, set[str]]:
    """The version that a model's alerts are about, and all versions whose figures they record."""
    world.builder.git("fetch", "--quiet", "origin")
    text = world.show(f"origin/env/{environment}", f"{FOLDER}/{MODEL}.json")
    [rules] = json.loads(text)["items"]
    recorded = {
        rule["labels"]["version"]
        for group in rules["spec"]["groups"]
        for rule in group["rules"]
        if "record" in rule and "version" in rule.get("labels", {})
    }
    return rules["metadata"]["annotations"]["modelctl.dev/version"], recorded
