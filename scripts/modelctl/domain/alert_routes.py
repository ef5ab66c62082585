"""Where alerts go: routes and receivers of Alertmanager, by the channels of the policy.

Once as an AlertmanagerConfig of the Prometheus operator, once as a fragment of `alertmanager.yml`
for those without it. Secrets are named, never written: as keys of one Secret, or as files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from modelctl.domain.operations import SEVERITIES
from modelctl.domain.rendering import MANAGER, MANAGER_LABEL

CONFIG_API, CONFIG_KIND = "monitoring.coreos.com/v1alpha1", "AlertmanagerConfig"
SECRET: Final = "modelctl-channels"  # the name of a Secret, not one
"""The Secret with a key for each channel: a webhook's URL, or an integration key."""
SECRETS_FOLDER: Final = "/etc/alertmanager/secrets/modelctl-channels"
"""Where a plain Alertmanager finds the same as files, one for each channel."""

_TITLE: Final = "[{{ .Status | toUpper }}] {{ .CommonAnnotations.summary }}"
_TEXT: Final = (
    "{{ range .Alerts }}{{ .Annotations.summary }}\n"
    "{{ with .Annotations.effect }}{{ . }}\n{{ end }}"
    "Condition: {{ .Annotations.condition }} ({{ .Annotations.policy }})\n"
    "{{ with .Annotations.runbook_url }}{{ . }}\n{{ end }}{{ end }}"
)
_CONTACT: Final = "{{ .CommonAnnotations.contact }}"
_SEVERITY: Final = '{{ if eq .CommonLabels.severity "critical" }}critical{{ else }}warning{{ end }}'
_GROUPS: Final = ("environment", "model", "severity")
_WAITS: Final = {"critical": ("10s", "1m", "1h"), "warning": ("30s", "5m", "12h")}
_CALM: Final = ("1m", "30m", "24h")

Channel = Callable[[str], tuple[str, Mapping[str, Any]]]
"""A channel's name → the field of a receiver, and one entry of it."""


def channels_of(channels: Mapping[str, Sequence[str]], severity: str) -> tuple[str, ...]:
    """Where alerts of a severity go: to its own channels, else to those of the nearest one that
    has some, the graver first. What nobody thought of must still be heard."""
    at = SEVERITIES.index(severity)
    near = (*SEVERITIES[at::-1], *SEVERITIES[at + 1 :])
    return next((tuple(channels[name]) for name in near if channels.get(name)), ())


def config_object(
    environment: str, namespace: str, channels: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """The AlertmanagerConfig of an environment. The operator limits it to its namespace."""
    names = {severity: channels_of(channels, severity) for severity in SEVERITIES}
    return {
        "apiVersion": CONFIG_API,
        "kind": CONFIG_KIND,
        "metadata": {
            "name": f"modelctl-{environment}",
            "namespace": namespace,
            "labels": {MANAGER_LABEL: MANAGER},
        },
        "spec": {
            "route": {
                "receiver": SEVERITIES[-1],
                "groupBy": list(_GROUPS),
                "matchers": [_matcher("environment", environment)],
                "routes": [_operator_route(severity) for severity in SEVERITIES],
            },
            "receivers": [
                {"name": severity, **_grouped(names[severity], _operator_channel)}
                for severity in SEVERITIES
            ],
        },
    }


def config_fragment(
    environments: Sequence[str], channels: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """`route` and `receivers` of an alertmanager.yml for these environments.

    Its `global` stays the platform's: the address of the mail server is there.
    """
    names = {severity: channels_of(channels, severity) for severity in SEVERITIES}
    return {
        "route": {
            "receiver": SEVERITIES[-1],
            "group_by": list(_GROUPS),
            "routes": [
                {
                    "matchers": [f'environment="{environment}"'],
                    "routes": [_plain_route(severity) for severity in SEVERITIES],
                }
                for environment in environments
            ],
        },
        "receivers": [
            {"name": severity, **_grouped(names[severity], _plain_channel)}
            for severity in SEVERITIES
        ],
    }


def _matcher(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value, "matchType": "="}


def _operator_route(severity: str) -> dict[str, Any]:
    wait, interval, repeat = _WAITS.get(severity, _CALM)
    return {
        "matchers": [_matcher("severity", severity)],
        "receiver": severity,
        "groupWait": wait,
        "groupInterval": interval,
        "repeatInterval": repeat,
    }


def _plain_route(severity: str) -> dict[str, Any]:
    wait, interval, repeat = _WAITS.get(severity, _CALM)
    return {
        "matchers": [f'severity="{severity}"'],
        "receiver": severity,
        "group_wait": wait,
        "group_interval": interval,
        "repeat_interval": repeat,
    }


def _grouped(names: Sequence[str], channel: Channel) -> dict[str, list[Mapping[str, Any]]]:
    """The channels of a receiver by their field; two channels may be of one kind."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for field, entry in map(channel, names):
        found.setdefault(field, []).append(entry)
    return found


def _operator_channel(name: str) -> tuple[str, Mapping[str, Any]]:
    """A channel for the operator; one that isn't known by its name is a webhook."""
    secret = {"name": SECRET, "key": name}
    told = {"sendResolved": True}
    if name == "pagerduty":
        entry = {"routingKey": secret, "severity": _SEVERITY, "description": _TITLE}
        return "pagerdutyConfigs", {**told, **entry}
    if name == "slack":
        return "slackConfigs", {**told, "apiURL": secret, "title": _TITLE, "text": _TEXT}
    if name == "email":
        headers = [{"key": "Subject", "value": _TITLE}]
        return "emailConfigs", {**told, "to": _CONTACT, "headers": headers, "text": _TEXT}
    if name == "opsgenie":
        entry = {"apiKey": secret, "message": _TITLE, "description": _TEXT}
        return "opsgenieConfigs", {**told, **entry}
    return "webhookConfigs", {**told, "urlSecret": secret}


def _plain_channel(name: str) -> tuple[str, Mapping[str, Any]]:
    """The same for a plain Alertmanager."""
    file = f"{SECRETS_FOLDER}/{name}"
    told = {"send_resolved": True}
    if name == "pagerduty":
        entry = {"routing_key_file": file, "severity": _SEVERITY, "description": _TITLE}
        return "pagerduty_configs", {**told, **entry}
    if name == "slack":
        return "slack_configs", {**told, "api_url_file": file, "title": _TITLE, "text": _TEXT}
    if name == "email":
        headers = {"Subject": _TITLE}
        return "email_configs", {**told, "to": _CONTACT, "headers": headers, "text": _TEXT}
    if name == "opsgenie":
        entry = {"api_key_file": file, "message": _TITLE, "description": _TEXT}
        return "opsgenie_configs", {**told, **entry}
    return "webhook_configs", {**told, "url_file": file}
