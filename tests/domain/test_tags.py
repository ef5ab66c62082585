"""The tags of a history: named, dated and placed so that GTO reads what the ledger says."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, strategies as st

from modelctl.domain.history import Deployment
from modelctl.domain.names import is_model_name
from modelctl.domain.tags import (
    Source,
    Tag,
    assignment_tag,
    plan,
    version_tag,
    written_from,
)
from support.keys import NOW

# GTO's own grammar (gto/constants.py), as of 1.10.
NAME = r"[a-zA-Z0-9]([a-zA-Z0-9-/_]*[a-zA-Z0-9])?"
SEMVER = (
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-((0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(\+([0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*))?"
)
TAG = re.compile(rf"{NAME}(#{NAME}#[0-9]+|@v{SEMVER})")


def history(*told: tuple[str, str, float]) -> tuple[Deployment, ...]:
    """Deployments from (version, environment, minutes)."""
    return tuple(
        Deployment(
            model="tumor-classifier",
            version=version,
            digest="d" * 64,
            environment=environment,
            commit=f"{seq:040x}",
            at=NOW + timedelta(minutes=minutes),
            approvers=("pat", "ben"),
            pull_request=seq,
            seq=seq,
        )
        for seq, (version, environment, minutes) in enumerate(told, 1)
    )


def planned(environment: str, *told: tuple[str, str, float]) -> list[Tag]:
    listed = history(*told)
    sources = {one.seq: Source(path=f"entry-{one.seq}", digest=f"{one.seq:064x}") for one in listed}
    return list(plan(listed, environment, sources))


def brief(tags: list[Tag]) -> list[tuple[str, int]]:
    """Each name with the number of the deployment whose commit it is at."""
    return [(tag.name, int(tag.commit, 16)) for tag in tags]


def test_an_assignment_is_at_the_commit_of_its_version() -> None:
    told = (("1.0.0", "dev", 0), ("1.0.0", "production", 10), ("1.1.0", "dev", 20),
            ("1.1.0", "production", 30), ("1.0.0", "production", 40))  # fmt: skip
    assert brief(planned("production", *told)) == [
        ("tumor-classifier@v1.0.0", 1),
        ("tumor-classifier#production#1", 1),
        ("tumor-classifier@v1.1.0", 3),
        ("tumor-classifier#production#2", 3),
        ("tumor-classifier#production#3", 1),
    ]
    assert brief(planned("dev", *told))[:2] == [
        ("tumor-classifier@v1.0.0", 1),
        ("tumor-classifier#dev#1", 1),
    ]
    assert planned("staging", *told) == []


def test_a_tag_says_who_where_what_and_by_which_entry() -> None:
    version, assignment = planned("dev", ("1.0.0", "dev", 0))
    assert assignment.message.splitlines() == [
        "dev serves tumor-classifier 1.0.0",
        "",
        "Approved-by: pat, ben",
        "Pull-request: 1",
        "Environment: dev",
        f"Digest: sha256:{'d' * 64}",
        f"Commit: {1:040x}",
        "Deployed-at: 2026-11-20T10:00:00Z",
        f"Ledger: entry-1 sha256:{1:064x}",
    ]
    assert version.message.startswith("Register tumor-classifier 1.0.0\n")
    assert written_from(assignment) == Source(path="entry-1", digest=f"{1:064x}")
    assert written_from(replace(assignment, message="mine\n")) is None


def test_nobody_and_no_pull_request_are_told_too() -> None:
    [one] = history(("1.0.0", "dev", 0))
    bare = replace(one, approvers=(), pull_request=None)
    source = {1: Source(path="p", digest="0" * 64)}
    assert "Approved-by: nobody\nEnvironment: dev\n" in next(plan([bare], "dev", source)).message


def test_tags_are_dated_in_the_order_of_the_ledger_whatever_the_clocks_said() -> None:
    told = (("1.0.0", "dev", 5), ("1.1.0", "dev", 1), ("1.2.0", "dev", 5), ("1.3.0", "dev", 9))
    start = int(NOW.timestamp())
    dated = [tag.at - start for tag in planned("dev", *told) if "#" in tag.name]
    assert dated == [300, 301, 302, 540]
    assert [tag.at - start for tag in planned("dev", *told) if "@" in tag.name] == dated


labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)


@given(
    model=st.from_regex(r"[a-z0-9][a-z0-9-]{0,30}-[a-z0-9-]{0,29}[a-z0-9]", fullmatch=True),
    environment=labels,
    number=st.integers(1, 10**6),
    version=st.from_regex(SEMVER, fullmatch=True),
)
def test_every_name_of_ours_is_in_the_grammar_of_gto(
    model: str, environment: str, number: int, version: str
) -> None:
    assert is_model_name(model)
    assert TAG.fullmatch(assignment_tag(model, environment, number))
    assert TAG.fullmatch(version_tag(model, version))
