"""From a run to the manifest: what is taken over, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st
from semver import Version

from modelctl.adapters.documents import dump, load
from modelctl.adapters.schema import validate
from modelctl.domain.drafting import draft, feature_hash, signature_digest, training_data
from modelctl.domain.manifest import (
    DataContract,
    Dataset,
    FeatureView,
    Field,
    Metric,
    ModelVersion,
    Signature,
    signature_from,
    version_from,
)
from modelctl.errors import ModelctlError
from support.runs import AUTHORSHIP, HOLDOUT, NOW, SIGNATURE, TRAIN, logged_model, model, run

ONE = Version(1, 0, 0)
VIEW = FeatureView(name="tumor-features", version="3", hash=feature_hash(SIGNATURE.inputs))


def drafted(of: Any = None, **changes: Any) -> dict[str, Any]:
    return draft(of or run(**changes), model(), ONE, AUTHORSHIP)


def test_a_draft_is_a_valid_manifest_with_everything_the_run_knows() -> None:
    metrics = (
        Metric(name="accuracy", value=0.95, dataset="tumor-holdout", sample_size=171, lower=0.9),
        Metric(name="latency_p95_ms", value=2.5),
    )
    known = run(
        metrics=metrics,
        parameters={"z": "1", "a": "x"},
        tags={"team": "oncology", "explainability": "shap"},
    )
    document = load(dump(drafted(known)).encode(), "models/tumor-classifier/versions/1.0.0.yaml")
    assert validate(document, "version") == ()
    version = version_from(document.data)
    assert version.created_at == NOW
    assert version.created_by == "ada"
    assert version.owner == "oncology-ml"
    assert version.lineage.run == "run-1"
    assert version.lineage.experiment == "tumours"
    assert version.lineage.training_data == (TRAIN.dataset,)
    assert version.framework == ("scikit-learn", "1.9.1")
    assert version.signature == SIGNATURE
    assert version.metrics == (metrics[0],)
    assert version.latency == {"p95_ms": 2.5}
    assert list(version.parameters) == ["a", "z"]
    assert version.explainability == "shap"
    assert version.tags == {"team": "oncology"}
    assert version.artifacts == known.model.artifacts


def test_what_nobody_said_is_left_out() -> None:
    data = drafted(run(experiment=None))
    assert not {"latency", "parameters", "tags", "explainability"} & data.keys()
    assert "experiment" not in data["lineage"]["run"]


def test_the_models_explainability_is_the_default() -> None:
    data = draft(run(), model(explainability="lime"), ONE, AUTHORSHIP)
    assert data["explainability"] == "lime"


def test_a_digest_is_the_version_of_data_that_has_no_other() -> None:
    plain = replace(TRAIN, dataset=Dataset(name="t", digest="abcd1234"))
    row = drafted(run(datasets=(plain,)))["lineage"]["training_data"]
    assert row == [{"name": "t", "version": "abcd1234", "digest": "abcd1234"}]


def test_data_of_unknown_use_is_training_data_only_where_none_is_called_so() -> None:
    unknown = replace(HOLDOUT, context=None)
    assert training_data(run(datasets=(TRAIN, unknown))) == (TRAIN.dataset,)
    assert training_data(run(datasets=(unknown,))) == (unknown.dataset,)
    assert training_data(run(datasets=(HOLDOUT,))) == ()


@pytest.mark.parametrize(
    ("changes", "said", "mend"),
    [
        ({"git_commit": None}, "no git commit", "--git-commit"),
        ({"git_commit": "main"}, "'main' as git commit", "--git-commit"),
        ({"datasets": (HOLDOUT,)}, "no training data", "log_input"),
        ({"model": logged_model(dependencies=())}, "no dependencies", "pip_requirements"),
        ({"metrics": ()}, "no metrics", "log_metric"),
        ({"metrics": (Metric(name="system/cpu", value=1),)}, "no metrics", "log_metric"),
        ({"metrics": (Metric(name="loss", value=math.nan),)}, "loss is nan", "loss is measured"),
        ({"metrics": (Metric(name="loss", value=math.inf),)}, "loss is inf", "loss is measured"),
        (
            {"metrics": (Metric(name="f1", value=1, lower=-math.inf),)},
            "f1 (lower) is -inf",
            "f1 (lower) is measured",
        ),
        ({"source": "folder", "metrics": ()}, "no metrics", "metrics.json"),
        ({"source": "folder", "datasets": ()}, "no training data", "metadata.json"),
    ],
)
def test_a_run_with_holes_is_refused_by_name(changes: dict[str, Any], said: str, mend: str) -> None:
    with pytest.raises(ModelctlError) as caught:
        drafted(**changes)
    assert said in caught.value.message
    assert mend in (caught.value.mend or "")


def test_every_hole_is_named_at_once() -> None:
    with pytest.raises(ModelctlError) as caught:
        drafted(run(git_commit=None, datasets=(), metrics=()))
    assert caught.value.message.count(";") == 2


def test_features_are_the_contracts_where_there_is_one() -> None:
    contract = DataContract(feature_view=VIEW)
    data = draft(run(), model(data_contract=contract), ONE, AUTHORSHIP)
    assert data["features"] == {"set": VIEW.name, "version": "3", "hash": VIEW.hash}


def test_the_hash_is_the_inputs_own_even_where_the_contract_says_another() -> None:
    contract = DataContract(feature_view=replace(VIEW, hash=f"sha256:{'0' * 64}"))
    data = draft(run(), model(data_contract=contract), ONE, AUTHORSHIP)
    assert data["features"]["hash"] == VIEW.hash


def test_what_the_run_says_of_its_features_is_taken_over() -> None:
    tags = {"feature_set": "s", "feature_set_version": "v", "feature_hash": "sha256:x"}
    data = drafted(run(tags=tags))
    assert data["features"] == {"set": "s", "version": "v", "hash": "sha256:x"}
    assert "tags" not in data


def previous(features: FeatureView | None) -> ModelVersion:
    data = drafted()
    del data["features"]
    return replace(version_from(data), features=features)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, ("tumor-classifier-features", "1.0.0")),
        (previous(None), ("tumor-classifier-features", "1.0.0")),
        (previous(VIEW), ("tumor-features", "3")),
        (
            previous(replace(VIEW, hash=f"sha256:{'0' * 64}")),
            ("tumor-classifier-features", "1.0.0"),
        ),
    ],
)
def test_a_set_without_a_contract_is_as_old_as_its_inputs(
    before: ModelVersion | None, expected: tuple[str, str]
) -> None:
    features = draft(run(), model(), ONE, AUTHORSHIP, before)["features"]
    assert (features["set"], features["version"]) == expected


FIELDS = st.lists(
    st.builds(
        Field,
        name=st.text("abc", min_size=1, max_size=3),
        type=st.sampled_from(["double", "long"]),
        required=st.booleans(),
        shape=st.none() | st.tuples(st.integers(-1, 9)),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda field: field.name,
)


@given(FIELDS, st.randoms())
def test_the_order_of_features_and_whether_they_are_required_does_not_count(
    fields: list[Field], random: Any
) -> None:
    other = [replace(field, required=not field.required) for field in fields]
    random.shuffle(other)
    assert feature_hash(fields) == feature_hash(other)


@given(FIELDS)
def test_another_name_type_or_shape_is_another_set_of_features(fields: list[Field]) -> None:
    first, *rest = fields
    known = feature_hash(fields)
    assert feature_hash([replace(first, name=first.name + "x"), *rest]) != known
    assert feature_hash([replace(first, type="string"), *rest]) != known
    assert feature_hash([replace(first, shape=(77,)), *rest]) != known
    assert feature_hash(rest) != known


def test_inference_parameters_are_no_features() -> None:
    parameter = Field(name="params.temperature", type="double", required=False)
    assert feature_hash((*SIGNATURE.inputs, parameter)) == feature_hash(SIGNATURE.inputs)


def test_the_hash_of_features_never_changes_its_definition() -> None:
    """Hashes stand in manifests and feature stores: a new definition would break them all."""
    assert (
        feature_hash(SIGNATURE.inputs)
        == "sha256:54be09af0dab448714a702c7425d9f853083ee63a5b8e4d907f4e507c97449bc"
    )


@given(FIELDS, FIELDS)
def test_a_signature_digest_survives_the_manifest(ins: list[Field], outs: list[Field]) -> None:
    signature = Signature(inputs=tuple(ins), outputs=tuple(outs))
    data = drafted(run(model=logged_model(signature=signature)))["signature"]
    assert signature_from(load(dump(data).encode(), "s.yaml").data) == signature
    swapped = Signature(inputs=signature.outputs, outputs=signature.inputs)
    assert (signature_digest(swapped) == signature_digest(signature)) == (swapped == signature)


def test_a_signature_digest_tells_required_from_optional() -> None:
    first, *rest = SIGNATURE.inputs
    other = replace(SIGNATURE, inputs=(replace(first, required=False), *rest))
    assert signature_digest(other) != signature_digest(SIGNATURE)
