"""One training run on MLflow as our `Run`: read, with its model downloaded and measured."""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from modelctl.adapters import mlflow_client
from modelctl.adapters.mlflow_client import shown, translated
from modelctl.adapters.model_folder import MLMODEL, read_model
from modelctl.domain.drafting import LoggedModel, Run, RunDataset
from modelctl.domain.manifest import Dataset, Metric
from modelctl.errors import ModelctlError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import (
        DatasetInput,
        LoggedModel as TheirModel,
        Metric as TheirMetric,
        Run as TheirRun,
    )

_COMMIT, _USER, _CONTEXT = "mlflow.source.git.commit", "mlflow.user", "mlflow.data.context"
_OWN = "mlflow."


def read_run(
    client: MlflowClient, tracking_uri: str, run_id: str, model_name: str | None = None
) -> Run:
    """The finished run, about the one model that it logged, or about the one named.

    Raises:
        ModelctlError: there is no such run, it has not finished, or it isn't clear which model.
        DependencyError: MLflow can't be asked.
    """
    unknown = ModelctlError(
        f"MLflow at {shown(tracking_uri)} knows no run {run_id}",
        mend="look the id up in MLflow; is it another server (--tracking-uri)?",
    )
    with translated(tracking_uri, unknown=unknown):
        theirs = client.get_run(run_id)
        _refuse_unfinished(theirs)
        experiment = client.get_experiment(theirs.info.experiment_id).name
        models = _logged_models(client, theirs)
        root, chosen = _choose(client, theirs, models, model_name)
        newest = [(metric, _value(client, metric)) for metric in _newest(chosen)]
    model = _download(client, tracking_uri, root)
    datasets = dict(map(_dataset, _inputs(theirs)))
    tags = theirs.data.tags
    return Run(
        id=run_id,
        source="mlflow",
        model=model,
        metrics=(
            *(_metric(metric, value, datasets) for metric, value in newest),
            *_run_metrics(theirs, models),
        ),
        datasets=tuple(datasets.values()),
        parameters=MappingProxyType(dict(theirs.data.params)),
        tags=MappingProxyType({k: v for k, v in tags.items() if not k.startswith(_OWN)}),
        user=tags.get(_USER) or theirs.info.user_id or None,
        git_commit=tags.get(_COMMIT),
        experiment=experiment,
    )


def _refuse_unfinished(run: TheirRun) -> None:
    if run.info.lifecycle_stage != "active":
        raise ModelctlError(
            f"run {run.info.run_id} was deleted", mend="restore it, or name another"
        )
    if run.info.status != "FINISHED":
        raise ModelctlError(
            f"run {run.info.run_id} is {run.info.status}, not FINISHED",
            mend="wait until it has finished, or name another",
        )


def _logged_models(client: MlflowClient, run: TheirRun) -> tuple[TheirModel, ...]:
    """What the run logged as models; runs of MLflow 2 have only artifacts."""
    outputs = run.outputs.model_outputs if run.outputs else []
    ids = dict.fromkeys(output.model_id for output in outputs)
    return tuple(client.get_logged_model(model_id) for model_id in ids)


def _choose(
    client: MlflowClient, run: TheirRun, models: Sequence[TheirModel], name: str | None
) -> tuple[str, TheirModel | None]:
    """The root of the one model that is meant, and the model where MLflow knows it as one."""
    roots: dict[str, tuple[str, TheirModel | None]] = {
        f"models:/{one.model_id}": (one.name, one) for one in models
    }
    if not roots:
        folders = _model_folders(client, run.info.run_id)
        roots = {f"runs:/{run.info.run_id}/{path}": (path, None) for path in folders}
    fitting = [
        root for root, (known, _) in roots.items() if name in (None, known, root.split("/")[1])
    ]
    if len(fitting) != 1:
        raise _unclear(run.info.run_id, name, roots)
    return fitting[0], roots[fitting[0]][1]


def _model_folders(client: MlflowClient, run_id: str) -> tuple[str, ...]:
    folders = [one.path for one in client.list_artifacts(run_id) if one.is_dir]
    return tuple(
        folder
        for folder in folders
        if any(one.path == f"{folder}/{MLMODEL}" for one in client.list_artifacts(run_id, folder))
    )


def _unclear(run_id: str, name: str | None, roots: Mapping[str, tuple[str, Any]]) -> ModelctlError:
    if not roots:
        return ModelctlError(
            f"run {run_id} logged no model",
            mend="log one with mlflow.<flavour>.log_model(model, name=…, signature=…)",
        )
    there = ", ".join(f"{known} ({root.split('/')[1]})" for root, (known, _) in roots.items())
    said = f"several models called {name}" if name else "several models"
    if name and name not in {known for known, _ in roots.values()}:
        said = f"no model called {name}"
    return ModelctlError(f"run {run_id} logged {said}", mend=f"choose by --model-name: {there}")


def _download(client: MlflowClient, tracking_uri: str, root: str) -> LoggedModel:
    with tempfile.TemporaryDirectory(prefix="modelctl-") as folder:
        return read_model(mlflow_client.download(client, tracking_uri, root, Path(folder)), root)


def _inputs(run: TheirRun) -> Iterable[DatasetInput]:
    return run.inputs.dataset_inputs if run.inputs else ()


def _dataset(given: DatasetInput) -> tuple[tuple[str, str], RunDataset]:
    """A dataset by the name and digest under which metrics refer to it.

    MLflow's own digest is short. Its input tags `digest` and `version` say it better.
    """
    tags = {tag.key: tag.value for tag in given.tags}
    theirs = given.dataset
    dataset = Dataset(
        name=theirs.name,
        digest=tags.get("digest") or theirs.digest,
        version=tags.get("version"),
        size=_rows(theirs.profile),
    )
    return (theirs.name, theirs.digest), RunDataset(dataset=dataset, context=tags.get(_CONTEXT))


def _rows(profile: str | None) -> int | None:
    """How many rows a dataset has, as far as its kind of profile tells."""
    try:
        data = json.loads(profile or "{}")
    except ValueError:
        return None
    shape = data.get("features_shape")
    rows = shape[0] if isinstance(shape, list) and shape else None
    known = data.get("num_rows") or data.get("approx_count") or rows
    return known if isinstance(known, int) else None


def _newest(model: TheirModel | None) -> tuple[TheirMetric, ...]:
    """The newest figure of a model for each name and dataset."""
    newest: dict[tuple[str, str | None, str | None], TheirMetric] = {}
    for metric in (model.metrics if model else None) or ():
        key = (metric.key, metric.dataset_name, metric.dataset_digest)
        if key not in newest or _when(metric) >= _when(newest[key]):
            newest[key] = metric
    return tuple(newest.values())


def _run_metrics(run: TheirRun, models: Sequence[TheirModel]) -> Iterator[Metric]:
    """The figures that are of no model. For the others a run knows no dataset, and where it has
    several models it shows the last figure of any of them."""
    taken = {metric.key for one in models for metric in one.metrics or ()}
    for name, value in run.data.metrics.items():
        if name not in taken:
            yield Metric(name=name, value=_unbounded(value))


def _value(client: MlflowClient, metric: TheirMetric) -> float:
    """The figure as it was logged: MLflow gives a model's NaN as 0, and only the run's history
    says which it was."""
    if metric.value != 0 or not metric.run_id:
        return _unbounded(metric.value)
    history = client.get_metric_history(metric.run_id, metric.key)
    same = (one.value for one in history if _when(one) == _when(metric))
    return next((value for value in same if math.isnan(value)), metric.value)


def _unbounded(value: float) -> float:
    """MLflow's databases hold an infinity as the largest number that there is."""
    return math.copysign(math.inf, value) if abs(value) >= sys.float_info.max else value


def _when(metric: TheirMetric) -> tuple[int, int]:
    return metric.step or 0, metric.timestamp or 0


def _metric(
    theirs: TheirMetric, value: float, datasets: Mapping[tuple[str, str], RunDataset]
) -> Metric:
    name, digest = theirs.dataset_name, theirs.dataset_digest
    known = datasets.get((name, digest)) if name and digest else None
    return Metric(
        name=theirs.key,
        value=value,
        dataset=name or None,
        dataset_digest=(known.dataset.digest if known else digest) or None,
        sample_size=known.dataset.size if known else None,
    )
