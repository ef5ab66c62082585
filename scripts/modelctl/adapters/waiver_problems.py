"""What is wrong with waivers that their schema can't know: names that the policy must hold.

Whether a waiver counts depends on the time, the version and the people, and is asked when it is
needed (`domain/waiving.py`): one that has expired must not keep everything else from being judged.
"""

from __future__ import annotations

from collections.abc import Iterable

from modelctl.adapters.policy_problems import PolicyProblem, Problems, unknown
from modelctl.domain.document import Document
from modelctl.domain.policy import Policy
from modelctl.domain.waivers import STRUCTURAL

_REVIEWS = "reviews"


def waivable_problems(policy: Policy, gate_files: Iterable[Document]) -> Problems:
    """What is wrong with who may waive the gates of these files."""
    for document in gate_files:
        for name, row in document.data["gates"].items():
            path = ("gates", name, "waivable_by")
            for index, role in enumerate(row.get("waivable_by", ())):
                if role not in policy.roles:
                    yield unknown(document, (*path, index), "role", role, policy.roles)
            if "waivable_by" in row and row.get("check") == _REVIEWS:
                yield PolicyProblem(
                    location=document.locate(path),
                    message="approvals can't be waived, so waivable_by has no effect",
                    mend="remove waivable_by",
                )


def waiver_problems(policy: Policy, documents: Iterable[Document]) -> Problems:
    """Names in waivers that the policy doesn't have."""
    gates, environments = [g.name for g in policy.gates], policy.lifecycle.environments
    for document in documents:
        gate = document.data["gate"]
        if gate not in gates and gate in STRUCTURAL:
            yield PolicyProblem(
                location=document.locate(("gate",)),
                message=f"{gate} always holds, so nobody can waive it",
                mend="remove the waiver, and mend what it was for",
            )
        elif gate not in gates:
            yield unknown(document, ("gate",), "gate", gate, gates)
        for index, name in enumerate(document.data.get("environments", ())):
            if name not in environments:
                yield unknown(document, ("environments", index), "environment", name, environments)
