"""Which number a new version gets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from semver import Version

from modelctl.domain.compatibility import Bump
from modelctl.domain.drafting import draft
from modelctl.domain.manifest import Field, ModelVersion, Signature, version_from
from modelctl.domain.numbering import choose
from modelctl.errors import ModelctlError
from support.runs import AUTHORSHIP, SIGNATURE, model, run

SAME = SIGNATURE
WIDER = replace(
    SIGNATURE, inputs=(*SIGNATURE.inputs, Field(name="age", type="long", required=False))
)
BROKEN = replace(SIGNATURE, inputs=SIGNATURE.inputs[:1])


def before(number: str) -> ModelVersion:
    return version_from(draft(run(), model(), Version.parse(number), AUTHORSHIP))


@pytest.mark.parametrize(
    ("previous", "after", "expected"),
    [
        ("1.2.3", SAME, "1.2.4"),
        ("1.2.3", WIDER, "1.3.0"),
        ("1.2.3", BROKEN, "2.0.0"),
        ("0.2.3", BROKEN, "0.3.0"),
        ("2.0.0-rc.1", BROKEN, "2.0.0"),
    ],
)
def test_the_smallest_number_that_tells_the_truth(
    previous: str, after: Signature, expected: str
) -> None:
    numbering = choose(before(previous), after)
    assert str(numbering.version) == expected
    assert numbering.explanation.startswith(f"{previous} → {expected}: ")


def test_a_first_version_is_one() -> None:
    numbering = choose(None, SAME)
    assert str(numbering.version) == "1.0.0"
    assert numbering.explanation == "1.0.0 is the first version"
    assert str(choose(None, SAME, version=Version(0, 1, 0)).version) == "0.1.0"


def test_the_reason_is_told() -> None:
    assert choose(before("1.0.0"), WIDER).explanation == (
        "1.0.0 → 1.1.0: optional input age was added, which needs a minor bump or more"
    )
    assert choose(before("1.0.0"), BROKEN).explanation == (
        "1.0.0 → 2.0.0: input smoker was removed, which needs a major bump"
    )


@pytest.mark.parametrize(
    ("previous", "bump", "expected"),
    [
        ("1.2.3", Bump.PATCH, "1.2.4"),
        ("1.2.3", Bump.MINOR, "1.3.0"),
        ("1.2.3", Bump.MAJOR, "2.0.0"),
        ("0.2.3", Bump.MAJOR, "1.0.0"),
        ("1.0.0-rc.1", Bump.MAJOR, "1.0.0"),
    ],
)
def test_a_larger_bump_is_taken_by_its_word(previous: str, bump: Bump, expected: str) -> None:
    assert str(choose(before(previous), SAME, bump=bump).version) == expected


@pytest.mark.parametrize(
    ("asked", "after"),
    [
        ({"bump": Bump.PATCH}, WIDER),
        ({"bump": Bump.MINOR}, BROKEN),
        ({"version": Version(1, 0, 1)}, WIDER),
        ({"version": Version(1, 9, 0)}, BROKEN),
        ({"version": Version(1, 0, 0)}, SAME),
        ({"version": Version(0, 9, 0)}, SAME),
    ],
)
def test_a_bump_that_is_too_small_is_refused_with_the_reason(
    asked: dict[str, object], after: Signature
) -> None:
    with pytest.raises(ModelctlError, match="too small a bump") as caught:
        choose(before("1.0.0"), after, **asked)  # type: ignore[arg-type]
    assert f"call it {choose(before('1.0.0'), after).version}" in (caught.value.mend or "")


def test_a_number_may_be_skipped() -> None:
    assert str(choose(before("1.0.0"), SAME, version=Version(3, 0, 0)).version) == "3.0.0"


def test_without_a_previous_version_there_is_nothing_to_bump() -> None:
    with pytest.raises(ModelctlError, match="no previous version"):
        choose(None, SAME, bump=Bump.MINOR)
