"""What could run code is found by looking; nothing of it is ever loaded."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from skops.io import dump

from modelctl.adapters.artifacts import measure
from modelctl.adapters.documents import MAX_BYTES
from modelctl.errors import EXIT_UNDECIDED, EXIT_USAGE, DependencyError, ModelctlError
from modelctl.probes import scan as module
from modelctl.probes.scan import refuse_code, scan

TREE = "sklearn.tree._tree.Tree"
MARK = "MODELCTL_TEST_RAN"


class Evil:
    """Leaves a mark in the environment when it is loaded."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.putenv, (MARK, "1")


def doubled(x: Any) -> Any:
    return x * 2


def sound(path: Path) -> None:
    dump(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), path)


def odd(path: Path) -> None:
    dump(FunctionTransformer(doubled), path)


def mlmodel(**flavors: Any) -> str:
    return str(yaml.safe_dump({"flavors": flavors}))


PYFUNC = {"loader_module": "mlflow.sklearn", "model_path": "model.skops"}
SKLEARN = {
    "python_function": PYFUNC,
    "sklearn": {"serialization_format": "skops", "pickled_model": "model.skops", "code": None},
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `linear`, `bayes` and `tree`, each as MLflow saves it with all that it can."""
    folder = tmp_path_factory.mktemp("saved")
    save(make_pipeline(StandardScaler(), LogisticRegression()), folder / "linear")
    save(GaussianNB(), folder / "bayes")
    save(DecisionTreeClassifier(), folder / "tree", skops_trusted_types=[TREE])
    return folder


def save(model: Any, folder: Path, **options: Any) -> None:
    import mlflow.sklearn
    import pandas as pd
    from mlflow.models import infer_signature

    from support.tracking import NOWHERE, PINS, using

    table = pd.DataFrame({"mean radius": [0.0, 1.0, 2.0, 3.0], "größe": [1.0, 0.0, 1.0, 0.0]})
    model.fit(table, [0, 0, 1, 1])
    with using(NOWHERE):
        mlflow.sklearn.save_model(
            model,
            folder,
            signature=infer_signature(table, model.predict(table)),
            input_example=table[:2],
            pip_requirements=PINS,
            metadata={"team": "oncology", "seen": [1, 2.5, None]},
            **options,
        )


@pytest.fixture
def model(saved: Path, tmp_path: Path) -> Path:
    """A copy of a saved model, to be tampered with."""
    return shutil.copytree(saved / "linear", tmp_path / "model")


def content(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((folder / "MLmodel").read_text())
    return data


def reasons(folder: Path, *allowed: str) -> dict[str, str]:
    """Why each file of `folder` is refused, when all of them are listed."""
    files = [file.path for file in measure(folder)]
    labels: dict[str, str] = scan(folder, files, allowed)["labels"]
    if labels:
        with pytest.raises(ModelctlError, match="it was not loaded"):
            refuse_code(folder, files, allowed)
    return labels


def test_a_model_in_skops_with_its_texts_passes(tmp_path: Path) -> None:
    sound(tmp_path / "model.skops")
    (tmp_path / "MLmodel").write_text(mlmodel(**SKLEARN))
    (tmp_path / "requirements.txt").write_text("scikit-learn==1.9.1\n")
    names = ["MLmodel", "model.skops", "requirements.txt"]
    found = scan(tmp_path, names)
    assert found["passed"] is True
    assert found["files"] == {"scanned": 3, "infected": 0}
    assert found["vulnerabilities"] == {"critical": 0, "high": 0, "medium": 0, "low": 0}
    assert found["labels"] == {}
    assert "skops " in found["tool"]["version"]
    refuse_code(tmp_path, names)


@pytest.mark.parametrize("name", ["model.pkl", "model.bin", "notes.txt", "model", "deep.json"])
def test_a_pickle_that_runs_something_is_found_by_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(Evil()))
    found = scan(tmp_path, [name])
    assert found["passed"] is False
    assert found["vulnerabilities"]["critical"] == found["files"]["infected"] == 1
    assert "putenv" in found["labels"][name]
    assert MARK not in os.environ


def test_a_pickle_inside_an_archive_is_found(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "weights.zip", "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Evil()))
    assert scan(tmp_path, ["weights.zip"])["passed"] is False


def test_a_pickle_of_plain_values_passes(tmp_path: Path) -> None:
    (tmp_path / "values.pkl").write_bytes(pickle.dumps({"a": [1, 2.0, "x"]}))
    assert scan(tmp_path, ["values.pkl"])["passed"] is True


def test_a_pickle_that_breaks_off_is_not_believed(tmp_path: Path) -> None:
    """What stands before the break would still run."""
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Evil())[:-1])
    [label] = scan(tmp_path, ["model.pkl"])["labels"].values()
    assert label.endswith("; the scanner failed on it")


@pytest.mark.parametrize("name", ["model.skops", "MODEL.SKOPS", "model.bin", "model.txt"])
def test_a_type_that_skops_does_not_know_is_found_by_any_name(tmp_path: Path, name: str) -> None:
    """A loader is told the file by name, so that a suffix must not hide what it is."""
    odd(tmp_path / name)
    [label] = scan(tmp_path, [name])["labels"].values()
    assert label.startswith("untrusted type ")
    assert "doubled" in label


def test_a_type_that_the_caller_looked_at_may_be_allowed(tmp_path: Path) -> None:
    odd(tmp_path / "model.skops")
    [label] = scan(tmp_path, ["model.skops"])["labels"].values()
    name = label.removeprefix("untrusted type ")
    assert scan(tmp_path, ["model.skops"], [name])["passed"] is True


@pytest.mark.parametrize("entries", [None, {"schema.json": "[]"}, {"schema.json": "{"}])
def test_a_skops_file_that_can_not_be_read_is_not_believed(
    tmp_path: Path, entries: dict[str, str] | None
) -> None:
    path = tmp_path / "model.skops"
    if entries is None:
        path.write_bytes(b"no archive")
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in entries.items():
                archive.writestr(name, text)
    found = scan(tmp_path, ["model.skops"])
    assert found["passed"] is False
    assert found["labels"]["model.skops"].startswith("the scanner failed on it: ")


# what MLmodel says


@pytest.mark.parametrize(
    ("name", "allowed"), [("linear", ()), ("bayes", ()), ("tree", (TREE,))], ids=str
)
def test_models_as_mlflow_saves_them_pass(saved: Path, name: str, allowed: tuple[str, ...]) -> None:
    assert (saved / name / "input_example.json").is_file()
    assert reasons(saved / name, *allowed) == {}


def test_a_registered_model_passes_with_what_a_download_adds(model: Path) -> None:
    (model / "registered_model_meta").write_text("model_name: tumours\nmodel_version: '1'\n")
    assert reasons(model) == {}


def test_line_ends_of_windows_are_those_of_mlflow(model: Path) -> None:
    path = model / "MLmodel"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert reasons(model) == {}


def test_types_that_the_model_trusts_by_itself_are_refused(saved: Path) -> None:
    assert reasons(saved / "tree") == {
        "MLmodel": f"sklearn.skops_trusted_types is a list of {TREE}",
        "model.skops": f"untrusted type {TREE}",
    }


@pytest.mark.parametrize(
    ("flavors", "why"),
    [
        ({}, "it names no loader"),
        ({"python_function": "x"}, "it names no loader"),
        ({"python_function": {"loader_module": ["mlflow.sklearn"]}}, "it is loaded by a list"),
        ({"python_function": {"loader_module": "mlflow.pyfunc.model"}}, "loaded by mlflow.pyfunc"),
        ({"python_function": PYFUNC}, "sklearn.serialization_format is missing"),
        ({**SKLEARN, "spark": {}}, "the flavour spark is unknown"),
    ],
)
def test_what_the_model_asks_of_its_loader_is_looked_at(
    tmp_path: Path, flavors: dict[str, Any], why: str
) -> None:
    (tmp_path / "MLmodel").write_text(mlmodel(**flavors))
    assert why in scan(tmp_path, ["MLmodel"])["labels"]["MLmodel"]


@pytest.mark.parametrize(
    ("flavor", "key", "value", "why"),
    [
        ("sklearn", "serialization_format", "cloudpickle", "is cloudpickle"),
        ("sklearn", "serialization_format", None, "is missing"),
        ("sklearn", "pickled_model", None, "is missing"),
        ("sklearn", "pickled_model", "requirements.txt", "is requirements.txt"),
        ("sklearn", "code", "code", "is code"),
        ("sklearn", "code", {"a": 1}, "is a mapping"),
        ("sklearn", "skops_trusted_types", ["os.system"], "is a list"),
        ("sklearn", "skops_trusted_types", "os.system", "is os.system"),
        ("sklearn", "sklearn_version", [1], "is a list"),
        ("sklearn", "future", 1, "is unknown"),
        ("python_function", "predict_fn", "predict_proba", "is predict_proba"),
        ("python_function", "predict_fn", "score", "is score"),
        ("python_function", "predict_fn", 1, "is 1"),
        ("python_function", "model_path", "../outside.skops", "is ../outside.skops"),
        ("python_function", "model_path", "/outside.skops", "is /outside.skops"),
        ("python_function", "model_path", "not-listed.skops", "is not-listed.skops"),
        ("python_function", "model_path", "requirements.txt", "is requirements.txt"),
        ("python_function", "model_path", {}, "is a mapping"),
        ("python_function", "data", "model.skops", "is unknown"),
        ("python_function", "code", "code", "is code"),
        ("python_function", "config", {"a": 1}, "is unknown"),
        ("python_function", "streamable", True, "is unknown"),
        ("python_function", "env", "../conda.yaml", "is ../conda.yaml"),
        ("python_function", "env", {"conda": "/etc/conda.yaml"}, "a mapping of /etc/conda.yaml"),
        ("python_function", "python_version", True, "is True"),
        ("python_function", "a\nb", 1, "'a\\nb' is unknown"),
    ],
)
def test_whatever_is_not_known_to_be_harmless_is_refused_by_its_name(
    model: Path, flavor: str, key: str, value: Any, why: str
) -> None:
    data = content(model)
    data["flavors"][flavor][key] = value
    (model / "MLmodel").write_text(yaml.safe_dump(data))
    label = reasons(model)["MLmodel"]
    assert label.startswith(f"{flavor}.")
    assert why in label


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("load_input_example", "x", "load_input_example is unknown"),
        ("saved_input_example_info", {"artifact_path": "/dev/zero"}, "artifact_path is /dev/zero"),
        ("flavors", "sklearn", "it names no loader"),
    ],
)
def test_so_is_what_stands_beside_the_flavours(model: Path, key: str, value: Any, why: str) -> None:
    (model / "MLmodel").write_text(yaml.safe_dump({**content(model), key: value}))
    assert why in reasons(model)["MLmodel"]


def test_both_flavours_load_the_same_file(model: Path) -> None:
    shutil.copy(model / "model.skops", model / "other.skops")
    data = content(model)
    data["flavors"]["sklearn"]["pickled_model"] = "other.skops"
    (model / "MLmodel").write_text(yaml.safe_dump(data))
    said = "python_function.model_path is not sklearn.pickled_model"
    assert reasons(model) == {"MLmodel": said}


@pytest.mark.parametrize("callable_", ["os.abort", "http.server.test"])
def test_a_loader_that_calls_what_it_is_told_is_refused(model: Path, callable_: str) -> None:
    data = content(model)
    data["flavors"] = {
        "python_function": {"loader_module": "mlflow.xgboost", "env": {}},
        "xgboost": {"model_class": callable_, "data": "model.skops", "code": None},
    }
    (model / "MLmodel").write_text(yaml.safe_dump(data))
    assert reasons(model) == {"MLmodel": "it is loaded by mlflow.xgboost"}


def test_a_pickle_outside_of_what_is_listed_is_not_loaded(model: Path) -> None:
    """MLflow would follow the path, and take the file for a pickle."""
    outside = model.parent / "outside.bin"
    outside.write_bytes(pickle.dumps(Evil()))
    data = content(model)
    del data["flavors"]["sklearn"]["serialization_format"]
    for path in ("../outside.bin", str(outside)):
        data["flavors"]["python_function"]["model_path"] = path
        (model / "MLmodel").write_text(yaml.safe_dump(data))
        label = reasons(model)["MLmodel"]
        assert "python_function.model_path is " in label
        assert "sklearn.serialization_format is missing" in label


@pytest.mark.parametrize("name", ["sub/MLmodel", "sub/mlmodel", "mlmodel"])
def test_a_second_description_is_not_read_in_place_of_the_first(model: Path, name: str) -> None:
    data = content(model)
    data["flavors"]["python_function"]["data"] = "sub/model.skops"
    (model / "MLmodel").write_text(yaml.safe_dump(data))
    (model / "sub").mkdir()
    shutil.copy(model / "model.skops", model / "sub")
    (model / name).write_text(mlmodel(sklearn={"serialization_format": "cloudpickle"}))
    found = reasons(model)
    assert found["MLmodel"] == "python_function.data is unknown"
    assert found[name] == "it is a second MLmodel, which could be read in place of the first"


def bomb() -> str:
    """Ten lines that stand for 9^10 values."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    return "\n".join([*lines, "flavors: {python_function: {loader_module: *a9}}", ""])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (bomb(), "it can't be read: anchors are not allowed"),
        ("flavors: {}\nflavors: {}\n", "it can't be read: `flavors` is set twice"),
        ("- x\n", "it can't be read: the top level is a list"),
        ("flavors: [\n", "it can't be read: "),
        ("[" * 9999, "it can't be read: "),
        ("#" * (MAX_BYTES + 1), f"it has {MAX_BYTES + 1} bytes, more than the {MAX_BYTES} allowed"),
    ],
    ids=["aliases", "twice", "list", "broken", "deep", "large"],
)
def test_a_description_that_means_more_than_it_shows_is_not_read(
    model: Path, text: str, why: str
) -> None:
    (model / "MLmodel").write_text(text)
    assert reasons(model)["MLmodel"].startswith(why)


def test_a_loader_that_the_caller_looked_at_may_be_allowed(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(mlmodel(python_function={"loader_module": "our.loader"}))
    assert scan(tmp_path, ["MLmodel"], ["our.loader"])["passed"] is True


def test_the_files_of_an_allowed_loader_are_scanned_even_so(tmp_path: Path) -> None:
    text = mlmodel(python_function={"loader_module": "mlflow.onnx", "data": "model.onnx"})
    (tmp_path / "MLmodel").write_text(text)
    (tmp_path / "model.onnx").write_bytes(pickle.dumps(Evil()))
    assert list(reasons(tmp_path, "mlflow.onnx")) == ["model.onnx"]


def test_to_allow_the_known_loader_lifts_none_of_its_rules(model: Path) -> None:
    data = content(model)
    del data["flavors"]["sklearn"]["serialization_format"]
    (model / "MLmodel").write_text(yaml.safe_dump(data))
    assert list(reasons(model, "mlflow.sklearn")) == ["MLmodel"]


# archives


def test_a_pickle_that_is_an_archive_too_is_refused(model: Path) -> None:
    """Archives are read from their end, pickles from their beginning."""
    path = model / "model.skops"
    path.write_bytes(pickle.dumps(Evil()) + path.read_bytes())
    data = content(model)
    del data["flavors"]["sklearn"]["serialization_format"]
    (model / "MLmodel").write_text(yaml.safe_dump(data))
    assert reasons(model) == {
        "MLmodel": "sklearn.serialization_format is missing",
        "model.skops": "it is not an archive from its first byte to its last",
    }
    assert MARK not in os.environ


def shifted(sane: bytes) -> bytes:
    """With a pickle in front that the offsets account for."""
    front = pickle.dumps(Evil())
    directory = sane.index(b"PK\x01\x02")
    (count,) = struct.unpack_from("<H", sane, len(sane) - 12)
    out = bytearray(front + sane)
    at = len(front) + directory
    for _ in range(count):
        (offset,) = struct.unpack_from("<L", out, at + 42)
        struct.pack_into("<L", out, at + 42, offset + len(front))
        at += 46 + sum(struct.unpack_from("<3H", out, at + 28))
    struct.pack_into("<L", out, len(out) - 6, directory + len(front))
    return bytes(out)


def commented(sane: bytes) -> bytes:
    return sane[:-2] + struct.pack("<H", 4) + b"evil"


@pytest.mark.parametrize(
    "change",
    [shifted, commented, lambda b: b + b"evil", lambda b: b"evil" + b],
    ids=["prefix-in-offsets", "comment", "suffix", "prefix"],
)
@pytest.mark.parametrize("name", ["model.skops", "model.bin"])
def test_an_archive_holds_nothing_before_or_after(
    tmp_path: Path, change: Callable[[bytes], bytes], name: str
) -> None:
    path = tmp_path / name
    sound(path)
    assert reasons(tmp_path) == {}
    path.write_bytes(change(path.read_bytes()))
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("schema.json"))
    assert reasons(tmp_path) == {name: "it is not an archive from its first byte to its last"}


def test_an_empty_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.skops", "w"):
        pass
    why = "it is not an archive from its first byte to its last"
    assert reasons(tmp_path) == {"model.skops": why}


def encrypted(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)


def doubled_entry(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("schema.json", "{}")


def crowded(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(20):
            archive.writestr(str(number), "")


def swollen(path: Path) -> None:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(10**6))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (encrypted, "it is encrypted"),
        (doubled_entry, "it holds two files of one name"),
        (crowded, "it holds more than 15 files or 500000 bytes"),
        (swollen, "it holds more than 15 files or 500000 bytes"),
    ],
)
def test_an_archive_that_is_out_of_bounds_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], why: str
) -> None:
    monkeypatch.setattr(module, "MAX_ENTRIES", 15)
    monkeypatch.setattr(module, "MAX_UNPACKED", 500_000)
    sound(tmp_path / "model.skops")
    assert reasons(tmp_path) == {}
    change(tmp_path / "model.skops")
    assert reasons(tmp_path) == {"model.skops": why}


def test_a_second_archive_is_scanned_too(model: Path) -> None:
    odd(model / "other.skops")
    assert list(reasons(model)) == ["other.skops"]


@pytest.mark.parametrize("name", ["helper.py", "code/helper.PY", "fast.so", "site.pth"])
def test_code_has_no_place_in_a_model(model: Path, name: str) -> None:
    (model / name).parent.mkdir(exist_ok=True)
    (model / name).write_text("x = 1\n")
    assert reasons(model) == {name: "it is code"}


def test_what_could_run_code_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ModelctlError, match=r"model\.pkl: .*putenv") as caught:
        refuse_code(tmp_path, ["model.pkl"])
    assert caught.value.exit_code == EXIT_USAGE
    assert "--allow" in (caught.value.mend or "")


def test_reasons_are_cut_to_what_a_statement_can_hold(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"".join(pickle.dumps(Evil()) for _ in range(99)))
    assert len(scan(tmp_path, ["model.pkl"])["labels"]["model.pkl"]) <= 500


@pytest.mark.parametrize(
    ("module", "name"), [("skops.io", "model.skops"), ("picklescan.scanner", "model.pkl")]
)
def test_without_a_scanner_nothing_is_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    (tmp_path / name).write_bytes(b"x")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DependencyError, match="is not installed") as caught:
        scan(tmp_path, [name])
    assert caught.value.exit_code == EXIT_UNDECIDED
    assert caught.value.mend == "install the extra: pip install 'modelctl[evaluate]'"
