"""Signature differences, the bump that they need, and the versions that may follow."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, strategies as st
from semver import Version

from modelctl.domain.compatibility import (
    Bump,
    allowed,
    difference,
    latest,
    previous,
    propose,
    smallest_bump,
)
from modelctl.domain.manifest import Field, Signature

AGE = Field(name="age", type="long")
NAME = Field(name="name", type="string", required=False)
LABEL = Field(name="label", type="long")


def _signature(*inputs: Field, outputs: tuple[Field, ...] = (LABEL,)) -> Signature:
    return Signature(inputs=inputs, outputs=outputs)


def _tensor(*shape: int, kind: str = "float32") -> Field:
    return Field(name="", type=kind, shape=shape)


BASE = _signature(AGE, NAME)

CASES = {
    "nothing": (BASE, BASE, Bump.PATCH, "the signature is unchanged"),
    "order of named inputs": (
        BASE,
        _signature(NAME, AGE),
        Bump.PATCH,
        "the signature is unchanged",
    ),
    "removed input": (BASE, _signature(NAME), Bump.MAJOR, "input age was removed"),
    "removed optional input": (BASE, _signature(AGE), Bump.MAJOR, "input name was removed"),
    "retyped input": (
        BASE,
        _signature(Field(name="age", type="string"), NAME),
        Bump.MAJOR,
        "input age changed its type from long to string",
    ),
    "widened input": (
        _signature(Field(name="age", type="integer")),
        _signature(AGE),
        Bump.MAJOR,
        "input age changed its type from integer to long",
    ),
    "reshaped input": (
        _signature(_tensor(-1, 28, 28)),
        _signature(_tensor(-1, 32, 32)),
        Bump.MAJOR,
        "input #1 changed its shape from [-1, 28, 28] to [-1, 32, 32]",
    ),
    "shape taken away": (
        _signature(_tensor(-1, 2)),
        _signature(Field(name="", type="float32")),
        Bump.MAJOR,
        "input #1 changed its shape from [-1, 2] to none",
    ),
    "newly required input": (
        BASE,
        _signature(AGE, Field(name="name", type="string")),
        Bump.MAJOR,
        "input name is required now",
    ),
    "new required input": (
        BASE,
        _signature(AGE, NAME, Field(name="city", type="string")),
        Bump.MAJOR,
        "required input city was added",
    ),
    "new optional input": (
        BASE,
        _signature(AGE, NAME, Field(name="city", type="string", required=False)),
        Bump.MINOR,
        "optional input city was added",
    ),
    "input became optional": (
        BASE,
        _signature(Field(name="age", type="long", required=False), NAME),
        Bump.MINOR,
        "input age is optional now",
    ),
    "renamed input": (
        _signature(NAME),
        _signature(Field(name="full name", type="string", required=False)),
        Bump.MAJOR,
        "input name was removed",
    ),
    "order of unnamed inputs": (
        _signature(_tensor(2), _tensor(3)),
        _signature(_tensor(3), _tensor(2)),
        Bump.MAJOR,
        "input #1 changed its shape from [2] to [3]; input #2 changed its shape from [3] to [2]",
    ),
    "a name given twice": (
        _signature(AGE),
        _signature(AGE, AGE),
        Bump.MAJOR,
        "required input age (2) was added",
    ),
    "added output": (
        BASE,
        _signature(AGE, NAME, outputs=(LABEL, Field(name="score", type="double"))),
        Bump.MAJOR,
        "output score was added",
    ),
    "removed output": (
        BASE,
        _signature(AGE, NAME, outputs=()),
        Bump.MAJOR,
        "output label was removed",
    ),
    "retyped output": (
        BASE,
        _signature(AGE, NAME, outputs=(Field(name="label", type="string"),)),
        Bump.MAJOR,
        "output label changed its type from long to string",
    ),
    "reshaped output": (
        _signature(outputs=(_tensor(-1, 2),)),
        _signature(outputs=(_tensor(-1, 3),)),
        Bump.MAJOR,
        "output #1 changed its shape from [-1, 2] to [-1, 3]",
    ),
    "output became optional": (
        BASE,
        _signature(AGE, NAME, outputs=(Field(name="label", type="long", required=False),)),
        Bump.MAJOR,
        "output label is optional now",
    ),
    "output became required": (
        _signature(AGE, outputs=(NAME,)),
        _signature(AGE, outputs=(Field(name="name", type="string"),)),
        Bump.MAJOR,
        "output name is required now",
    ),
    "only the reasons of the largest bump": (
        BASE,
        _signature(NAME, Field(name="city", type="string", required=False)),
        Bump.MAJOR,
        "input age was removed",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_smallest_bump_and_its_reasons(case: str) -> None:
    before, after, bump, reasons = CASES[case]
    needed = smallest_bump(difference(before, after))
    assert needed.bump is bump
    assert "; ".join(needed.reasons) == reasons


def test_a_column_can_be_retyped_and_reshaped_at_once() -> None:
    diff = difference(_signature(_tensor(2)), _signature(_tensor(3, kind="int64"))).inputs
    assert [c.label for c in diff.retyped] == [c.label for c in diff.reshaped] == ["#1"]
    assert not diff.added
    assert not diff.removed


ALLOWED = [
    # before, after, the smallest of: patch minor major that is refused
    ("1.2.3", "1.2.4", "minor"),
    ("1.2.3", "1.2.9", "minor"),
    ("1.2.3", "1.3.0", "major"),
    ("1.2.3", "1.3.7", "major"),
    ("1.2.3", "2.0.0", None),
    ("1.2.3", "4.1.0", None),
    ("1.2.3", "1.2.3", "patch"),
    ("1.2.3", "1.2.2", "patch"),
    ("2.0.0", "1.9.9", "patch"),
    ("1.0.0+a", "1.0.0+b", "patch"),
    ("1.0.0", "1.0.0-rc.1", "patch"),
    ("1.0.0", "1.1.0-rc.1", "major"),
    ("1.0.0", "2.0.0-rc.1", None),
    ("2.0.0-rc.1", "2.0.0-rc.2", None),
    ("2.0.0-rc.1", "2.0.0", None),
    ("2.0.0-rc.2", "2.0.0-rc.1", "patch"),
    ("0.3.0", "0.3.1", "minor"),
    ("0.3.0", "0.4.0", None),
    ("0.3.0", "1.0.0", None),
]


@pytest.mark.parametrize(("before", "after", "refused"), ALLOWED)
def test_what_may_follow(before: str, after: str, refused: str | None) -> None:
    answers = [allowed(Version.parse(before), Version.parse(after), bump) for bump in Bump]
    first_refused = Bump(refused).size if refused else len(Bump)
    assert answers == [bump.size < first_refused for bump in Bump]


@pytest.mark.parametrize(
    ("before", "bump", "proposed"),
    [
        ("1.2.3", Bump.PATCH, "1.2.4"),
        ("1.2.3", Bump.MINOR, "1.3.0"),
        ("1.2.3", Bump.MAJOR, "2.0.0"),
        ("0.2.3", Bump.PATCH, "0.2.4"),
        ("0.2.3", Bump.MINOR, "0.3.0"),
        ("0.2.3", Bump.MAJOR, "0.3.0"),
        ("1.0.0-rc.1", Bump.MAJOR, "1.0.0"),
        ("1.2.3+build.5", Bump.PATCH, "1.2.4"),
    ],
)
def test_proposals(before: str, bump: Bump, proposed: str) -> None:
    assert str(propose(Version.parse(before), bump)) == proposed


@pytest.mark.parametrize(
    ("version", "versions", "expected"),
    [
        ("1.0.0", [], None),
        ("1.0.0", ["1.0.0", "2.0.0"], None),
        ("1.5.0", ["1.0.0", "1.4.0", "2.0.0"], "1.4.0"),
        ("1.0.1", ["1.0.0", "1.10.0"], "1.0.0"),
        ("1.10.1", ["1.9.0", "1.10.0"], "1.10.0"),
        ("1.1.0", ["1.0.0", "1.1.0-rc.1"], "1.0.0"),
        ("1.0.0", ["1.0.0-rc.1", "1.0.0-rc.2"], "1.0.0-rc.2"),
        ("1.0.0+b", ["1.0.0+a"], None),
    ],
)
def test_previous(version: str, versions: list[str], expected: str | None) -> None:
    found = previous(Version.parse(version), map(Version.parse, versions))
    assert (str(found) if found else None) == expected


def test_latest_is_a_release_before_any_pre_release() -> None:
    assert latest(map(Version.parse, ["1.0.0", "2.0.0-rc.1"])) == Version(1)
    assert latest([Version(1, prerelease="rc.1")]) == Version(1, prerelease="rc.1")
    assert latest([]) is None


def test_a_breaking_change_cannot_hide_behind_a_pre_release() -> None:
    stable, candidate, release = (Version.parse(v) for v in ("1.0.0", "1.1.0-rc.1", "1.1.0"))
    before = previous(release, [stable, candidate])
    assert before == stable
    assert not allowed(before, release, Bump.MAJOR)


_fields = st.builds(
    Field,
    name=st.sampled_from(["", "a", "b", "c", "d"]),
    type=st.sampled_from(["long", "double", "string"]),
    required=st.booleans(),
    shape=st.none() | st.sampled_from([(-1, 2), (-1, 3)]),
)
_columns = st.lists(_fields, max_size=5).map(tuple)
_signatures = st.builds(Signature, inputs=_columns, outputs=_columns)
_named = st.lists(
    _fields.filter(lambda f: bool(f.name)), max_size=4, unique_by=lambda f: f.name
).map(tuple)
_numbers = st.integers(min_value=0, max_value=4)
_versions = st.builds(
    Version,
    major=_numbers,
    minor=_numbers,
    patch=_numbers,
    prerelease=st.none() | st.sampled_from(["alpha", "rc.1", "rc.2"]),
)


def _bump(before: Signature, after: Signature) -> Bump:
    return smallest_bump(difference(before, after)).bump


@given(_signatures)
def test_a_signature_needs_no_bump_against_itself(signature: Signature) -> None:
    assert _bump(signature, signature) is Bump.PATCH


@given(_signatures, _signatures)
def test_only_equal_columns_make_a_patch(before: Signature, after: Signature) -> None:
    same = all(
        sorted(map(repr, old)) == sorted(map(repr, new))
        for old, new in ((before.inputs, after.inputs), (before.outputs, after.outputs))
    )
    if _bump(before, after) is Bump.PATCH:
        assert same
    elif same:  # then it is the order of columns without a name of their own
        names = [f.name for f in (*before.inputs, *before.outputs)]
        assert len(set(names)) < len(names)


@given(_named, st.randoms(use_true_random=False), _columns)
def test_the_order_of_named_columns_never_counts(
    inputs: tuple[Field, ...], random: Random, outputs: tuple[Field, ...]
) -> None:
    shuffled = list(inputs)
    random.shuffle(shuffled)
    before = Signature(inputs=inputs, outputs=outputs)
    assert _bump(before, Signature(inputs=tuple(shuffled), outputs=outputs)) is Bump.PATCH


@given(_signatures, st.booleans())
def test_adding_an_input_and_taking_it_away_again(before: Signature, required: bool) -> None:
    added = Field(name="new", type="long", required=required)
    after = Signature(inputs=(*before.inputs, added), outputs=before.outputs)
    assert _bump(before, after) is (Bump.MAJOR if required else Bump.MINOR)
    assert _bump(after, before) is Bump.MAJOR
    assert _bump(before, Signature(inputs=after.inputs[:-1], outputs=after.outputs)) is Bump.PATCH


@given(_signatures, _columns)
def test_any_change_of_the_outputs_is_major(before: Signature, outputs: tuple[Field, ...]) -> None:
    after = Signature(inputs=before.inputs, outputs=outputs)
    assert _bump(before, after) in (Bump.PATCH, Bump.MAJOR)


@given(_signatures, _signatures, _signatures)
def test_two_small_steps_never_hide_a_large_one(
    first: Signature, second: Signature, third: Signature
) -> None:
    steps = max(_bump(first, second).size, _bump(second, third).size)
    assert _bump(first, third).size <= steps


@given(_versions, st.sampled_from(Bump))
def test_what_is_proposed_is_allowed(before: Version, bump: Bump) -> None:
    proposed = propose(before, bump)
    assert allowed(before, proposed, bump)
    assert not proposed.prerelease


@given(_versions, _versions)
def test_what_is_allowed_for_a_large_bump_is_allowed_for_a_small_one(
    before: Version, after: Version
) -> None:
    answers = [allowed(before, after, bump) for bump in Bump]
    assert answers == sorted(answers, reverse=True)
    assert answers[0] == (after > before)


@given(_versions, st.lists(_versions, max_size=6))
def test_previous_is_below_and_nothing_released_lies_between(
    version: Version, versions: list[Version]
) -> None:
    found = previous(version, versions)
    below = [v for v in versions if v < version]
    assert (found is None) == (not below)
    if found is not None:
        assert found < version
        assert not any(found < v and not v.prerelease for v in below)
