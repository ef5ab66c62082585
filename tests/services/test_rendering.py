"""Rendering: by the trusted overlays alone, what a branch wants or what runs."""

from __future__ import annotations

import pytest

from modelctl.errors import ModelctlError
from modelctl.services.rendering import kustomize_files, render, wanted_requests
from support.journey import publish
from support.repos import File
from support.world import MODEL, World, submission


def test_the_overlays_are_those_of_the_trusted_ref(world: World) -> None:
    publish(world, "ml", {"kustomize/base/local/evil.yaml": "kind: Evil\n"})
    world.builder.checkout("main")
    (world.directory / "kustomize/base/local/evil.yaml").write_text("kind: Evil\n")
    files = kustomize_files(world.session())
    assert "overlays/dev/kustomization.yaml" in files
    assert not any("evil" in path for path in files)


@pytest.mark.parametrize(
    ("mode", "data"), [("120000", b"../../../etc/passwd"), ("160000", b"a" * 40)]
)
def test_an_overlay_that_leads_elsewhere_is_refused(world: World, mode: str, data: bytes) -> None:
    publish(world, "main", {"kustomize/base/local/odd.yaml": File(mode=mode, data=data)})
    with pytest.raises(ModelctlError, match=r"odd\.yaml is not a plain file") as caught:
        kustomize_files(world.session())
    assert caught.value.location == "kustomize/base/local/odd.yaml"


def test_an_executable_overlay_is_a_plain_file(world: World) -> None:
    odd = File(mode="100755", data=b"kind: X\n")
    publish(world, "main", {"kustomize/base/local/odd.yaml": odd})
    assert kustomize_files(world.session())["base/local/odd.yaml"] == b"kind: X\n"


def test_nothing_asked_for_needs_no_kustomize(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = world.session()
    monkeypatch.setenv("PATH", "")
    assert render(session, []) == {}


def test_what_runs_keeps_who_brought_it_and_what_is_new_names_nobody(served: World) -> None:
    session, dev = served.session(), served.transition("dev")
    [same] = wanted_requests(session, dev)
    assert (same.approvers, same.pull_request) == (("ben", "lena"), 1)
    publish(served, "develop", submission())
    [new] = wanted_requests(served.session(), served.transition("staging"))
    assert (new.approvers, new.pull_request) == ((), None)
    assert new.commit == served.builder.git("rev-parse", "origin/develop")


def test_another_ref_and_single_models_can_be_asked_for(served: World) -> None:
    head = served.submit("1.1.0")
    session, dev = served.session(), served.transition("dev")
    [ahead] = wanted_requests(session, dev, ref="feature/1.1.0")
    assert (ahead.version, ahead.commit) == ("1.1.0", head)
    assert wanted_requests(session, dev, []) == []
    with pytest.raises(ModelctlError, match=r"models/fraud-bot/release\.yaml is missing"):
        wanted_requests(session, dev, ["fraud-bot"])


def test_a_strategy_that_the_policy_lacks_is_told(world: World) -> None:
    files = submission(release={"strategies": {"dev": "big-bang"}})
    publish(world, "ml", files)
    with pytest.raises(ModelctlError, match=f"{MODEL} names a strategy that"):
        wanted_requests(world.session(), world.transition("dev"))


def test_the_same_rendered_twice_is_the_same_to_the_byte(served: World) -> None:
    session = served.session()
    wanted = wanted_requests(session, served.transition("dev"))
    once, again = render(session, wanted), render(session, wanted)
    assert once == again
    assert once[MODEL]["manifests.yaml"] == served.show("origin/env/dev", f"{MODEL}/manifests.yaml")
