"""A candidate, a policy and facts for tests of single gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from modelctl.adapters.documents import dump, load
from modelctl.adapters.expressions import compile_rule
from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.document import Document, Location
from modelctl.domain.evidence import OFFLINE, Signed, Statement
from modelctl.domain.facts import declared
from modelctl.domain.manifest import model_from, release_from, version_from
from modelctl.domain.policy import (
    ApprovalRule,
    Gate,
    Lifecycle,
    Ownership,
    Policy,
    Stage,
    Team,
    Transition,
)
from modelctl.domain.rules import Rule, Scope
from modelctl.domain.strategies import Strategy
from support.keys import NOW, person
from support.world import ENVIRONMENTS, MODEL, evaluation, model_data, release_data, version_data

DIGEST = "1" * 64
HERE = Location(file="policies/gates/test.yaml", line=3)
STEPS = tuple(
    Transition(
        from_branch=source_branch,
        to_branch=branch,
        environment=environment,
        stage=environment.title(),
        approvals=(ApprovalRule(role="ml-lead"),),
        source=source,
        location=Location(file="policies/lifecycle.yaml", line=9),
    )
    for source_branch, branch, environment, source in (
        ("feature/*", "ml", "dev", None),
        ("ml", "develop", "staging", "dev"),
        ("develop", "main", "production", "staging"),
    )
)
SIGNER = person("ci")


def policy(**changes: Any) -> Policy:
    """A small policy, changed as asked for."""
    kinds = ("immediate", "blue-green", "canary", "shadow", "ab-test")
    found = Policy(
        commit="f" * 40,
        lifecycle=Lifecycle(
            default_branch="main",
            initial_stage="Development",
            stages=(Stage(name="Development", owner="ML", purpose="Training"),),
            transitions=STEPS,
        ),
        roles={},
        ownership=Ownership(
            teams={"oncology": Team(name="oncology", contact="o@example.com")},
            responsibilities={},
        ),
        gates=(),
        strategies={kind: Strategy(name=kind, kind=kind) for kind in kinds},
        default_strategies={"standard": "blue-green"},
        keys=(SIGNER.trusted,),
        rule_approvals=(ApprovalRule(role="platform"),),
        contract_approvals=(ApprovalRule(role="ml-lead"),),
    )
    return replace(found, **changes)


def gate(*rules: str, **changes: Any) -> Gate:
    """A gate over evaluations with these rules, or the built-in check that `check` names."""
    kind = changes.get("evidence", "evaluation")
    found = tuple(
        Rule(
            expression=compile_rule(rule, declared(kind)), because=f"because {rule}", location=HERE
        )
        for rule in rules
    )
    return replace(
        Gate(
            name="test",
            title="A test",
            scope=Scope(),
            location=HERE,
            evidence="evaluation",
            produce="make {model}@{version} in {environment}",
            rules=found,
        ),
        **changes,
    )


def candidate(
    *,
    to: str = "dev",
    model: Mapping[str, Any] | None = None,
    manifest: Mapping[str, Any] | None = None,
    release: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Candidate:
    """The first version of a model on its way, changed as asked for."""
    model_document = document("model.yaml", model_data(**(model or {})))
    version_document = document("versions/1.0.0.yaml", {**version_data(), **(manifest or {})})
    release_document = document("release.yaml", release_data(**(release or {})))
    return replace(
        Candidate(
            model=model_from(model_document.data),
            version=version_from(version_document.data),
            release=release_from(release_document.data),
            model_document=model_document,
            version_document=version_document,
            release_document=release_document,
            digest=DIGEST,
            blob="2" * 40,
            transition=STEPS[ENVIRONMENTS.index(to)],
        ),
        **changes,
    )


def document(name: str, data: Mapping[str, Any]) -> Document:
    """A document of the model."""
    return load(dump(data).encode(), f"models/{MODEL}/{name}")


def signed(
    digest: str = DIGEST, *, seq: int = 1, age: timedelta = timedelta(), **changes: Any
) -> Signed:
    """A trusted evaluation that passes, changed as asked for."""
    kind = changes.pop("kind", "evaluation")
    environment = changes.pop("environment", OFFLINE)
    statement = Statement(
        kind=kind,
        subject=f"models/{MODEL}/versions/1.0.0.yaml",
        digest=digest,
        made_at=NOW - age,
        environment=environment,
        predicate=evaluation(**changes) if kind == "evaluation" else changes,
    )
    keys = (SIGNER.trusted,)
    return Signed(statement=statement, envelope_digest=f"{seq:064x}", keys=keys, place="x", seq=seq)


def facts(*statements: Signed, **changes: Any) -> Facts:
    """What is known, with these statements on the ledger."""
    return replace(Facts(now=NOW, signed=statements), **changes)
