"""What is wrong with `policies/retention.yaml` that its schema can't know."""

from __future__ import annotations

from modelctl.adapters.policy_problems import PolicyProblem, Problems, unknown
from modelctl.domain.document import Document, Path
from modelctl.domain.endings import ARCHIVED, ENDS, REJECTED, RETIRED
from modelctl.domain.policy import Lifecycle, Policy
from modelctl.domain.retention import KINDS


def retention_problems(policy: Policy, document: Document | None) -> Problems:
    """Stages that nothing has, ends that can't be reached, and two words about one stage."""
    if document is None:
        return
    stages = [stage.name for stage in policy.lifecycle.stages]
    for index, row in enumerate(document.data["rules"]):
        stage, then, path = row["stage"], row["then"], ("rules", index)
        if stage not in stages:
            yield unknown(document, (*path, "stage"), "stage", stage, stages)
        if stage in [other["stage"] for other in document.data["rules"][:index]]:
            message = f"{stage} has a rule already"
            yield _problem(document, (*path, "stage"), message, "keep one of them")
        if (end := ENDS[KINDS[then]]) not in policy.lifecycle.ends:
            message = f"the lifecycle names no stage of versions that are {end}"
            mend = f"add ends: {{{end}: STAGE}} to lifecycle.yaml"
            yield _problem(document, (*path, "then"), message, mend)
        elif (wrong := _order(policy.lifecycle, stage, then)) is not None:
            yield _problem(document, (*path, "then"), *wrong)


def _order(lifecycle: Lifecycle, stage: str, then: str) -> tuple[str, str] | None:
    """Why versions in this stage can't be ended so, and the mend, or None."""
    ends = {lifecycle.ends[end] for end in (ARCHIVED, REJECTED, RETIRED) if end in lifecycle.ends}
    before = {lifecycle.ends[end] for end in (ARCHIVED, REJECTED) if end in lifecycle.ends}
    if stage == lifecycle.ends.get(RETIRED) and stage not in before:
        return f"nothing follows {stage}", "remove the rule"
    if then == "archive" and stage in ends:
        return f"versions in {stage} have ended already", "write then: retire"
    if then == "retire" and stage not in ends:
        message = f"versions in {stage} are neither archived nor rejected, so none can be retired"
        return message, "write then: archive"
    return None


def _problem(document: Document, path: Path, message: str, mend: str) -> PolicyProblem:
    return PolicyProblem(location=document.locate(path), message=message, mend=mend)
