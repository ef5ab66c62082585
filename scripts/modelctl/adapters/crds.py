"""Rendered objects against CRDs: those of a folder, or those of a cluster that is asked.

An API server silently drops fields that a CRD doesn't have, so they are problems here. The rules
that CRDs write in CEL (`x-kubernetes-validations`) are left to the cluster; what no CRD says is in
`domain/objects.py`.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelctl.adapters.crd_schema import json_schema
from modelctl.adapters.kustomize import find_kubectl
from modelctl.adapters.manifests import Object, documents, read_objects
from modelctl.domain.document import dotted
from modelctl.domain.local_manifest import API_VERSION
from modelctl.domain.objects import check_objects
from modelctl.domain.problems import Issue, Problem, get
from modelctl.errors import DependencyError, ModelctlError

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError

_BUILT_IN: Final = frozenset(
    (
        "",
        "apps",
        "autoscaling",
        "batch",
        "networking.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
    )
)
_LONGEST: Final = 300

_SECONDS: Final = 60.0
_REFUSED = re.compile(
    r'^Error from server \((?P<reason>\w+)\): (error when \w+ "STDIN": )?(?P<message>.*)$',
    re.MULTILINE,
)
_INVALID = re.compile(r'(?P<kind>\w+)\S* "(?P<name>[^"]+)" is invalid: (?P<message>.*)')
_ALONE_INVALID = re.compile(
    r'^The (?P<kind>\w+) "(?P<name>[^"]+)" is invalid: *(?P<message>.*(\n\* .*)*)$', re.MULTILINE
)
_UNKNOWN_KIND = re.compile(
    r'resource mapping not found for name: "(?P<name>[^"]*)".*'
    r'no matches for kind "(?P<kind>\w+)" in version "(?P<version>[^"]+)"'
)
_NO_ANSWER: Final = frozenset(
    ("InternalError", "ServiceUnavailable", "Timeout", "TooManyRequests", "Unauthorized")
)
_NOT_ALLOWED = re.compile(r"\bcannot \w+ resource\b")

Type = tuple[str, str]
"""Group and kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    """One served version of a CRD. `schema` is what `validator` was made from."""

    schema: Mapping[str, Any]
    validator: Draft202012Validator


_Crds = Mapping[Type, Mapping[str, _Version]]


def validate(objects: Sequence[Object], crd_folder: Path) -> tuple[Problem, ...]:
    """Everything wrong with these objects, by the CRDs of a folder and the rules beside them.

    Built-in kinds and `LocalServing` are judged by the rules alone. A custom resource without its
    CRD is a problem: nobody checked it.

    Raises:
        ModelctlError: the folder isn't there, or a file in it can't be read.
    """
    known = _read(crd_folder, {_type(obj) for obj in objects if _is_custom(obj)})
    found = (issue.of(obj) for obj in objects if _is_custom(obj) for issue in _check(obj, known))
    return tuple(sorted([*found, *check_objects(objects)]))


def _check(obj: Object, known: _Crds) -> Iterator[Issue]:
    versions = known.get(_type(obj))
    if versions is None:
        yield Issue(
            path="apiVersion",
            message=f"no CRD for {obj['kind']} of {obj['apiVersion']}, so nothing checked it",
            mend="add it to the folder of CRDs",
        )
        return
    version = versions.get(str(obj["apiVersion"]).rpartition("/")[2])
    if version is None:
        served = ", ".join(sorted(versions))
        yield Issue(path="apiVersion", message="it isn't served", mend=f"the CRD serves {served}")
        return
    for error in version.validator.iter_errors(obj):
        yield from _issues(error, version.schema)


def _issues(error: ValidationError, schema: Mapping[str, Any]) -> Iterator[Issue]:
    place = tuple(error.instance_path)
    if error.kind.name != "additionalProperties":
        yield Issue(path=dotted(place), message=error.message[:_LONGEST])
        return
    fields = get(_follow(schema, error.schema_path[:-1]), "properties", default={})
    for name in error.kind.as_dict()["unexpected"]:
        near = get_close_matches(name, fields, n=1)
        yield Issue(
            path=dotted((*place, name)),
            message="the CRD has no such field, so it would be dropped",
            mend=f"did you mean {near[0]}?" if near else "",
        )


def _follow(schema: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        schema = schema[part]
    return schema


def _type(obj: Object) -> Type:
    group, slash, _ = str(obj["apiVersion"]).rpartition("/")
    return (group if slash else "", str(obj["kind"]))


def _is_custom(obj: Object) -> bool:
    return _type(obj)[0] not in _BUILT_IN and obj["apiVersion"] != API_VERSION


def _read(folder: Path, wanted: set[Type]) -> _Crds:
    """The CRDs of the wanted types. Big files are parsed only if they name one of them."""
    if not folder.is_dir():
        raise ModelctlError(f"there is no folder {folder}", mend="name the one with the CRDs")
    kinds = "|".join(sorted(re.escape(kind) for _, kind in wanted))
    names = re.compile(rf'\bkind"?: *"?({kinds})\b')
    found: dict[Type, Mapping[str, _Version]] = {}
    for path in sorted(folder.iterdir()) if wanted else ():
        if path.suffix in (".yaml", ".yml", ".json") and names.search(text := _text(path)):
            found.update(_parse(text, path.name))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelctlError("the CRD can't be read", location=str(path)) from error


@lru_cache(maxsize=64)
def _parse(text: str, file: str) -> _Crds:
    try:
        return {
            (obj["spec"]["group"], obj["spec"]["names"]["kind"]): _versions(obj, file)
            for obj in read_objects(text, file=file)
            if obj["kind"] == "CustomResourceDefinition"
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelctlError("the CRD is not one", location=file) from error


def _versions(crd: Object, file: str) -> Mapping[str, _Version]:
    from jsonschema_rs import Draft202012Validator

    versions = {}
    for version in crd["spec"]["versions"]:
        schema = get(version, "schema", "openAPIV3Schema")
        if not schema:
            raise ModelctlError("the CRD has no openAPIV3Schema", location=file)
        if version.get("served"):
            strict = json_schema(schema)
            versions[version["name"]] = _Version(
                schema=strict, validator=Draft202012Validator(strict)
            )
    return versions


def server_dry_run(manifests: str, context: str) -> tuple[Problem, ...]:
    """What the cluster of a kubectl context objects to, its admission webhooks included.

    Nothing is changed there. A `LocalServing` isn't sent: no cluster knows that kind.

    Raises:
        DependencyError: kubectl is missing, or the cluster can't be reached or doesn't let us ask.
    """
    texts = [text for text, obj in documents(manifests) if obj["apiVersion"] != API_VERSION]
    if not texts:
        return ()
    failed, said = _apply("---\n".join(texts), context)
    problems = tuple(_objections(said, context))
    if failed and not problems:
        raise _undecided(context, said)
    return problems


def _apply(manifests: str, context: str) -> tuple[bool, str]:
    """Whether `kubectl apply --dry-run=server` failed, and what it said."""
    command = [find_kubectl(), f"--context={context}", "apply", "--dry-run=server", "--filename=-"]
    try:
        result = subprocess.run(
            command,
            capture_output=True,
            check=False,
            encoding="utf-8",
            input=manifests,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _undecided(context, str(error)) from error
    return result.returncode != 0, result.stderr


def _objections(said: str, context: str) -> Iterator[Problem]:
    """The refusals in kubectl's words.

    Raises:
        DependencyError: a refusal that isn't about an object, so nothing is known.
    """
    for found in _UNKNOWN_KIND.finditer(said):
        message = f"the cluster has no {found['kind']} of {found['version']}"
        yield _problem(found["kind"], found["name"], message, "install its CRD")
    for found in _ALONE_INVALID.finditer(said):
        message = ", ".join(
            line.removeprefix("* ") for line in found["message"].split("\n") if line
        )
        yield _problem(found["kind"], found["name"], message)
    for found in _REFUSED.finditer(said):
        if found["reason"] in _NO_ANSWER or _NOT_ALLOWED.search(found["message"]):
            raise _undecided(context, found["message"])
        named = _INVALID.match(found["message"])
        if named:
            yield _problem(named["kind"], named["name"], named["message"])
        else:
            yield _problem("cluster", context, found["message"])


def _problem(kind: str, name: str, message: str, mend: str = "") -> Problem:
    return Problem(kind=kind, namespace="", name=name, path="", message=message, mend=mend)


def _undecided(context: str, said: str) -> DependencyError:
    return DependencyError(
        f"the cluster of the context {context} didn't answer: {_last_line(said)}",
        mend=f"try `kubectl --context {context} auth can-i create deployments`",
    )


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")[:_LONGEST]
