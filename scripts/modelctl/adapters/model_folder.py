"""A saved model in a folder: MLflow's `MLmodel` and `requirements.txt`, or plain files beside them.

Only text is read here; no model is loaded, so nothing of it is executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from modelctl.adapters.artifacts import measure
from modelctl.domain.drafting import LoggedModel
from modelctl.domain.manifest import Artifacts, Signature
from modelctl.domain.mlmodel import framework_from_mlmodel, pinned, signature_from_mlmodel
from modelctl.errors import ModelctlError

MLMODEL = "MLmodel"
_REQUIREMENTS = "requirements.txt"


def read_model(folder: Path, root: str) -> LoggedModel:
    """The model that MLflow saved in `folder`, recorded as lying at `root`.

    Raises:
        ModelctlError: there is none, it has no signature, or its requirements are not pinned.
    """
    data = read_mlmodel(folder)
    dependencies = read_requirements(folder)
    return LoggedModel(
        signature=_signature(data),
        framework=framework_from_mlmodel(data, dependencies),
        dependencies=dependencies,
        artifacts=Artifacts(root=root, files=measure(folder)),
    )


def read_signature(folder: Path) -> Signature:
    """The signature of the model that MLflow saved in `folder`, as a loader of it sees it."""
    return _signature(read_mlmodel(folder))


def read_mlmodel(folder: Path) -> Mapping[str, Any]:
    """The `MLmodel` file. It is MLflow's own, so it is read as MLflow reads it: as YAML 1.1.

    Raises:
        ModelctlError: it isn't there, or isn't YAML.
    """
    try:
        data = yaml.load((folder / MLMODEL).read_bytes(), Loader=yaml.CSafeLoader)
    except FileNotFoundError as error:
        raise ModelctlError(
            f"{folder.name} holds no {MLMODEL} file, so it is no model that MLflow saved",
            mend="save it with mlflow.<flavour>.save_model(…, signature=…)",
        ) from error
    except yaml.YAMLError as error:
        raise ModelctlError(f"{MLMODEL} in {folder.name} can't be read as YAML") from error
    if not isinstance(data, dict):
        raise ModelctlError(f"{MLMODEL} in {folder.name} is not a mapping")
    return data


def read_requirements(folder: Path) -> tuple[str, ...]:
    """The pinned lines of `requirements.txt`, none where there is no such file."""
    path = folder / _REQUIREMENTS
    return pinned(path.read_text(encoding="utf-8")) if path.is_file() else ()


def _signature(data: Mapping[str, Any]) -> Signature:
    return signature_from_mlmodel(data.get("signature") or {})
