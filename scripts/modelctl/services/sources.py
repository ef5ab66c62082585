"""Where the figures of an environment come from, as `policies/metrics.yaml` says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from modelctl.adapters.local.compared import PredictionFigures
from modelctl.adapters.local.metrics import LocalMetrics
from modelctl.adapters.prometheus import PrometheusSource
from modelctl.adapters.prometheus_http import PrometheusApi
from modelctl.domain.metric_sources import PrometheusAt
from modelctl.domain.observations import Source
from modelctl.errors import ModelctlError
from modelctl.services.local_serving import local_target
from modelctl.services.session import Session


def source_of(
    session: Session, environment: str, root: Path, environ: Mapping[str, str] | None = None
) -> Source:
    """The source of an environment's figures. `root` is the folder of the local target's state;
    addresses and tokens that aren't written down are taken from `environ`, by default that of the
    process. Nothing is asked yet.

    Raises:
        ModelctlError: the variable with the address isn't set.
        DependencyError: the address can't be one.
    """
    metrics = session.policy.metrics
    at = metrics.at(environment)
    if at is None:
        target = local_target(session, environment, root, None)
        return LocalMetrics(
            target,
            compared=PredictionFigures(target.folder),
            failures=metrics.failures_at(environment),
            reference=session.policy.monitoring.reference,
        )
    return PrometheusSource(
        prometheus_of(at, os.environ if environ is None else environ),
        at,
        metrics.meshes[at.mesh],
        metrics.own,
        reference=session.policy.monitoring.reference,
    )


def prometheus_of(at: PrometheusAt, environ: Mapping[str, str]) -> PrometheusApi:
    """The Prometheus that is meant, with its token.

    Raises:
        ModelctlError: the variable with the address isn't set.
        DependencyError: the address can't be one.
    """
    url = at.url or environ.get(at.url_from or "", "")
    if not url:
        raise ModelctlError(
            f"nothing says where Prometheus is: {at.url_from} isn't set",
            mend=f"export {at.url_from}=http://host:9090",
        )
    token = environ.get(at.token_from, "").strip() or None
    return PrometheusApi(url, token=token, token_from=at.token_from, timeout=at.timeout)
