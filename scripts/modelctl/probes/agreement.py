"""The agreement of two versions as evidence, from their predictions of the same requests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from modelctl.domain.agreement import CONFIDENCE, Agreement, Prediction
from modelctl.probes.result_values import Predicate

_HOUR = timedelta(hours=1)


def predicate_of(
    found: Agreement, canary: Sequence[Prediction], *, against: str, at_least: float | None
) -> Predicate:
    """The measured part of a `shadow` predicate; `against` is the version that served.

    It has passed if there were common requests and, where `at_least` asks for it, even the lower
    limits of the agreement reach that: on the whole, and of each slice with enough rows.
    """
    lower, upper = found.whole.limits()
    predicate: Predicate = {
        "passed": passed(found, at_least),
        "sample_size": found.whole.rows,
        "requests": found.canary,
        "hours": _hours(canary),
        "metrics": dict(found.metrics),
        "lower": {"agreement": lower},
        "upper": {"agreement": upper},
        "confidence": CONFIDENCE,
        "groups": {
            column: {value: {"agreement": share.rate} for value, share in values.items()}
            for column, values in found.slices.items()
        },
        "labels": {"against": against},
        "values": {"lone_stable": found.lone_stable, "lone_canary": found.lone_canary},
        "tool": {"name": "modelctl rollout compare", "version": "1"},
    }
    if found.psi is not None:
        predicate["prediction_psi"] = found.psi
    if found.differences is not None:
        far = found.differences
        predicate["values"] |= {
            "difference_mean": far.mean,
            "difference_p50": far.p50,
            "difference_p95": far.p95,
            "difference_p99": far.p99,
        }
    return predicate


def passed(found: Agreement, at_least: float | None) -> bool:
    """Whether the versions agree as much as is asked, and not by chance alone."""
    if not found.whole.rows:
        return False
    lowest = found.lowest
    shares = [found.whole, *((lowest[2],) if lowest else ())]
    return at_least is None or all(share.limits()[0] >= at_least for share in shares)


def _hours(predictions: Sequence[Prediction]) -> float:
    times = [one.at for one in predictions]
    return (max(times) - min(times)) / _HOUR if times else 0.0
