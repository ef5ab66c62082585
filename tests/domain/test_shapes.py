"""Models of one shape: what is a blank, and how it is filled."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelctl.domain.overlay import Layers, overlay_files
from modelctl.domain.rendering import Backend, RenderRequest
from modelctl.domain.shapes import TOKEN, fill, fill_text, shape_in, shape_of
from modelctl.errors import ModelctlError
from support.renders import request

TARGETS = ("argo-rollouts", "gateway-api", "kserve", "local")
RESOURCES = {"requests": {"cpu": "2"}}


@pytest.mark.parametrize("target", TARGETS)
def test_models_that_differ_in_values_have_one_shape(target: str) -> None:
    one, ones = shape_of(overlay_files(request(target=target), Layers(base="../base")))
    other = request(
        target=target, model="churn-predictor", version="2.0.0", digest="0" * 64, approvers=()
    )
    two, twos = shape_of(overlay_files(other, Layers(base="../base")))
    assert one == two
    assert ones != twos
    assert "tumor-classifier" not in "".join(one.files.values())


@pytest.mark.parametrize("target", TARGETS)
def test_a_filled_shape_is_the_overlay(target: str) -> None:
    files = overlay_files(
        request(target=target), Layers(base="../base", components=("../production",))
    )
    shape, values = shape_of(files)
    assert {name: fill(json.loads(text), values) for name, text in shape.files.items()} == {
        name: json.loads(text) for name, text in files.items()
    }


def test_another_base_component_or_patch_is_another_shape() -> None:
    asked = request(target="gateway-api")
    shapes = {
        shape_of(files)[0].identity
        for files in (
            overlay_files(asked, Layers(base="../base")),
            overlay_files(asked, Layers(base="../other")),
            overlay_files(asked, Layers(base="../base", components=("../production",))),
            overlay_files(
                request(target="gateway-api", resources=RESOURCES), Layers(base="../base")
            ),
            overlay_files(request(target="kserve"), Layers(base="../base")),
        )
    }
    assert len(shapes) == 5


def split(weight: int, version: str = "2.0.0", **changes: Any) -> RenderRequest:
    """A rollout at one step."""
    parts = (("stable", "1.0.0", 100 - weight), ("canary", version, weight))
    backends = tuple(
        Backend(name=n, version=v, digest=v[0] * 64, artifacts=f"models:/m-{v[0]}", weight=w)
        for n, v, w in parts
    )
    return request(version=version, digest=version[0] * 64, backends=backends, **changes)


@pytest.mark.parametrize("target", TARGETS)
def test_every_step_of_every_rollout_has_one_shape(target: str) -> None:
    steps = [
        split(5, target=target),
        split(50, target=target),
        split(100, "3.1.0", target=target, model="churn-predictor"),
    ]
    shapes = {shape_of(overlay_files(one, Layers(base="../base")))[0].identity for one in steps}
    assert len(shapes) == 1


@pytest.mark.parametrize("target", TARGETS)
def test_a_filled_split_is_the_overlay(target: str) -> None:
    files = overlay_files(split(25, target=target), Layers(base="../base"))
    shape, values = shape_of(files)
    assert {name: fill(json.loads(text), values) for name, text in shape.files.items()} == {
        name: json.loads(text) for name, text in files.items()
    }


def test_numbers_fill_a_scalar_as_numbers() -> None:
    text = f"weight: {TOKENS[0]}\n- {TOKENS[1]}\n"
    assert fill_text(text, (25, 0), ("25", "0")) == "weight: 25\n- 0\n"
    assert fill({"weight": TOKENS[0]}, (25, 0)) == {"weight": 25}
    assert fill(f"a-{TOKENS[0]}", (25, 0)) == "a-25"


def test_every_token_names_its_shape() -> None:
    shape, values = shape_of(overlay_files(request(target="local"), Layers(base="../base")))
    found = [match for text in shape.files.values() for match in TOKEN.finditer(text)]
    assert {match[1] for match in found} == {shape.identity}
    assert sorted(int(match[2]) for match in found) == list(range(len(values)))
    assert shape_in(found[0][0]) == shape.identity
    assert shape_in("tumor-classifier") is None


TOKENS = tuple(f"blank-{'a' * 12}-{number:04d}-end" for number in range(2))


def test_text_is_filled_by_scalars_and_within_scalars_by_plain_values() -> None:
    text = f"name: {TOKENS[0]}\nargs:\n- {TOKENS[1]}\n- --of={TOKENS[0]}-stable\n"
    filled = fill_text(text, ("tumor", "1e5"), ("tumor", '"1e5"'))
    assert filled == 'name: tumor\nargs:\n- "1e5"\n- --of=tumor-stable\n'


def test_a_value_that_is_not_plain_never_stands_within_a_text() -> None:
    with pytest.raises(ModelctlError, match="can't be part of another text"):
        fill_text(f"arg: --of={TOKENS[0]}\n", ("a: b",), ('"a: b"',))


def test_plain_data_is_filled_in_keys_lists_and_texts() -> None:
    data = {TOKENS[0]: [f"x-{TOKENS[1]}", 1, None, "plain"]}
    assert fill(data, ("a", "b")) == {"a": ["x-b", 1, None, "plain"]}
