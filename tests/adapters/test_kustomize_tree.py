"""The trusted tree: what could make a build reach outside it is refused, with its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelctl.adapters.kustomize_tree import check_tree, kustomization_folders, read_tree
from modelctl.errors import ModelctlError
from support.renders import ENVIRONMENTS, TARGETS, TREE

OTHERS = {
    "base/local/kustomization.yaml": b"resources: [serving.yaml]\n",
    "base/local/serving.yaml": b"{}\n",
    "base/local/more.json": b"{}\n",
    "overlays/dev/empty.txt": b"",
}


def tree(kustomization: str, **others: bytes) -> dict[str, bytes]:
    return {**OTHERS, "overlays/dev/kustomization.yaml": kustomization.encode(), **others}


def refusal(files: dict[str, bytes]) -> ModelctlError:
    with pytest.raises(ModelctlError) as caught:
        check_tree(files)
    return caught.value


def test_the_tree_of_the_repository_is_fine() -> None:
    check_tree(TREE)
    folders = kustomization_folders(TREE)
    assert {f"base/{target}" for target in TARGETS} <= folders
    assert {f"overlays/{environment}" for environment in ENVIRONMENTS} <= folders


@pytest.mark.parametrize(
    "kustomization",
    [
        "resources: [../../base/local, ../../base/local/more.json]\n",
        "components: [../../base/local]\n",
        "patches: [{path: patch.yaml}, {patch: '[]'}]\n",
        "replacements: [{path: ./patch.yaml}, {source: {kind: Service}}]\n",
        "configurations: [patch.yaml]\n",
        "configMapGenerator: [{name: a, files: [patch.yaml, k=patch.yaml], envs: [patch.yaml]}]\n",
        "configMapGenerator: [{name: a, env: patch.yaml, literals: [a=b]}]\n",
        "namespace: models-dev\nimages: [{name: a, newTag: '1'}]\n",
        "resources: 3\npatches: [x]\nconfigMapGenerator: [x]\n",
    ],
)
def test_what_stays_in_the_tree_is_allowed(kustomization: str) -> None:
    check_tree(tree(kustomization, **{"overlays/dev/patch.yaml": b"[]\n"}))


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ("helmCharts", "Helm is not allowed"),
        ("helmChartInflationGenerator", "Helm is not allowed"),
        ("helmGlobals", "Helm is not allowed"),
        ("generators", "plugins are not allowed"),
        ("transformers", "plugins are not allowed"),
        ("validators", "plugins are not allowed"),
        ("secretGenerator", "secrets don't belong in git"),
        ("openapi", "it replaces the built-in schemas"),
        ("commonLabels", "it changes selectors"),
        ("bases", "it is deprecated"),
        ("vars", "it is deprecated"),
        ("patchesStrategicMerge", "it is deprecated"),
        ("patchesJson6902", "it is deprecated"),
        ("crds", "it is not a field of a kustomization"),
    ],
)
def test_a_field_that_runs_or_fetches_something_is_refused(field: str, why: str) -> None:
    error = refusal(tree(f"namespace: x\n{field}:\n  - x\n"))
    assert error.message.startswith(f"`{field}` can't be used: {why}")
    assert error.location == "kustomize/overlays/dev/kustomization.yaml:2:1"
    assert error.mend


REMOTE = (
    "https://example.com/base.yaml",
    "http://example.com/base",
    "github.com/kserve/kserve",
    "github.com/kserve/kserve//config?ref=v1",
    "git@github.com:kserve/kserve.git",
    "ssh://git@example.com/x",
    "file:///etc/passwd",
    "oci://example.com/x",
)
ELSEWHERE = (
    "../../../secrets.yaml",
    "../../../../etc",
    "/etc/passwd",
    "missing.yaml",
    "../../base/missing",
    "empty.txt",
    "",
    "~/x.yaml",
    "a b.yaml",
)


@pytest.mark.parametrize("field", ["resources", "components"])
@pytest.mark.parametrize("target", REMOTE)
def test_remote_bases_are_refused(field: str, target: str) -> None:
    error = refusal(tree(f"{field}:\n  - '{target}'\n"))
    assert error.message == f"`{target}` is remote"
    assert error.location == "kustomize/overlays/dev/kustomization.yaml:2:5"
    assert error.mend == "keep a copy of it in kustomize/"


@pytest.mark.parametrize("field", ["resources", "components"])
@pytest.mark.parametrize("target", ELSEWHERE)
def test_paths_that_lead_out_or_nowhere_are_refused(field: str, target: str) -> None:
    error = refusal(tree(f"{field}:\n  - '{target}'\n"))
    assert error.message == f"`{target}` is not in kustomize/"
    assert error.location == "kustomize/overlays/dev/kustomization.yaml:2:5"


@pytest.mark.parametrize(
    "kustomization",
    [
        "patches: [{path: FILE}]",
        "replacements: [{path: FILE}]",
        "configurations: [FILE]",
        "configMapGenerator: [{files: [FILE]}]",
        "configMapGenerator: [{files: [key=FILE]}]",
        "configMapGenerator: [{envs: [FILE]}]",
        "configMapGenerator: [{env: FILE}]",
        "components: [../../base/local/serving.yaml]",
    ],
)
@pytest.mark.parametrize("file", ["../../../secrets.yaml", "/etc/passwd", "../../base/local"])
def test_every_field_that_names_a_file_is_looked_at(kustomization: str, file: str) -> None:
    assert "is not in kustomize/" in refusal(tree(kustomization.replace("FILE", file))).message


@pytest.mark.parametrize(
    "path",
    [
        "../outside.yaml",
        "/etc/passwd",
        "base/https:/x/kustomization.yaml",
        "base/github.com/x/kustomization.yaml",
        "base/x.git/kustomization.yaml",
        "base/.hidden/kustomization.yaml",
        "base/.hidden.yaml",
        "base/with space.yaml",
        "base/a\nb.yaml",
        "base//x.yaml",
    ],
)
def test_names_that_kustomize_could_take_for_something_else_are_refused(path: str) -> None:
    error = refusal(tree("resources: []\n", **{path: b"resources: []\n"}))
    assert error.message == "this is not a path that a build may have"
    assert error.location == f"kustomize/{path}"


@pytest.mark.parametrize("name", ["kustomization.yml", "Kustomization"])
def test_other_names_of_a_kustomization_are_looked_at_too(name: str) -> None:
    files = {f"base/odd/{name}": b"helmCharts:\n  - x\n"}
    assert kustomization_folders(files) == {"base/odd"}
    assert refusal(files).location == f"kustomize/base/odd/{name}:1:1"


def test_a_kustomization_is_read_strictly() -> None:
    assert "anchors are not allowed" in refusal(tree("resources: &x [a]\ncomponents: *x\n")).message
    assert "set twice" in refusal(tree("namespace: a\nnamespace: b\n")).message


def test_a_folder_is_read_by_path(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "b.yaml").write_text("b")
    (tmp_path / "a.yaml").write_text("a")
    assert list(read_tree(tmp_path).items()) == [("a.yaml", b"a"), ("base/b.yaml", b"b")]


@pytest.mark.parametrize("target", ["real.yaml", "folder", "missing"])
def test_symlinks_are_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "real.yaml").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(ModelctlError, match=re.escape("kustomize/link: symlinks")):
        read_tree(tmp_path)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelctlError, match="there is no folder"):
        read_tree(tmp_path / "missing")
