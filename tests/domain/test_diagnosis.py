"""What is wrong with an installation, as far as values tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelctl.domain.diagnosis import (
    Health,
    Row,
    ending_keys,
    exit_code,
    keygen,
    unfilled_roles,
    unmeasured_kinds,
    unsigned_environments,
)
from modelctl.domain.evidence import TrustedKey
from modelctl.domain.policy import Role
from support.governed import policy

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def key(**changes: Any) -> TrustedKey:
    fields: dict[str, Any] = {
        "name": "k",
        "keyid": "0" * 64,
        "public": "p",
        "owner": "x",
        "valid_from": NOW - timedelta(days=1),
        "valid_until": NOW + timedelta(days=300),
        "kinds": ("deployment",),
        "environments": ("dev", "staging", "production"),
    }
    return TrustedKey(**{**fields, **changes})


def row(health: Health) -> Row:
    return Row(check="x", health=health, message="m")


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        ([Health.WELL, Health.SKIPPED], 0),
        ([Health.WELL, Health.UNKNOWN], 3),
        ([Health.UNKNOWN, Health.ILL], 1),
        ([], 0),
    ],
)
def test_exit_codes(seen: list[Health], code: int) -> None:
    assert exit_code(map(row, seen)) == code


def test_roles_that_nobody_holds() -> None:
    base = policy()
    assert unfilled_roles(base) == ("ml-team", "ml-lead", "platform")
    held = {
        "ml-team": Role(name="ml-team", description="x", members=frozenset({"ada"})),
        "ml-lead": Role(name="ml-lead", description="x",
                        members_by_owner={"oncology": frozenset({"lena"})}),
        "platform": Role(name="platform", description="x", members_by_owner={"o": frozenset()}),
    }  # fmt: skip
    assert unfilled_roles(replace(base, roles={**base.roles, **held})) == ("platform",)


@pytest.mark.parametrize(
    ("keys", "without"),
    [
        ((), ("dev", "staging", "production")),
        ((key(),), ()),
        ((key(environments=("*",)),), ()),
        ((key(kinds=("*",), environments=("dev",)),), ("staging", "production")),
        ((key(kinds=("evaluation",)),), ("dev", "staging", "production")),
        ((key(revoked_at=NOW),), ("dev", "staging", "production")),
        ((key(valid_until=NOW),), ("dev", "staging", "production")),
        ((key(valid_from=NOW + timedelta(1)),), ("dev", "staging", "production")),
    ],
)
def test_environments_for_which_no_key_signs(keys: Any, without: tuple[str, ...]) -> None:
    assert unsigned_environments(replace(policy(), keys=keys), NOW) == without


@pytest.mark.parametrize(
    ("keys", "all_signed"),
    [
        ((), False),
        ((key(kinds=("*",)),), True),
        ((key(kinds=("*",), valid_until=NOW),), False),
        ((key(kinds=("evaluation",)),), False),
    ],
)
def test_kinds_that_no_key_signs(keys: Any, all_signed: bool) -> None:
    found = unmeasured_kinds(replace(policy(), keys=keys), NOW)
    assert ("unit-tests" not in found) is all_signed
    signed = {kind for one in keys for kind in one.kinds if one.valid_until > NOW}
    assert ("evaluation" not in found) is bool(signed & {"*", "evaluation"})
    assert len(found) == len(set(found))


def test_a_key_is_made_by_a_command_that_works() -> None:
    base = replace(policy(), keys=())
    made = keygen(base, ("deployment",), ("dev",))
    assert made.startswith("modelctl evidence keygen deployer --owner ")
    assert made.endswith("--kind deployment --environment dev --private ../deployer.pem")
    taken = replace(base, keys=(key(name="ci"), key(name="ci-2")))
    assert keygen(taken, ("evaluation",), ()).split()[3] == "ci-3"


SOON = NOW + timedelta(days=29)


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ((), 1),
        ((key(name="new"),), 0),
        ((key(name="new", kinds=("*",), environments=("*",)),), 0),
        ((key(name="new", kinds=("evaluation",)),), 1),
        ((key(name="new", environments=("dev",)),), 1),
        ((key(name="new", revoked_at=NOW),), 1),
    ],
)
def test_keys_that_end_with_nothing_after_them(others: Any, told: int) -> None:
    keys = (key(valid_until=SOON), *others)
    assert len(ending_keys(replace(policy(), keys=keys), NOW)) == told
