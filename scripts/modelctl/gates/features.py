"""Signature and features: the version takes what its feature view gives, and says so truly."""

from __future__ import annotations

from collections.abc import Iterator

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.drafting import feature_hash, signature_digest
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.verdict import Finding
from modelctl.gates.findings import at, command, failed, inconclusive, passed, show
from modelctl.gates.measured import measured


def check_features(
    gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """The feature hash against the registered view and the inputs; the signature against the
    one that the model was loaded with."""
    yield _registered(gate, candidate)
    evidence = measured(gate, candidate, facts)
    yield from evidence.findings
    if evidence.statement is not None:
        yield _signature(gate, candidate, evidence.facts.get("evidence.signature.digest"))


def _registered(gate: Gate, candidate: Candidate) -> Finding:
    features, view = candidate.version.features, candidate.model.data_contract.feature_view
    if view is None:
        location = candidate.model_document.locate(("data_contract",))
        return inconclusive(
            gate,
            "the model pins no feature view",
            location=location,
            mend="add data_contract.feature_view to model.yaml",
        )
    if features is None:
        return inconclusive(
            gate,
            "the manifest doesn't say which features it takes",
            mend="add features to the manifest",
            **at(candidate),
        )
    computed = feature_hash(candidate.version.signature.inputs)
    values = {"registered": view.hash, "manifest": features.hash, "inputs": computed}
    shown = {name: show(value) for name, value in values.items()}
    if len(set(values.values())) > 1:
        return failed(
            gate,
            f"the features are not those of {view.name} {view.version}",
            values=shown,
            mend="train on the registered view, or register the new one in model.yaml",
            **at(candidate, "features", "hash"),
        )
    return passed(gate, f"features are {view.name} {view.version}")


def _signature(gate: Gate, candidate: Candidate, loaded: str | None) -> Finding:
    if loaded is None:
        return inconclusive(
            gate,
            "the evidence doesn't say which signature the model was loaded with",
            mend="let a probe load it",
            command=command(gate.produce, candidate),
            **at(candidate),
        )
    claimed = signature_digest(candidate.version.signature)
    if loaded != claimed:
        return failed(
            gate,
            "the model's own signature is not the one in the manifest",
            values={"manifest": show(claimed), "model": show(loaded)},
            mend="make a new version from the run: `modelctl new`",
            **at(candidate, "signature"),
        )
    return passed(gate, "the signature is the one that the model was loaded with")
