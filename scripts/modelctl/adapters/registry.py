"""MLflow: runs are read from it, and what git says is projected onto its model registry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from modelctl.adapters import mlflow_client, mlflow_runs
from modelctl.adapters.mlflow_client import by_default, translated
from modelctl.domain.drafting import Run
from modelctl.domain.registry import (
    Action,
    Change,
    ProjectedVersion,
    Projection,
    RegisteredVersion,
    RegistryState,
    plan,
    shortened,
)
from modelctl.errors import ModelctlError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import (
        ModelVersion as TheirVersion,
        RegisteredModel as TheirModel,
    )

_BEHIND = "what it says is not up to date"
_PAGE = 200


class MlflowRegistry:
    """A tracking server with its model registry.

    Raises:
        DependencyError: MLflow is not installed, or the address is no MLflow's.
    """

    __slots__ = ("_client", "_uri")

    def __init__(self, tracking_uri: str):
        self._uri = tracking_uri
        self._client: MlflowClient = mlflow_client.connect(tracking_uri)

    def __repr__(self) -> str:
        return f"MlflowRegistry({mlflow_client.shown(self._uri)!r})"

    def run(self, run_id: str, *, model_name: str | None = None) -> Run:
        """A finished run and its model; see `mlflow_runs.read_run`."""
        return mlflow_runs.read_run(self._client, self._uri, run_id, model_name)

    def download(self, root: str, into: Path) -> Path:
        """The files of `models:/…` or `runs:/…`; see `mlflow_client.download`."""
        return mlflow_client.download(self._client, self._uri, root, into)

    def state(self, model: str) -> RegistryState:
        """What the registry says about a model now.

        Raises:
            DependencyError: MLflow can't be asked.
        """
        with translated(self._uri, consequence=_BEHIND):
            return self._state(model)

    def project(self, desired: Projection) -> tuple[Change, ...]:
        """Make the registry say what git says; the changes that it took, none when it already did.

        Raises:
            DependencyError: MLflow can't be reached. What was done stays done; run it again.
        """
        changes = plan(desired, self.state(desired.model))
        self.apply(desired, changes)
        return changes

    def remove(self, model: str, version: str, digest: str) -> bool:
        """Take a version that is ours out of the registry; whether it was there.

        Entries whose tags don't name this very manifest are somebody else's and stay. The run and
        its artifacts stay as well.

        Raises:
            ModelctlError: an alias points at it, so somebody uses it.
            DependencyError: MLflow can't be reached. What was done stays done; run it again.
        """
        with translated(self._uri, consequence=_BEHIND):
            state = self._state(model)
            ours = state.entries_of(version, digest)
            pointed = [alias for alias, number in state.aliases.items() if number in ours]
            if pointed:
                raise ModelctlError(
                    f"alias {', '.join(sorted(pointed))} of {model} points at {version}",
                    mend="remove the alias in MLflow, or reinstate what it stands for",
                )
            for number in ours:
                _delete(self._client, model, number)
        return bool(ours)

    def apply(self, desired: Projection, changes: Sequence[Change]) -> None:
        """Carry out a plan for `desired`. Each change may be repeated without harm."""
        if changes:
            with translated(self._uri, consequence=_BEHIND), by_default(self._uri):
                writer = _Writer(self._client, desired, self._state(desired.model))
                for change in changes:
                    writer.write(change)

    def _state(self, model: str) -> RegistryState:
        # Only this call knows the aliases: a search for versions leaves them empty.
        registered = _registered(self._client, model)
        if registered is None:
            return RegistryState(model=model, exists=False)
        return RegistryState(
            model=model,
            description=registered.description or "",
            versions=_versions(self._client, model),
            aliases={alias: str(number) for alias, number in registered.aliases.items()},
        )


def _registered(client: MlflowClient, model: str) -> TheirModel | None:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _delete(client: MlflowClient, model: str, number: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.delete_model_version(model, number)
    except MlflowException as error:
        # Somebody else was faster: it is gone, which is all that was wanted.
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def _versions(client: MlflowClient, model: str) -> tuple[RegisteredVersion, ...]:
    found: list[TheirVersion] = []
    token: str | None = ""
    while token is not None:
        page = client.search_model_versions(
            f"name='{model}'", max_results=_PAGE, page_token=token or None
        )
        found += page
        token = page.token or None
    return tuple(
        RegisteredVersion(
            number=str(one.version),
            source=one.source or "",
            tags=dict(one.tags),
            description=one.description or "",
        )
        for one in found
    )


def _model_id(source: str) -> str | None:
    """The id in `models:/m-…`, which a server wants to be told beside the source."""
    name = source.removeprefix("models:/")
    return name if name != source and "/" not in name else None


class _Writer:
    """Carries changes out, and keeps in mind which number each version has."""

    def __init__(self, client: MlflowClient, desired: Projection, actual: RegistryState):
        self._client = client
        self._model = desired.model
        self._wanted = {one.version: one for one in desired.versions}
        self._numbers = {
            one.version: known.number
            for one in desired.versions
            if (known := actual.find(one.version, one.source))
        }

    def write(self, change: Change) -> None:
        """Carry out one change."""
        client, model, name, text = self._client, self._model, change.name, change.after
        match change.action:
            case Action.CREATE_MODEL:
                self._create_model(text)
            case Action.DESCRIBE_MODEL:
                client.update_registered_model(model, description=text)
            case Action.CREATE_VERSION:
                self._create_version(self._wanted[change.version or ""])
            case Action.DESCRIBE_VERSION:
                client.update_model_version(model, self._number(change), text)
            case Action.SET_TAG:
                client.set_model_version_tag(model, self._number(change), name, text)
            case Action.DELETE_TAG:
                client.delete_model_version_tag(model, self._number(change), name)
            case Action.SET_ALIAS:
                client.set_registered_model_alias(model, name, self._number(change))
            case Action.DELETE_ALIAS:
                client.delete_registered_model_alias(model, name)
            case _:
                assert_never(change.action)

    def _number(self, change: Change) -> str:
        return change.number or self._numbers[change.version or ""]

    def _create_model(self, description: str | None) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(self._model, description=description)
        except MlflowException as error:
            # Somebody else was faster: it is there, which is all that was wanted.
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _create_version(self, one: ProjectedVersion) -> None:
        if one.version in self._numbers:
            return
        # The tags go in with the creation, so that a crash leaves nothing that can't be recognised.
        made = self._client.create_model_version(
            self._model,
            one.source,
            run_id=one.run_id,
            tags=dict(one.tags),
            description=shortened(one.description),
            model_id=_model_id(one.source),
        )
        self._numbers[one.version] = str(made.version)
