"""CODEOWNERS as GitHub reads it: every example of its documentation, and what it skips."""

from __future__ import annotations

import fnmatch
import re
from itertools import pairwise

import pytest
from hypothesis import assume, given, strategies as st

from forge.owners import matches
from modelctl.domain.code_owner_rules import MAX_BYTES, OwnerLine, lines, owners_of, problems

# The example file of https://docs.github.com/…/about-code-owners#codeowners-syntax
DOCUMENTED = """\
# This is a comment.
# Each line is a file pattern followed by one or more owners.

*       @global-owner1 @global-owner2

*.js    @js-owner #This is an inline comment.

*.go docs@example.com

*.txt @octo-org/octocats

/build/logs/ @doctocat

docs/* docs@example.com

apps/ @octocat

/docs/ @doctocat

/scripts/ @doctocat @octocat

**/logs @octocat2

/apps2/ @octocat
/apps2/github
"""


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("README.md", "@global-owner1 @global-owner2"),
        ("deep/in/there", "@global-owner1 @global-owner2"),
        ("a.js", "@js-owner"),
        ("src/deep/a.js", "@js-owner"),
        ("cmd/main.go", "docs@example.com"),
        ("notes.txt", "@octo-org/octocats"),
        ("build/logs/today.bin", "@octocat2"),  # `**/logs` stands below `/build/logs/`
        ("build/logs/deep/today.bin", "@octocat2"),
        ("src/build/other/x", "@global-owner1 @global-owner2"),
        ("src/docs/x.bin", "@global-owner1 @global-owner2"),  # `docs/*` counts from the top
        ("docs/getting-started.md", "@doctocat"),
        ("docs/build-app/troubleshooting.md", "@doctocat"),
        ("apps/x", "@octocat"),
        ("src/apps/deep/x", "@octocat"),
        ("scripts/run", "@doctocat @octocat"),
        ("deeply/nested/logs/x", "@octocat2"),
        ("apps2/x", "@octocat"),
        ("apps2/github", ""),
        ("apps2/github/x", ""),
    ],
)
def test_the_documented_examples(path: str, owners: str) -> None:
    assert owners_of(lines(DOCUMENTED), path) == tuple(owners.split())


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("docs/*", "docs/a.md", True),
        ("docs/*", "docs/deep/a.md", False),
        ("docs/**", "docs/deep/a.md", True),
        ("docs/**", "docs", False),
        ("/docs", "docs", True),
        ("/docs", "docs/a.md", True),
        ("/docs", "src/docs", False),
        ("docs", "src/docs/a.md", True),
        ("/docs/", "docs", False),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("a/**/z", "a/b/zz", False),
        ("**/x.md", "x.md", True),
        ("*", "any/thing", True),
        ("*.JS", "a.js", False),
        ("/Docs/", "docs/a", False),
        ("/a?c", "abc", True),
        ("/a?c", "a/c", False),
        ("/a*c", "a/c", False),
        ("/a.c", "abc", False),
        (r"/with\ blank", "with blank", True),
        (r"/star\*", "star*", True),
        (r"/star\*", "starry", False),
        ("/models/a-b/", "models/a-b-c/model.yaml", False),
    ],
)
def test_patterns(pattern: str, path: str, matches: bool) -> None:
    assert OwnerLine(pattern=pattern, owners=()).matches(path) is matches


@pytest.mark.parametrize(
    "line",
    [
        "!/docs/ @ada",
        r"\#file @ada",
        "/[ab]/ @ada",
        "/a*** @ada",
        "/a\\ ",
        "/ @ada",
        "/docs/ ada",
        "/docs/ @",
        "/docs/ @acme/",
        "/docs/ @acme/team/x",
        "/docs/ @-ada",
    ],
)
def test_a_line_that_github_skips_is_told_and_matches_nothing(line: str) -> None:
    if line.endswith("\\ "):
        line = line.rstrip()
    assert [problem.number for problem in problems(f"# x\n{line}\n")] == [2]
    assert lines(line) == ()


def test_a_skipped_line_leaves_the_one_before_in_force() -> None:
    rows = lines("/docs/ @ada\n!/docs/private/ @ben\n")
    assert owners_of(rows, "docs/private/x") == ("@ada",)


def test_nobody_owns_what_nothing_matches() -> None:
    assert owners_of(lines("/docs/ @ada\n"), "src/x") == ()


def test_a_file_of_3_mb_is_not_read() -> None:
    assert [p.number for p in problems("#" * MAX_BYTES)] == [0]
    assert problems("#" * (MAX_BYTES - 1)) == ()


@pytest.mark.parametrize("owner", ["@ada", "@acme/ml_team", "@ada_corp", "ada@example.com"])
def test_owners_that_are_some(owner: str) -> None:
    assert lines(f"* {owner}\n")[0].owners == (owner,)
    assert problems(f"* {owner}\n") == ()


NAMES = st.text("ab.-", min_size=1, max_size=3).filter(lambda name: set(name) != {"."})
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@given(PATHS)
def test_a_path_matches_itself_its_folders_and_the_star(path: str) -> None:
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        assert OwnerLine(pattern="/" + "/".join(parts[:count]), owners=()).matches(path)
    assert OwnerLine(pattern="*", owners=()).matches(path)
    assert OwnerLine(pattern=parts[-1], owners=()).matches(path)
    assert not OwnerLine(pattern=f"/{path}/", owners=()).matches(path)


@given(st.text("ab*?.", min_size=1, max_size=4).filter(lambda p: "**" not in p), PATHS)
def test_one_name_matches_like_a_shell_pattern_at_any_depth(pattern: str, path: str) -> None:
    expected = any(fnmatch.fnmatchcase(name, pattern) for name in path.split("/"))
    assert OwnerLine(pattern=pattern, owners=()).matches(path) is expected


PATTERNS = st.lists(st.one_of(st.text("ab*?.", min_size=1, max_size=3), st.just("**")), min_size=1,
                    max_size=4).map("/".join)  # fmt: skip


@given(PATTERNS, st.booleans(), st.booleans(), PATHS)
def test_another_reading_of_the_same_rules_agrees(
    pattern: str, rooted: bool, folder: bool, path: str
) -> None:
    """The stand-in for GitHub has one of its own, written by somebody else."""
    parts = pattern.split("/")
    assume(all("**" not in part or part == "**" for part in parts))
    assume(not any(one == other == "**" for one, other in pairwise(parts)))
    assume(not (rooted and parts == ["**"]) and not (folder and parts[-1] == "**"))
    text = f"{'/' if rooted else ''}{pattern}{'/' if folder else ''}"
    assert OwnerLine(pattern=text, owners=()).matches(path) is matches(text, path)


@given(st.lists(st.tuples(PATHS, st.sampled_from(["@a", "@b", ""])), max_size=6), PATHS)
def test_the_last_match_decides(rows: list[tuple[str, str]], path: str) -> None:
    text = "".join(f"/{pattern} {owner}\n" for pattern, owner in rows)
    matching = [owner for pattern, owner in rows if re.match(rf"{re.escape(pattern)}(/|$)", path)]
    assert owners_of(lines(text), path) == tuple(filter(None, matching[-1:]))
