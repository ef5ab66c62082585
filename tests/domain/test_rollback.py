"""Where an environment can go back to, and what speaks against each version that it ran."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from modelctl.domain.endings import Ending
from modelctl.domain.history import Deployment, Quarantine
from modelctl.domain.rollback import Past, best, targets

START = datetime(2026, 11, 1, tzinfo=UTC)
MODEL = "tumor-classifier"


def past(*versions: str, environment: str = "production", **changes: Any) -> Past:
    """An environment that ran these versions, one a day; the branch has all of their manifests."""
    history = [
        Deployment(
            model=MODEL,
            version=version,
            digest=f"digest of {version}",
            environment=environment,
            commit="c" * 40,
            at=START + timedelta(days=day),
            seq=day,
        )
        for day, version in enumerate(versions)
    ]
    known: dict[str, Any] = {
        "environment": "production",
        "released": versions[-1] if versions else None,
        "history": history,
        "digests": {version: f"digest of {version}" for version in versions},
    }
    return Past(**{**known, **changes})


def told(one: Past) -> dict[str, str | None]:
    return {target.version: target.problem for target in targets(one)}


def chosen(one: Past) -> str | None:
    found = best(targets(one))
    return found.version if found else None


def test_the_last_version_before_is_gone_back_to() -> None:
    one = past("1.0.0", "1.1.0", "1.2.0")
    assert told(one) == {"1.2.0": "the branch releases it now", "1.1.0": None, "1.0.0": None}
    assert chosen(one) == "1.1.0"


def test_what_never_ran_there_is_no_target() -> None:
    assert chosen(past()) is None
    assert told(past("1.0.0", environment="staging")) == {}


def test_what_was_rolled_back_from_there_is_passed_over() -> None:
    held = [
        Quarantine(model=MODEL, version=version, environment=environment, reason="slow", at=START)
        for version, environment in (("1.1.0", "production"), ("1.0.0", "staging"))
    ]
    one = past("1.0.0", "1.1.0", "1.2.0", quarantines=held)
    assert told(one)["1.1.0"] == "it was rolled back there: slow"
    assert chosen(one) == "1.0.0"


def test_what_came_after_what_runs_now_is_promoted_and_not_gone_back_to() -> None:
    one = past("1.0.0", "1.1.0", "1.0.0")
    assert told(one)["1.1.0"] == "it came after what runs now: promote it instead"
    assert chosen(one) is None


def test_what_was_merged_and_not_deployed_is_undone_to_what_runs() -> None:
    one = past("1.0.0", "1.1.0", released="1.2.0")
    assert chosen(one) == "1.1.0"


def test_a_version_that_has_ended_is_passed_over() -> None:
    def ending(version: str, kind: str) -> Ending:
        return Ending(
            model=MODEL, version=version, digest="d", kind=kind, reason="old", by="pat", at=START
        )

    gone = [ending("1.1.0", "archival"), ending("1.0.0", "deprecation")]
    one = past("1.0.0", "1.1.0", "1.2.0", endings=gone)
    assert told(one)["1.1.0"] == "it was archived on 2026-11-01 by pat: old"
    assert chosen(one) == "1.0.0"


def test_a_manifest_that_is_not_the_one_that_ran_is_passed_over() -> None:
    digests = {"1.2.0": "digest of 1.2.0", "1.1.0": "another"}
    one = past("1.0.0", "1.1.0", "1.2.0", digests=digests)
    assert told(one) == {
        "1.2.0": "the branch releases it now",
        "1.1.0": "the branch has another manifest of it than ran",
        "1.0.0": "the branch has its manifest no more",
    }
