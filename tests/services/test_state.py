"""What the environments run, as the machine branches say it."""

from __future__ import annotations

import json

import pytest

from modelctl.errors import ModelctlError
from modelctl.services.state import read_state, record, running, state_tree
from support.journey import bring, publish
from support.trees import MemoryTree
from support.world import MODEL, World

PATH = f"{MODEL}/release.json"


def test_before_the_first_deploy_nothing_runs(world: World) -> None:
    session = world.session()
    assert read_state(session, "dev") == {}
    assert running(session, MODEL) == {}
    assert state_tree(session, "dev").names("") == ()


def test_what_was_deployed_runs(served: World) -> None:
    served.later(hours=1)
    bring(served, "staging")
    session = served.session()
    assert set(running(session, MODEL)) == {"dev", "staging"}
    dev = read_state(session, "dev")[MODEL]
    assert running(session, MODEL)["dev"] == dev
    assert (dev.version, dev.environment, dev.owner) == ("1.0.0", "dev", "oncology")
    assert running(session, "fraud-detector") == {}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "null", '{"data": null}', '{"data": []}', '{"data": {"model": "x"}}'],
)
def test_what_a_person_wrote_is_refused(text: str) -> None:
    with pytest.raises(ModelctlError, match="is not what a deploy writes") as caught:
        record(MemoryTree({PATH: text.encode()}), MODEL)
    assert "undo the change on the environment's branch" in (caught.value.mend or "")


def test_a_file_beside_the_models_is_no_model(served: World) -> None:
    publish(served, "env/dev", {"README.md": "# What runs\n"})
    assert set(read_state(served.session(), "dev")) == {MODEL}


def test_a_record_that_was_changed_by_hand_still_says_what_it_says(served: World) -> None:
    data = json.loads(served.show("origin/env/dev", PATH))
    data["data"]["version"] = "9.9.9"
    tree = MemoryTree({PATH: json.dumps(data).encode()})
    changed = record(tree, MODEL)
    assert changed is not None
    assert changed.version == "9.9.9"
