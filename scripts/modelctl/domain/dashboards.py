"""The dashboard of an environment for Grafana, as a ConfigMap that its sidecar finds.

Everything shown was recorded by the rules of the alerts (`recorded_figures`), so a dashboard knows
no mesh, and shows the very numbers that alerts are decided by. The same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from modelctl.domain.alert_rules import ROLLBACK_ALERT
from modelctl.domain.dashboard_rows import ROWS, Panel
from modelctl.domain.recorded_figures import selector
from modelctl.domain.rendering import MANAGER, MANAGER_LABEL, to_json

DASHBOARD_LABEL: Final = "grafana_dashboard"
_SCHEMA: Final = 39
"""The version of Grafana's own model of a dashboard (Grafana 10.4 and newer read it)."""
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_WIDE, _HEIGHT, _PER_ROW = 24, 8, 3


def dashboard_object(environment: str, namespace: str) -> dict[str, Any]:
    """The ConfigMap with the dashboard of an environment."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"modelctl-{environment}-dashboard",
            "namespace": namespace,
            "labels": {DASHBOARD_LABEL: "1", MANAGER_LABEL: MANAGER},
            "annotations": {"grafana_folder": "Models"},
        },
        "data": {f"modelctl-{environment}.json": to_json(dashboard(environment))},
    }


def dashboard(environment: str) -> dict[str, Any]:
    """The dashboard, in Grafana's own model."""
    return {
        "uid": f"modelctl-{sha256(environment.encode()).hexdigest()[:12]}",
        "title": f"Models in {environment}",
        "description": "Made from the policies; what is changed here is lost.",
        "tags": ["modelctl", environment],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "utc",
        "annotations": {"list": list(_annotations())},
        "templating": {"list": _variables(environment)},
        "panels": list(_panels()),
    }


def _annotations() -> Iterator[Mapping[str, Any]]:
    where = '{environment="$environment",model=~"$model"'
    fired = f'ALERTS{where},alertstate="firing",alertname=~"{ROLLBACK_ALERT}.+"}}'
    yield _annotation("Rollbacks", fired, "red", "{{alertname}}", "{{model}} {{version}}")
    moved = f"changes(modelctl:backend_weight{where}}}[1m]) > 0"
    yield _annotation("Weights", moved, "blue", "{{backend}} moved", "{{model}} {{version}}")


def _annotation(name: str, query: str, color: str, title: str, text: str) -> Mapping[str, Any]:
    return {
        "name": name,
        "datasource": _SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": color,
        "expr": query,
        "step": "15s",
        "titleFormat": title,
        "textFormat": text,
        "useValueForTime": False,
    }


def _variables(environment: str) -> list[Mapping[str, Any]]:
    weights = selector("modelctl:backend_weight", {"environment": environment})
    of_model = f'{weights.removesuffix("}")},model=~"$model"}}'
    return [
        {
            "name": "datasource",
            "label": "Prometheus",
            "type": "datasource",
            "query": "prometheus",
            "refresh": 1,
            "hide": 0,
            "current": {},
            "options": [],
        },
        {
            "name": "environment",
            "type": "constant",
            "query": environment,
            "current": {"text": environment, "value": environment},
            "hide": 2,
            "options": [],
        },
        _asked("model", "Model", f"label_values({weights}, model)"),
        _asked("version", "Version", f"label_values({of_model}, version)"),
    ]


def _asked(name: str, label: str, query: str) -> Mapping[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
        "hide": 0,
        "options": [],
    }


def _panels() -> Iterator[Mapping[str, Any]]:
    """Each row, then its panels in lines of `_PER_ROW`."""
    number, y = 0, 0
    for title, panels in ROWS.items():
        number += 1
        place = {"x": 0, "y": y, "w": _WIDE, "h": 1}
        row = {"id": number, "type": "row", "title": title, "gridPos": place}
        yield {**row, "collapsed": False, "panels": []}
        for index, panel in enumerate(panels):
            number += 1
            yield _graph(panel, number, _place(index, y + 1))
        y += 1 + _HEIGHT * -(-len(panels) // _PER_ROW)


def _place(index: int, y: int) -> Mapping[str, int]:
    width = _WIDE // _PER_ROW
    line, column = divmod(index, _PER_ROW)
    return {"x": column * width, "y": y + line * _HEIGHT, "w": width, "h": _HEIGHT}


def _graph(panel: Panel, number: int, place: Mapping[str, int]) -> Mapping[str, Any]:
    custom = {
        "lineWidth": 1,
        "fillOpacity": 20 if panel.stacked else 5,
        "showPoints": "auto",
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
    }
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": _targets(panel.queries),
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": None, "custom": custom},
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        **({"timeFrom": panel.since} if panel.since else {}),
    }


def _targets(queries: Sequence[tuple[str, str]]) -> list[Mapping[str, Any]]:
    return [
        {
            "refId": chr(ord("A") + index),
            "datasource": _SOURCE,
            "editorMode": "code",
            "range": True,
            "expr": query,
            "legendFormat": legend,
        }
        for index, (query, legend) in enumerate(queries)
    ]
