"""Two versions that are meant to look like one: by the names of their objects, or their files."""

from __future__ import annotations

import pytest
import yaml

from modelctl.domain import version_names
from modelctl.services.open_rollouts import open_rollout, watch
from modelctl.services.state import state_tree
from support.deploys import run
from support.journey import bring
from support.rollouts import arrive, failing, look, shares, start
from support.ways_back import held
from support.world import MODEL, World

ONE, OTHER = "1.2.0-r27284", "1.2.0-r47868"
"""Their hashes begin with the same 28 bits, which takes a second to find."""


@pytest.fixture
def namesake(served: World) -> World:
    """One serves, and the other has been merged."""
    bring(served, "dev", ONE)
    served.later(hours=2)
    arrive(served, OTHER)
    return served


def test_versions_whose_hashes_begin_alike_have_objects_of_their_own(namesake: World) -> None:
    assert [one.blocked for one in run(namesake, "dev").decisions] == [False]
    assert shares(namesake) == [("stable", ONE, 95), ("canary", OTHER, 5)]
    tree = state_tree(namesake.session(), "dev")
    objects = list(yaml.safe_load_all(tree.read(f"{MODEL}/manifests.yaml") or b""))
    names = [o["metadata"]["name"] for o in objects if o["kind"] == "Deployment"]
    assert len(set(names)) == 2
    one = open_rollout(namesake.session(), namesake.transition("dev"), MODEL)
    assert one is not None
    sides = watch(one, one.state).sides
    assert sides["stable"].service != sides["canary"].service


def test_a_version_with_the_name_of_what_serves_never_gets_a_share(
    namesake: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version_names, "LONGEST_HASH", 7)
    (decision,) = run(namesake, "dev").decisions
    assert decision.blocked
    assert shares(namesake) == [("stable", ONE, 100)]


def test_the_artifacts_of_a_quarantined_version_need_more_than_another_number(
    served: World,
) -> None:
    start(served, "1.1.0")
    look(served, failing(served, hours=1))
    assert [version for version, *_ in held(served)] == ["1.1.0"]
    arrive(served, "1.1.1", "immediate")
    (decision,) = run(served, "dev").decisions
    assert decision.blocked
    said = [f.message for r in decision.reports for v in r.verdicts for f in v.findings]
    assert any("1.1.1 has the very artifacts of 1.1.0" in message for message in said)
    assert shares(served) == [("stable", "1.0.0", 100)]
