"""Kustomize: one build for all models of an environment, once for each shape, split by model.

The build reads files only: the trusted tree is checked first (`kustomize_tree.py`), and the program
runs without a PATH, a home or a cluster. It needs Kustomize 5 or newer, as itself or in kubectl.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from modelctl.adapters.kustomize_tree import ROOT, check_tree, kustomization_folders
from modelctl.adapters.manifests import Object, documents, scalar
from modelctl.domain.overlay import KUSTOMIZATION, layers_of, overlay_files
from modelctl.domain.release_record import address_of, release_record
from modelctl.domain.rendering import MANIFESTS, MODEL_LABEL, RELEASE, RenderRequest, to_json
from modelctl.domain.shapes import Shape, Value, fill, fill_text, shape_in, shape_of
from modelctl.errors import DependencyError, ModelctlError

OLDEST: Final = 5
INSTALL: Final = "pip install 'modelctl[render]', or put kubectl or kustomize on the PATH"

_GENERATED = "generated"
_VERSION = re.compile(r"v(\d+)\.\d+\.\d+")
_CAUSE = re.compile(r".*path '(?P<where>[^']*)': (?P<cause>.*?)\"?$")
_BRIEF: Final = 1000
_SECONDS: Final = 10.0
_HEADER: Final = (
    "# Rendered by modelctl. Written by the deploy alone: what is changed by hand is lost.\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kustomize:
    """A program that builds. `command` comes before the folder; `timeout` is in seconds."""

    command: tuple[str, ...]
    timeout: float = 120.0

    @classmethod
    def find(cls) -> Kustomize:
        """The kubectl of this Python's environment, else one of the PATH that is new enough.

        Raises:
            DependencyError: there is none.
        """
        own = own_kubectl()
        if own:
            return cls(command=(own, "kustomize"))
        for program, build, version in _PROGRAMS:
            path = shutil.which(program)
            if path and _major([path, *version]) >= OLDEST:
                return cls(command=(path, build))
        raise DependencyError(f"there is no Kustomize {OLDEST} or newer here", mend=INSTALL)

    def build(
        self, root_files: Mapping[str, bytes], requests: Iterable[RenderRequest]
    ) -> Mapping[str, Mapping[str, str]]:
        """The files of each model, `manifests.yaml` and `release.json`, by model and file name.

        `root_files` are those of the trusted `kustomize/` by their paths in it. The result depends
        on nothing but the arguments, and not on the order of `requests`.

        Raises:
            ModelctlError: the tree isn't allowed, or doesn't build; a model is asked for twice.
            DependencyError: the program can't run, or takes too long.
        """
        ordered = sorted(requests, key=lambda request: request.model)
        check_tree(root_files)
        _check_distinct(ordered)
        if not ordered:
            return {}
        with tempfile.TemporaryDirectory(prefix="modelctl-render-") as name:
            folder = Path(name).resolve()
            _write(folder / ROOT, root_files)
            shaped = [_shaped(one, kustomization_folders(root_files)) for one in ordered]
            _write(folder / _GENERATED, _generated(shaped))
            output = self._run(folder)
        return _split(output, shaped)

    def _run(self, folder: Path) -> str:
        environment = {"PATH": "", "HOME": str(folder), "KUBECONFIG": os.devnull}
        try:
            result = subprocess.run(
                [*self.command, str(folder / _GENERATED)],
                capture_output=True,
                check=False,
                cwd=folder,
                encoding="utf-8",
                env=environment,
                stdin=subprocess.DEVNULL,
                timeout=self.timeout,
            )
        except subprocess.TimeoutExpired as error:
            raise DependencyError(f"Kustomize took longer than {self.timeout:g} s") from error
        except OSError as error:
            raise DependencyError(f"{self.command[0]} can't be run: {error.strerror}") from error
        if result.returncode < 0:
            raise DependencyError(f"Kustomize was ended by signal {-result.returncode}")
        if result.returncode != 0:
            raise _failure(result.stderr, folder)
        return result.stdout


_PROGRAMS: Final = (
    ("kustomize", "build", ("version",)),
    ("kubectl", "kustomize", ("version", "--client")),
)


def own_kubectl() -> str | None:
    """The kubectl that was installed into this Python's environment, whose version is locked."""
    for folder in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent)):
        path = shutil.which("kubectl", path=folder)
        if path:
            return path
    return None


def find_kubectl() -> str:
    """The kubectl of this Python's environment, else the one of the PATH.

    Raises:
        DependencyError: there is none.
    """
    path = own_kubectl() or shutil.which("kubectl")
    if path is None:
        raise DependencyError("there is no kubectl here", mend=INSTALL)
    return path


def _major(command: Sequence[str]) -> int:
    """The major version of Kustomize that `command` prints, 0 if it prints none."""
    try:
        result = subprocess.run(
            command, capture_output=True, check=False, encoding="utf-8", timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    lines = [line for line in result.stdout.splitlines() if "Client Version" not in line]
    found = _VERSION.search("\n".join(lines))
    return int(found[1]) if found else 0


def _check_distinct(requests: Sequence[RenderRequest]) -> None:
    """Objects of two models must not get in each other's way."""
    names: dict[str, str] = {}
    for request in requests:
        other = names.setdefault(request.name, request.model)
        if other != request.model:
            raise ModelctlError(f"{request.model} and {other} would both be named {request.name}")
    if len(names) != len(requests):
        models = [request.model for request in requests]
        twice = next(model for model in models if models.count(model) > 1)
        raise ModelctlError(f"{twice} is to be rendered twice", mend="ask for each model once")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shaped:
    """A request, the shape of its overlay, and what fills the blanks of that."""

    request: RenderRequest
    shape: Shape
    values: tuple[Value, ...]


def _shaped(request: RenderRequest, folders: frozenset[str]) -> _Shaped:
    files = overlay_files(request, layers_of(request, folders), f"../../{ROOT}/")
    shape, values = shape_of(files)
    return _Shaped(request=request, shape=shape, values=values)


def _generated(shaped: Sequence[_Shaped]) -> Mapping[str, bytes]:
    """The overlay of each shape, named after a model that has it, below one kustomization."""
    firsts = {one.shape.identity: one for one in reversed(shaped)}
    names = {one.request.name: one.shape for one in firsts.values()}
    files = {KUSTOMIZATION: to_json({"resources": sorted(names)})}
    for folder, shape in names.items():
        files.update({f"{folder}/{name}": text for name, text in shape.files.items()})
    return {path: text.encode() for path, text in files.items()}


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _failure(stderr: str, folder: Path) -> ModelctlError:
    """What Kustomize says is wrong, from the innermost folder that it names."""
    text = " ".join(stderr.split()).replace(f"{folder}/", "")
    found = _CAUSE.match(text)
    where, cause = (found["where"], found["cause"]) if found else ("", text)
    model = where.removeprefix(f"{_GENERATED}/") if where.startswith(_GENERATED) else ""
    return ModelctlError(
        f"Kustomize can't build {model or 'this'}: {cause[:_BRIEF]}",
        mend="mend kustomize/, then render again",
        location=where if where.startswith(f"{ROOT}/") else None,
    )


def _split(output: str, shaped: Sequence[_Shaped]) -> Mapping[str, Mapping[str, str]]:
    """The output by model, with the release record of each."""
    found: dict[str | None, list[tuple[str, Object]]] = {one.shape.identity: [] for one in shaped}
    for text, obj in documents(output, file="the output of Kustomize"):
        found[shape_in(obj["metadata"]["labels"][MODEL_LABEL])].append((text, obj))
    taken: dict[_Identity, str] = {}
    return {one.request.model: _files(one, found[one.shape.identity], taken) for one in shaped}


_Identity = tuple[str, ...]
"""The group, kind, namespace and name of an object, which a cluster has once."""


def _files(
    one: _Shaped, rendered: Sequence[tuple[str, Object]], taken: dict[_Identity, str]
) -> Mapping[str, str]:
    """The files of one model, whose objects are none of those that are taken."""
    request, scalars = one.request, [_scalar(value) for value in one.values]
    filled = [
        (fill_text(text, one.values, scalars), fill(obj, one.values)) for text, obj in rendered
    ]
    ordered = sorted(filled, key=lambda pair: (pair[1]["kind"], pair[1]["metadata"]["name"]))
    objects = [obj for _, obj in ordered]
    for obj in objects:
        _check_name(request, obj)
        _take(request, obj, taken)
    namespace = _namespace(request, objects)
    return {
        MANIFESTS: "---\n".join([_HEADER, *(text for text, _ in ordered)]),
        RELEASE: release_record(request, namespace=namespace, address=address_of(objects)),
    }


def _scalar(value: Value) -> str:
    return scalar(value) if isinstance(value, str) else str(value)


def _check_name(request: RenderRequest, obj: Object) -> None:
    """A name that isn't the model's own would be shared by all models of a namespace."""
    name = obj["metadata"]["name"]
    if name != request.name and not name.startswith(f"{request.name}-"):
        raise ModelctlError(
            f"{request.model} has a {obj['kind']} named {name}, as every other model has",
            mend="name it `model`, `model-stable`, `model-canary` or `model-split` in kustomize/",
        )


def _take(request: RenderRequest, obj: Object, taken: dict[_Identity, str]) -> None:
    """Of two objects of one name, a cluster would keep the later one alone."""
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    metadata = obj["metadata"]
    named = (str(obj["kind"]), str(metadata.get("namespace", "")), str(metadata["name"]))
    if (group, *named) in taken:
        others = taken[group, *named]
        whose = "twice" if others == request.model else f"as {others} has"
        raise ModelctlError(
            f"{request.model} has the {named[0]} {named[2]} {whose}, so one would be lost",
            mend="give each object in kustomize/ a name of its own",
        )
    taken[group, *named] = request.model


def _namespace(request: RenderRequest, objects: Iterable[Object]) -> str:
    found = {str(obj["metadata"].get("namespace", "")): obj for obj in objects}
    if list(found) == [namespace := next(iter(found), "")] and namespace:
        return namespace
    where = f"{found['']['kind']} without one" if "" in found else ", ".join(sorted(found))
    raise ModelctlError(
        f"{request.model} is not rendered into one namespace: {where or 'no objects'}",
        mend=f"set `namespace` in each component of kustomize/overlays/{request.environment}",
    )
