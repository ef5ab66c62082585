"""`modelctl check` in all its forms, and what it says where nothing can be judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from modelctl.adapters.documents import dump
from modelctl.adapters.schema import schema
from support.command_line import CommandLine
from support.journey import publish
from support.repos import RepoBuilder, clone
from support.world import MODEL, World, evaluation, model_data, submission, version_data

MANIFEST = f"models/{MODEL}/versions/1.0.0.yaml"
FORMATS = ("terminal", "json", "markdown", "github", "sarif", "junit")


def blocked(report: Any) -> set[str]:
    """The gates that block, in a report as JSON."""
    assert list(Draft202012Validator(dict(schema("report"))).iter_errors(report)) == []
    blocking = {"fail", "pending", "inconclusive"}
    return {
        finding["gate"]
        for verdict in report["verdicts"]
        for finding in verdict["findings"]
        if finding["outcome"] in blocking
    }


def approved(world: World, head: str, *people: str, base: str = "ml") -> Path:
    """The pull request's file, with the approvals of these people."""
    world.pull(base, head, people)
    return world.pulls_file()


# A pull request: --base and --head.


def test_a_pull_request_passes_with_evidence_and_reviews(world: World, cli: CommandLine) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    reviews = approved(world, head, "ben", "lena")
    args = ("check", "--base", "ml", "--head", "feature/1.0.0", "--reviews", reviews)
    report = cli.json(*args)
    assert (report["outcome"], report["exit_code"], blocked(report)) == ("pass", 0, set())
    assert report["head"] == head
    assert f"{MODEL}@1.0.0 → dev  PASSES" in cli(*args)


def test_without_reviews_the_approvals_are_missing(world: World, cli: CommandLine) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    ends = ("check", "--base", "ml", "--head", head)
    assert blocked(cli.json(*ends, code=1)) == {"approvals"}
    report = cli.json(*ends, "--no-reviews")
    assert blocked(report) == set()
    [note] = report["notes"]
    assert note == "it needs the approval of 1 ml-team (ada, ben) and 1 ml-lead (ben, lena)"


def test_the_head_is_what_is_checked_out_unless_it_is_named(world: World, cli: CommandLine) -> None:
    head = world.submit()
    world.builder.checkout("feature/1.0.0")
    assert cli.json("check", "--base", "ml", "--no-reviews", code=1)["head"] == head


@pytest.mark.parametrize("base", ["ml", "origin/ml", "refs/heads/ml", "refs/remotes/origin/ml"])
def test_the_base_may_be_written_in_many_ways(world: World, cli: CommandLine, base: str) -> None:
    head = world.submit()
    world.builder.git("branch", "ml", "origin/ml")
    report = cli.json("check", "--base", base, "--head", head, "--no-reviews", code=1)
    assert report["title"] == "submission into ml"


def test_a_base_that_is_a_commit_asks_for_the_branch(world: World, cli: CommandLine) -> None:
    head, base = world.submit(), world.builder.git("rev-parse", "origin/ml")
    message, mend = cli.fails("check", "--base", base, "--head", head)
    assert message == f"{base} is no branch, so nothing says which rules apply"
    assert mend == "name the branch that the change goes into: --target BRANCH"
    report = cli.json("check", "--base", base, "--head", head, "--target", "ml", code=1)
    assert report["title"] == "submission into ml"


def test_of_several_pull_requests_the_one_with_the_head_is_taken(
    world: World, cli: CommandLine
) -> None:
    other, head = world.submit("1.1.0"), world.submit()
    world.evidence("1.0.0", "dev", head)
    approved(world, other)
    reviews = approved(world, head, "ben", "lena")
    ends = ("check", "--base", "ml", "--reviews", reviews, "--head")
    assert cli(*ends, head)
    world.pull("ml", head, ["ben"])
    message, mend = cli.fails(*ends, head)
    assert message == f"2 pull requests of pulls.json have the head {head[:12]}"
    assert mend == "give the file of one pull request"
    message, _ = cli.fails(*ends, world.submit("1.2.0"))
    assert message.startswith("0 pull requests of pulls.json have the head ")


def test_reviews_of_an_older_head_decide_nothing(world: World, cli: CommandLine) -> None:
    old = world.submit()
    reviews = approved(world, old, "ben", "lena")
    world.submit(manifest={"changelog": "Again."})
    ends = ("--base", "ml", "--head", "feature/1.0.0")
    report = cli.json("check", *ends, "--reviews", reviews, code=1)
    assert "approvals" in blocked(report)


def test_reviews_of_a_pull_request_into_another_branch_decide_nothing(
    served: World, cli: CommandLine
) -> None:
    """Who approves for dev may be asked for less than who approves for production."""
    head = served.promote("1.0.0", "production")
    reviews = approved(served, head, "pat", "ben", base="ml")
    report = cli.json("check", "--base", "main", "--head", head, "--reviews", reviews, code=1)
    [finding] = [f for v in report["verdicts"] for f in v["findings"] if f["gate"] == "approvals"]
    assert finding["outcome"] == "inconclusive"
    assert finding["message"] == "the reviews are of a pull request into ml, not into main"


def test_a_branch_that_no_environment_follows_takes_no_models(
    world: World, cli: CommandLine
) -> None:
    world.builder.git("push", "--quiet", "origin", "origin/ml:refs/heads/extra")
    world.builder.git("fetch", "--quiet", "origin")
    head = world.submit()
    report = cli.json("check", "--base", "extra", "--head", head, "--no-reviews", code=1)
    assert (report["title"], blocked(report)) == ("misplaced into extra", {"placement"})
    assert "no environment follows extra, so models can't change there" in json.dumps(report)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pull_request": {}}'])
def test_reviews_that_can_not_be_read_are_told(
    world: World, cli: CommandLine, tmp_path: Path, text: str
) -> None:
    head = world.submit()
    file = tmp_path / "reviews.json"
    file.write_text(text)
    message, _ = cli.fails("check", "--base", "ml", "--head", head, "--reviews", file)
    assert "reviews.json" in message


# A version: MODEL@VERSION --to ENV.


def test_a_version_goes_on_to_the_next_environment_by_default(
    served: World, cli: CommandLine
) -> None:
    report = cli.json("check", f"{MODEL}@staging", code=1)
    assert report["title"] == f"{MODEL}@1.0.0 → production"
    assert blocked(report) == {"e2e-tests", "load"}
    assert cli.json("check", f"{MODEL}@1.0", "--to", "staging")["outcome"] == "pass"


def test_a_version_is_looked_for_where_it_is_asked_for(world: World, cli: CommandLine) -> None:
    world.submit()
    message, mend = cli.fails("check", f"{MODEL}@1.0.0")
    assert message == f"{MODEL}@1.0.0 is not merged yet"
    assert mend == "it is on feature/1.0.0: --ref feature/1.0.0"
    report = cli.json("check", f"{MODEL}@1.0.0", "--ref", "feature/1.0.0", code=1)
    assert report["title"] == f"{MODEL}@1.0.0 → dev"


@pytest.mark.parametrize(
    ("args", "message", "mend"),
    [
        ((f"{MODEL}@2.0.0",), f"{MODEL}@2.0.0 names no version", "dev, staging, latest, 1.0.0"),
        ((f"{MODEL}@",), f"'{MODEL}@' names no version", "or an environment"),
        (("Tumor@1.0.0",), "'Tumor' is not a model name", "such as churn-predictor"),
        ((f"{MODEL}@1.0.0", "--to", "prod"), "there is no environment prod", "dev, staging"),
        ((f"{MODEL}@1.0.0", "--ref", "nope"), "'nope' is no commit, branch or tag here", ""),
        (("fraud-detector@1.0.0",), "there is no model fraud-detector with versions", MODEL),
    ],
)
def test_a_version_that_is_not_there_is_told(
    served: World, cli: CommandLine, args: tuple[str, ...], message: str, mend: str
) -> None:
    said, help_ = cli.fails("check", *args)
    assert said == message
    assert mend in help_


def test_a_version_at_the_end_of_its_way_asks_for_the_environment(
    served: World, cli: CommandLine, tmp_path: Path
) -> None:
    start = served.builder.git("rev-parse", "origin/env/staging")
    served.builder.git("push", "--quiet", "origin", f"{start}:refs/heads/env/production")
    served.builder.git("fetch", "--quiet", "origin")
    message, mend = cli.fails("check", f"{MODEL}@1.0.0")
    assert message == f"{MODEL}@1.0.0 is in production, and nothing follows"
    assert mend == "name one: --to ENV"


# The work tree.


def test_the_work_tree_is_judged_as_if_it_were_committed_now(
    world: World, cli: CommandLine
) -> None:
    world.submit()
    world.builder.checkout("feature/1.0.0")
    path = world.directory / MANIFEST
    path.write_text(dump(version_data(changelog="")))
    (world.directory / f"models/{MODEL}/notes.txt").write_text("hello\n")
    before = world.builder.git("status", "--porcelain"), world.builder.git("rev-parse", "HEAD")
    report = cli.json("check", code=1)
    assert {"documents", "placement"} <= blocked(report)
    after = world.builder.git("status", "--porcelain"), world.builder.git("rev-parse", "HEAD")
    assert after == before


def test_the_work_tree_needs_no_reviews(world: World, cli: CommandLine) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.builder.checkout("feature/1.0.0")
    assert "note  it needs the approval of 1 ml-team" in cli("check")


def test_it_can_be_run_from_a_folder_below(world: World, cli: CommandLine) -> None:
    world.submit()
    world.builder.checkout("feature/1.0.0")
    cli.directory = world.directory / "models"
    assert blocked(cli.json("check", code=1)) >= {"fairness"}


@pytest.mark.parametrize("how", ["detached", "elsewhere", "target"])
def test_a_work_tree_that_goes_nowhere_is_told(world: World, cli: CommandLine, how: str) -> None:
    name = {"detached": "a detached HEAD", "elsewhere": "odd/branch", "target": "main"}[how]
    match how:
        case "detached":
            world.builder.git("checkout", "--quiet", "--detach", "origin/ml")
        case "elsewhere":
            world.builder.git("checkout", "--quiet", "-b", name, "origin/ml")
    message, mend = cli.fails("check")
    assert message == f"{name} goes into no branch by the lifecycle"
    assert mend == "say where it goes: modelctl check --base BRANCH"


def test_a_branch_without_commits_is_told(world: World, cli: CommandLine) -> None:
    world.builder.git("checkout", "--quiet", "--orphan", "feature/new")
    message, mend = cli.fails("check")
    assert "share no history" in message
    assert "git switch" in mend


def test_a_bare_repository_has_no_work_tree(world: World, cli: CommandLine) -> None:
    head = world.submit()
    world.builder.git("push", "--quiet", "origin", f"{head}:refs/heads/feature/x")
    cli.directory = world.shared
    for args in (("check", "--all"), ("policy", "lint")):
        message, mend = cli.fails(*args)
        assert message.endswith("shared.git has no work tree")
        assert mend == "name a commit instead"
    assert cli("check", "--all", "--ref", "ml")
    assert blocked(cli.json("check", "--base", "ml", "--head", "feature/x", code=1))


# Every document: --all.


def test_every_document_is_checked(served: World, cli: CommandLine) -> None:
    served.builder.checkout("develop")
    assert f"{MODEL}  PASSES" in cli("check", "--all")
    (served.directory / MANIFEST).write_text(dump({**version_data(), "metrix": []}))
    report = cli.json("check", "--all", code=1)
    [finding] = [f for f in report["verdicts"][0]["findings"] if f["outcome"] == "fail"]
    assert "metrix" in finding["message"]
    assert finding["location"]["file"] == MANIFEST


def test_every_document_of_a_ref_is_checked(world: World, cli: CommandLine) -> None:
    head = world.submit(manifest={"owner": ""})
    assert cli.json("check", "--all")["verdicts"] == []
    report = cli.json("check", "--all", "--ref", "feature/1.0.0", code=1)
    assert (report["head"], blocked(report)) == (head, {"documents"})


def test_what_a_release_names_must_be_there(world: World, cli: CommandLine) -> None:
    files = {**submission(), MANIFEST: None, f"models/{MODEL}/model.yaml": None}
    world.commit(files, "feature/half", "ml")
    report = cli.json("check", "--all", "--ref", "feature/half", code=1)
    messages = [f["message"] for v in report["verdicts"] for f in v["findings"]]
    assert messages == [
        f"models/{MODEL}/model.yaml is missing",
        f"models/{MODEL}/release.yaml names 1.0.0, which has no manifest",
    ]


def test_a_readme_may_lie_among_the_models(world: World, cli: CommandLine) -> None:
    world.commit({**submission(), "models/README.md": "# Models\n"}, "feature/readme", "ml")
    assert cli("check", "--all", "--ref", "feature/readme")


@pytest.mark.parametrize(
    "path", ["models/notes.txt", "models/odd/notes.txt", f"models/{MODEL}/versions/1.yaml"]
)
def test_a_file_that_belongs_nowhere_is_told(world: World, cli: CommandLine, path: str) -> None:
    world.submit()
    world.builder.checkout("feature/1.0.0")
    target = world.directory / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("hello\n")
    report = cli.json("check", "--all", code=1)
    assert blocked(report) == {"placement"}
    assert path in json.dumps(report)


# Usage.


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--to", "dev"), "--to has no effect on the work tree"),
        (("--ref", "ml"), "--ref has no effect on the work tree"),
        (("--target", "ml"), "--target has no effect on the work tree"),
        (("--all", "--to", "dev"), "--to has no effect with --all"),
        (("--all", "--base", "ml"), "--all has no effect with --base"),
        (("--base", "ml", "--to", "dev"), "--to has no effect with --base"),
        (("--base", "ml", "--ref", "ml"), "--ref has no effect with --base"),
        ((f"{MODEL}@1.0.0", "--base", "ml"), "--base has no effect with MODEL@VERSION"),
        ((f"{MODEL}@1.0.0", "--all"), "--all has no effect with MODEL@VERSION"),
        ((f"{MODEL}@1.0.0", "--no-reviews"), "--no-reviews has no effect with MODEL@VERSION"),
        (("--head", "ml"), "--head needs --base"),
    ],
)
def test_options_that_would_be_passed_over_are_refused(
    world: World, cli: CommandLine, args: tuple[str, ...], message: str
) -> None:
    said, mend = cli.fails("check", *args)
    assert said == message
    assert mend


@pytest.mark.parametrize("ref", ["nope", "", "ml:models", "0" * 40])
def test_a_ref_that_names_no_commit_is_told(world: World, cli: CommandLine, ref: str) -> None:
    message, _ = cli.fails("check", "--base", "ml", "--head", ref)
    assert message == f"{ref!r} is no commit, branch or tag here"


def test_a_folder_that_is_no_repository_is_told(cli: CommandLine, tmp_path: Path) -> None:
    cli.directory = tmp_path / "empty"
    cli.directory.mkdir()
    message, mend = cli.fails("check")
    assert message.endswith("empty is not in a git repository")
    assert mend == "cd into a clone, or git init"


# The rules.


def test_a_repository_without_the_default_branch_asks_for_it(
    cli: CommandLine, tmp_path: Path
) -> None:
    RepoBuilder.create(tmp_path / "fresh", "master").commit({"a": "b"}, "master")
    cli.directory = tmp_path / "fresh"
    message, mend = cli.fails("check")
    assert message == "there is no branch main to take the rules from"
    assert mend == "give the branch that holds them: --trusted-ref BRANCH"
    message, mend = cli.fails("check", "--trusted-ref", "master")
    assert message.splitlines()[0] == "the policy has 4 problems, so nothing can be judged:"
    assert "policies/lifecycle.yaml:1:1: policies/lifecycle.yaml is missing" in message
    assert mend == "run `modelctl policy lint` on the branch that holds the rules"


def test_a_broken_policy_judges_nothing_and_says_where_it_breaks(
    world: World, cli: CommandLine
) -> None:
    quality = world.show("main", "policies/gates/quality.yaml")
    broken = quality.replace("evidence.metrics.f1_score >= 0.85", "evidence.metrics.f1_score >= 1")
    publish(world, "main", {"policies/gates/quality.yaml": broken})
    message, _ = cli.fails("check")
    assert "the policy has 1 problem, so nothing can be judged:" in message
    assert "policies/gates/quality.yaml:25:15" in message
    assert "write 100.0 for 100" in message


def test_the_rules_are_those_of_the_trusted_ref_not_of_the_change(
    world: World, cli: CommandLine
) -> None:
    quality = world.show("main", "policies/gates/quality.yaml").replace(">= 0.85", ">= 0.99")
    world.builder.branch("strict", "origin/main")
    world.builder.commit({"policies/gates/quality.yaml": quality}, "strict")
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    ends = ("check", "--base", "ml", "--head", head, "--no-reviews")
    assert cli(*ends)
    report = cli.json(*ends, "--trusted-ref", "strict", code=1)
    assert blocked(report) == {"classification-quality"}


# Formats.


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("good", [True, False], ids=["passes", "blocked"])
def test_every_format_says_the_same(
    world: World, cli: CommandLine, format_: str, good: bool
) -> None:
    head = world.submit()
    if good:
        world.evidence("1.0.0", "dev", head)
    args = ("check", "--base", "ml", "--head", head, "--no-reviews", "--format", format_)
    out = cli(*args, code=0 if good else 1)
    found = set(_gates(out, format_))
    assert ("fairness" in found) is not good
    assert cli.error == ""


def _gates(out: str, format_: str) -> set[str]:
    """The gates that block, as each format has them."""
    match format_:
        case "json":
            return blocked(json.loads(out))
        case "sarif":
            return {result["ruleId"] for result in json.loads(out)["runs"][0]["results"]}
        case "junit":
            cases = ElementTree.fromstring(out).iter("testcase")
            return {case.attrib["name"] for case in cases if len(case)}
        case "github":
            lines = (line for line in out.splitlines() if line.startswith("::error"))
            return {line.split("title=")[1].split("%3A")[0] for line in lines}
    return {"fairness"} if "no evaluation evidence counts" in out else set()


def test_what_passes_is_shown_when_it_is_asked_for(world: World, cli: CommandLine) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    args = ("check", "--base", "ml", "--head", head, "--no-reviews")
    reason = "classification models need F1 ≥ 0.85"
    assert reason not in cli(*args)
    assert reason in cli(*args, "--verbose")


def test_the_failing_line_is_quoted_with_its_mend(world: World, cli: CommandLine) -> None:
    head = world.submit()
    bad = evaluation(metrics={"f1_score": 0.8, "accuracy": 0.94, "roc_auc": 0.98})
    world.record("evaluation", "offline", bad, pointer=f"{MODEL}@1.0.0^{head}")
    out = cli("check", "--base", "ml", "--head", head, "--no-reviews", code=1)
    line = world.show(head, MANIFEST).splitlines().index("  - name: f1_score") + 1
    assert f"at       {MANIFEST}:{line}:5" in out
    assert f"{line} │   - name: f1_score" in out
    assert "mend     train a better model; the threshold is policy" in out
    assert "policy   policies/gates/quality.yaml:25" in out


def test_a_huge_report_stays_readable_for_machines(world: World, cli: CommandLine) -> None:
    metrics = [{"name": f"m{n}", "value": "much"} for n in range(400)]
    files = {**submission(manifest={"metrics": metrics}), f"models/{MODEL}/x\ny.txt": "odd"}
    head = world.commit(files, "feature/huge", "ml")
    for format_ in FORMATS:
        args = ("check", "--base", "ml", "--head", head, "--no-reviews", "--format", format_)
        assert "documents" in cli(*args, code=1)


def test_a_model_that_breaks_off_is_told_at_its_line(world: World, cli: CommandLine) -> None:
    text = dump(model_data()).replace("tier: standard", "tier: standard: really")
    files = {**submission(), f"models/{MODEL}/model.yaml": text}
    head = world.commit(files, "feature/broken", "ml")
    report = cli.json("check", "--base", "ml", "--head", head, "--no-reviews", code=1)
    [finding] = [f for v in report["verdicts"] for f in v["findings"] if f["gate"] == "documents"]
    assert finding["location"]["line"] == text.splitlines().index("tier: standard: really") + 1


def test_a_shallow_clone_without_the_ledger_blocks(
    served: World, cli: CommandLine, tmp_path: Path
) -> None:
    """What isn't here proves nothing."""
    head = served.promote("1.0.0", "production")
    served.builder.git("push", "--quiet", "origin", f"{head}:refs/heads/promote/x")
    few = clone(served.shared, tmp_path / "few", "--single-branch", "--branch", "main")
    few.git("fetch", "--quiet", "origin", "promote/x:promote/x")
    cli.directory = few.directory
    report = cli.json("check", "--base", "main", "--head", "promote/x", "--no-reviews", code=1)
    assert "provenance" in blocked(report)
