"""CODEOWNERS from the policies: who is asked, and when a change of the rules has left it behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.code_owner_rules import lines, owners_of, problems
from modelctl.domain.codeowners import (
    OutOfStep,
    Owned,
    doubtful,
    generate,
    model_of,
    out_of_step,
)
from modelctl.domain.manifest import model_from
from modelctl.domain.policy import Ownership, Policy, Role, Team
from support.governed import MATRIX, policy
from support.world import model_data

ADA = Owned(name="tumor-classifier", owner="oncology")


def who(text: str, path: str) -> tuple[str, ...]:
    return owners_of(lines(text), path)


def with_roles(changes: Mapping[str, Role]) -> Policy:
    base = policy()
    return replace(base, roles={**base.roles, **changes})


def role(name: str, **changes: Any) -> Role:
    return Role(name=name, description="x", **changes)


def test_models_ask_those_who_build_them_and_somebody_of_each_step() -> None:
    text = generate(policy(), "acme", [])
    assert who(text, "models/a-b/release.yaml") == ("@acme/ml-team", "@acme/ml-leads")
    assert who(text, "models/README.md") == ("@acme/platform",)


@pytest.mark.parametrize(
    "path",
    ["README.md", "policies/keys/ci.yaml", "policies/models/x", "scripts/x", "kustomize/overlays/a",
     ".github/workflows/gates.yml", "CODEOWNERS", "policies/rollback.yaml", "models2/x"],
)  # fmt: skip
def test_everything_else_asks_who_approves_rules(path: str) -> None:
    assert who(generate(policy(), "acme", []), path) == ("@acme/platform",)


def test_a_model_of_a_team_with_a_slug_asks_that_team_too() -> None:
    text = generate(policy(), "acme", [ADA])
    expected = ("@acme/oncology-ml", "@acme/ml-team", "@acme/ml-leads")
    assert who(text, "models/tumor-classifier/versions/1.0.0.yaml") == expected
    assert who(text, "models/tumor-classifier-2/model.yaml") == expected[1:]


def test_a_model_of_a_team_without_a_slug_needs_no_line() -> None:
    text = generate(policy(), "acme", [Owned(name="a-b", owner="metabolic")])
    assert "a-b" not in text


def test_what_model_yaml_overrides_is_asked_too() -> None:
    model = model_from(model_data(ownership={"serving": "platform", "code": "oncology"}))
    text = generate(policy(), "acme", [Owned.of(model)])
    expected = ("@acme/oncology-ml", "@acme/platform", "@acme/ml-team", "@acme/ml-leads")
    assert who(text, "models/tumor-classifier/model.yaml") == expected


def test_branches_that_disagree_about_an_owner_have_both_asked() -> None:
    text = generate(policy(), "acme", [ADA, replace(ADA, owner="platform")])
    found = who(text, "models/tumor-classifier/model.yaml")
    assert found[:2] == ("@acme/oncology-ml", "@acme/platform")


def test_who_answers_for_something_is_asked_about_its_rules() -> None:
    base = policy()
    matrix = {**MATRIX, "monitoring": "ml-lead", "serving": "devops"}
    changed = replace(base, ownership=replace(base.ownership, responsibilities=matrix))
    text = generate(changed, "acme", [])
    assert who(text, "policies/monitoring.yaml") == ("@acme/ml-leads", "@acme/platform")
    assert who(text, "kustomize/base/x") == ("@dora", "@acme/platform")
    assert who(text, "policies/roles.yaml") == ("@acme/platform",)


def test_a_role_without_a_team_asks_its_people() -> None:
    changed = with_roles({"platform": role("platform", members=frozenset({"pat", "quinn"}))})
    assert who(generate(changed, "acme", []), "README.md") == ("@pat", "@quinn")


def test_a_role_that_nobody_holds_asks_nobody() -> None:
    text = generate(with_roles({"platform": role("platform")}), "acme", [])
    assert who(text, "README.md") == ()
    assert problems(text) == ()


def test_nothing_that_github_would_skip() -> None:
    assert problems(generate(policy(), "acme", [ADA])) == ()


def judge(text: str, before: str = "", known: Any = None, rules: Policy | None = None) -> list[str]:
    found = out_of_step(rules or policy(), "acme", text, before, known or {})
    return [one.message for one in found]


def test_what_is_generated_is_in_step() -> None:
    text = generate(policy(), "acme", [ADA])
    assert judge(text, known={"tumor-classifier": (ADA,)}) == []


def test_a_missing_line_of_a_model_holds_nobody() -> None:
    assert judge(generate(policy(), "acme", []), known={"tumor-classifier": (ADA,)}) == []


def test_a_line_of_a_model_that_is_gone_holds_nobody_as_long_as_it_was_there() -> None:
    text = generate(policy(), "acme", [ADA])
    assert judge(text, before=text) == []
    assert len(judge(text)) == 1


def test_a_line_that_names_a_team_which_the_policies_no_longer_know() -> None:
    base, text = policy(), generate(policy(), "acme", [ADA])
    teams = {"oncology": Team(name="oncology", contact="x", github="onco")}
    renamed = replace(base, ownership=Ownership(teams=teams, responsibilities=MATRIX))
    known = {"tumor-classifier": (ADA,)}
    assert len(judge(text, before=text, known=known, rules=renamed)) == 1
    assert judge(generate(renamed, "acme", [ADA]), text, known, renamed) == []


def test_a_line_that_gives_a_model_to_somebody_else() -> None:
    text = generate(policy(), "acme", [ADA])
    stolen = text.replace("/models/tumor-classifier/  @acme/oncology-ml",
                          "/models/tumor-classifier/  @acme/platform")  # fmt: skip
    assert stolen != text
    (message,) = judge(stolen, before=text, known={"tumor-classifier": (ADA,)})
    assert "/models/tumor-classifier/ @acme/platform" in message


def test_a_line_that_one_branch_of_several_gives() -> None:
    other = replace(ADA, owner="platform")
    for some in ([ADA], [other], [ADA, other]):
        assert judge(generate(policy(), "acme", some), known={ADA.name: (ADA, other)}) == []


def test_lines_that_are_missing_and_lines_that_nobody_asked_for() -> None:
    text = generate(policy(), "acme", [])
    weaker = text.replace("/policies/         @acme/platform", "/policies/         @acme/ml-team")
    assert weaker != text
    assert [message.partition("` ")[2] for message in judge(weaker)] == [
        "is missing",
        "is not what the policies give",
    ]
    assert judge(text + "/policies/roles.yaml @eve\n") != []


def test_the_place_of_a_wrong_line_is_told() -> None:
    text = generate(policy(), "acme", []) + "/x @acme/platform\n"
    (found,) = out_of_step(policy(), "acme", text, "", {})
    assert found == OutOfStep(message=found.message, line=text.count("\n"))


def test_order_decides_so_it_counts() -> None:
    text = generate(policy(), "acme", [ADA])
    rows = [row for row in text.splitlines() if row and not row.startswith("#")]
    known = {"tumor-classifier": (ADA,)}
    for moved in (
        [*rows[1:], rows[0]],
        [*rows[:3], *rows[4:], rows[3]],
        [rows[3], *rows[:3], *rows[4:]],
    ):
        assert judge("\n".join(moved), known=known) == [
            "the general lines come first, then those of the models, then those of the rules"
        ]


def test_a_line_that_github_would_skip_is_no_comment() -> None:
    text = generate(policy(), "acme", []) + "!/policies/ @eve\n"
    (found,) = out_of_step(policy(), "acme", text, "", {})
    assert found.line == text.count("\n")
    assert found.message == "GitHub skips it: a pattern can't be turned round by `!`"


def test_only_lines_in_doubt_are_looked_up() -> None:
    text = generate(policy(), "acme", [ADA])
    assert doubtful(policy(), "acme", text, text) == ()
    assert doubtful(policy(), "acme", text, "") == ("tumor-classifier",)


def test_comments_and_blanks_are_free() -> None:
    text = generate(policy(), "acme", [])
    assert judge("\n\n# ours\n" + text.replace("  ", " ")) == []


NAMES = st.from_regex(r"[a-z]{1,4}-[a-z]{1,4}", fullmatch=True)
OWNERS = st.sampled_from(["oncology", "metabolic", "platform", "nobody"])


@given(st.lists(st.builds(Owned, name=NAMES, owner=OWNERS), max_size=8))
def test_whatever_the_models_it_is_in_step_readable_and_asks_the_owner(models: list[Owned]) -> None:
    text = generate(policy(), "acme", models)
    known: dict[str, tuple[Owned, ...]] = {}
    for one in models:
        known[one.name] = (*known.get(one.name, ()), one)
    assert problems(text) == ()
    assert judge(text, known=known) == []
    for one in models:
        asked = who(text, f"models/{one.name}/model.yaml")
        assert {"@acme/ml-team", "@acme/ml-leads"} <= set(asked)
        if one.owner == "oncology":
            assert "@acme/oncology-ml" in asked
    assert who(text, "policies/lifecycle.yaml") == ("@acme/platform",)
    assert {model_of(row) for row in lines(text)} - {None} <= set(known)
