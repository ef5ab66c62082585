"""`modelctl new`, run as people run it: on really trained models, in a real clone."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.documents import load
from modelctl.adapters.schema import validate
from modelctl.cli import main
from modelctl.domain.manifest import ModelVersion, version_from
from support.repos import RepoBuilder
from support.tracking import DIGEST, PINS, store, tumours, using

MODEL = "tumor-classifier"
FOLDER = f"models/{MODEL}"
INIT = ("--init", "--owner", "oncology-ml", "--task", "classification", "--target", "local")


@pytest.fixture
def clone(repo: RepoBuilder, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone that somebody works in, with its own user."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store())
    path = repo.directory
    subprocess.run(["git", "config", "user.email", "eve@example.com"], cwd=path, check=True)
    return path


def new(clone: Path, *args: str, code: int = 0) -> None:
    assert main(["-C", str(clone), "new", MODEL, *args]) == code


def first(clone: Path, *args: str) -> None:
    new(clone, "--run-id", tumours().run_id, *INIT, *args)


def manifest(clone: Path, number: str) -> ModelVersion:
    path = f"{FOLDER}/versions/{number}.yaml"
    document = load((clone / path).read_bytes(), path)
    assert validate(document, "version") == ()
    return version_from(document.data)


def written(clone: Path) -> dict[str, bytes]:
    files = (path for path in clone.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(clone).as_posix(): path.read_bytes() for path in files}


def data_of(clone: Path, path: str, kind: str) -> dict[str, Any]:
    document = load((clone / path).read_bytes(), path)
    assert validate(document, kind) == ()
    assert isinstance(document.data, dict)
    return document.data


def retrained(without: str | None = None, *, optional: str | None = None, **figures: float) -> str:
    """A run whose model takes other columns than the first one, or whose figures are others."""
    import mlflow
    from mlflow.types.schema import ColSpec, Schema
    from sklearn.linear_model import LogisticRegression

    table = tumours().held_out
    features = table.drop(columns=["target", without] if without else ["target"])
    model = LogisticRegression(max_iter=5000).fit(features, table["target"])
    signature = mlflow.models.infer_signature(features, model.predict(features))
    if optional:
        extra = [ColSpec("double", optional, required=False)]
        signature.inputs = Schema([*signature.inputs.inputs, *extra])
    with using(store()):
        mlflow.set_experiment("tumours")
        with mlflow.start_run(tags={"mlflow.source.git.commit": "b" * 40}) as run:
            mlflow.sklearn.log_model(
                model, name="model", signature=signature, pip_requirements=PINS
            )
            data = mlflow.data.from_pandas(table, name="train", targets="target")
            mlflow.log_input(data, context="training")
            mlflow.log_metrics({"accuracy": 0.9, **figures})
    return str(run.info.run_id)


def test_a_first_version_is_written_with_its_model_and_its_release(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first(clone)
    assert set(written(clone)) == {
        f"{FOLDER}/model.yaml",
        f"{FOLDER}/release.yaml",
        f"{FOLDER}/versions/1.0.0.yaml",
    }
    version = manifest(clone, "1.0.0")
    assert version.artifacts.root == f"models:/{tumours().model_id}"
    assert version.contact == "eve@example.com"
    assert version.changelog == "First version."
    score = version.metric("score")
    assert score is not None
    assert (score.dataset, score.dataset_digest, score.sample_size) == ("holdout", DIGEST, 171)
    assert score.lower == 0.5
    assert version.latency == {"p95_ms": 2.5}
    model = data_of(clone, f"{FOLDER}/model.yaml", "model")
    assert model["data_contract"]["evaluation"] == {"name": "holdout", "digest": DIGEST}
    assert version.features is not None
    assert version.features.hash == model["data_contract"]["feature_view"]["hash"]
    release = data_of(clone, f"{FOLDER}/release.yaml", "release")
    assert release == {"model": MODEL, "version": "1.0.0"}
    out = capsys.readouterr().out
    assert "1.0.0 is the first version" in out
    assert f"wrote {FOLDER}/versions/1.0.0.yaml" in out
    assert "git commit --message 'tumor-classifier 1.0.0: First version.'" in out


def test_editors_find_the_schema_of_each_file(clone: Path) -> None:
    first(clone)
    root = Path(__file__).parents[2]
    for path, text in written(clone).items():
        line = text.decode().splitlines()[0]
        schema = line.removeprefix("# yaml-language-server: $schema=")
        place = (clone / path).parent / schema
        assert (root / place.resolve().relative_to(clone.resolve())).is_file()


def test_the_number_follows_from_the_signature_and_says_why(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first(clone)
    release = clone / FOLDER / "release.yaml"
    release.write_text(
        f'# why: see the wiki\nmodel: {MODEL}\nversion: "1.0.0"\n'
        "strategies: {production: canary-standard}\n"
    )
    capsys.readouterr()
    new(clone, "--run-id", retrained(optional="smoker"), "--format", "json")
    said = json.loads(capsys.readouterr().out)
    assert said["version"] == "1.1.0"
    assert said["previous"] == "1.0.0"
    assert said["needed_bump"] == "minor"
    assert said["reasons"] == ["optional input smoker was added"]
    assert said["written"] == [f"{FOLDER}/versions/1.1.0.yaml", f"{FOLDER}/release.yaml"]
    assert release.read_text() == (
        f'# why: see the wiki\nmodel: {MODEL}\nversion: "1.1.0"\n'
        "strategies: {production: canary-standard}\n"
    )
    assert "optional input smoker was added" in manifest(clone, "1.1.0").changelog

    new(clone, "--run-id", retrained(without="mean radius"), "--no-release")
    assert "2.0.0: input mean radius was removed" in capsys.readouterr().out
    assert manifest(clone, "2.0.0").lineage.git_commit == "b" * 40
    assert 'version: "1.1.0"' in release.read_text()


def test_a_bump_that_hides_a_break_is_refused(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first(clone)
    before = written(clone)
    run_id = retrained(without="mean radius")
    for asked in (("--bump", "minor"), ("--version", "1.0.1")):
        new(clone, "--run-id", run_id, *asked, code=2)
        error = capsys.readouterr().err
        assert "too small a bump: input mean radius was removed" in error
        assert "call it 2.0.0" in error
    assert written(clone) == before


def test_a_hotfix_is_compared_with_the_version_it_follows(clone: Path) -> None:
    first(clone)
    new(clone, "--run-id", retrained(without="mean radius"))
    new(clone, "--run-id", tumours().run_id, "--version", "1.0.1", "--changelog", "Fixed.")
    version = manifest(clone, "1.0.1")
    assert version.changelog == "Fixed."


def test_a_manifest_is_never_overwritten(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first(clone)
    before = written(clone)
    new(clone, "--run-id", tumours().run_id, "--version", "1.0.0", code=2)
    assert "versions never change" in capsys.readouterr().err
    new(clone, "--run-id", tumours().run_id, *INIT, code=2)
    assert "model.yaml exists already" in capsys.readouterr().err
    assert written(clone) == before


def test_a_dry_run_prints_the_manifest_and_writes_nothing(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first(clone, "--dry-run")
    shown = capsys.readouterr()
    document = load(shown.out.encode(), f"{FOLDER}/versions/1.0.0.yaml")
    assert validate(document, "version") == ()
    assert "1.0.0 is the first version" in shown.err
    assert written(clone) == {}
    first(clone, "--dry-run", "--format", "json")
    said = json.loads(capsys.readouterr().out)
    assert load(said["text"].encode(), "x").data["version"] == "1.0.0"
    assert said["written"] == []
    assert written(clone) == {}


def test_numbers_that_are_none_are_refused_by_name(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first(clone)
    before = written(clone)
    new(clone, "--run-id", retrained(loss=float("nan")), code=2)
    assert "its metric loss is nan" in capsys.readouterr().err
    assert written(clone) == before


def test_a_model_without_model_yaml_is_told_how_to_write_it(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new(clone, "--run-id", tumours().run_id, code=2)
    error = capsys.readouterr().err
    assert f"{FOLDER}/model.yaml is missing" in error
    assert "--init" in error
    new(clone, "--run-id", tumours().run_id, "--init", "--owner", "x", code=2)
    assert "--init needs --owner, --task and --target" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"--owner": "TODO"}, "'TODO' is no team"),
        ({"--owner": "<team>"}, "owner"),
        ({"--task": "guessing"}, "task"),
        ({"--target": "heroku"}, "target"),
    ],
)
def test_placeholders_and_typos_are_refused_before_anything_is_written(
    clone: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str], said: str
) -> None:
    options = {"--owner": "oncology-ml", "--task": "classification", "--target": "local"}
    pairs = [part for pair in {**options, **changes}.items() for part in pair]
    new(clone, "--run-id", tumours().run_id, "--init", *pairs, code=2)
    assert said in capsys.readouterr().err
    assert written(clone) == {}


def test_a_server_that_is_down_is_no_verdict_and_writes_nothing(
    clone: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    options = ("--tracking-uri", "http://ada:secret@127.0.0.1:9")
    new(clone, "--run-id", tumours().run_id, *INIT, *options, code=3)
    error = capsys.readouterr().err
    assert "nothing was written" in error
    assert "secret" not in error
    assert written(clone) == {}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "either --run-id or --from-dir"),
        (("--run-id", "x", "--from-dir", "."), "either --run-id or --from-dir"),
        (("--run-id", "x", "--bump", "major", "--version", "2.0.0"), "use one"),
        (("--run-id", "x", "--version", "2"), "not a semantic version"),
        (("--run-id", "0" * 32, *INIT), "knows no run"),
        (("--run-id", "0" * 32, *INIT, "--git-commit", "x"), "knows no run"),
    ],
)
def test_wrong_usage_is_told(
    clone: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], said: str
) -> None:
    new(clone, *args, code=2)
    assert said in capsys.readouterr().err


def test_a_pointer_is_no_model(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-C", str(clone), "new", f"{MODEL}@latest", "--run-id", "x"]) == 2
    assert "names a version" in capsys.readouterr().err


def test_a_commit_that_the_run_knows_cannot_be_replaced(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new(clone, "--run-id", tumours().run_id, *INIT, "--git-commit", "c" * 40, code=2)
    assert "was trained at commit aaaaaaaaaaaa" in capsys.readouterr().err


def plain_run(folder: Path) -> Path:
    """A run as S4 has it: params, metrics and a joblib file."""
    folder.mkdir(parents=True)
    documents: dict[str, Any] = {
        "params": {"learning_rate": 0.01},
        "metrics": {"accuracy": 0.95},
        "metadata": {"training_data": [{"name": "train", "digest": "sha256:" + "c" * 64}]},
        "signature": {
            "inputs": [{"name": "a", "type": "double"}],
            "outputs": [{"name": "y", "type": "long"}],
        },
    }
    for name, data in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(data))
    (folder / "requirements.txt").write_text("scikit-learn==1.9.1\n")
    (folder / "model.joblib").write_bytes(b"model")
    return folder


COMMIT = ("--git-commit", "d" * 40)


def test_a_folder_of_the_repository_becomes_a_version(clone: Path) -> None:
    folder = plain_run(clone / "artifacts" / "run_1")
    new(clone, "--from-dir", "artifacts/run_1", *INIT, *COMMIT)
    version = manifest(clone, "1.0.0")
    assert version.artifacts.root == "artifacts/run_1"
    assert version.lineage.run == "run_1"
    assert version.created_by == "eve@example.com"
    files = {file.path: file.sha256 for file in version.artifacts.files}
    joblib = (folder / "model.joblib").read_bytes()
    assert files["model.joblib"] == hashlib.sha256(joblib).hexdigest()
    assert str(clone) not in (clone / FOLDER / "versions" / "1.0.0.yaml").read_text()


def test_a_folder_elsewhere_is_recorded_with_a_warning_unless_its_place_is_named(
    clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = plain_run(tmp_path / "runs" / "run_2")
    new(clone, "--from-dir", str(folder), *INIT, *COMMIT)
    assert "--artifacts-uri" in capsys.readouterr().err
    assert manifest(clone, "1.0.0").artifacts.root == folder.as_uri()
    uri = "file:///srv/models/run_2"
    new(clone, "--from-dir", str(folder), *COMMIT, "--artifacts-uri", uri)
    assert "warning" not in capsys.readouterr().err
    assert manifest(clone, "1.0.1").artifacts.root == uri


def test_who_made_it_can_be_said(clone: Path) -> None:
    first(clone, "--created-by", "ada@example.com", "--contact", "ml@example.com")
    version = manifest(clone, "1.0.0")
    assert (version.created_by, version.contact) == ("ada@example.com", "ml@example.com")


def test_nobody_is_not_an_author(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "config", "--unset", "user.email"], cwd=clone, check=True)
    plain_run(clone / "artifacts" / "run_1")
    new(clone, "--from-dir", "artifacts/run_1", *INIT, *COMMIT, code=2)
    assert "nobody is named to contact" in capsys.readouterr().err
    contact = ("--contact", "ml@example.com")
    new(clone, "--from-dir", "artifacts/run_1", *INIT, *COMMIT, *contact, code=2)
    assert "nobody is named as the author" in capsys.readouterr().err


def test_a_broken_previous_version_is_told_with_its_place(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first(clone)
    path = clone / FOLDER / "versions" / "1.0.0.yaml"
    path.write_text(path.read_text().replace("created_by: ", "created_bi: "))
    new(clone, "--run-id", tumours().run_id, code=2)
    error = capsys.readouterr().err
    assert "versions/1.0.0.yaml" in error
    assert "created_bi" in error


def test_a_release_that_cannot_be_changed_in_place_is_written_anew(clone: Path) -> None:
    first(clone)
    release = clone / FOLDER / "release.yaml"
    release.write_text(f"model: {MODEL}\nversion: >-\n  1.0.0\n")
    new(clone, "--run-id", tumours().run_id)
    assert data_of(clone, f"{FOLDER}/release.yaml", "release")["version"] == "1.0.1"


def test_neither_scikit_learn_nor_another_trainer_is_imported(clone: Path) -> None:
    """In a process of its own: what `new` costs is MLflow's client and nothing beside it."""
    code = (
        "import sys\n"
        "from modelctl.cli import main\n"
        f"code = main(['-C', {str(clone)!r}, 'new', {MODEL!r}, '--run-id', "
        f"{tumours().run_id!r}, '--tracking-uri', {store()!r}, *{INIT!r}, '--dry-run'])\n"
        "print(code, sorted({'sklearn', 'skops', 'joblib', 'torch'} & set(sys.modules)),"
        " file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "scripts"), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "0 []"
