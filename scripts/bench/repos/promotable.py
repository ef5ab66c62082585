"""Models that were merged into the first branch and have all the evidence that the first two
environments ask for, and a branch that brings one more version of one of them. Made for the day,
since evidence grows old."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from bench.repos.documents import model_files, model_name, version_name, version_text
from bench.repos.ledger import chained, deployment
from bench.repos.people import person, rule_files
from bench.repos.registry import INIT, PULL_REQUEST, one_more
from bench.repos.states import Place, state_files
from bench.repos.stream import Stream, git
from modelctl.adapters.documents import dump
from modelctl.adapters.signing import sign
from modelctl.domain.drafting import signature_digest
from modelctl.domain.evidence import OFFLINE, Statement
from modelctl.domain.history import DEPLOYMENT
from modelctl.domain.manifest import signature_from
from modelctl.domain.names import version_path
from support.hub import ROLE_TEAMS
from support.world import CLEAN, ENVIRONMENTS, ROLES, TESTS, VALID, evaluation

FIRST, MIDDLE = "ml", "develop"
"""The branches of the first two environments."""

_HELD, _BROUGHT = version_name(0), version_name(1)
_FROM_DEVELOPMENT = ("evaluation", "security-scan")
_FOR_THE_NEXT = ("unit-tests", "data-validation")
_AGE = timedelta(days=2)


def create(directory: Path, models: int, now: datetime, *, deployed: bool) -> None:
    """So many models, each brought to the first branch by itself. The next branches have none of
    them yet. `PULL_REQUEST` brings one more version of the first model.

    With `deployed` environments have branches, and the ledger says that the first one serves them,
    though no deploy wrote that.
    """
    git(directory, *INIT)
    began = int((now - _AGE).timestamp()) - models
    with Stream(directory, clock=began) as stream:
        stream.commit("main", _rules().items(), message="Rules")
        stream.branch(MIDDLE, "main")
        stream.branch(FIRST, "main")
        for index in range(models):
            stream.commit(FIRST, model_files(index, 1), message=f"Bring {model_name(index)}")
        stream.branch(PULL_REQUEST, FIRST)
        stream.commit(PULL_REQUEST, one_more(0, 1), message="Bring one more version")
    tip = git(directory, "rev-parse", FIRST)
    places = [
        Place(index=index, version=_HELD, environment=ENVIRONMENTS[0]) for index in range(models)
    ]
    with Stream(directory, clock=int((now - _AGE).timestamp())) as stream:
        for name in ENVIRONMENTS if deployed else ():
            stream.commit(f"env/{name}", state_files(places, tip), message="Deploy")
        entries = _entries(places, tip if deployed else None, now - _AGE)
        stream.commit("ledger", entries, message="What came about")
    git(directory, "pack-refs", "--all")


def _rules() -> Mapping[str, bytes]:
    """The rules, with a team of the forge behind each role that has one."""
    roles = {
        name: {**role, **({"team": ROLE_TEAMS[name]} if name in ROLE_TEAMS else {})}
        for name, role in ROLES["roles"].items()
    }
    return {**rule_files(), "policies/roles.yaml": dump({"roles": roles}).encode()}


def _entries(places: list[Place], tip: str | None, at: datetime) -> Iterator[tuple[str, bytes]]:
    for place in places:
        before = _evidence(place.index, _HELD, _FROM_DEVELOPMENT, at)
        after = _evidence(place.index, _HELD, _FOR_THE_NEXT, at)
        brought = _evidence(0, _BROUGHT, _FROM_DEVELOPMENT, at) if place.index == 0 else ()
        deployed = [(DEPLOYMENT, deployment(place, tip, at))] if tip else []
        for entry in chained(model_name(place.index), chain(before, deployed, after, brought)):
            yield entry.path, entry.data


def _evidence(
    index: int, version: str, kinds: tuple[str, ...], at: datetime
) -> Iterator[tuple[str, bytes]]:
    """Signed statements of these kinds, as a job would have measured this version."""
    text = version_text(index, version)
    results = {
        "evaluation": _evaluation(yaml.load(text, Loader=yaml.CSafeLoader)),
        "security-scan": CLEAN,
        "unit-tests": TESTS,
        "data-validation": VALID,
    }
    for kind in kinds:
        statement = Statement(
            kind=kind,
            subject=version_path(model_name(index), version),
            digest=hashlib.sha256(text).hexdigest(),
            made_at=at.replace(microsecond=0),
            environment=OFFLINE,
            predicate=results[kind],
        )
        yield kind, sign(statement, person("ci").signer)


def _evaluation(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the manifest claims, measured."""
    claimed = {one["name"]: one["value"] for one in manifest["metrics"]}
    found = evaluation()
    return {
        **found,
        "metrics": {**found["metrics"], **claimed},
        "features": {"hash": manifest["features"]["hash"]},
        "signature": {"digest": signature_digest(signature_from(manifest["signature"]))},
        "artifacts": {one["path"]: one["sha256"] for one in manifest["artifacts"]["files"]},
    }
