"""The changes that make the registry say what git says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.registry import (
    Action,
    Change,
    ProjectedVersion,
    Projection,
    RegisteredVersion,
    RegistryState,
    plan,
    registrable,
)

ONE = ProjectedVersion(
    version="1.0.0",
    digest="d1",
    source="models:/m-1",
    stage="Production",
    commit="c1",
    approvers=("ada", "bob"),
    description="First.",
)
TWO = replace(ONE, version="1.1.0", digest="d2", source="models:/m-2", stage="Staging")
DESIRED = Projection(
    model="tumor-classifier",
    versions=(ONE, TWO),
    aliases={"production": "1.0.0", "staging": "1.1.0", "dev": None},
    description="Tells tumours apart.",
)
ABSENT = RegistryState(model="tumor-classifier", exists=False)


def entry(number: int, of: ProjectedVersion, **changes: Any) -> RegisteredVersion:
    given: dict[str, Any] = {
        "number": str(number),
        "source": of.source,
        "tags": of.tags,
        "description": of.description,
    }
    return RegisteredVersion(**{**given, **changes})


SETTLED = RegistryState(
    model="tumor-classifier",
    description="Tells tumours apart.",
    versions=(entry(2, TWO), entry(1, ONE)),
    aliases={"production": "1", "staging": "2", "champion": "2"},
)


def test_an_entry_is_ours_when_its_tags_name_this_very_manifest() -> None:
    assert SETTLED.entries_of("1.0.0", "d1") == ("1",)
    assert SETTLED.entries_of("1.0.0", "d2") == ()
    untagged = replace(SETTLED, versions=(entry(1, ONE, tags={"modelctl.version": "1.0.0"}),))
    assert untagged.entries_of("1.0.0", "d1") == ()


def actions(changes: Sequence[Change]) -> list[str]:
    return [str(change) for change in changes]


def test_nothing_is_done_where_all_is_said_already() -> None:
    assert plan(DESIRED, SETTLED) == ()


def test_an_empty_registry_is_filled() -> None:
    assert actions(plan(DESIRED, ABSENT)) == [
        "create model",
        "create version 1.0.0",
        "create version 1.1.0",
        "alias production: none → 1.0.0",
        "alias staging: none → 1.1.0",
    ]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (
            replace(SETTLED, aliases={**SETTLED.aliases, "production": "2"}),
            ["alias production: 1.1.0 → 1.0.0"],
        ),
        (
            replace(SETTLED, aliases={**SETTLED.aliases, "production": "99"}),
            ["alias production: entry 99 → 1.0.0"],
        ),
        (replace(SETTLED, aliases={**SETTLED.aliases, "dev": "1"}), ["alias dev: 1.0.0 → none"]),
        (replace(SETTLED, description="mine"), ["describe model"]),
        (
            replace(SETTLED, versions=(entry(2, TWO), entry(1, ONE, description="x"))),
            ["describe version 1.0.0"],
        ),
        (
            replace(
                SETTLED,
                versions=(
                    entry(2, TWO),
                    entry(1, ONE, tags={**ONE.tags, "modelctl.stage": "Archived", "mine": "kept"}),
                ),
            ),
            ["version 1.0.0: tag modelctl.stage Archived → Production"],
        ),
        (
            replace(
                SETTLED,
                versions=(entry(2, TWO), entry(1, ONE, tags={**ONE.tags, "modelctl.odd": "x"})),
            ),
            ["version 1.0.0: tag modelctl.odd x → none"],
        ),
    ],
)
def test_what_was_changed_by_hand_is_put_back(state: RegistryState, expected: list[str]) -> None:
    assert actions(plan(DESIRED, state)) == expected


def test_an_entry_that_only_claims_to_be_a_version_loses_the_claim() -> None:
    impostor = entry(3, ONE, source="models:/m-evil", tags={"modelctl.version": "1.0.0"})
    state = replace(SETTLED, versions=(*SETTLED.versions, impostor))
    changes = plan(DESIRED, state)
    assert actions(changes) == ["entry 3: tag modelctl.version 1.0.0 → none"]
    assert changes[0].number == "3"


def test_of_two_entries_for_one_version_the_older_stays() -> None:
    state = replace(SETTLED, versions=(*SETTLED.versions, entry(10, ONE)))
    changes = plan(DESIRED, state)
    assert {change.number for change in changes} == {"10"}
    assert {change.action for change in changes} == {Action.DELETE_TAG}


def test_entries_of_others_are_left_alone() -> None:
    state = replace(SETTLED, versions=(*SETTLED.versions, entry(7, ONE, tags={"mine": "1"})))
    assert plan(DESIRED, state) == ()


def test_a_description_that_nobody_asked_for_is_left_alone() -> None:
    silent = replace(DESIRED, description=None)
    assert plan(silent, replace(SETTLED, description="mine")) == ()
    assert plan(silent, ABSENT)[0].after == ""


def test_long_descriptions_are_cut_to_what_the_registry_holds() -> None:
    desired = replace(DESIRED, description="x" * 6000)
    assert plan(desired, replace(SETTLED, description="x" * 5000)) == ()


def test_a_version_in_a_plain_folder_has_no_entry_and_no_alias() -> None:
    local = replace(ONE, version="2.0.0", source="artifacts/tumor")
    desired = replace(DESIRED, versions=(TWO, local), aliases={"production": "2.0.0"})
    assert actions(plan(desired, SETTLED)) == ["alias production: 1.0.0 → none"]
    assert plan(replace(desired, versions=(local,)), ABSENT) == ()


@pytest.mark.parametrize(
    ("source", "held"),
    [("models:/m-1", True), ("runs:/r/m", True), ("file:///x", False), ("artifacts/x", False)],
)
def test_what_the_registry_can_hold(source: str, held: bool) -> None:
    assert registrable(source) == held


def test_each_alias_is_told_with_its_version() -> None:
    state = replace(SETTLED, aliases={"production": "1", "odd": "99"})
    assert state.served == {"production": "1.0.0", "odd": None}


def apply(desired: Projection, state: RegistryState) -> RegistryState:
    """What the registry would say after the plan, without a registry."""
    wanted = {one.version: one for one in desired.versions}
    entries = {one.number: one for one in state.versions}
    aliases, description = dict(state.aliases), state.description
    for change in plan(desired, state):
        known = (
            state.find(change.version or "", wanted[change.version].source)
            if (change.version in wanted)
            else None
        )
        number = change.number or (known.number if known else None)
        if number is None and change.version in wanted:
            number = next(
                (n for n, e in entries.items() if e.tags == wanted[change.version].tags), None
            )
        match change.action:
            case Action.CREATE_MODEL | Action.DESCRIBE_MODEL:
                description = change.after or ""
            case Action.CREATE_VERSION:
                fresh = str(max(map(int, entries), default=0) + 1)
                entries[fresh] = entry(int(fresh), wanted[change.version or ""])
            case Action.DESCRIBE_VERSION:
                entries[number] = replace(entries[number], description=change.after or "")
            case Action.SET_TAG:
                tags = {**entries[number].tags, change.name: change.after}
                entries[number] = replace(entries[number], tags=tags)
            case Action.DELETE_TAG:
                tags = {k: v for k, v in entries[number].tags.items() if k != change.name}
                entries[number] = replace(entries[number], tags=tags)
            case Action.SET_ALIAS:
                aliases[change.name] = number
            case Action.DELETE_ALIAS:
                del aliases[change.name]
    return replace(
        state,
        exists=True,
        description=description,
        versions=tuple(entries.values()),
        aliases=aliases,
    )


TAGS = st.dictionaries(
    st.sampled_from(["modelctl.version", "modelctl.stage", "modelctl.odd", "mine"]),
    st.sampled_from(["1.0.0", "1.1.0", "Production", "x"]),
)
ENTRIES = st.lists(
    st.builds(
        RegisteredVersion,
        number=st.integers(1, 9).map(str),
        source=st.sampled_from(["models:/m-1", "models:/m-2", "models:/m-3"]),
        tags=TAGS,
        description=st.sampled_from(["", "First."]),
    ),
    max_size=5,
    unique_by=lambda one: one.number,
)
ALIASES = st.dictionaries(
    st.sampled_from(["production", "staging", "dev", "champion"]), st.integers(1, 9).map(str)
)


@given(ENTRIES, ALIASES)
def test_one_plan_settles_any_registry(
    entries: list[RegisteredVersion], aliases: dict[str, str]
) -> None:
    state = RegistryState(model="tumor-classifier", versions=tuple(entries), aliases=aliases)
    after = apply(DESIRED, state)
    assert plan(DESIRED, after) == ()
    assert after.served["production"] == "1.0.0"
    assert after.served["staging"] == "1.1.0"
    assert "dev" not in after.served
    assert after.aliases.get("champion") == aliases.get("champion")
