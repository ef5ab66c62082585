"""Whoever may only push to the ledger can't change what was decided by it, nor what is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from modelctl.adapters.documents import dump, load
from modelctl.adapters.ledger import Damage, LedgerEntry
from modelctl.adapters.ledger_files import Content, decode, encode, entry_path, without_repeats
from modelctl.adapters.signing import sign
from modelctl.adapters.strict_json import canonical
from modelctl.domain.evidence import Statement
from modelctl.domain.history import REINSTATEMENT, REJECTION
from modelctl.domain.verdict import Outcome, Report
from modelctl.errors import ModelctlError
from modelctl.services.checking import check_change, check_version
from modelctl.services.endings import Wish, end_version
from modelctl.services.past import who_served
from modelctl.services.state import read_state
from support.deploys import run
from support.journey import APPROVERS, bring, publish
from support.world import EVIDENCE, MODEL, World, findings, release_data

POINTER = f"models/{MODEL}/release.yaml"


def entries(world: World, kind: str) -> list[LedgerEntry]:
    """The entries of one kind, damaged or not."""
    return [e for e in world.session().ledger.entries(MODEL) if e.kind == kind]


def content(world: World, entry: LedgerEntry) -> Content:
    """What its file holds."""
    return decode(world.show("origin/ledger", entry.path).encode())


def append(world: World, envelope: bytes, kind: str) -> None:
    """Puts an envelope on the ledger as who may push does, not as modelctl does."""
    last = world.session().ledger.latest(MODEL)
    assert last is not None
    path = entry_path(MODEL, last.seq + 1, kind, hashlib.sha256(envelope).hexdigest())
    data = encode(Content(seq=last.seq + 1, previous=last.digest, envelope=envelope))
    publish(world, "ledger", {path: data})


def replay(world: World, entry: LedgerEntry) -> None:
    """An old statement once more, with a worthless signature beside the good one."""
    envelope = json.loads(content(world, entry).envelope)
    envelope["signatures"].append({"keyid": hashlib.sha256(b"x").hexdigest(), "sig": "AAAA"})
    append(world, canonical(envelope), entry.kind)


def served(world: World) -> list[str]:
    audit = who_served(world.session(), "dev", world.now)
    return [one.deployment.version for one in audit.served]


def damages(world: World, *known: str) -> set[Damage]:
    return {problem.damage for problem in world.session().ledger.verify(known=known)}


def undecided(report: Report) -> list[str]:
    found = findings(report, "ledger")
    assert all(finding.outcome is Outcome.INCONCLUSIVE for finding in found)
    return [finding.message for finding in found]


def going(world: World, version: str) -> tuple[str, Report]:
    """A pull request that releases an older version again, and what is said of it."""
    head = world.commit({POINTER: dump(release_data(version))}, f"feature/to-{version}", "ml")
    pull = world.pull("ml", head, ["ben"])
    report = check_change(world.session(), "ml", head, pull_request=pull)
    world.pulls.pop()
    return head, report


# A statement counts once


def test_an_old_deployment_in_another_envelope_counts_for_nothing(world: World) -> None:
    bring(world, "dev")
    world.later(hours=1)
    bring(world, "dev", "1.1.0")
    world.later(hours=1)
    back, _ = going(world, "1.0.0")
    world.merge("ml", back, ["ben"])
    run(world, "dev")
    world.later(minutes=1)
    world.evidence("1.1.0", "dev", "origin/ml", passed=False)
    forth, before = going(world, "1.1.0")
    replay(world, entries(world, "deployment")[1])
    assert served(world) in ([], ["1.0.0"])
    assert Damage.UNPROVED in damages(world)
    pull = world.pull("ml", forth, ["ben"])
    after = check_change(world.session(), "ml", forth, pull_request=pull)
    assert (before.outcome, after.outcome) == (Outcome.FAIL, Outcome.FAIL)
    assert after.title == before.title


def test_an_old_reinstatement_in_another_envelope_counts_for_nothing(world: World) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        bring(world, "dev", version)
        world.later(hours=1)
    for kind in (REJECTION, REINSTATEMENT, REJECTION):
        world.later(minutes=1)
        wish = Wish(kind=kind, reason="x", by="lena")
        end_version(
            world.session(), world.locate("1.0.0", "origin/ml"), wish, world.deployer.signer
        )
    replay(world, entries(world, REINSTATEMENT)[0])
    back, report = going(world, "1.0.0")
    assert report.outcome is Outcome.FAIL
    world.merge("ml", back, ["ben"])
    assert [one.blocked for one in run(world, "dev").decisions] == [True]
    assert read_state(world.session(), "dev")[MODEL].version == "1.2.0"


def test_a_forged_state_does_not_vouch_for_an_old_deployment_that_comes_again(
    world: World,
) -> None:
    bring(world, "dev")
    world.later(hours=1)
    bring(world, "dev", "1.1.0")
    world.later(hours=1)
    first = entries(world, "deployment")[0]
    append(world, content(world, first).envelope, first.kind)
    old = world.builder.git("rev-parse", "origin/env/dev~1")
    names = world.builder.git("ls-tree", "-r", "--name-only", old).splitlines()
    publish(world, "env/dev", {name: world.show(old, name) for name in names})
    assert served(world) == ["1.1.0"]


# Nothing is taken away


def failed_and_promoted(world: World) -> str:
    """1.0.0 with a failed evaluation after it went to dev, on its way to staging; the head."""
    bring(world, "dev")
    world.later(minutes=1)
    bad = {"f1_score": 0.1, "accuracy": 0.2, "roc_auc": 0.3}
    world.evidence("1.0.0", "dev", "origin/ml", passed=False, metrics=bad)
    world.later(hours=30)
    return world.promote("1.0.0", "staging")


def record_staging(world: World) -> None:
    for kind, measured, predicate in EVIDENCE["staging"]:
        world.record(kind, measured, predicate, pointer=f"{MODEL}@1.0.0^origin/ml")


def failed(world: World) -> str:
    """The file of the failed evaluation."""
    listed = [e.signed for e in entries(world, "evaluation")]
    [path] = [s.place for s in listed if s.statement and s.statement.passed is False]
    return path


def test_a_statement_that_was_deleted_leaves_its_model_undecided(world: World) -> None:
    head = failed_and_promoted(world)
    record_staging(world)
    pull = world.pull("develop", head, APPROVERS["staging"])
    publish(world, "ledger", {failed(world): None})
    report = check_change(world.session(), "develop", head, pull_request=pull)
    [told] = undecided(report)
    assert told.startswith(f"the ledger of {MODEL} is damaged: ")
    assert "is not there" in told
    named = check_version(
        world.session(), world.locate("1.0.0", "origin/ml"), world.transition("staging")
    )
    assert undecided(named) == [told]
    world.pulls.pop()
    world.merge("develop", head, APPROVERS["staging"])
    assert [one.blocked for one in run(world, "staging").decisions] == [True]


def test_a_change_that_moves_no_version_is_undecided_by_a_damaged_ledger(world: World) -> None:
    bring(world, "dev")
    publish(world, "ledger", {entries(world, "evaluation")[0].path: None})
    path = f"models/{MODEL}/model.yaml"
    model = load(world.show("origin/ml", path).encode(), path)
    head = world.commit({path: dump({**model.data, "description": "Another."})}, "feature/x", "ml")
    report = check_change(world.session(), "ml", head, ask_reviews=False)
    assert len(undecided(report)) == 1


def test_a_deploy_misses_what_was_cut_off_the_end(world: World) -> None:
    """The chain is whole: only the commits tell."""
    head = failed_and_promoted(world)
    path = failed(world)
    listed = [entry.path for entry in world.session().ledger.entries(MODEL)]
    publish(world, "ledger", dict.fromkeys(listed[listed.index(path) :]))
    record_staging(world)
    assert damages(world) == {Damage.MISSING}
    assert check_change(world.session(), "develop", head, ask_reviews=False).outcome != Outcome.FAIL
    world.merge("develop", head, APPROVERS["staging"])
    [decision] = run(world, "staging").decisions
    [told] = [message for report in decision.reports for message in undecided(report)]
    assert f" deleted {path.rpartition('/')[0]}/" in told


def test_what_was_put_back_as_it_was_is_not_missed(world: World) -> None:
    bring(world, "dev")
    path = entries(world, "evaluation")[0].path
    data = world.show("origin/ledger", path)
    publish(world, "ledger", {path: None})
    assert world.session().ledger.losses().keys() == {MODEL}
    publish(world, "ledger", {path: data})
    assert world.session().ledger.losses() == {}


def test_a_ledger_that_is_merged_away_is_missed(world: World) -> None:
    """A push without force: the true tip is the second parent of one that has another history."""
    head = failed_and_promoted(world)
    record_staging(world)
    known = world.builder.git("rev-parse", "origin/ledger")
    merge = merged_away(world, without(world, failed(world)), known)
    world.builder.git("push", "--quiet", "origin", f"{merge}:refs/heads/ledger")
    world.builder.git("fetch", "--quiet", "origin")
    assert damages(world) == {Damage.REWRITTEN}
    assert len(world.session().ledger.verify(known=[known])) == 2
    world.merge("develop", head, APPROVERS["staging"])
    [decision] = run(world, "staging").decisions
    assert decision.blocked
    assert any(undecided(report) for report in decision.reports)


def without(world: World, path: str) -> Mapping[str, bytes]:
    """The ledger without one entry, numbered and chained anew; that needs no key."""
    files: dict[str, bytes] = {}
    previous: str | None = None
    listed = world.session().ledger.entries(MODEL)
    for seq, entry in enumerate((e for e in listed if e.path != path), start=1):
        envelope = content(world, entry).envelope
        data = encode(Content(seq=seq, previous=previous, envelope=envelope))
        files[entry_path(MODEL, seq, entry.kind, entry.signed.envelope_digest)] = data
        previous = hashlib.sha256(data).hexdigest()
    return files


def merged_away(world: World, files: Mapping[str, bytes], true: str) -> str:
    git = world.builder.git
    old = git("ls-tree", "-r", "--name-only", true).splitlines()
    changed = world.builder.commit({**dict.fromkeys(old), **files}, "evil", parent=true)
    tree = git("rev-parse", f"{changed}^{{tree}}")
    first = git("commit-tree", tree, "-m", "ledger")
    return git("commit-tree", tree, "-p", first, "-p", true, "-m", "statements")


@pytest.mark.parametrize("branch", ["ledger", "env/dev"])
def test_a_clone_that_saw_it_refuses_a_merge(world: World, tmp_path: Path, branch: str) -> None:
    bring(world, "dev")
    here = world.copy_clone(tmp_path)
    true = here.builder.git("rev-parse", f"origin/{branch}")
    tree = world.builder.git("rev-parse", f"origin/{branch}^{{tree}}")
    first = world.builder.git("commit-tree", tree, "-m", "another")
    merge = world.builder.git("commit-tree", tree, "-p", first, "-p", true, "-m", "merge")
    world.builder.git("push", "--quiet", "origin", f"{merge}:refs/heads/{branch}")
    for _ in range(2):  # it is not taken for the truth by who asks again
        with pytest.raises(ModelctlError, match=f"{branch} on origin was tampered with: .* merge"):
            here.session()
        assert here.builder.git("rev-parse", f"origin/{branch}") == true


@pytest.mark.parametrize(("data", "did"), [(None, "deleted"), (b"{}\n", "altered")])
def test_a_clone_that_saw_it_refuses_a_ledger_that_lost_its_end(
    world: World, tmp_path: Path, data: bytes | None, did: str
) -> None:
    bring(world, "dev")
    here = world.copy_clone(tmp_path)
    last = world.session().ledger.latest(MODEL)
    assert last is not None
    publish(world, "ledger", {last.path: data})
    for _ in range(2):
        with pytest.raises(ModelctlError, match=f"{did} {last.path}"):
            here.session()


def test_states_are_written_over_and_followed(world: World, tmp_path: Path) -> None:
    bring(world, "dev")
    here = world.copy_clone(tmp_path)
    world.later(hours=1)
    bring(world, "dev", "1.1.0")
    assert read_state(here.session(), "dev")[MODEL].version == "1.1.0"


# A key that ended


def test_a_stolen_key_changes_no_history_by_dating_back(world: World) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        bring(world, "dev", version)
        world.later(hours=1)
    located = world.locate("1.0.0", "origin/ml")
    wish = Wish(kind=REJECTION, reason="unfair", by="lena")
    end_version(world.session(), located, wish, world.deployer.signer)
    rejected = world.now
    world.later(hours=1)
    key = load(world.show("origin/main", "policies/keys/deployer.yaml").encode(), "key").data
    revoked = {**key, "revoked_at": world.now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    publish(world, "main", {"policies/keys/deployer.yaml": dump(revoked)})
    world.later(days=1)
    world.evidence("1.2.0", "dev", "origin/ml")  # by which everybody sees that time went on
    told = Statement(
        kind=REINSTATEMENT,
        subject=f"models/{MODEL}/versions/1.0.0.yaml",
        digest=located.digest,
        made_at=rejected + timedelta(minutes=1),
        environment="production",
        predicate={"version": "1.0.0", "reason": "fine", "by": "lena", "replaced_by": None},
    )
    append(world, sign(told, world.deployer.signer), REINSTATEMENT)
    [entry] = entries(world, REINSTATEMENT)
    assert entry.damage is Damage.REVOKED
    assert "came after" in (entry.signed.problem or "")
    assert damages(world) == {Damage.REVOKED}
    _, report = going(world, "1.0.0")
    assert report.outcome is Outcome.FAIL
    assert [e.damage for e in entries(world, "deployment")] == [None, None, None]


def test_repeats_are_told_by_what_was_signed_and_not_by_its_envelope(world: World) -> None:
    bring(world, "dev")
    first = world.session().ledger.entries(MODEL)[0]
    again = replace(
        first, seq=first.seq + 1, signed=replace(first.signed, envelope_digest="0" * 64)
    )
    damages = [entry.damage for entry in without_repeats([first, again])]
    assert damages == [None, Damage.DUPLICATE]
