"""The first model.yaml, and a release.yaml that names the new version."""

from __future__ import annotations

from dataclasses import replace

import pytest
from semver import Version

from modelctl.adapters.documents import dump, load
from modelctl.adapters.schema import validate
from modelctl.domain.drafting import Run, feature_hash
from modelctl.domain.manifest import Dataset, model_from
from modelctl.domain.model_draft import model_draft, repointed
from support.runs import HOLDOUT, SIGNATURE, run

PATH = "models/tumor-classifier/model.yaml"


def drafted(of: Run, target: str = "local") -> dict[str, object]:
    return model_draft(
        of,
        name="tumor-classifier",
        owner="oncology-ml",
        contact="ada@example.com",
        task="classification",
        tier="standard",
        target=target,
    )


@pytest.mark.parametrize("target", ["kserve", "argo-rollouts", "gateway-api", "local"])
def test_a_first_model_is_a_valid_document(target: str) -> None:
    document = load(dump(drafted(run(), target)).encode(), PATH)
    assert validate(document, "model") == ()
    model = model_from(document.data)
    assert model.serving.target == target
    assert model.serving.gateway == (target == "kserve")
    view = model.data_contract.feature_view
    assert view is not None
    assert view.hash == feature_hash(SIGNATURE.inputs)
    assert model.data_contract.evaluation == Dataset(
        name="tumor-holdout", digest=HOLDOUT.dataset.digest
    )


def test_only_a_digest_of_the_bytes_pins_the_evaluation_data() -> None:
    weak = replace(HOLDOUT, dataset=replace(HOLDOUT.dataset, digest="abcd1234"))
    data = drafted(run(datasets=(weak,)))
    assert data["data_contract"] == {
        "feature_view": {
            "name": "tumor-classifier-features",
            "version": "1.0.0",
            "hash": feature_hash(SIGNATURE.inputs),
        }
    }


def test_what_the_run_says_of_itself_is_taken_over() -> None:
    tags = {"feature_set": "cells", "feature_set_version": "4", "explainability": "shap"}
    data = drafted(run(tags=tags, datasets=()))
    assert data["explainability"] == "shap"
    contract = data["data_contract"]
    assert isinstance(contract, dict)
    assert contract["feature_view"]["name"] == "cells"
    assert contract["feature_view"]["version"] == "4"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('model: m-x\nversion: "1.0.0"\n', 'model: m-x\nversion: "1.1.0-rc.1+b"\n'),
        ("# why\nversion: '1.0.0'  # pin\n", '# why\nversion: "1.1.0-rc.1+b"  # pin\n'),
        ("version: 1.0.0\nmodel: m-x", 'version: "1.1.0-rc.1+b"\nmodel: m-x'),
        ("{version: 1.0.0, model: m-x}\n", '{version: "1.1.0-rc.1+b", model: m-x}\n'),
        ('{model: "v", version: "1"}\n', '{model: "v", version: "1.1.0-rc.1+b"}\n'),
    ],
)
def test_a_release_is_changed_in_its_version_alone(before: str, after: str) -> None:
    release = load(before.encode(), "release.yaml")
    assert repointed(release, Version.parse("1.1.0-rc.1+b")) == after
