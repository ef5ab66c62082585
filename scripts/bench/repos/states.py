"""What environments run: their branches as a deploy writes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.repos.documents import model_name, version_text
from modelctl.adapters.git import blob_oid
from modelctl.domain.release_record import release_record
from modelctl.domain.rendering import MANIFESTS, RELEASE, RenderRequest

_LINES = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A version of the model with this number, in an environment."""

    index: int
    version: str
    environment: str


def request(place: Place, commit: str) -> RenderRequest:
    """What the deploy was asked to render."""
    manifest = version_text(place.index, place.version)
    return RenderRequest(
        model=model_name(place.index),
        version=place.version,
        digest=hashlib.sha256(manifest).hexdigest(),
        blob=blob_oid(manifest),
        commit=commit,
        approvers=("ben", "pat"),
        environment=place.environment,
        target="gateway-api",
        gateway=True,
        storage_uri="models:/m-0123456789abcdef",
        owner="oncology",
        strategy="blue-green",
        pull_request=place.index + 1,
    )


def state_files(places: Iterable[Place], commit: str) -> Iterator[tuple[str, bytes]]:
    """The files of an environment's branch. Nobody who asks for the status reads the manifests, so
    they only have the size of real ones."""
    for place in places:
        name = model_name(place.index)
        record = release_record(request(place, commit), namespace=place.environment)
        manifests = f"# {name} {place.version}: a line of a manifest\n" * _LINES
        yield f"{name}/{RELEASE}", record.encode()
        yield f"{name}/{MANIFESTS}", manifests.encode()
