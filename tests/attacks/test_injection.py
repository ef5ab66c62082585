"""Text that wants to be more than text: in titles, branches, names, messages and manifests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.attacks import APPROVERS, check, deployed, is_refused, said, standing
from support.command_line import CommandLine
from support.hub import HubWorld
from support.motions import named
from support.world import MODEL, submission

COMMANDS = "::set-output name=head::mine\n::add-mask::x\n##[error]mine\n  ::stop-commands::z"
SHELL = '"; touch owned; $(touch owned) `touch owned` | touch owned #'
MARKUP = "<!-- modelctl:mine --> <img src=x> @everyone #1 [x](http://evil) | </details>"
TEXT = f"{MARKUP} {SHELL}\n{COMMANDS}"
BRANCHES = (
    "feature/$(touch${IFS}owned)",
    "feature/`touch${IFS}owned`;touch${IFS}owned|'\"&",
    "--upload-pack=touch${IFS}owned",
    "feature/<!--mine-->@everyone",
    "feature/x\u202egnp.yaml",
)
"""As far as git takes them for names of branches."""


@pytest.fixture(autouse=True)
def _nothing_ran(hub: HubWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(hub.world.directory)
    yield
    assert list(tmp_path.rglob("owned*")) == []


def hostile(hub: HubWorld, branch: str = "feature/2.0.0") -> int:
    """A good version whose every free field is hostile, and its pull request."""
    files = submission(
        "2.0.0",
        model={"description": TEXT},
        manifest={
            "changelog": TEXT,
            "created_by": SHELL,
            "tags": {"note": TEXT},
        },
    )
    builder = hub.world.builder
    author = "$(touch owned) @everyone ::error::x <ada@example.com>"
    head = builder.commit(
        files, "hostile", author=author, message=COMMANDS + TEXT, parent="origin/ml"
    )
    builder.git("push", "--quiet", hub.clone_url("ada"), f"{head}:refs/heads/{branch}")
    body = {"title": f"{MARKUP} {SHELL} ::error::x", "head": branch, "base": "ml", "body": TEXT}
    number = int(hub.api("ada", "POST", "/pulls", body)["number"])
    hub.world.evidence("2.0.0", "dev", head)
    return number


def acting(log: str) -> list[str]:
    """The lines that a runner of GitHub's would take for commands: it reads `::name::` at the
    beginning of a line, blanks passed over, and `##[name]` anywhere; none after `stop-commands`."""
    stop, found = None, []
    for line in log.splitlines():
        if stop is not None:
            stop = None if line.strip() == f"::{stop}::" else stop
        elif match := re.match(r"\s*::stop-commands::([0-9a-f]{32})$", line):
            stop = match[1]
        elif re.match(r"\s*::[\w-]+[^:]*::", line) or "##[" in line:
            found.append(line)
    return found


def in_a_workflow(hub: HubWorld, *args: object) -> str:
    """A command as a step runs it: what the runner sees of it, on whichever stream."""
    environment = {**os.environ, **hub.environment(), "GITHUB_ACTIONS": "true", "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-m", "modelctl", *map(str, args)],
        cwd=hub.world.directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1, 2), done.stdout
    return done.stdout


def quiet(text: str) -> None:
    """Nothing hostile acts in what people read on the forge; a backslash or a code span mutes."""
    shown = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", text)
    for active in (r"(?<!\\)<!-- modelctl:mine", r"(?<!\\)<img", "@everyone", "]\\(http://evil"):
        assert re.search(active, shown) is None, shown


def test_a_comment_and_a_check_show_text_as_text(hub: HubWorld) -> None:
    number = hostile(hub)
    check(hub, number)
    quiet("\n".join(hub.comments(number)))
    run = hub.check(hub.pull(number).head)
    assert run is not None
    quiet(run.output["summary"] + run.output.get("text", ""))
    assert hub.comments(number)[0].count("<!-- modelctl") <= 2
    assert all(label.startswith(("gate: ", "stage: ")) for label in hub.pull(number).labels)


def test_annotations_show_text_as_text(hub: HubWorld) -> None:
    files = {f"models/{MODEL}/model.yaml": f'"{MARKUP} ::error::x": 1\nname: "\\u202e$(id)"\n'}
    hub.world.commit(files, "feature/3.0.0", "ml")
    number = hub.open("ml", "feature/3.0.0")
    check(hub, number)
    assert standing(hub, number) == "failure"
    quiet(said(hub, number).split("<!-- modelctl", 1)[1])
    run = hub.check(hub.pull(number).head)
    assert run is not None
    assert "\u202e" not in str(run.annotations)


@pytest.mark.parametrize("branch", BRANCHES)
def test_the_name_of_a_branch_is_only_a_name(hub: HubWorld, branch: str) -> None:
    number = hostile(hub, branch)
    check(hub, number)
    assert standing(hub, number) == "in_progress"
    quiet("\n".join(hub.comments(number)))


def test_no_line_of_a_log_is_a_command_to_the_runner(hub: HubWorld) -> None:
    number = hostile(hub)
    broken = "\n".join(f'"{line}": 1' for line in COMMANDS.splitlines())
    odd = {f"models/{MODEL}/model.yaml": f'"a\\n{"::error::x"}": 1\n{broken}\n'}
    hub.world.commit(odd, "feature/odd", "ml")
    other = hub.open("ml", "feature/odd", title="::error::x")
    logs = [
        in_a_workflow(hub, "pr", "check", number, "--exit-zero"),
        in_a_workflow(hub, "pr", "check", other, "--exit-zero"),
        in_a_workflow(hub, "pr", "list"),
        in_a_workflow(hub, "evidence", "plan", other),
        in_a_workflow(hub, "pr", "check", "--head", "\n::error::x"),
    ]
    assert "::" in "".join(logs)
    assert [line for log in logs for line in acting(log)] == []


def test_a_deploy_that_tells_of_a_merge_tells_it_as_text(hub: HubWorld) -> None:
    number = hostile(hub)
    title = {"commit_title": f"{COMMANDS}{MARKUP}", "commit_message": TEXT, "merge_method": "merge"}
    hub.api("ben", "PUT", f"/pulls/{number}/merge", title)
    is_refused(hub)
    quiet("\n".join(hub.comments(number)))
    assert acting(in_a_workflow(hub, "deploy", "dev", "--github", "--dry-run")) == []


def test_outputs_of_a_step_have_one_line_each(hub: HubWorld) -> None:
    """They are read by the next job: a line break in one would make another."""
    number = hostile(hub)
    hub.world.builder.git("push", "--quiet", "--delete", "origin", "ledger")
    hub.world.builder.git("update-ref", "-d", "refs/remotes/origin/ledger")
    out = in_a_workflow(hub, "evidence", "plan", number, "--format", "outputs")
    told = [line for line in out.splitlines() if not line.startswith("::stop-commands::")]
    assert [line.partition("=")[0] for line in told] == ["head", "measurements"]
    assert hub.pull(number).head in told[0]


@pytest.mark.usefixtures("job")
def test_the_descriptions_that_are_generated_show_text_as_text(
    hub: HubWorld, cli: CommandLine
) -> None:
    number = hostile(hub)
    hub.approve(number, APPROVERS)
    hub.merge("ben", number)
    deployed(hub)
    named(hub.world)
    cli("promote", f"{MODEL}@2.0.0", "--to", "staging")
    [opened] = [p for p in hub.forge.state.repositories["acme/models"].pulls() if p.base != "ml"]
    quiet(f"{opened.title}\n{opened.body}")
    assert "What is new" in (opened.body or "")
    head = hub.world.submit("2.1.0")
    hub.world.evidence("2.1.0", "dev", head)
    newer = hub.open("ml", "feature/2.1.0")
    hub.approve(newer, APPROVERS)
    hub.merge("ben", newer)
    deployed(hub)
    cli("rollback", MODEL, "--env", "dev", "--to", "2.0.0", "--reason", TEXT)
    back = hub.forge.state.repositories["acme/models"].pulls()[-1]
    assert back.branch.startswith("rollback/")
    quiet(f"{back.title}\n{back.body}")
    message = hub.world.builder.git("log", "-1", "--format=%B", back.head)
    assert "Co-authored-by" not in message
