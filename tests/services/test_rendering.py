"""Rendering: by the trusted overlays alone."""

from __future__ import annotations

import pytest

from modelctl.errors import ModelctlError
from modelctl.services.previewing import previews
from modelctl.services.rendering import kustomize_files, render
from support.journey import publish
from support.repos import File
from support.world import MODEL, World


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


def test_the_same_rendered_twice_is_the_same_to_the_byte(served: World) -> None:
    session = served.session()
    wanted = [one.request for one in previews(session, served.transition("dev"))]
    once, again = render(session, wanted), render(session, wanted)
    assert once == again
    assert once[MODEL]["manifests.yaml"] == served.show("origin/env/dev", f"{MODEL}/manifests.yaml")
