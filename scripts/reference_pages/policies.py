"""policy.md: what is shipped, what a rule may read, and what the files of the policy may say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from modelctl.adapters.git import Repository
from modelctl.adapters.policies import load_policy
from modelctl.domain.evidence import human
from modelctl.domain.facts import declared, kinds
from modelctl.domain.immutability import IMMUTABILITY, immutability
from modelctl.domain.policy import ApprovalRule, Gate, Policy
from modelctl.domain.provenance import PROVENANCE, provenance
from modelctl.domain.releases import RELEASE, releases
from modelctl.domain.structure import (
    FILE_MODE,
    MIXING,
    PLACEMENT,
    RULES_BRANCH,
    SYNC,
    file_modes,
    mixing,
    placement,
    rules_branch,
    sync,
)
from modelctl.domain.triggers import MEANINGS, SIDES
from modelctl.gates import CHECKS
from modelctl.gates.approvals import REVIEWS, required_approvals
from reference_pages.markdown import code, link, page, prose, summary, table
from reference_pages.schemas import POLICY_FILES, document_blocks

Facts = Mapping[str, str]

_ALWAYS: Mapping[str, Callable[..., object]] = {
    MIXING: mixing,
    PLACEMENT: placement,
    FILE_MODE: file_modes,
    IMMUTABILITY: immutability,
    RELEASE: releases,
    PROVENANCE: provenance,
    RULES_BRANCH: rules_branch,
    SYNC: sync,
}


def policy_page(project: Path) -> str:
    """The page, with the policy in the work tree of `project`."""
    repository = Repository.discover(project)
    policy = load_policy(repository.tree(repository.working_tree()), "the work tree")
    return page(
        "Policies",
        "[How to write a gate](../policies.md) is a page of its own.",
        *_lifecycle_blocks(policy),
        *_gate_blocks(policy),
        *_check_blocks(policy),
        *_fact_blocks(),
        *(block for kind in POLICY_FILES for block in document_blocks(kind)),
    )


def _lifecycle_blocks(policy: Policy) -> Iterator[str]:
    """The way of a version, as it is shipped."""
    rows = [
        [code(t.from_branch), code(t.to_branch), t.environment, t.stage, _asked(t.approvals)]
        for t in policy.lifecycle.transitions
    ]
    rules, contract = _asked(policy.rule_approvals), _asked(policy.contract_approvals)
    yield "## The shipped lifecycle"
    yield table(["From", "Into", "Environment", "Stage", "Approvals"], rows)
    yield f"A change of the rules needs {rules}."
    yield f"A new model, or a change of what one is judged by, needs {contract} beside its step's."


def _asked(rules: Sequence[ApprovalRule]) -> str:
    return " and ".join(f"{rule.count} {rule.role}" for rule in rules) or "no approval"


def _gate_blocks(policy: Policy) -> Iterator[str]:
    """The gates that are shipped, a row for each rule."""
    rows = [row for gate in policy.gates for row in _gate_rows(gate)]
    yield "## The shipped gates"
    yield table(["Gate", "Judges", "Evidence", "Waived by", "Rule", "Because", "Line"], rows)


def _gate_rows(gate: Gate) -> Iterator[Sequence[str]]:
    waived_by = ", ".join(gate.waivable_by) or "nobody"
    first = [code(gate.name), str(gate.scope), _evidence(gate), waived_by]
    if not gate.rules:
        yield [*first, f"check {code(gate.check)}", prose(gate.title), link(gate.location)]
    for rule in gate.rules:
        because = prose(rule.because)
        yield [*first, code(rule.expression.source), because, link(rule.location)]
        first = ["", "", "", ""]


def _evidence(gate: Gate) -> str:
    if gate.evidence is None:
        return ""
    limits = [f"at most {human(gate.max_age)} old"] if gate.max_age else []
    limits += [f"{gate.min_sample} samples or more"] if gate.min_sample else []
    return ", ".join([gate.evidence, f"measured: {' or '.join(gate.environment)}", *limits])


def _check_blocks(policy: Policy) -> Iterator[str]:
    """The checks that a gate may ask for, and those that nobody can switch off."""
    used = {gate.check: code(dict(gate.options)) for gate in policy.gates if gate.options}
    checks = {name: check for name, check in CHECKS.items() if name != "rules"}
    listed = sorted({**checks, REVIEWS: required_approvals}.items())
    yield "## Built-in checks"
    yield "A gate asks for one by `check`, and gives it options by `with`."
    rows = ([code(name), summary(check), used.get(name, "")] for name, check in listed)
    yield table(["Check", "What it does", "`with`, as shipped"], rows)
    yield "## What always holds"
    yield "These come before any gate, and no policy can switch them off."
    always = ([code(name), summary(check)] for name, check in _ALWAYS.items())
    yield table(["Name", "What it does"], always)


def _fact_blocks() -> Iterator[str]:
    """What a rule may read, by the kind of evidence."""
    subject = {n: t for n, t in declared(None).items() if not n.startswith("serving.")}
    common = _measured("custom")
    yield "## What a rule may read"
    yield (
        "`evidence.…` is about the version that is judged. The same names below `serving.` are\n"
        "about the version that the target environment serves; `serving.version` is its number.\n"
        "The types are CEL's."
    )
    yield from _fact_table("Of every model and version", subject)
    yield from _fact_table("Of evidence of any kind", common)
    for kind in kinds():
        own = {name: type_ for name, type_ in _measured(kind).items() if name not in common}
        yield from _fact_table(f"Of evidence of kind `{kind}`", own)
    yield from _live_blocks()


def _live_blocks() -> Iterator[str]:
    """What a condition may read, with what it is."""
    sides = ([code(f"{side}.…"), prose(whose)] for side, whose in SIDES.items())
    rows = ([code(n), code(type_), prose(meaning)] for n, (type_, meaning) in MEANINGS.items())
    yield "## What a condition may read"
    yield "The conditions of strategies, rollback and monitoring read these, and `model.…`."
    yield table(["Side", "Whose figures"], sides)
    yield table(["Figure", "Type", "What it is"], rows)


def _measured(kind: str) -> Facts:
    return {n: t for n, t in declared(kind).items() if n.startswith("evidence.")}


def _fact_table(title: str, facts: Facts) -> Iterator[str]:
    yield f"### {title}"
    yield table(["Fact", "Type"], ([code(name), code(type_)] for name, type_ in facts.items()))
