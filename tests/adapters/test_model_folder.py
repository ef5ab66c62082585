"""A saved model in a folder, read without loading it."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelctl.adapters.model_folder import read_model, read_requirements, read_signature
from modelctl.domain.manifest import Field
from modelctl.errors import ModelctlError

MLMODEL = """
flavors:
  python_function: {python_version: 3.11.7}
  sklearn: {sklearn_version: 1.9.1}
mlflow_version: 3.17.2
signature:
  inputs: '[{"type": "double", "name": "a", "required": true}]'
  outputs: '[{"type": "long", "name": "b", "required": true}]'
  params: null
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "MLmodel").write_text(MLMODEL)
    (tmp_path / "requirements.txt").write_text("scikit-learn==1.9.1\n")
    return tmp_path


def test_a_model_is_read_with_its_files(folder: Path) -> None:
    model = read_model(folder, "artifacts/m")
    assert model.framework == ("scikit-learn", "1.9.1")
    assert model.dependencies == ("scikit-learn==1.9.1",)
    assert model.signature == read_signature(folder)
    assert model.signature.inputs == (Field(name="a", type="double"),)
    assert model.artifacts.root == "artifacts/m"
    assert [file.path for file in model.artifacts.files] == ["MLmodel", "requirements.txt"]


def test_without_requirements_there_are_no_pins(folder: Path) -> None:
    (folder / "requirements.txt").unlink()
    assert read_requirements(folder) == ()


def test_a_folder_without_a_model_says_how_to_save_one(tmp_path: Path) -> None:
    with pytest.raises(ModelctlError, match="no MLmodel file") as caught:
        read_model(tmp_path, "x")
    assert "save_model" in (caught.value.mend or "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "can't be read as YAML"),
        ("- a\n", "not a mapping"),
        ("!!python/object/apply:os.getcwd []", "can't be read as YAML"),
        ("flavors: {}\n", "no inputs"),
    ],
)
def test_a_broken_description_is_refused(folder: Path, text: str, said: str) -> None:
    (folder / "MLmodel").write_text(text)
    with pytest.raises(ModelctlError, match=said):
        read_model(folder, "x")
