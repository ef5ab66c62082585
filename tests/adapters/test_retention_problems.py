"""The retention of the product is sound, and what can't be in it is told with its place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from modelctl.adapters.documents import dump
from modelctl.adapters.policies import PolicyError, load_policy
from modelctl.domain.policy import Policy
from modelctl.domain.retention import Retention
from support.trees import MemoryTree
from support.world import PROJECT

PATH, LIFECYCLE = "policies/retention.yaml", "policies/lifecycle.yaml"


def loaded(files: Mapping[str, bytes | None]) -> Policy:
    """The product's policies with these files written, or taken away where they are None."""
    found: dict[str, bytes | None] = {
        str(path.relative_to(PROJECT)): path.read_bytes()
        for path in sorted(Path(PROJECT / "policies").rglob("*"))
        if path.is_file()
    }
    found.update(files)
    return load_policy(MemoryTree({p: d for p, d in found.items() if d is not None}), "f" * 40)


def problems(files: Mapping[str, bytes | None]) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        loaded(files)
    return [str(problem) for problem in caught.value.problems]


def rules(*rows: str, more: str = "") -> bytes:
    return ("rules:\n" + "".join(f"  - {{{row}}}\n" for row in rows) + more).encode()


def test_the_retention_of_the_product_takes_the_stricter_sense() -> None:
    """Two weeks in staging, and a year in the archive."""
    policy = loaded({})
    staging, archived = (policy.retention.rule_for(s) for s in ("Staging", "Archived"))
    assert staging is not None
    assert archived is not None
    assert (staging.keep, staging.then) == (timedelta(days=14), "archive")
    assert (archived.keep, archived.then) == (timedelta(days=365), "retire")
    assert archived.location is not None
    assert policy.retention.rule_for("Development") is None
    assert policy.lifecycle.ends["archived"] == "Archived"


def test_without_the_file_nothing_expires() -> None:
    assert loaded({PATH: None}).retention == Retention()


def test_pins_and_numbers_are_read() -> None:
    text = rules(more='keep_last: 5\npins: ["tumor-classifier@1.0.0"]\n')
    text = text.replace(b"rules:\n", b"rules: []\n")
    retention = loaded({PATH: text}).retention
    assert (retention.rules, retention.keep_last) == ((), 5)
    assert retention.pins == {"tumor-classifier@1.0.0"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ["stage: Nowhere, keep: 1d, then: archive"],
            "rules[0].stage: there is no stage Nowhere",
        ),
        (
            ["stage: Staging, keep: 1d, then: archive", "stage: Staging, keep: 2d, then: archive"],
            "rules[1].stage: Staging has a rule already (keep one of them)",
        ),
        (
            ["stage: Staging, keep: 1d, then: retire"],
            "rules[0].then: versions in Staging are neither archived nor rejected, so none can be "
            "retired (write then: archive)",
        ),
        (
            ["stage: Archived, keep: 1d, then: archive"],
            "rules[0].then: versions in Archived have ended already (write then: retire)",
        ),
        (
            ["stage: Retired, keep: 1d, then: retire"],
            "rules[0].then: nothing follows Retired (remove the rule)",
        ),
    ],
)
def test_a_rule_that_can_not_be_carried_out(rows: list[str], message: str) -> None:
    [problem] = problems({PATH: rules(*rows)})
    assert message in problem
    assert problem.startswith(f"{PATH}:{len(rows) + 1}:")


@pytest.mark.parametrize(
    "text",
    [
        b"keep_last: 3\n",
        rules("stage: Staging, keep: 14, then: archive"),
        rules("stage: Staging, keep: 14d, then: delete"),
        rules("stage: Staging, keep: 14d, then: archive", more="keep_last: -1\n"),
        rules("stage: Staging, keep: 14d, then: archive", more="pins: [tumor-classifier]\n"),
        rules("stage: Staging, keep: 14d, then: archive", more="pinned: []\n"),
    ],
)
def test_another_form_is_refused(text: bytes) -> None:
    assert all(problem.startswith(PATH) for problem in problems({PATH: text}))


def test_an_end_that_the_lifecycle_lacks_can_not_be_reached() -> None:
    lifecycle = yaml.safe_load((PROJECT / LIFECYCLE).read_text())
    del lifecycle["ends"]
    found = problems({LIFECYCLE: dump(lifecycle).encode()})
    assert len(found) == 6
    assert "the lifecycle names no stage of versions that are archived" in found[0]
    assert "add ends: {archived: STAGE} to lifecycle.yaml" in found[0]
    only = rules("stage: Staging, keep: 14d, then: archive")
    lifecycle = yaml.safe_load((PROJECT / LIFECYCLE).read_text())
    lifecycle["ends"] = {"archived": "Archived"}
    assert loaded({LIFECYCLE: dump(lifecycle).encode(), PATH: only}).lifecycle.ends
    assert loaded({LIFECYCLE: dump({**lifecycle, "ends": {}}).encode(), PATH: None})


def test_an_end_is_a_stage() -> None:
    lifecycle = yaml.safe_load((PROJECT / LIFECYCLE).read_text())
    lifecycle["ends"] = {"archived": "Attic"}
    [problem] = problems({LIFECYCLE: dump(lifecycle).encode(), PATH: None})
    assert "ends.archived: there is no stage Attic" in problem
    lifecycle["ends"] = {"lost": "Archived"}
    assert "lost" in problems({LIFECYCLE: dump(lifecycle).encode(), PATH: None})[0]


def test_what_is_retired_may_stay_in_the_stage_of_what_is_archived() -> None:
    """A lifecycle whose last stage is the archive can clean up as well."""
    lifecycle = yaml.safe_load((PROJECT / LIFECYCLE).read_text())
    lifecycle["ends"] = {"archived": "Archived", "retired": "Archived"}
    only = rules("stage: Archived, keep: 90d, then: retire")
    rule = loaded({LIFECYCLE: dump(lifecycle).encode(), PATH: only}).retention.rule_for("Archived")
    assert rule is not None
    assert rule.then == "retire"
