"""Names of models and versions, and the pointers by which people ask for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from semver import Version

from modelctl.errors import ModelctlError

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PARTIAL = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))?")
MODELS = "models"
LATEST = "latest"


def is_model_name(text: str) -> bool:
    """Whether `text` is a model name: `<domain>-<task>`, at most 63 of `a-z 0-9 -`."""
    return _NAME.fullmatch(text) is not None and "-" in text


def parse_version(text: str) -> Version:
    """A Semantic Version 2.0.0, exactly as written.

    Raises:
        ModelctlError: `text` is not one; the mend shows the form.
    """
    if not Version.is_valid(text):
        raise ModelctlError(
            f"{text!r} is not a semantic version", mend="write MAJOR.MINOR.PATCH, such as 1.2.0"
        )
    return Version.parse(text)


def model_path(model: str) -> str:
    """Where a model's own file lies."""
    return f"{MODELS}/{model}/model.yaml"


def release_path(model: str) -> str:
    """Where the release pointer of a model lies."""
    return f"{MODELS}/{model}/release.yaml"


def version_path(model: str, version: Version | str) -> str:
    """Where the manifest of a version lies."""
    return f"{MODELS}/{model}/versions/{version}.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """What a path below `models/` is: `kind` is `model`, `release` or `version`."""

    model: str
    kind: str
    version: str | None = None


def classify(path: str) -> ModelFile | None:
    """What the file at `path` is, or None where nothing of ours may lie."""
    match path.split("/"):
        case [top, model, "model.yaml"] if top == MODELS and is_model_name(model):
            return ModelFile(model=model, kind="model")
        case [top, model, "release.yaml"] if top == MODELS and is_model_name(model):
            return ModelFile(model=model, kind="release")
        case [top, model, "versions", name] if top == MODELS and is_model_name(model):
            stem = name.removesuffix(".yaml")
            if stem != name and Version.is_valid(stem):
                return ModelFile(model=model, kind="version", version=stem)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """`churn-predictor@production`, `@latest`, `@1.2`, `@1.2.0`; without `@…` it names the model.

    `selector` is what stands behind the `@`.
    """

    model: str
    selector: str | None = None

    def __str__(self) -> str:
        return f"{self.model}@{self.selector}" if self.selector else self.model


def parse_pointer(text: str) -> Pointer:
    """A pointer as typed by a person.

    Raises:
        ModelctlError: the model's name can't be one, or nothing stands behind the `@`.
    """
    model, at, selector = text.partition("@")
    before, assigned, rest = model.partition("#")
    if assigned and not at and is_model_name(before):
        raise ModelctlError(
            f"{text!r} is how GTO tags an environment",
            mend=f"write {before}@{rest.partition('#')[0] or LATEST}",
        )
    if not is_model_name(model):
        raise ModelctlError(
            f"{model!r} is not a model name",
            mend="names are <domain>-<task> of a-z, 0-9 and -, such as churn-predictor",
        )
    if at and not selector:
        raise ModelctlError(
            f"{text!r} names no version",
            mend=f"write {model}@1.2.0, {model}@latest or an environment",
        )
    if selector.startswith("v") and Version.is_valid(selector[1:]):
        selector = selector[1:]  # as GTO tags versions
    return Pointer(model=model, selector=selector or None)


def parse_model(text: str) -> str:
    """A model's name as typed by a person where a version has no place.

    Raises:
        ModelctlError: it can't be one, or a version is named too, which nobody would look at.
    """
    pointer = parse_pointer(text)
    if pointer.selector is not None:
        raise ModelctlError(
            f"{text} names a version, but the whole model is meant here",
            mend=f"write {pointer.model}",
        )
    return pointer.model


def resolve_pointer(
    pointer: Pointer, versions: Iterable[Version], served: Mapping[str, str]
) -> Version:
    """The version that a pointer names; without a selector the latest.

    `served` maps each environment to the version it serves now, where it serves one. `latest` and
    partial versions pick the highest release; a pre-release only when nothing else is there.

    Raises:
        ModelctlError: nothing fits; the mend lists what is there.
    """
    known = sorted(versions)
    selector = pointer.selector or LATEST
    if selector in served:
        return Version.parse(served[selector])
    if Version.is_valid(selector):
        fitting = [v for v in known if str(v) == selector]
    elif selector == LATEST:
        fitting = known
    elif _PARTIAL.fullmatch(selector):
        fitting = [v for v in known if f"{v}.".startswith(f"{selector}.")]
    else:
        fitting = []
    if not fitting:
        raise ModelctlError(
            f"{pointer} names no version", mend=_choices(pointer.model, known, served)
        )
    return max((v for v in fitting if not v.prerelease), default=fitting[-1])


def near(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be, None where nothing is like it."""
    names = sorted(known)
    begins = (one for one in names if len(name) > 1 and one.startswith(name))
    return next(iter(get_close_matches(name, names, n=1)), None) or next(begins, None)


def choice(name: str, known: Iterable[str], lead: str) -> str:
    """What to write instead of an unknown name: the one that is like it, and those there are."""
    names = tuple(known)
    meant = near(name, names)
    return (f"did you mean {meant}? " if meant else "") + lead + ", ".join(names)


def _choices(model: str, known: list[Version], served: Mapping[str, str]) -> str:
    if not known:
        return f"{model} has no versions on this branch"
    names = [*served, LATEST, *(str(v) for v in known[-5:])]
    return f"{model} has: {', '.join(names)}"
