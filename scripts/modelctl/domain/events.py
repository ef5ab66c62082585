"""What other systems are told when a version moves: CloudEvents 1.0.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md

An event that is told twice has the same `id` and `source` both times, so that whoever listens can
tell it from a second one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from modelctl.domain.history import Deployment
from modelctl.domain.incidents import Incident

PROMOTED = "ml.model.promoted.v1"
ROLLED_BACK = "ml.model.rolledback.v1"
HELD = "ml.model.rollbackheld.v1"

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a model `at` an instant (UTC). `source` is who tells it, as a URI
    reference, `subject` the version as `model@version`."""

    id: str
    type: str
    source: str
    subject: str
    at: datetime
    data: Mapping[str, Any]

    def as_data(self) -> dict[str, Any]:
        """As the JSON format of CloudEvents has it."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "time": _time(self.at),
            "datacontenttype": "application/json",
            "data": dict(self.data),
        }


def promoted(one: Deployment, *, stage: str, run: str | None, source: str) -> Event:
    """That a version became what an environment serves; `run` is the id of its training run."""
    data = {
        "model": one.model,
        "version": one.version,
        "stage": stage,
        "run_id": run,
        "timestamp": _time(one.at),
        "environment": one.environment,
        "digest": f"sha256:{one.digest}",
        "approvers": list(one.approvers),
        "commit": one.commit,
    }
    name = f"{one.model}@{one.version}"
    return _event(PROMOTED, name, one.at, data, source, (one.environment, str(one.seq)))


def rolled_back(one: Incident, *, stage: str, source: str) -> Event:
    """That an environment went back from a version; `stage` is that of the environment."""
    back = one.back_to
    data = {
        "model": one.model,
        "version": back.version if back else None,
        "stage": stage,
        "timestamp": _time(one.at),
        "environment": one.environment,
        "digest": f"sha256:{back.digest}" if back else None,
        "failed_version": one.failed.version,
        "failed_digest": f"sha256:{one.failed.digest}",
        "trigger": one.trigger,
        "reason": one.reason,
        "by": one.by,
    }
    name = f"{one.model}@{one.failed.version}"
    type_ = ROLLED_BACK if back else HELD
    return _event(type_, name, one.at, data, source, (one.environment, one.failed.digest, one.id))


def _event(
    type_: str,
    subject: str,
    at: datetime,
    data: Mapping[str, Any],
    source: str,
    told_by: tuple[str, ...],
) -> Event:
    text = "\n".join((type_, subject, *told_by))
    return Event(
        id=sha256(text.encode()).hexdigest()[:32],
        type=type_,
        source=source,
        subject=subject,
        at=at,
        data=data,
    )


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
