"""From what a person types to the version that is meant, wherever it lies."""

from __future__ import annotations

import pytest

from modelctl.adapters.documents import dump
from modelctl.errors import ModelctlError
from modelctl.services.pointers import (
    known_models,
    locate,
    locate_exactly,
    require_model,
    unknown_environment,
)
from support.journey import bring, publish
from support.world import MODEL, World, submission, version_data

PATH = f"models/{MODEL}/versions/1.0.0.yaml"


def numbers(world: World, *pointers: str) -> list[str]:
    return [str(locate(world.session(), f"{MODEL}@{p}").version.version) for p in pointers]


def test_versions_are_found_by_environment_number_and_part(served: World) -> None:
    served.later(hours=1)
    bring(served, "dev", "1.1.0")
    assert numbers(served, "dev", "1.0.0", "1.0", "1", "1.1") == [
        "1.1.0", "1.0.0", "1.0.0", "1.1.0", "1.1.0",
    ]  # fmt: skip


def test_the_latest_is_what_is_seen_from_here(served: World) -> None:
    head = served.submit("1.1.0")
    served.builder.git("checkout", "--quiet", "origin/ml")
    assert numbers(served, "latest") == ["1.0.0"]
    served.builder.checkout("feature/1.1.0")
    assert numbers(served, "latest") == ["1.1.0"]
    assert locate(served.session(), MODEL).commit == head


def test_it_says_where_it_was_found(world: World) -> None:
    head = world.submit()
    located = locate(world.session(), f"{MODEL}@1.0.0", ref="feature/1.0.0")
    assert (located.name, located.model, located.path) == (f"{MODEL}@1.0.0", MODEL, PATH)
    assert located.commit == head
    assert located.blob == world.builder.git("rev-parse", f"{head}:{PATH}")
    assert located.tree.entry(PATH) is not None


def test_an_environment_means_the_very_manifest_that_it_serves(served: World) -> None:
    """The branch that is checked out may hold another one under the same number."""
    before = locate(served.session(), f"{MODEL}@dev").digest
    edited = dump(version_data(changelog="Edited."))
    served.commit({PATH: edited}, "feature/edit", "ml")
    served.builder.checkout("feature/edit")
    assert locate(served.session(), f"{MODEL}@dev").digest == before
    assert locate(served.session(), f"{MODEL}@1.0.0").digest != before


def test_what_is_served_but_lies_on_no_branch_is_told(served: World) -> None:
    start = served.builder.git("rev-parse", "origin/develop")
    files = {path.replace("1.0.0", "2.0.0"): text for path, text in submission("2.0.0").items()}
    served.builder.branch("rewritten", start)
    head = served.builder.commit(files, "rewritten")
    served.builder.git("push", "--quiet", "--force", "origin", f"{head}:refs/heads/ml")
    served.builder.git("fetch", "--quiet", "--force", "origin")
    served.builder.git("checkout", "--quiet", "--detach", "origin/develop")
    with pytest.raises(ModelctlError, match=f"{MODEL}@dev is 1.0.0, but no branch here") as caught:
        locate(served.session(fetch=False), f"{MODEL}@dev")
    assert caught.value.mend == "git fetch"


def test_a_manifest_that_can_not_be_read_is_told_with_its_place(world: World) -> None:
    world.commit({**submission(), PATH: "version: [\n"}, "feature/broken", "ml")
    with pytest.raises(ModelctlError) as caught:
        locate(world.session(), f"{MODEL}@1.0.0", ref="feature/broken")
    assert (caught.value.location or "").startswith(f"{PATH}:")
    assert caught.value.mend


def test_an_empty_ref_is_no_ref(served: World) -> None:
    with pytest.raises(ModelctlError, match="'' is no commit, branch or tag here"):
        locate(served.session(), f"{MODEL}@1.0.0", ref="")


def test_a_model_is_known_to_branches_and_ledger(world: World) -> None:
    assert known_models(world.session()) == ()
    with pytest.raises(ModelctlError) as caught:
        require_model(world.session(), MODEL)
    assert caught.value.mend == "there are no models yet"
    bring(world, "dev")
    assert require_model(world.session(), MODEL) == MODEL
    publish(world, "ml", dict.fromkeys(submission()))
    assert known_models(world.session()) == (MODEL,)


def test_what_signs_must_be_told_the_version(served: World) -> None:
    with pytest.raises(ModelctlError, match=f"which version of {MODEL}\\?") as caught:
        locate_exactly(served.session(), MODEL)
    assert caught.value.mend == f"{MODEL}@1.0.0, or by environment, @dev"
    with pytest.raises(ModelctlError) as caught:
        locate_exactly(served.session(), MODEL, ref="origin/ml")
    assert caught.value.mend == f"{MODEL}@1.0.0, or by environment, @dev"
    with pytest.raises(ModelctlError, match="there is no model tumor-clasifier") as caught:
        locate_exactly(served.session(), "tumor-clasifier")
    assert (caught.value.mend or "").startswith(f"did you mean {MODEL}? the models are ")
    assert locate_exactly(served.session(), f"{MODEL}@dev").name == f"{MODEL}@1.0.0"


def test_the_environment_that_was_probably_meant_is_told() -> None:
    error = unknown_environment("prod", ("dev", "production"))
    assert error.message == "there is no environment prod"
    assert error.mend == "did you mean production? one of: dev, production"


def test_a_version_on_another_branch_is_told_with_the_branch(world: World) -> None:
    world.submit()
    world.builder.checkout("main")
    with pytest.raises(ModelctlError, match=f"{MODEL}@1.0.0 is not merged yet") as caught:
        locate(world.session(), f"{MODEL}@1.0.0")
    ref = str(caught.value.mend).rpartition(" ")[2]
    assert caught.value.mend == f"it is on {ref}: --ref {ref}"
    assert locate(world.session(), f"{MODEL}@1.0.0", ref=ref).name == f"{MODEL}@1.0.0"
    with pytest.raises(ModelctlError, match="there is no model"):
        locate(world.session(), f"{MODEL}@9.9.9")
