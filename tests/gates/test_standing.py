"""What has ended goes nowhere; what is only deprecated may stay, and be gone back to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelctl.domain.candidate import Served
from modelctl.domain.endings import Ending
from modelctl.domain.history import (
    ARCHIVAL,
    DEPRECATION,
    REINSTATEMENT,
    REJECTION,
    RETIREMENT,
)
from modelctl.domain.verdict import Finding, Outcome
from modelctl.gates import CHECKS
from support.judging import DIGEST, candidate, facts, gate, policy
from support.keys import NOW
from support.world import MODEL


def judged(
    *kinds: str,
    version: str = "1.0.0",
    is_rollback: bool = False,
    served: Served | None = None,
    replaced_by: str | None = None,
) -> Finding:
    told = tuple(
        Ending(
            model=MODEL,
            version=version,
            digest=DIGEST,
            kind=kind,
            reason="old",
            by="ada",
            at=NOW,
            replaced_by=replaced_by,
        )
        for kind in kinds
    )
    one = replace(candidate(), is_rollback=is_rollback)
    known = replace(facts(), endings=told, served=served)
    [found] = CHECKS["standing"](gate(check="standing"), one, policy(), known)
    return found


@pytest.mark.parametrize("is_rollback", [False, True])
@pytest.mark.parametrize(
    "kinds", [(REJECTION,), (ARCHIVAL,), (DEPRECATION, ARCHIVAL), (ARCHIVAL, RETIREMENT)]
)
def test_what_has_ended_goes_nowhere(kinds: tuple[str, ...], is_rollback: bool) -> None:
    found = judged(*kinds, is_rollback=is_rollback)
    assert found.outcome is Outcome.FAIL
    assert found.message.startswith(f"{MODEL}@1.0.0 was ")
    assert "on 2026-11-20 by ada: old" in found.message
    mistake = f"; if it was ended by mistake: modelctl reinstate {MODEL}@1.0.0"
    final = RETIREMENT in kinds
    assert found.mend == "promote another version" + ("" if final else mistake)


def test_what_serves_may_not_come_again_once_it_has_ended() -> None:
    served = Served(version="1.0.0", digest=candidate().digest)
    assert judged(ARCHIVAL, served=served).outcome is Outcome.FAIL


def test_a_deprecated_version_is_promoted_no_further() -> None:
    assert judged(DEPRECATION).outcome is Outcome.FAIL
    mend = judged(DEPRECATION, replaced_by="1.1.0").mend or ""
    assert mend.startswith(f"promote {MODEL}@1.1.0; if it was ended by mistake")
    other = Served(version="0.9.0", digest="9" * 64)
    assert judged(DEPRECATION, served=other).outcome is Outcome.FAIL


def test_a_deprecated_version_may_stay_and_be_gone_back_to() -> None:
    served = Served(version="1.0.0", digest=candidate().digest)
    assert judged(DEPRECATION, served=served).outcome is Outcome.PASS
    assert judged(DEPRECATION, is_rollback=True).outcome is Outcome.PASS


@pytest.mark.parametrize("kinds", [(), (ARCHIVAL, REINSTATEMENT)])
def test_what_has_not_ended_passes(kinds: tuple[str, ...]) -> None:
    assert judged(*kinds).outcome is Outcome.PASS


def test_another_version_says_nothing() -> None:
    assert judged(ARCHIVAL, version="0.9.0").outcome is Outcome.PASS
