"""What a process shows of itself at its metrics entry point, in Prometheus' text format."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from modelctl.domain.counters import Counters
from modelctl.errors import DependencyError

_MAX_CHARACTERS: Final = 256 * 1024 * 1024
_PREFIX: Final = "traefik_service_request"
_TOTAL: Final = "traefik_service_requests_total"
_BUCKET: Final = "traefik_service_request_duration_seconds_bucket"
_PROVIDER: Final = "@file"
_MS: Final = 1000.0


def traefik_counts(text: str, services: Collection[str], failures: str) -> Mapping[str, Counters]:
    """What Traefik has counted of these services of its file provider, by their names there.

    A service that got no request yet isn't in the text, so it isn't in the answer. Errors are the
    answers whose code is wholly matched by `failures`, whoever gave them: a router answers 502 and
    504 where the backend doesn't.

    Raises:
        DependencyError: the text isn't what Traefik writes.
    """
    wanted, requests, errors = set(services), dict[str, float](), dict[str, float]()
    failing = re.compile(failures)
    buckets: dict[str, dict[float, float]] = {}
    for name, labels, value in _samples(text):
        service = labels.get("service", "").removesuffix(_PROVIDER)
        # A prediction is asked for by POST; to ask how a version is, by GET, is no request to it.
        if service not in wanted or labels.get("method") == "GET":
            continue
        if name == _TOTAL:
            requests[service] = requests.get(service, 0.0) + value
            failed = value if failing.fullmatch(labels.get("code", "")) else 0.0
            errors[service] = errors.get(service, 0.0) + failed
        elif name == _BUCKET:
            bounds, bound = buckets.setdefault(service, {}), _bound(labels)
            bounds[bound] = bounds.get(bound, 0.0) + value
    return {
        service: Counters(
            requests=count, errors=errors[service], buckets=buckets.get(service) or None
        )
        for service, count in requests.items()
    }


def _bound(labels: Mapping[str, str]) -> float:
    """The upper bound of a bucket, in ms."""
    try:
        return float(labels["le"]) * _MS
    except (KeyError, ValueError) as error:
        raise DependencyError(
            "the router's metrics can't be read: a bucket has no bound"
        ) from error


def _samples(text: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    """Name, labels and value of each sample of a service; the routers' are the same once more."""
    from prometheus_client.parser import text_string_to_metric_families

    if len(text) > _MAX_CHARACTERS:
        raise DependencyError(f"the router shows {len(text)} characters of metrics: too many")
    lines = "\n".join(line for line in text.splitlines() if line.startswith(_PREFIX))
    try:
        for family in text_string_to_metric_families(f"{lines}\n"):
            for sample in family.samples:
                if not math.isfinite(sample.value) or sample.value < 0:
                    raise ValueError(f"{sample.name} is {sample.value}")
                yield sample.name, sample.labels, sample.value
    except (ValueError, KeyError, IndexError) as error:
        raise DependencyError(f"the router's metrics can't be read: {error}") from error
