"""A changed policy, tried on what was deployed, with real git."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from modelctl.adapters.git import Repository
from modelctl.domain.backtest import Backtest, Kind, Trial
from modelctl.domain.verdict import Outcome
from modelctl.errors import ModelctlError
from modelctl.services.backtest import backtest, read_rules
from support.deploys import run
from support.journey import bring, publish
from support.repos import Files
from support.waivers import for_version, grant, unfair
from support.world import MODEL, World, version_data

QUALITY, CI = "policies/gates/quality.yaml", "policies/keys/ci.yaml"
F1 = "evidence.metrics.f1_score >= 0.85"


def changed(world: World, *edits: tuple[str, str, str], files: Files | None = None) -> Backtest:
    """The backtest of these edits (path, old text, new text) and files against main."""
    new: dict[str, object] = dict(files or {})
    for path, old, text in edits:
        before = str(new.get(path) or world.show("origin/main", path))
        assert old in before
        new[path] = before.replace(old, text)
    head = world.commit(new or {"note": "x\n"}, "rules/change", "main")  # type: ignore[arg-type]
    repository = Repository.discover(world.directory)
    base = read_rules(repository, "main")
    return backtest(repository, base, read_rules(repository, head), lambda message: None)


def told(trials: tuple[Trial, ...]) -> list[tuple[str, str, bool]]:
    return [(t.version, t.environment, t.served) for t in trials]


def improve(world: World, version: str) -> None:
    """A later version in dev that measures better."""
    world.later(hours=1)
    [claim] = version_data()["metrics"]
    head = world.submit(version, manifest={"metrics": [{**claim, "value": 0.97}]})
    better = {"f1_score": 0.97, "accuracy": 0.96, "roc_auc": 0.99}
    world.evidence(version, "dev", head, metrics=better)
    world.merge("ml", head, ["ben"])
    assert not run(world, "dev").decisions[0].blocked


def test_a_higher_threshold_says_who_would_be_blocked_by_which_line(served: World) -> None:
    improve(served, "1.0.1")
    found = changed(served, (QUALITY, F1, "evidence.metrics.f1_score >= 0.95"))
    assert len(found.trials) == 2
    assert told(found.of(Kind.SAME)) == [("1.0.1", "dev", True)]
    [trial] = found.of(Kind.BLOCKED)
    assert told((trial,)) == [("1.0.0", "dev", False)]
    assert (trial.before, trial.after) == (Outcome.PASS, Outcome.FAIL)
    [shift] = trial.shifts
    assert (shift.gate, shift.before, shift.after) == (
        "classification-quality",
        Outcome.PASS,
        Outcome.FAIL,
    )
    assert shift.finding.rule == "evidence.metrics.f1_score >= 0.95"
    where = shift.finding.policy
    assert where is not None
    lines = served.show("origin/main", QUALITY).splitlines()
    assert (where.file, F1 in lines[where.line - 1]) == (QUALITY, True)


def test_what_serves_is_marked(served: World) -> None:
    found = changed(served, (QUALITY, F1, "evidence.metrics.f1_score >= 0.95"))
    assert told(found.of(Kind.BLOCKED)) == [("1.0.0", "dev", True)]


def test_no_change_changes_nothing(served: World) -> None:
    found = changed(served)
    assert told(found.of(Kind.SAME)) == [("1.0.0", "dev", True)]
    assert (found.added, found.removed, found.unjudged) == ((), (), ())


def test_each_is_judged_by_what_was_known_when_it_was_deployed(served: World) -> None:
    served.later(days=200)
    served.evidence("1.0.0", "dev", "origin/ml", metrics={"f1_score": 0.1})
    found = changed(served, (QUALITY, "max_age: 90d", "max_age: 1h"))
    assert [t.kind for t in found.trials] == [Kind.SAME]
    assert [t.before for t in found.trials] == [Outcome.PASS]


def test_a_comparison_is_with_what_served_then(served: World) -> None:
    improve(served, "1.0.1")
    looser = "evidence.metrics.accuracy >= serving.metrics.accuracy - 0.01"
    stricter = "evidence.metrics.accuracy >= serving.metrics.accuracy + 0.03"
    found = changed(served, (QUALITY, looser, stricter))
    assert told(found.of(Kind.BLOCKED)) == [("1.0.1", "dev", True)]
    assert told(found.of(Kind.SAME)) == [("1.0.0", "dev", False)]


EXTRA = """gates:
  strict:
    title: Nothing is good enough
    require:
      - rule: "false"
        because: not today
"""


def test_gates_that_come_and_go_are_named(served: World) -> None:
    path = "policies/gates/extra.yaml"
    quality = served.show("origin/main", QUALITY)
    renamed = quality.replace("  protected-groups:", "  named-groups:")
    found = changed(served, files={path: EXTRA, QUALITY: renamed})
    assert [name for name, _ in found.added] == ["strict", "named-groups"]
    assert [name for name, _ in found.removed] == ["protected-groups"]
    [trial] = found.of(Kind.BLOCKED)
    [shift] = trial.shifts
    assert (shift.gate, shift.before, shift.by_head) == ("strict", None, True)


def test_what_was_let_in_under_a_waiver_would_be_blocked_without_it(world: World) -> None:
    head = unfair(world)
    one = for_version(world, head)
    grant(world, one)
    world.merge("ml", head, ["ben", "lena"])
    run(world, "dev")
    found = changed(world, files={one.file: None})
    [trial] = found.of(Kind.BLOCKED)
    assert (trial.before, trial.after) == (Outcome.WAIVED, Outcome.FAIL)
    assert [shift.gate for shift in trial.shifts] == ["fairness"]


def test_looser_rules_say_what_would_have_passed(served: World) -> None:
    strict = served.show("origin/main", QUALITY).replace(F1, "evidence.metrics.f1_score >= 0.99")
    publish(served, "main", {QUALITY: strict})
    found = changed(served, (QUALITY, "f1_score >= 0.99", "f1_score >= 0.85"))
    [trial] = found.of(Kind.ALLOWED)
    [shift] = trial.shifts
    assert not shift.by_head
    assert shift.finding.rule == "evidence.metrics.f1_score >= 0.99"


def test_a_key_that_goes_takes_its_evidence_along(served: World) -> None:
    key = served.show("origin/main", CI)
    found = changed(served, files={CI: key.replace("- evaluation\n", "- other\n")})
    [trial] = found.of(Kind.BLOCKED)
    assert {"artifacts", "classification-quality"} <= {shift.gate for shift in trial.shifts}


def test_an_environment_that_goes_judges_nothing(served: World) -> None:
    bring(served, "staging")
    lifecycle = "policies/lifecycle.yaml"
    keys = [f"policies/keys/{name}.yaml" for name in ("ci", "deployer")]
    found = changed(
        served,
        (lifecycle, "environment: dev", "environment: trial"),
        ("policies/metrics.yaml", "  dev: {kind: local}", "  trial: {kind: local}"),
        *((key, "- dev\n", "- trial\n") for key in keys),
    )
    [trial] = found.of(Kind.BLOCKED)
    assert (trial.environment, trial.after) == ("dev", None)


def test_a_way_back_is_judged_as_one(served: World) -> None:
    improve(served, "1.0.1")
    served.later(hours=1)
    old = served.show("origin/ml", f"models/{MODEL}/release.yaml").replace("1.0.1", "1.0.0")
    head = served.commit({f"models/{MODEL}/release.yaml": old}, "feature/back", "ml")
    served.merge("ml", head, ["ben"])
    assert not run(served, "dev").decisions[0].blocked
    found = changed(served, (QUALITY, F1, "evidence.metrics.f1_score >= 0.95"))
    assert len(found.trials) == 3
    assert told(found.of(Kind.SAME)) == [("1.0.0", "dev", True), ("1.0.1", "dev", False)]


@pytest.mark.parametrize("ref", ["head", "base"])
def test_a_broken_policy_is_an_error_that_says_whose(served: World, ref: str) -> None:
    bad = served.commit({QUALITY: "gates: 1\n"}, "rules/broken", "main")
    repository = Repository.discover(served.directory)
    with pytest.raises(ModelctlError) as caught:
        read_rules(repository, bad)
    assert caught.value.message.startswith(f"{bad}: the policy has 1 problem")
    assert caught.value.mend == f"modelctl policy lint --ref {bad}"
    assert caught.value.exit_code == 2
    assert ref


def test_what_this_clone_lacks_is_told(served: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Repository.tree

    def lacking(self: Repository, oid: str | None) -> object:
        if oid == served.builder.git("rev-parse", "origin/ml"):
            raise ModelctlError("commit is not here", mend="git fetch --unshallow")
        return before(self, oid)

    monkeypatch.setattr(Repository, "tree", lacking)
    found = changed(served)
    [trial] = found.unjudged
    assert trial.problem == "commit is not here"
    assert found.of(Kind.SAME) == ()


def test_progress_is_told_by_model(served: World) -> None:
    said: list[str] = []
    repository = Repository.discover(served.directory)
    rules = read_rules(repository, "main")
    note: Callable[[str], None] = said.append
    backtest(repository, rules, rules, note)
    assert said == [f"1 of 1 models, 1 deployments: {MODEL}"]
