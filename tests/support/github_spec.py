"""GitHub's own description of its API, cut down to the paths that our stand-in answers.

The whole is 13 MB, and prism takes 7 s to read it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
PRISM = PROJECT / "build" / "prism"
DESCRIPTION = PRISM / "node_modules" / "@octokit" / "openapi" / "generated" / "api.github.com.json"
API = "/api/v3"
UNREAD = ("examples", "externalDocs", "x-github")

Json = dict[str, Any]

AMENDMENTS: tuple[tuple[str, tuple[str, ...], Json], ...] = (
    # The description's own examples have "" there, and so has what GitHub answers.
    *(
        ("deployment-status", ("properties", name), {"format": None})
        for name in ("target_url", "log_url", "environment_url")
    ),
    # Null for a label without one, as the schema of labels itself says.
    (
        "pull-request-simple",
        ("properties", "labels", "items", "properties", "description"),
        {"nullable": True},
    ),
    # Null where the fork of a pull request, or who had it, is gone.
    *(
        (
            name,
            ("properties", "head", "properties", key),
            {"$ref": None, "anyOf": [{"$ref": f"#/components/schemas/{schema}"}, {"enum": [None]}]},
        )
        for name, key, schema in (
            ("pull-request", "repo", "repository"),
            ("pull-request", "user", "simple-user"),
            ("pull-request-simple", "repo", "repository"),
        )
    ),
)
"""Where GitHub doesn't hold to its own description: a schema, a place in it, what differs."""


class NotOfGitHubError(AssertionError):
    """A route of the stand-in that GitHub's API doesn't have."""


def cut_description(routes: Iterable[str]) -> Path:
    """The description of `routes` alone, as a file that is made once for each set of routes.

    Routes are templates under /api/v3, of which the shape counts and not the parameters' names.
    """
    wanted = sorted({shape(route) for route in routes})
    made_by = Path(__file__).read_text()
    stamp = f"{DESCRIPTION.stat().st_mtime_ns} {wanted} {made_by}"
    target = PRISM / f"github-{hashlib.sha256(stamp.encode()).hexdigest()[:16]}.json"
    if not target.exists():
        whole = json.loads(DESCRIPTION.read_text())
        part = target.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(cut(whole, wanted)))
        part.replace(target)
    return target


def shape(route: str) -> str:
    """A path's template without the names of its parameters."""
    return re.sub(r"\{[^}]*\}", "{}", route)


def cut(whole: Json, wanted: Iterable[str]) -> Json:
    """`whole` with the paths of those shapes only, under /api/v3, and what they refer to."""
    amend(whole["components"]["schemas"])
    by_shape = {API + shape(path): API + path for path in whole["paths"]}
    unknown = [route for route in wanted if route not in by_shape]
    if unknown:
        raise NotOfGitHubError(f"GitHub's API has no {', '.join(unknown)}")
    names = [by_shape[route] for route in wanted]
    paths = {name: lean(whole["paths"][name.removeprefix(API)]) for name in names}
    return {
        "openapi": whole["openapi"],
        "info": whole["info"],
        # Prism would send requests there; where they go is told on its command line.
        "servers": [{"url": "http://127.0.0.1"}],
        "paths": paths,
        "components": components(whole["components"], paths),
    }


def amend(schemas: Json) -> None:
    """Apply the amendments; KeyError where the description has changed since."""
    for name, place, changes in AMENDMENTS:
        node = schemas[name]
        for key in place:
            node = node[key]
        if all(node.get(key) == value for key, value in changes.items()):
            raise KeyError(f"{name} {'.'.join(place)} needs no amendment any more")
        node.update({key: value for key, value in changes.items() if value is not None})
        for key, value in changes.items():
            if value is None:
                del node[key]


def lean(node: Any) -> Any:
    """A part of the description without examples, and with each null spelled out.

    Prism can't compile `nullable` where there is no `type`, and doesn't judge by what it can't
    compile.
    """
    if isinstance(node, Mapping):
        if node.get("nullable") is True and "type" not in node:
            rest = {key: value for key, value in node.items() if key != "nullable"}
            return {"anyOf": [lean(rest), {"enum": [None]}]}
        return {
            key: lean(value)
            for key, value in node.items()
            # A property may be named like one of those: its value is a schema, with a type.
            if key not in UNREAD or (isinstance(value, Mapping) and "type" in value)
        }
    return [lean(item) for item in node] if isinstance(node, list) else node


def components(whole: Json, paths: Json) -> Json:
    """The components that `paths` refer to, directly or through others."""
    found: Json = {}
    left = list(references(paths))
    while left:
        kind, _, name = left.pop().removeprefix("#/components/").partition("/")
        if name not in found.setdefault(kind, {}):
            found[kind][name] = lean(whole[kind][name])
            left.extend(references(found[kind][name]))
    return found


def references(node: Any) -> Iterator[str]:
    """Every $ref in a part of the description."""
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)
