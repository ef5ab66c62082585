"""Names of models and versions, what a path is, and what a pointer names."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from semver import Version

from modelctl.domain.names import (
    ModelFile,
    Pointer,
    choice,
    classify,
    is_model_name,
    model_path,
    near,
    parse_model,
    parse_pointer,
    parse_version,
    release_path,
    resolve_pointer,
    version_path,
)
from modelctl.errors import ModelctlError

LONGEST = "a-" + "b" * 61
GOOD_NAMES = ["tumor-classifier", "a-b", "0-0", "a--b", "x-1-y-2", LONGEST]
BAD_NAMES = [
    "",
    "-",
    "tumor",
    "-a-b",
    "a-b-",
    "Tumor-classifier",
    "tumor_classifier",
    "tumor-classifier\n",
    "tumor classifier",
    "tumor-classifi\u0456er",
    "tumor\u2010classifier",
    "\u0661-b",
    "a-b/c",
    "..",
    LONGEST + "b",
]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_names_of_models(name: str) -> None:
    assert is_model_name(name)
    assert classify(model_path(name)) == ModelFile(model=name, kind="model")


@pytest.mark.parametrize("name", BAD_NAMES)
def test_what_is_no_name_of_a_model(name: str) -> None:
    assert not is_model_name(name)
    for path in (model_path(name), release_path(name), version_path(name, "1.0.0")):
        assert classify(path) is None


GOOD_VERSIONS = ["1.0.0", "0.0.0", "10.20.30", "1.0.0-rc.1", "1.0.0+build.7", "1.0.0-a.b+c.d"]
BAD_VERSIONS = [
    "",
    "1",
    "1.0",
    "v1.0.0",
    "01.0.0",
    "1.0.0-01",
    "1.0.0-",
    "1.0.0+",
    " 1.0.0",
    "1.0.0\n",
    "1.0.0.0",
    "\u0661.0.0",
    "1\u0660.0.0",
    "1.0.0-\u00e9",
    "latest",
    "1." + "9" * 5000 + ".0",
]


@pytest.mark.parametrize("text", GOOD_VERSIONS)
def test_versions(text: str) -> None:
    assert str(parse_version(text)) == text
    path = version_path("a-b", parse_version(text))
    assert classify(path) == ModelFile(model="a-b", kind="version", version=text)


@pytest.mark.parametrize("text", BAD_VERSIONS)
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(ModelctlError, match="is not a semantic version") as caught:
        parse_version(text)
    assert caught.value.mend == "write MAJOR.MINOR.PATCH, such as 1.2.0"
    assert classify(version_path("a-b", text)) is None


@pytest.mark.parametrize(
    "path",
    [
        "",
        "model.yaml",
        "models",
        "models/a-b",
        "models/a-b/",
        "models/model.yaml",
        "models/a-b/Model.yaml",
        "models/a-b/release.yml",
        "models/a-b/x/model.yaml",
        "models/a-b/versions",
        "models/a-b/versions/1.0.0",
        "models/a-b/versions/.yaml",
        "models/a-b/versions/1.0.0.yaml.yaml",
        "models/a-b/versions/x/1.0.0.yaml",
        "Models/a-b/model.yaml",
        "x/models/a-b/model.yaml",
        "/models/a-b/model.yaml",
        "models//model.yaml",
        "model/a-b/release.yaml",
        "modelz/a-b/versions/1.0.0.yaml",
    ],
)
def test_where_nothing_of_ours_lies(path: str) -> None:
    assert classify(path) is None


def test_the_release_of_a_model() -> None:
    assert classify("models/a-b/release.yaml") == ModelFile(model="a-b", kind="release")


@given(st.text(alphabet="aA1-./\u0456\n_", max_size=12))
def test_a_name_is_exactly_what_its_path_says(name: str) -> None:
    assert (classify(model_path(name)) is not None) == is_model_name(name)


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("churn-predictor", None),
        ("churn-predictor@production", "production"),
        ("churn-predictor@1.2", "1.2"),
    ],
)
def test_pointers(text: str, selector: str | None) -> None:
    pointer = parse_pointer(text)
    assert pointer == Pointer(model="churn-predictor", selector=selector)
    assert str(pointer) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("churn", "'churn' is not a model name"),
        ("@1.0.0", "'' is not a model name"),
        ("churn-predictor@", "'churn-predictor@' names no version"),
    ],
)
def test_what_is_no_pointer(text: str, message: str) -> None:
    with pytest.raises(ModelctlError) as caught:
        parse_pointer(text)
    assert caught.value.message == message
    assert caught.value.mend


VERSIONS = [
    Version.parse(text)
    for text in ("1.9.0", "1.10.0", "1.10.1-rc.1", "2.0.0-rc.1", "2.0.0-rc.2", "1.0.0+a", "12.0.0")
]


@pytest.mark.parametrize(
    ("selector", "version"),
    [
        (None, "12.0.0"),
        ("latest", "12.0.0"),
        ("1", "1.10.0"),
        ("1.10", "1.10.0"),
        ("1.9.0", "1.9.0"),
        ("2", "2.0.0-rc.2"),
        ("2.0", "2.0.0-rc.2"),
        ("2.0.0-rc.1", "2.0.0-rc.1"),
        ("1.0.0+a", "1.0.0+a"),
        ("production", "1.9.0"),
    ],
)
def test_what_a_pointer_names(selector: str | None, version: str) -> None:
    pointer = Pointer(model="a-b", selector=selector)
    assert str(resolve_pointer(pointer, VERSIONS, {"production": "1.9.0"})) == version


@pytest.mark.parametrize("selector", ["3", "1.1", "1.0.0", "1.0.0+b", "staging", "01", "1.", "v1"])
def test_what_a_pointer_can_not_name(selector: str) -> None:
    with pytest.raises(ModelctlError) as caught:
        resolve_pointer(Pointer(model="a-b", selector=selector), VERSIONS, {"dev": "1.9.0"})
    assert caught.value.message == f"a-b@{selector} names no version"
    assert caught.value.mend == (
        "a-b has: dev, latest, 1.10.0, 1.10.1-rc.1, 2.0.0-rc.1, 2.0.0-rc.2, 12.0.0"
    )


def test_a_model_without_versions() -> None:
    with pytest.raises(ModelctlError) as caught:
        resolve_pointer(Pointer(model="a-b"), [], {})
    assert caught.value.mend == "a-b has no versions on this branch"


_versions = st.builds(
    Version,
    major=st.integers(min_value=0, max_value=3),
    minor=st.integers(min_value=0, max_value=12),
    patch=st.integers(min_value=0, max_value=3),
    prerelease=st.none() | st.sampled_from(["rc.1", "rc.2"]),
)


@given(st.lists(_versions, min_size=1))
def test_any_version_is_named_by_itself_and_by_its_beginnings(versions: list[Version]) -> None:
    for version in versions:
        exact = resolve_pointer(Pointer(model="a-b", selector=str(version)), versions, {})
        assert exact == version
        for selector in (f"{version.major}", f"{version.major}.{version.minor}"):
            found = resolve_pointer(Pointer(model="a-b", selector=selector), versions, {})
            assert str(found).startswith(f"{selector}.")
            assert found >= version or version.prerelease


def test_where_a_whole_model_is_meant_a_version_has_no_place() -> None:
    assert parse_model("churn-predictor") == "churn-predictor"
    with pytest.raises(ModelctlError) as caught:
        parse_model("churn-predictor@1.0.0")
    assert caught.value.message == (
        "churn-predictor@1.0.0 names a version, but the whole model is meant here"
    )
    assert caught.value.mend == "write churn-predictor"
    with pytest.raises(ModelctlError, match="'churn' is not a model name"):
        parse_model("churn")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tumor-clasifier", "tumor-classifier"),
        ("tumor", "tumor-classifier"),
        ("fraud-detector", None),
        ("c", None),
    ],
)
def test_the_name_that_was_probably_meant(name: str, expected: str | None) -> None:
    known = ("churn-predictor", "tumor-classifier")
    assert near(name, known) == expected
    meant = f"did you mean {expected}? " if expected else ""
    assert choice(name, known, "one of: ") == f"{meant}one of: churn-predictor, tumor-classifier"


def test_a_version_as_gto_tags_it_is_taken_and_an_environment_told() -> None:
    assert parse_pointer("churn-predictor@v1.0.0") == parse_pointer("churn-predictor@1.0.0")
    assert parse_pointer("churn-predictor@v1").selector == "v1"
    for text in ("churn-predictor#production", "churn-predictor#production#3"):
        with pytest.raises(ModelctlError, match="how GTO tags an environment") as caught:
            parse_pointer(text)
        assert caught.value.mend == "write churn-predictor@production"
    with pytest.raises(ModelctlError, match="is not a model name"):
        parse_pointer("churn#production")
