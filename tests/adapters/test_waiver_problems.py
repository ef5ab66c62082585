"""Waivers in a policy: malformed ones are refused with file and line, stale ones are not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from modelctl.adapters.policies import PolicyError, load_policy
from modelctl.domain.policy import Policy
from modelctl.domain.rules import parse_span
from modelctl.domain.waivers import STRUCTURAL, WaiverLimits
from support.trees import MemoryTree
from support.waivers import FILE, text, waiver
from support.world import PROJECT


def product() -> dict[str, bytes]:
    files = sorted((PROJECT / "policies").rglob("*.yaml"))
    return {str(p.relative_to(PROJECT)): p.read_bytes() for p in files}


def loaded(files: Mapping[str, str]) -> Policy:
    """The product's policies with these files beside."""
    encoded = {path: data.encode() for path, data in files.items()}
    return load_policy(MemoryTree(product() | encoded), "f" * 40)


def problem(files: Mapping[str, str]) -> tuple[str, int, str, str]:
    """File, line, message and mend of the only thing that is wrong."""
    with pytest.raises(PolicyError) as caught:
        loaded(files)
    [found] = caught.value.problems
    return found.location.file, found.location.line, found.message, found.mend or ""


def line_of(key: str, written: str) -> int:
    """The line on which a field stands."""
    return next(i for i, line in enumerate(written.splitlines(), 1) if line.startswith(key))


def test_a_sound_waiver_is_read() -> None:
    assert loaded({FILE: text(waiver())}).waivers == (waiver(),)


def test_one_that_is_over_and_one_that_is_too_long_keep_nothing_from_being_judged() -> None:
    over = text(waiver(), created_at="2020-01-01T00:00:00Z", expires="2021-01-02T00:00:00Z")
    assert len(loaded({FILE: over}).waivers) == 1


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("gate", "*", "gate"),
        ("gate", ["fairness", "load"], "text"),
        ("model", "tumor-*", "model"),
        ("version", "1.0", "version"),
        ("version", "*", "version"),
        ("digest", "sha256:" + "1" * 64, "digest"),
        ("digest", None, "digest"),
        ("reason", "too short", "reason"),
        ("reason", " " * 12, "reason"),
        ("approved_by", "lena and pat", "approved_by"),
        ("approved_by", None, "approved_by"),
        ("requested_by", "robot[bot]", "requested_by"),
        ("created_at", "yesterday", "created_at"),
        ("expires", None, "expires"),
        ("expires", "2026-12-01T00:00:00+02:00", "expires"),
        ("expires", "never", "expires"),
        ("environments", [], "environments"),
    ],
)
def test_a_malformed_waiver_is_told_with_its_line(key: str, value: Any, said: str) -> None:
    written = text(waiver(), **{key: value})
    file, line, message, mend = problem({FILE: written})
    assert file == FILE
    assert line == (1 if value is None else line_of(key, written))
    assert said in f"{key} {message}"
    assert mend


def test_a_day_that_no_calendar_has_is_told_with_its_line() -> None:
    written = text(waiver(), expires="2026-02-30T00:00:00Z")
    file, line, message, _ = problem({FILE: written})
    assert (file, line) == (FILE, line_of("expires", written))
    assert "2026-02-30" in message


def test_a_gate_that_there_is_not_is_told_with_those_that_there_are() -> None:
    file, line, message, mend = problem({FILE: text(waiver(gate="fairnes"))})
    assert (file, line, message) == (FILE, 4, "there is no gate fairnes")
    assert "fairness" in mend


@pytest.mark.parametrize("gate", sorted(STRUCTURAL))
def test_what_always_holds_is_waived_by_nobody(gate: str) -> None:
    _, _, message, _ = problem({FILE: text(waiver(gate=gate))})
    assert message == f"{gate} always holds, so nobody can waive it"


def test_an_environment_that_there_is_not_is_told() -> None:
    _, _, message, _ = problem({FILE: text(waiver(environments=("prod",)))})
    assert message == "there is no environment prod"


EXTRA = "policies/gates/extra.yaml"
FORM = "gates:\n  extra:\n    title: Extra\n    check: {check}\n    waivable_by: {roles}\n"


def test_who_may_waive_is_a_role_of_the_policy() -> None:
    file, line, message, _ = problem({EXTRA: FORM.format(check="version-bump", roles="[boss]")})
    assert (file, line, message) == (EXTRA, 5, "there is no role boss")
    policy = loaded({EXTRA: FORM.format(check="version-bump", roles="[ml-lead]")})
    found = policy.gate("extra")
    assert found is not None
    assert found.waivable_by == ("ml-lead",)
    assert policy.gate("unheard-of") is None


def test_approvals_are_waived_by_nobody() -> None:
    check = "reviews\n    with: {approvals: [{role: ml-lead}]}"
    _, line, message, _ = problem({EXTRA: FORM.format(check=check, roles="[ml-lead]")})
    assert (line, "approvals can't be waived" in message) == (6, True)


def test_how_long_a_waiver_may_last_is_policy() -> None:
    lifecycle = product()["policies/lifecycle.yaml"].decode()
    assert loaded({}).waiver_limits == WaiverLimits()
    shorter = lifecycle.replace("longest: 30d", "longest: 14d")
    assert loaded({"policies/lifecycle.yaml": shorter}).waiver_limits == WaiverLimits(
        longest=parse_span("14d")
    )
    without = lifecycle.replace("waivers: {longest: 30d, soon: 7d}\n", "")
    assert without != lifecycle
    assert loaded({"policies/lifecycle.yaml": without}).waiver_limits == WaiverLimits()


def test_the_shipped_gates_say_who_may_waive_them() -> None:
    waivable = {gate.name: gate.waivable_by for gate in loaded({}).gates}
    assert waivable["fairness"] == ("ml-lead",)
    assert waivable["quarantine"] == ("platform",)
    assert waivable["security-scan"] == ("security",)
    assert not any(waivable[name] for name in ("artifacts", "claims", "version-bump"))


def test_a_file_that_nobody_reads_is_told() -> None:
    _, _, message, _ = problem({"policies/waivers/x.yml": text(waiver())})
    assert message == "nobody reads policies/waivers/x.yml"
