"""The documents of many models: realistic in size, valid, and cheap to make by the hundred
thousand.

A document is dumped once for each family of models, with stand-ins for what differs from version
to version; the texts themselves are made by replacing those.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from modelctl.adapters.documents import dump
from modelctl.domain.drafting import feature_hash
from modelctl.domain.manifest import signature_from
from support.world import HOLDOUT, model_data, release_data, version_data

FAMILIES = 16
PER_MINOR = 5
_NAME, _VERSION, _RUN = "family-name", "0.0.0", "run-of-the-version"
_COMMIT, _TRAINING = "c" * 40, "sha256:" + "d" * 64
_VALUE = 0.987654321
_FILES = ("MLmodel", "conda.yaml", "model.skops", "python_env.yaml", "requirements.txt")
_COLUMNS = (
    *("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity"),
    *("symmetry", "fractal_dimension", "age", "weight", "height", "pressure", "glucose"),
)
_PACKAGES = (
    *("cloudpickle==3.1.1", "mlflow==3.17.2", "numpy==2.3.5", "pandas==2.3.3", "psutil==7.1.3"),
    *("pyarrow==21.0.0", "scikit-learn==1.9.1", "scipy==1.16.3", "skops==0.13.0"),
)
_METRICS = ("f1_score", "accuracy", "roc_auc", "precision", "recall", "log_loss")


def model_name(index: int) -> str:
    """The name of a model by its number."""
    return f"tumor-classifier-{index:05d}"


def version_name(index: int) -> str:
    """The number of a model's n-th version, from 0."""
    return f"1.{index // PER_MINOR}.{index % PER_MINOR}"


def model_text(index: int) -> bytes:
    """The model.yaml of a model."""
    return _model(index % FAMILIES).replace(_NAME, model_name(index)).encode()


def release_text(index: int, version: str) -> bytes:
    """The release.yaml of a model."""
    return _release().replace(_NAME, model_name(index)).replace(_VERSION, version).encode()


def version_text(index: int, version: str) -> bytes:
    """The manifest of one version of a model."""
    name = model_name(index)
    seed = hashlib.sha256(f"{name}@{version}".encode()).hexdigest()
    text = _manifest(index % FAMILIES)
    text = text.replace(_NAME, name).replace(_VERSION, version)
    text = text.replace(_RUN, f"run-{seed[:24]}").replace(_COMMIT, f"c{seed[:39]}")
    text = text.replace(_TRAINING, f"sha256:d{seed[1:]}")
    text = text.replace(str(_VALUE), f"0.{900_000_000 + int(seed[:6], 16)}")
    for number, file in enumerate(_FILES):
        text = text.replace(_digest(file), f"{'abcde'[number]}{seed[number + 1 :]}{seed[:number]}")
    return text.encode()


def model_files(index: int, versions: int) -> Iterator[tuple[str, bytes]]:
    """The files of one model with so many versions, of which the last is released."""
    folder = f"models/{model_name(index)}"
    yield f"{folder}/model.yaml", model_text(index)
    yield f"{folder}/release.yaml", release_text(index, version_name(versions - 1))
    for number in range(versions):
        version = version_name(number)
        yield f"{folder}/versions/{version}.yaml", version_text(index, version)


@cache
def _signature(family: int) -> Mapping[str, Any]:
    columns = _COLUMNS[: 6 + family % 8]
    return {
        "inputs": [{"name": name, "type": "double"} for name in columns],
        "outputs": [{"name": "prediction", "type": "long"}],
    }


@cache
def _model(family: int) -> str:
    contract = model_data()["data_contract"]
    view = contract["feature_view"] | {"hash": _features(family)}
    return dump(model_data(name=_NAME, data_contract={**contract, "feature_view": view}))


@cache
def _release() -> str:
    return dump(release_data(_VERSION, model=_NAME))


@cache
def _manifest(family: int) -> str:
    training = {"name": "tumor-train", "version": "2026-11", "digest": _TRAINING, "size": 398}
    return dump(
        version_data(
            _VERSION,
            model=_NAME,
            lineage={
                "git_commit": _COMMIT,
                "run": {"tracking_uri_name": "default", "id": _RUN, "experiment": "tumours"},
                "training_data": [training],
            },
            signature=_signature(family),
            dependencies=list(_PACKAGES[: 5 + family % 5]),
            parameters={"max_iter": "500", "C": "1.0", "solver": "lbfgs", "penalty": "l2"},
            metrics=[_metric(name) for name in _METRICS[: 3 + family % 4]],
            latency={"p50_ms": 1.2, "p95_ms": 2.0, "p99_ms": 3.1},
            artifacts={
                "root": "models:/m-0123456789abcdef",
                "files": [{"path": f, "sha256": _digest(f), "size": 1200} for f in _FILES],
            },
            tags={"team": "oncology", "purpose": "benchmark"},
        )
    )


def _metric(name: str) -> Mapping[str, Any]:
    return {
        "name": name,
        "value": _VALUE,
        "dataset": "tumor-holdout",
        "dataset_digest": HOLDOUT,
        "sample_size": 171,
    }


def _features(family: int) -> str:
    return feature_hash(signature_from(_signature(family)).inputs)


@cache
def _digest(file: str) -> str:
    """A stand-in that begins with a letter, as what replaces it: both are written without
    quotes."""
    return "f" + hashlib.sha256(file.encode()).hexdigest()[1:]
