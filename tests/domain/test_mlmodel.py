"""MLflow's own description of a model as our values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelctl.domain.manifest import Field
from modelctl.domain.mlmodel import (
    columns,
    framework_from_mlmodel,
    pinned,
    signature_from_mlmodel,
)
from modelctl.errors import ModelctlError

OUT = [{"type": "long"}]


def fields(*rows: Any) -> tuple[Field, ...]:
    return signature_from_mlmodel({"inputs": json.dumps(rows), "outputs": OUT}).inputs


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"type": "double", "name": "a", "required": True}, Field(name="a", type="double")),
        (
            {"type": "double", "name": "a", "required": False},
            Field(name="a", type="double", required=False),
        ),
        (
            {"type": "double", "name": "a", "optional": True},
            Field(name="a", type="double", required=False),
        ),
        (
            {"name": "i", "type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 28]}},
            Field(name="i", type="float32", shape=(-1, 28)),
        ),
        ({"name": "a", "type": "int64", "shape": [-1]}, Field(name="a", type="int64", shape=(-1,))),
        (
            {"name": "a", "type": "array", "items": {"type": "long"}},
            Field(name="a", type="array<long>"),
        ),
        (
            {"name": "a", "type": "map", "values": {"type": "string"}},
            Field(name="a", type="map<string>"),
        ),
        (
            {
                "name": "a",
                "type": "object",
                "properties": {
                    "z": {"type": "array", "items": {"type": "long"}, "required": False},
                    "b": {"type": "string", "required": True},
                    "c": {"type": "any"},
                },
            },
            Field(name="a", type="object<b:string,c:any,z?:array<long>>"),
        ),
        ({"type": "double"}, Field(name="input", type="double")),
    ],
)
def test_each_kind_of_input(row: dict[str, Any], expected: Field) -> None:
    assert fields(row) == (expected,)


def test_unnamed_columns_are_numbered() -> None:
    assert [one.name for one in fields({"type": "long"}, {"type": "long"})] == [
        "input_0",
        "input_1",
    ]


def test_outputs_are_called_predictions() -> None:
    tensor = {"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}
    given = {"inputs": [{"type": "long", "name": "a"}], "outputs": json.dumps([tensor])}
    assert signature_from_mlmodel(given).outputs == (
        Field(name="prediction", type="int64", shape=(-1,)),
    )


def test_inference_parameters_are_optional_inputs_that_are_no_columns() -> None:
    params = [
        {"name": "temperature", "type": "double", "default": 0.5, "shape": None},
        {"name": "stop", "dtype": "string", "default": ["."], "shape": [-1]},
        {"name": "free", "default": 1},
    ]
    given = {
        "inputs": [{"type": "long", "name": "a"}],
        "outputs": OUT,
        "params": json.dumps(params),
    }
    signature = signature_from_mlmodel(given)
    assert signature.inputs[1:] == (
        Field(name="params.temperature", type="double", required=False),
        Field(name="params.stop", type="string", required=False, shape=(-1,)),
        Field(name="params.free", type="any", required=False),
    )
    assert [one.name for one in columns(signature)] == ["a"]


@pytest.mark.parametrize(
    ("given", "missing"),
    [({}, "no inputs"), ({"inputs": [{"type": "long"}], "outputs": None}, "no outputs")],
)
def test_half_a_signature_is_refused(given: dict[str, Any], missing: str) -> None:
    with pytest.raises(ModelctlError, match=missing) as caught:
        signature_from_mlmodel(given)
    assert "infer_signature" in (caught.value.mend or "")


def test_an_unknown_type_is_refused_by_name() -> None:
    with pytest.raises(ModelctlError, match="type of a"):
        fields({"name": "a", "type": 7})


@pytest.mark.parametrize(
    ("flavors", "pins", "expected"),
    [
        (
            {"python_function": {}, "sklearn": {"sklearn_version": "1.9.1"}},
            (),
            ("scikit-learn", "1.9.1"),
        ),
        ({"xgboost": {"xgb_version": "3.1"}}, (), ("xgboost", "3.1")),
        ({"pytorch": {"pytorch_version": "2.9"}}, (), ("torch", "2.9")),
        (
            {"tensorflow": {"data": "x"}, "python_function": {"python_version": "3.11"}},
            ("numpy==2", "TensorFlow[and-cuda]==2.20"),
            ("tensorflow", "2.20"),
        ),
        (
            {"tensorflow": {}, "python_function": {"python_version": "3.11.7"}},
            (),
            ("python", "3.11.7"),
        ),
        ({"odd": None, "python_function": {"python_version": 3.12}}, (), ("python", "3.12")),
    ],
)
def test_the_framework_is_what_trained_it(
    flavors: dict[str, Any], pins: tuple[str, ...], expected: tuple[str, str]
) -> None:
    assert framework_from_mlmodel({"flavors": flavors}, pins) == expected


@pytest.mark.parametrize("data", [{}, {"flavors": None}, {"flavors": {"python_function": None}}])
def test_a_model_of_nothing_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ModelctlError, match="which framework"):
        framework_from_mlmodel(data, ())


def test_requirements_are_read_as_pins() -> None:
    text = """
# made by hand
--index-url https://user:secret@packages.example.com/simple
--extra-index-url https://packages.example.com
mlflow==3.17.2
scikit-learn == 1.9.1   # pinned
torch==2.9.0+cu128 ; python_version >= "3.11"
uvicorn[standard]==0.30.0
mlflow==3.17.2
"""
    assert pinned(text) == (
        "mlflow==3.17.2",
        "scikit-learn==1.9.1",
        "torch==2.9.0+cu128",
        "uvicorn[standard]==0.30.0",
    )


@pytest.mark.parametrize(
    "loose", ["numpy", "numpy>=2", "numpy==2.*", "-r other.txt", "pkg @ git+https://example.com/x"]
)
def test_what_is_not_pinned_is_named(loose: str) -> None:
    with pytest.raises(ModelctlError) as caught:
        pinned(f"scipy==1.0\n{loose}\n")
    assert caught.value.message == f"requirements.txt does not pin {loose}"
    assert "name==version" in (caught.value.mend or "")
