"""Problems of a policy, said so that one line holds everything."""

from __future__ import annotations

import pytest

from modelctl.adapters.documents import load
from modelctl.adapters.policy_problems import PolicyProblem, unknown
from modelctl.domain.document import Location

HERE = Location(file="policies/roles.yaml", line=3, column=5, path="roles.ml-team")


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (PolicyProblem(location=HERE, message="it is odd", mend="mend it"),
         "policies/roles.yaml:3:5: roles.ml-team: it is odd (mend it)"),
        (PolicyProblem(location=Location(file="policies/roles.yaml"), message="it is missing"),
         "policies/roles.yaml:1:1: it is missing"),
    ],
)  # fmt: skip
def test_a_problem_is_one_line(problem: PolicyProblem, text: str) -> None:
    assert str(problem) == text


@pytest.mark.parametrize(
    ("what", "known", "mend"),
    [
        ("role", ["a", "b"], "the roles are a, b"),
        ("strategy", ["a"], "the strategies are a"),
        ("team", [], "add one, there are no teams"),
    ],
)
def test_an_unknown_name_comes_with_those_that_there_are(
    what: str, known: list[str], mend: str
) -> None:
    document = load(b"gates:\n  quality: here\n", "policies/gates/x.yaml")
    problem = unknown(document, ("gates", "quality"), what, "zz", known)
    assert (problem.location.line, problem.message, problem.mend) == (
        2,
        f"there is no {what} zz",
        mend,
    )
