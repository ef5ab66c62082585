"""Going back by a pull request: only the pointer changes, and only to what ran there before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from forge.server import Forge
from modelctl.adapters.documents import dump
from modelctl.adapters.signing import sign
from modelctl.domain.evidence import Statement
from modelctl.domain.flow import FlowKind
from modelctl.domain.names import version_path
from modelctl.errors import ModelctlError
from modelctl.report.pull_request import comment
from modelctl.services.checking import judge_change
from modelctl.services.opening import Proposed, propose
from modelctl.services.rolling_back import plan_rollback
from modelctl.services.session import MACHINE
from support.hub import HubWorld
from support.journey import bring, publish
from support.motions import REASON, named, roll_back
from support.world import MODEL, World, blocking, release_data

RELEASE = f"models/{MODEL}/release.yaml"


@pytest.fixture
def twice(served: World) -> World:
    """dev ran 1.0.0 and runs 1.1.0."""
    named(served)
    bring(served, "dev", "1.1.0")
    return served


@pytest.fixture
def hub(twice: World, forge: Forge) -> HubWorld:
    """The same behind a forge."""
    return HubWorld.create(twice, forge)


def planned(world: World, version: str | None = None, reason: str = REASON) -> Proposed:
    session = world.session()
    plan = plan_rollback(session, MODEL, "dev", version=version, reason=reason)
    return propose(session, None, plan)


def quarantine(world: World, version: str, environment: str = "dev") -> None:
    """A signed statement that a version was rolled back."""
    session = world.session()
    digest = world.locate(version, "origin/ml").digest
    statement = Statement(
        kind="quarantine",
        subject=version_path(MODEL, version),
        digest=digest,
        made_at=world.now + timedelta(seconds=1),
        environment=environment,
        predicate={"reason": "it was slow"},
    )
    envelope = sign(statement, world.deployer.signer)
    session.ledger.append(MODEL, [envelope], author=MACHINE, at=world.now)
    world.later(minutes=1)


def test_the_pointer_goes_back_and_nothing_else_changes(twice: World) -> None:
    done = planned(twice)
    assert done.made is not None
    assert done.weighed is not None
    assert [change.path for change in done.weighed.changes] == [RELEASE]
    assert 'version: "1.0.0"' in twice.show(done.made.head, RELEASE)
    session = twice.session()
    judged = judge_change(session, done.made.base, done.made.head, target="ml", ask_reviews=False)
    assert judged.flow is not None
    assert judged.flow.kind is FlowKind.ROLLBACK
    assert blocking(judged.report) == set()


def test_what_people_wrote_beside_the_version_stays(twice: World) -> None:
    text = (
        f"# ours\nmodel: {MODEL}  # the model\nversion: '1.1.0'  # the newest\nstrategies: {{}}\n"
    )
    publish(twice, "ml", {RELEASE: text})
    made = planned(twice).made
    assert made is not None
    expected = text.replace("'1.1.0'", '"1.0.0"')
    assert twice.show(made.head, RELEASE) == expected


def test_a_pointer_that_is_written_oddly_is_written_anew(twice: World) -> None:
    publish(twice, "ml", {RELEASE: f"model: {MODEL}\nversion: >-\n  1.1.0\n"})
    made = planned(twice).made
    assert made is not None
    assert twice.show(made.head, RELEASE) == dump(release_data("1.0.0"))


def test_the_description_has_the_reason_and_what_is_to_do_afterwards(twice: World) -> None:
    body = planned(twice, reason="@ada: `recall` fell\n# by a third").body
    assert "**Reason:** @&#8203;ada: \\`recall\\` fell #&#8203; by a third" in body
    assert "`ml` releases | 1.1.0 → 1.0.0" in body
    assert "- [ ] The root cause is found within 48 hours" in body
    assert "every gate passes" in body
    assert "### When it was opened" in body
    assert "| what | value |" in body
    assert "| metric |" not in body


def test_the_comment_of_a_way_back_names_no_way_between_stages(twice: World) -> None:
    done = planned(twice)
    assert done.weighed is not None
    text = comment(done.weighed.page)
    assert "→ Validation" not in text
    assert text.count("| metric |") == 1


def test_a_version_that_was_rolled_back_from_is_not_gone_back_to(twice: World) -> None:
    bring(twice, "dev", "1.2.0")
    quarantine(twice, "1.1.0")
    assert planned(twice).plan.motion.version == "1.0.0"
    with pytest.raises(ModelctlError) as error:
        planned(twice, "1.1.0")
    assert error.value.message == (
        f"dev can't go back to {MODEL}@1.1.0: it was rolled back there: it was slow"
    )
    assert error.value.mend == (
        "go back to one that is good: --to 1.0.0; it ran 1.2.0 (the branch releases it now), "
        "1.1.0 (it was rolled back there: it was slow), 1.0.0 (good)"
    )


def test_a_version_that_never_ran_there(twice: World) -> None:
    with pytest.raises(ModelctlError, match=rf"dev never ran {MODEL}@0.9.0") as error:
        planned(twice, "0.9.0")
    assert "1.0.0 (good)" in (error.value.mend or "")


def test_with_nothing_before_there_is_nowhere_to_go(served: World) -> None:
    with pytest.raises(ModelctlError, match="dev has no version of") as error:
        planned(named(served))
    assert error.value.mend == (
        f"promote a version of {MODEL} that mends it, or have a quarantine waived; "
        "it ran 1.0.0 (the branch releases it now)"
    )


@pytest.mark.parametrize(
    ("environment", "model", "reason", "message"),
    [
        ("nowhere", MODEL, REASON, "there is no environment nowhere"),
        ("dev", "no-model", REASON, "there is no model no-model"),
        ("dev", MODEL, "  ", "a rollback needs its reason"),
        ("production", MODEL, REASON, f"main releases no {MODEL} that could go back"),
    ],
)
def test_what_can_not_be_asked_for(
    twice: World, environment: str, model: str, reason: str, message: str
) -> None:
    with pytest.raises(ModelctlError) as error:
        plan_rollback(twice.session(), model, environment, version=None, reason=reason)
    assert error.value.message == message


def test_it_opens_one_pull_request_with_few_calls(hub: HubWorld) -> None:
    with hub.requests() as calls:
        first = roll_back(hub, "dev")
    assert first.opened is not None
    assert len(calls) <= 4
    pull = hub.pull(first.opened.pull.number)
    assert (pull.base, pull.branch) == ("ml", f"rollback/{MODEL}/1.0.0/dev")
    assert pull.title == f"Roll {MODEL} back to 1.0.0 in dev"
    second = roll_back(hub, "dev", "v1.0.0", reason="another reason").opened
    assert second is not None
    assert (second.pull.number, second.is_new) == (pull.number, False)
    assert REASON in hub.pull(pull.number).body


def test_what_the_branch_releases_already_has_nothing_to_open(hub: HubWorld) -> None:
    done = roll_back(hub, "dev")
    assert done.opened is not None
    hub.merge("ada", done.opened.pull.number)
    again = roll_back(hub, "dev", "1.0.0")
    assert (again.opened, again.plan.is_done) == (None, True)
