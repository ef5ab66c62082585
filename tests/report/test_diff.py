"""The diff of two renderings: what git would print, and what git can apply."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hypothesis import given, strategies as st

from modelctl.report.diff import diff

FILES = st.dictionaries(
    st.sampled_from(("a.yaml", "b/c.yaml", "b/d.json")),
    st.text(st.sampled_from("ab\n\x0c\u2028"), min_size=1, max_size=12),
)


def test_equal_files_have_no_diff() -> None:
    assert diff({"a": "x\n"}, {"a": "x\n"}) == ""


def test_it_shows_what_comes_goes_and_changes() -> None:
    before = {"a.yaml": "one\ntwo\n", "gone.yaml": "x\n", "same.yaml": "y\n"}
    after = {"a.yaml": "one\nthree\n", "new.yaml": "z", "same.yaml": "y\n"}
    assert diff(before, after) == (
        "diff --git a/a.yaml b/a.yaml\n"
        "--- a/a.yaml\n"
        "+++ b/a.yaml\n"
        "@@ -1,2 +1,2 @@\n"
        " one\n"
        "-two\n"
        "+three\n"
        "diff --git a/gone.yaml b/gone.yaml\n"
        "deleted file mode 100644\n"
        "--- a/gone.yaml\n"
        "+++ /dev/null\n"
        "@@ -1 +0,0 @@\n"
        "-x\n"
        "diff --git a/new.yaml b/new.yaml\n"
        "new file mode 100644\n"
        "--- /dev/null\n"
        "+++ b/new.yaml\n"
        "@@ -0,0 +1 @@\n"
        "+z\n"
        "\\ No newline at end of file\n"
    )


@given(FILES, FILES)
def test_git_apply_makes_the_one_from_the_other(
    before: dict[str, str], after: dict[str, str]
) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, text in before.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(text.encode())
        patch = diff(before, after)
        if patch:
            subprocess.run(
                ["git", "apply", "--whitespace=nowarn", "-"],
                cwd=folder,
                input=patch.encode(),
                check=True,
                capture_output=True,
            )
        found = {
            path.relative_to(folder).as_posix(): path.read_bytes().decode()
            for path in folder.rglob("*")
            if path.is_file()
        }
    assert found == after
