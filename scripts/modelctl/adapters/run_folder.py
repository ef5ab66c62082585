"""A training run in a plain folder, for those without a tracking server.

Read are `params.json`, `metrics.json`, `metadata.json`, `requirements.txt`, and `MLmodel` (here or
in a folder below) or else `signature.json`. The files of the model are those beside `MLmodel`;
without one, all files of the folder.

- `metrics.json`: `{"accuracy": 0.95}`, `{"accuracy": {"value": 0.95, "dataset": …}}` or a list of
  `{"name": "accuracy", "value": 0.95, …}`, with the fields of a metric in a manifest.
- `metadata.json`, all optional: `run_id`, `experiment`, `git_commit`, `created_by`, `tags`,
  `training_data` (a list of `{name, digest, version, size}`), `evaluation` (the dataset of the
  metrics that don't name one), `framework` (`{name, version}`).
- `signature.json`: `{"inputs": […], "outputs": […]}` as in a manifest, or as MLflow writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from modelctl.adapters.artifacts import measure
from modelctl.adapters.model_folder import MLMODEL, read_model, read_requirements
from modelctl.domain.drafting import LoggedModel, Run, RunDataset
from modelctl.domain.manifest import Artifacts, Dataset, Metric
from modelctl.domain.mlmodel import signature_from_mlmodel
from modelctl.errors import ModelctlError

_FRAMEWORKS = ("scikit-learn", "xgboost", "lightgbm", "catboost", "torch", "tensorflow", "keras")
_METRIC_FIELDS = ("dataset", "dataset_digest", "sample_size", "lower", "upper")


def find_model(folder: Path) -> Path:
    """Where the files of the model are: beside `MLmodel`, or else the folder itself.

    Raises:
        ModelctlError: there is no such folder, or several models lie in it.
    """
    if not folder.is_dir():
        raise ModelctlError(f"there is no folder {folder}", mend="name one by --from-dir")
    if (folder / MLMODEL).is_file():
        return folder
    below = sorted(path.parent for path in folder.glob(f"*/{MLMODEL}"))
    if len(below) > 1:
        raise ModelctlError(
            f"{folder.name} holds several models: {', '.join(path.name for path in below)}",
            mend="name the folder of one by --from-dir",
        )
    return below[0] if below else folder


def read_folder(folder: Path, root: str) -> Run:
    """The run in `folder`, whose model is recorded as lying at `root`.

    Raises:
        ModelctlError: a file is missing, or doesn't say what it should.
    """
    place = find_model(folder)
    metadata = _Json.read(folder, "metadata.json")
    plain = place == folder and not (folder / MLMODEL).is_file()
    model = _plain_model(folder, root, metadata) if plain else read_model(place, root)
    evaluation = metadata.dataset("evaluation")
    return Run(
        id=metadata.text("run_id") or folder.resolve().name,
        source="folder",
        model=model,
        metrics=tuple(_metrics(_Json.read(folder, "metrics.json"), evaluation)),
        datasets=_datasets(metadata, evaluation),
        parameters=_texts(_Json.read(folder, "params.json").data),
        tags=_texts(metadata.mapping("tags")),
        user=metadata.text("created_by"),
        git_commit=metadata.text("git_commit"),
        experiment=metadata.text("experiment"),
    )


class _Json:
    """A JSON file of the folder, empty where it isn't there; errors name the file."""

    def __init__(self, name: str, data: Any):
        self.name = name
        self.data = data

    @classmethod
    def read(cls, folder: Path, name: str) -> _Json:
        """The file `name` of `folder`."""
        path = folder / name
        try:
            data = json.loads(path.read_bytes()) if path.is_file() else {}
        except ValueError as error:
            raise ModelctlError(f"{name} in {folder.name} can't be read as JSON") from error
        return cls(name, data)

    def error(self, problem: str) -> ModelctlError:
        """What is wrong with the file."""
        return ModelctlError(f"{self.name} {problem}", mend=f"mend {self.name}")

    def mapping(self, key: str | None = None) -> Mapping[str, Any]:
        """The mapping at `key`, or the file itself."""
        if not isinstance(self.data, dict):
            raise self.error("is not a mapping")
        value = self.data.get(key) or {} if key else self.data
        if not isinstance(value, dict):
            raise self.error(f"has no mapping {key}")
        return value

    def text(self, key: str) -> str | None:
        """The text at `key`, None where there is none."""
        value = self.mapping().get(key)
        if value is not None and not isinstance(value, str):
            raise self.error(f"says {key} as {value!r}, not as text")
        return value or None

    def dataset(self, key: str) -> Dataset | None:
        """The dataset at `key`, None where there is none."""
        value = self.mapping().get(key)
        return self.as_dataset(value) if value else None

    def as_dataset(self, value: Any) -> Dataset:
        """A `{name, digest, version, size}`."""
        try:
            return Dataset(**value)
        except TypeError as error:
            raise self.error(f"names a dataset without name and digest: {value!r}") from error


def _plain_model(folder: Path, root: str, metadata: _Json) -> LoggedModel:
    said = _Json.read(folder, "signature.json")
    if not said.data:
        raise ModelctlError(
            f"{folder.name} holds neither {MLMODEL} nor signature.json, so nobody knows what the "
            "model takes",
            mend="write signature.json, or save the model with mlflow.<flavour>.save_model",
        )
    dependencies = read_requirements(folder)
    return LoggedModel(
        signature=signature_from_mlmodel(said.mapping()),
        framework=_framework(metadata, dependencies),
        dependencies=dependencies,
        artifacts=Artifacts(root=root, files=measure(folder)),
    )


def _framework(metadata: _Json, dependencies: Sequence[str]) -> tuple[str, str]:
    said = metadata.mapping("framework")
    if {"name", "version"} <= said.keys():
        return str(said["name"]), str(said["version"])
    pins = dict(pin.split("==", 1) for pin in dependencies)
    for name in _FRAMEWORKS:
        if name in pins:
            return name, pins[name]
    raise ModelctlError(
        "nothing says which framework the model was made with",
        mend='add "framework": {"name": …, "version": …} to metadata.json',
    )


def _datasets(metadata: _Json, evaluation: Dataset | None) -> tuple[RunDataset, ...]:
    rows = metadata.mapping().get("training_data") or []
    if not isinstance(rows, list):
        raise metadata.error("has training_data that is not a list")
    training = [RunDataset(dataset=metadata.as_dataset(r), context="training") for r in rows]
    held_out = [RunDataset(dataset=evaluation, context="evaluation")] if evaluation else []
    return (*training, *held_out)


def _metrics(file: _Json, evaluation: Dataset | None) -> Iterator[Metric]:
    for name, said in _named(file):
        value = said.get("value") if isinstance(said, dict) else said
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise file.error(f"says {name} as {value!r}, not as a number")
        known = said if isinstance(said, dict) else {}
        if evaluation is not None and "dataset" not in known:
            known = {
                **known,
                "dataset": evaluation.name,
                "dataset_digest": evaluation.digest,
                "sample_size": known.get("sample_size", evaluation.size),
            }
        yield Metric(name=name, value=value, **{k: known[k] for k in _METRIC_FIELDS if k in known})


def _named(file: _Json) -> list[tuple[str, Any]]:
    """The metrics by name, whichever way they are written."""
    if isinstance(file.data, dict):
        return list(file.data.items())
    if not isinstance(file.data, list) or not all(
        isinstance(row, dict) and isinstance(row.get("name"), str) for row in file.data
    ):
        raise file.error("is neither a mapping nor a list of metrics with a name")
    return [(row["name"], row) for row in file.data]


def _texts(data: Any) -> Mapping[str, str]:
    """Parameters and tags are recorded as text, as tracking servers do."""
    if not isinstance(data, dict):
        raise ModelctlError("params.json is not a mapping", mend='write {"name": value}')
    return MappingProxyType({key: _text(value) for key, value in data.items()})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
