"""Every deployment on the ledger is proved by the rest of the clone, and each forgery is named."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelctl.adapters.documents import dump
from modelctl.adapters.signing import sign
from modelctl.domain.proof import Part
from modelctl.services.proofs import Proofs, prove_deployments
from modelctl.services.session import MACHINE
from support.deploys import run
from support.journey import bring, publish
from support.repos import Files
from support.world import MODEL, ROLES, Template, World, release_data, submission


@pytest.fixture(scope="session")
def _whole_template(_template: Template, tmp_path_factory: pytest.TempPathFactory) -> Template:
    directory = tmp_path_factory.mktemp("whole")
    world = _template.copy(directory)
    for environment in ("dev", "staging", "production"):
        bring(world, environment)
        world.later(hours=30)
    return Template(directory=directory, world=world)


@pytest.fixture
def whole(_whole_template: Template, tmp_path: Path) -> World:
    """1.0.0 came all the way."""
    world = _whole_template.copy(tmp_path / "world")
    world.pulls, world.now = deepcopy(_whole_template.world.pulls), _whole_template.world.now
    return world


def proved(world: World) -> Proofs:
    return prove_deployments(world.session())


def told(world: World) -> list[tuple[Part, str]]:
    return [(p.part, p.message) for p in proved(world).problems]


def forge(world: World, environment: str, predicate: dict[str, Any], **changes: Any) -> str:
    """A deployment that is signed by the job's own key, like the last one but for the changes; its
    place on the ledger. The environment's branch is left as it is."""
    session = world.session()
    last = session.ledger.entries(MODEL, ["deployment"])[-1].signed.statement
    assert last is not None
    told = replace(
        last,
        environment=environment,
        made_at=world.now,
        predicate={**last.predicate, **predicate},
        **changes,
    )
    envelope = sign(told, world.deployer.signer)
    [entry] = session.ledger.append(MODEL, [envelope], author=MACHINE, at=world.now)
    return entry.path


def about(world: World, place: str) -> list[tuple[Part, str]]:
    """What is said of one entry."""
    return [(p.part, p.message) for p in proved(world).problems if p.file == place]


def test_all_is_proved(whole: World) -> None:
    assert proved(whole) == Proofs(deployments=3, models=1, problems=())
    assert prove_deployments(whole.session(), []) == Proofs(deployments=0, models=0, problems=())


def test_nothing_is_lacking_before_the_first_deployment(world: World) -> None:
    assert proved(world) == Proofs(deployments=0, models=0, problems=())


def test_evidence_that_was_deleted_is_missed(whole: World) -> None:
    entry = whole.session().ledger.entries(MODEL, ["evaluation"])[0]
    publish(whole, "ledger", {entry.path: None})
    found = told(whole)
    digest = entry.signed.envelope_digest[:12]
    missing = (Part.EVIDENCE, f"the evidence {digest} that it names is not on the ledger")
    assert found == [missing] * 3
    assert any(entry.path[:35] in p.file for p in whole.session().ledger.verify())


def test_a_manifest_that_was_forced_away_is_missed(whole: World, tmp_path: Path) -> None:
    first = whole.builder.git("rev-list", "--max-parents=0", "origin/ml")
    merged = whole.builder.git("rev-parse", "origin/ml")
    whole.builder.git("push", "--quiet", "--force", "origin", f"{first}:ml")
    # Whoever has the old commits still sees that they aren't the branch's any more.
    gone = (Part.PATH, f"commit {merged[:12]} is not in the history of ml")
    assert told(whole) == [gone]
    whole.builder.git("push", "--quiet", "--force", "origin", f"{first}:develop")
    whole.builder.git("push", "--quiet", "--force", "origin", f"{first}:main")
    # The tags of the versions hold on to their commits; whoever hides something takes them too.
    tags = whole.builder.git("ls-remote", "--tags", "--refs", "origin").split()[1::2]
    whole.builder.git("push", "--quiet", "--delete", "origin", *tags)
    other = whole.copy_clone(tmp_path / "other")
    found = told(other)
    lost = f"commit {merged[:12]} is not here any more, and with it the manifest that was deployed"
    assert (Part.MANIFEST, lost) in found
    assert gone in found


def test_a_deployment_of_another_commit_than_the_branch_has(served: World) -> None:
    head = served.builder.git("rev-parse", "feature/1.0.0")
    served.later(minutes=1)
    place = forge(served, "dev", {"commit": head})
    found = about(served, place)
    assert (Part.PATH, f"commit {head[:12]} is not in the history of ml") in found
    assert [part for part, _ in found] == [Part.PATH, Part.STATE]


def test_a_deployment_whose_source_never_served_it(served: World) -> None:
    served.later(minutes=1)
    place = forge(served, "production", {"approvers": ["pat", "ben"]})
    found = about(served, place)
    assert (Part.PATH, f"staging never served {MODEL}@1.0.0 before") in found
    parts = {part for part, _ in found}
    assert parts == {Part.PATH, Part.STATE}
    assert (
        Part.STATE,
        f"production has no record of {MODEL}, but the ledger's last word is a deployment",
    ) in told(served)


def test_a_deployment_of_another_manifest(served: World) -> None:
    served.later(minutes=1)
    place = forge(served, "dev", {}, digest="f" * 64)
    assert {part for part, _ in about(served, place)} == {
        Part.MANIFEST,
        Part.EVIDENCE,
        Part.STATE,
    }


def test_approvers_without_a_role(served: World) -> None:
    served.later(minutes=1)
    place = forge(served, "dev", {"approvers": ["eve"]})
    assert about(served, place) == [
        (Part.APPROVALS, "eve approved it, but held no role then for the models of oncology"),
        (Part.APPROVALS, "no approval by ml-team is recorded for the models of oncology"),
    ]


def test_roles_are_those_of_the_time(served: World) -> None:
    """Whoever approved before may have left since; whoever came since could not approve then."""
    served.later(minutes=5)
    served.builder.clock = int(served.now.timestamp())
    roles = deepcopy(ROLES)
    roles["roles"]["ml-team"]["members_by_owner"] = {"oncology": ["eve"]}
    roles["roles"]["ml-lead"]["members_by_owner"] = {}
    roles["roles"]["platform"]["members"] = ["pat"]
    publish(served, "main", {"policies/roles.yaml": dump(roles)})
    assert told(served) == []
    served.later(minutes=5)
    place = forge(served, "dev", {"approvers": ["ben"]})
    assert {part for part, _ in about(served, place)} == {Part.APPROVALS}
    place = forge(served, "dev", {"approvers": ["eve"]})
    assert about(served, place) == []


def test_who_wrote_it_and_approved_it(world: World) -> None:
    head = world.commit(
        submission(),
        "feature/mine",
        "ml",
        author="Ben <2+ben@users.noreply.github.com>",
    )
    world.evidence("1.0.0", "dev", head)
    world.merge("ml", head, ["ben", "lena"])  # the reviews that were given didn't tell
    run(world, "dev")
    assert (Part.APPROVALS, "ben approved it, and wrote a commit of it") in told(world)


def test_an_author_of_one_of_several_merges_may_have_approved_another(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.merge("ml", head, ["ben", "lena"])
    release = release_data(strategies={"production": "immediate"})
    files: Files = {f"models/{MODEL}/release.yaml": dump(release)}
    noreply = "Ben <2+ben@users.noreply.github.com>"
    second = world.commit(files, "feature/two", "ml", author=noreply)
    world.merge("ml", second, ["ada"], author="ben")
    run(world, "dev")
    assert proved(world).deployments == 1
    assert not [one for one in told(world) if "wrote a commit" in one[1]]


def test_a_commit_that_was_squashed_is_its_authors(world: World) -> None:
    noreply = "Ben <2+ben@users.noreply.github.com>"
    world.builder.git("fetch", "--quiet", "origin")
    start = world.builder.git("rev-parse", "origin/ml")
    sha = world.builder.commit(submission(), "squashed", parent=start, author=noreply)
    world.builder.git("push", "--quiet", "origin", f"{sha}:ml")
    world.evidence("1.0.0", "dev", sha)
    world.pull("ml", sha, ["ben", "lena"])
    world.pulls[-1]["pull_request"]["merge_commit_sha"] = sha
    run(world, "dev")
    assert (Part.APPROVALS, "ben approved it, and wrote a commit of it") in told(world)


def test_an_environments_branch_that_was_rewritten(served: World, tmp_path: Path) -> None:
    record = f"{MODEL}/release.json"
    text = served.show("origin/env/dev", record).replace('"1.0.0"', '"9.9.9"')
    base = served.builder.git("rev-list", "--max-parents=0", "origin/main")
    sha = served.builder.commit({record: text}, "forged", parent=base)
    served.builder.git("push", "--quiet", "--force", "origin", f"{sha}:env/dev")
    found = told(served.copy_clone(tmp_path / "other"))
    state = [message for part, message in found if part is Part.STATE]
    assert any("is not in the history of dev's branch" in message for message in state)
    assert any(f"dev records {MODEL}@9.9.9" in message for message in state)
    assert {part for part, _ in found} == {Part.STATE}


def test_an_end_that_was_cut_off_shows_by_what_runs(served: World, tmp_path: Path) -> None:
    tip = served.builder.git("rev-parse", "origin/ledger")
    served.builder.git("push", "--quiet", "--force", "origin", f"{tip}~1:ledger")
    other = served.copy_clone(tmp_path / "other")
    assert other.session().ledger.verify() == ()
    [(part, message)] = told(other)
    assert part is Part.STATE
    assert message.endswith("but no deployment of it there is on the ledger")


def test_an_environments_branch_knows_a_model_that_the_ledger_does_not(served: World) -> None:
    text = served.show("origin/env/dev", f"{MODEL}/release.json")
    publish(served, "env/dev", {"fraud-detector/release.json": text})
    [problem] = proved(served).problems
    assert problem.file == "env/dev:fraud-detector/release.json"


def test_a_statement_without_its_place_in_the_state(served: World) -> None:
    served.later(minutes=1)
    place = forge(served, "dev", {"state_commit": None})
    assert about(served, place) == [(Part.STATE, "it names no commit of the environment's branch")]


def test_a_commit_that_never_was(served: World) -> None:
    served.later(minutes=1)
    place = forge(served, "dev", {"commit": "0" * 40, "branch": "ml"})
    parts = {part for part, _ in about(served, place)}
    assert parts == {Part.MANIFEST, Part.APPROVALS, Part.PATH, Part.STATE}


def test_rules_that_can_not_be_told(served: World) -> None:
    served.now = served.now.replace(year=2020)
    place = forge(served, "dev", {})
    found = about(served, place)
    why = "the rules are younger than this, so nobody can tell those of 2020-11-20"
    assert (Part.APPROVALS, why) in found


def test_rules_that_could_not_be_read(served: World) -> None:
    """Rules that were broken for a while, and mended since."""
    good = served.show("origin/main", "policies/roles.yaml")
    served.later(minutes=5)
    served.builder.clock = int(served.now.timestamp())
    bad = publish(served, "main", {"policies/roles.yaml": "roles: 7\n"})
    served.later(minutes=5)
    served.builder.clock = int(served.now.timestamp()) + 60
    publish(served, "main", {"policies/roles.yaml": good})
    place = forge(served, "dev", {})
    [(part, message)] = about(served, place)
    assert part is Part.APPROVALS
    assert message.startswith(f"the rules of then (commit {bad[:12]}) can't be read: the policy")


def test_an_environment_that_the_rules_did_not_know(served: World) -> None:
    served.later(minutes=5)
    served.builder.clock = int(served.now.timestamp())
    lifecycle = yaml.safe_load(served.show("origin/main", "policies/lifecycle.yaml"))
    step = {**lifecycle["transitions"][-1], "from": "main", "to": "edge", "environment": "edge"}
    lifecycle["transitions"].append(step)
    key = yaml.safe_load(served.show("origin/main", "policies/keys/deployer.yaml"))
    key["environments"] = ["*"]
    files = {"policies/lifecycle.yaml": dump(lifecycle), "policies/keys/deployer.yaml": dump(key)}
    publish(served, "main", files)
    served.later(minutes=-1)
    place = forge(served, "edge", {})
    unknown = [message for part, message in about(served, place) if part is Part.APPROVALS]
    assert len(unknown) == 1
    assert unknown[0].startswith("the rules of then (commit ")
    assert unknown[0].endswith(") know no edge")
