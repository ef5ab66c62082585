"""What a deployment's statement tells an auditor, whatever is in it."""

from __future__ import annotations

from typing import Any

import pytest

from modelctl.domain.audit import Doubt, Proof, envelopes, served, waivers
from modelctl.domain.history import Deployment
from modelctl.domain.waivers import WaiverRecord
from support.keys import NOW

PROOF = Proof(path="models/m-n/0000/00000001-deployment-0.json", digest="0" * 64, seq=1,
              signers=("deployer",))  # fmt: skip
WAIVED = {
    "gate": "soak",
    "file": "policies/waivers/one.yaml",
    "approved_by": "pat",
    "expires": "2026-12-01T00:00:00Z",
    "reason": "a hotfix",
}


def deployment(**changes: Any) -> Deployment:
    told = {"model": "m-n", "version": "1.0.0", "digest": "d" * 64, "environment": "dev",
            "commit": "c" * 40, "at": NOW}  # fmt: skip
    return Deployment(**{**told, **changes})


def test_a_statement_tells_branch_stage_state_blob_and_waivers() -> None:
    one = deployment(files={"models/m-n/versions/1.0.0.yaml": "b" * 40})
    predicate = {"branch": "ml", "stage": "Validation", "state_commit": "e" * 40,
                 "waivers": [WAIVED]}  # fmt: skip
    told = served(one, predicate, PROOF, ())
    assert (told.branch, told.stage, told.state_commit) == ("ml", "Validation", "e" * 40)
    assert told.blob == "b" * 40
    assert told.waivers == (WaiverRecord(**WAIVED),)


def test_an_older_statement_tells_less() -> None:
    told = served(deployment(), {"branch": "", "stage": 3}, PROOF, ())
    assert (told.branch, told.stage, told.state_commit, told.blob) == (None, None, None, None)
    assert told.waivers == ()


@pytest.mark.parametrize(
    ("listed", "digests"), [(["a", 1, "b"], ("a", "b")), ("abc", ()), (None, ())]
)
def test_evidence_is_named_by_digest(listed: object, digests: tuple[str, ...]) -> None:
    assert envelopes({"evidence": listed}) == digests


@pytest.mark.parametrize("listed", [None, "soak", [], ["soak"]])
def test_no_waivers(listed: object) -> None:
    assert waivers({"waivers": listed}) == ()


def test_a_doubt_says_which_entry_and_what_to_do() -> None:
    doubt = Doubt(model="tumor-classifier", seq=9, path="x.json")
    told = "entry 9 can't be believed: it was altered or forged; modelctl ledger verify"
    assert str(doubt) == told
