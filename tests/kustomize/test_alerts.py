"""The component that marks alerts for the operator of a cluster, built by the real Kustomize."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from modelctl.adapters.documents import dump
from modelctl.adapters.kustomize import Kustomize
from modelctl.adapters.manifests import read_objects
from modelctl.domain.alert_routes import config_object
from modelctl.domain.dashboards import dashboard_object
from support.alerting import NAMESPACE, rules
from support.governed import policy
from support.renders import ROOT


def test_the_labels_of_the_component_are_on_every_object(tmp_path: Path) -> None:
    objects = [
        dict(rules().object),
        config_object("production", NAMESPACE, policy().monitoring.channels),
        dashboard_object("production", NAMESPACE),
    ]
    shutil.copytree(ROOT / "kustomize/components/alerts", tmp_path / "alerts")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "objects.yaml").write_text("---\n".join(dump(one) for one in objects))
    mine = {"resources": ["objects.yaml"], "components": ["../alerts"]}
    (folder / "kustomization.yaml").write_text(dump(mine))
    command = [*Kustomize.find().command, str(folder)]
    built = subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout
    found = {one["kind"]: one for one in read_objects(built)}
    assert {one["metadata"]["labels"]["release"] for one in found.values()} == {
        "kube-prometheus-stack"
    }
    assert found["PrometheusRule"]["spec"] == objects[0]["spec"]
    assert found["ConfigMap"]["data"] == objects[2]["data"]
