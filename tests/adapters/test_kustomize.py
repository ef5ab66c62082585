"""One build for all models, by the real program: what comes out, and what is refused."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters import kustomize
from modelctl.adapters.kustomize import Kustomize, find_kubectl, own_kubectl
from modelctl.adapters.kustomize_tree import kustomization_folders
from modelctl.adapters.manifests import read_objects
from modelctl.domain.overlay import layers_of, overlay_files
from modelctl.domain.rendering import RenderRequest
from modelctl.errors import DependencyError, ModelctlError
from support.renders import TARGETS, TREE, parts, request

KUSTOMIZE = Kustomize.find()


def build(*requests: RenderRequest, **others: str) -> Mapping[str, Mapping[str, str]]:
    """The build of the repository's tree with some files added, `__` standing for `/`."""
    added = {path.replace("__", "/") + ".yaml": text.encode() for path, text in others.items()}
    return KUSTOMIZE.build({**TREE, **added}, requests)


def objects(files: Mapping[str, str]) -> dict[str, Any]:
    """The objects by kind and name."""
    found = read_objects(files["manifests.yaml"])
    return {f"{obj['kind']}/{obj['metadata']['name']}": obj for obj in found}


def program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def many(count: int) -> list[RenderRequest]:
    return [
        request(model=f"tumor-{n}", target=TARGETS[n % len(TARGETS)], version=f"1.{n}.0")
        for n in range(count)
    ]


def test_nothing_asked_for_is_nothing_built() -> None:
    assert KUSTOMIZE.build(TREE, []) == {}


def test_each_model_has_a_folder_of_its_own() -> None:
    built = build(*many(8))
    assert sorted(built) == [f"tumor-{n}" for n in range(8)]
    for n, (model, files) in enumerate(sorted(built.items())):
        assert sorted(files) == ["manifests.yaml", "release.json"]
        for obj in [*read_objects(files["manifests.yaml"]), json.loads(files["release.json"])]:
            assert obj["metadata"]["labels"]["modelctl.dev/model"] == model
            assert obj["metadata"]["annotations"]["modelctl.dev/version"] == f"1.{n}.0"
            assert obj["metadata"]["namespace"] == "models-production"


def test_the_bytes_depend_on_nothing_but_the_requests() -> None:
    requests = many(8)
    first = build(*requests)
    shuffled = random.Random(7).sample(requests, len(requests))
    assert build(*shuffled) == first
    assert list(build(*shuffled)) == list(first)


@pytest.mark.parametrize("target", TARGETS)
def test_a_model_is_the_same_alone_and_among_others(target: str) -> None:
    asked = request(target=target)
    among = build(asked, *(request(model=f"other-{n}", target=target) for n in range(3)))
    assert build(asked)["tumor-classifier"] == among["tumor-classifier"]


@pytest.mark.parametrize("shares", [(), (75, 25), (50, 25, 25)])
@pytest.mark.parametrize("target", TARGETS)
def test_a_filled_shape_is_what_kustomize_makes_of_the_overlay_itself(
    target: str, shares: tuple[int, ...], tmp_path: Path
) -> None:
    asked = request(target=target, model="churn-predictor", version="2.1.0-rc.1", gateway=True)
    asked = replace(asked, backends=parts(asked, *shares))
    layers = layers_of(asked, kustomization_folders(TREE))
    overlay = overlay_files(asked, layers, "../kustomize/")
    own = {f"own/{name}": text.encode() for name, text in overlay.items()}
    for name, content in {**own, **{f"kustomize/{n}": data for n, data in TREE.items()}}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    command = [*KUSTOMIZE.command, str(tmp_path / "own")]
    itself = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    ours = build(asked, request(target=target))["churn-predictor"]["manifests.yaml"]
    by_name = {(o["kind"], o["metadata"]["name"]): o for o in read_objects(itself)}
    assert {(o["kind"], o["metadata"]["name"]): o for o in read_objects(ours)} == by_name


def test_models_of_one_shape_are_built_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    kubectl = " ".join(KUSTOMIZE.command)
    script = program(tmp_path, "counts", f'echo "$1"/* > {log}; exec {kubectl} "$1"')
    alike = [request(model=f"tumor-{n}", target="gateway-api") for n in range(300)]
    built = Kustomize(command=(str(script),)).build(TREE, [*alike, request(target="local")])
    assert [Path(path).name for path in log.read_text().split()] == [
        "kustomization.yaml",
        "tumor-0",
        "tumor-classifier",
    ]
    assert len(built) == 301
    assert "tumor-299" in built["tumor-299"]["manifests.yaml"]
    assert "blank-" not in "".join(text for files in built.values() for text in files.values())


def test_references_stay_within_a_model() -> None:
    built = build(*many(8))
    rollout = objects(built["tumor-4"])
    canary = rollout["Rollout/tumor-4"]["spec"]["strategy"]["canary"]
    assert (canary["stableService"], canary["canaryService"]) == (
        "tumor-4-stable",
        "tumor-4-canary",
    )
    assert canary["trafficRouting"]["plugins"]["argoproj-labs/gatewayAPI"]["httpRoute"] == "tumor-4"
    scaler = objects(built["tumor-5"])["HorizontalPodAutoscaler/tumor-5-v1-5-0"]
    assert scaler["spec"]["scaleTargetRef"]["name"] == "tumor-5-v1-5-0"


def test_text_that_looks_like_something_else_stays_text() -> None:
    asked = request(
        target="kserve",
        version="1.10.0",
        approvers=("yes",),
        blob="1e10",
        commit="0x10",
        digest="012",
        model_format="1.10",
        storage_uri="models:/on",
    )
    (service,) = objects(build(asked)["tumor-classifier"]).values()
    annotations = service["metadata"]["annotations"]
    assert annotations["modelctl.dev/approvers"] == "yes"
    assert annotations["modelctl.dev/blob"] == "1e10"
    assert annotations["modelctl.dev/commit"] == "0x10"
    assert annotations["modelctl.dev/digest"] == "012"
    assert service["spec"]["predictor"]["model"]["modelFormat"]["name"] == "1.10"


def test_text_can_not_become_structure() -> None:
    nasty = 'x"}]\\n---\\nkind: Secret: {{ .X }} $(Y) # é 😀'
    asked = request(target="local", owner=nasty, storage_uri=nasty, approvers=(nasty,))
    files = build(asked)["tumor-classifier"]
    (serving,) = objects(files).values()
    assert serving["spec"]["artifacts"] == nasty
    assert serving["metadata"]["annotations"]["modelctl.dev/approvers"] == nasty
    assert json.loads(files["release.json"])["data"]["owner"] == nasty


def test_a_long_name_is_shortened_in_names_and_whole_in_labels() -> None:
    model = f"a-{'b' * 60}"
    found = objects(build(request(model=model, target="argo-rollouts"))[model])
    names = {key.partition("/")[2] for key in found}
    assert max(map(len, names)) <= 63
    rollout = next(obj for key, obj in found.items() if key.startswith("Rollout/"))
    assert rollout["spec"]["selector"]["matchLabels"] == {"app.kubernetes.io/name": model}


def test_an_environment_may_have_more_for_one_target_or_one_model() -> None:
    component = (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n"
        "  - target: {kind: InferenceService}\n"
        '    patch: \'[{"op": "replace", "path": "/spec/predictor/minReplicas", "value": %d}]\'\n'
    )
    requests = [request(model=m, environment="dev") for m in ("tumor-a", "tumor-b")]
    built = build(
        *requests,
        overlays__dev__kserve__kustomization=component % 7,
        **{"overlays__dev__models__tumor-b__kustomization": component % 9},
    )
    replicas = {
        model: objects(files)[f"InferenceService/{model}"]["spec"]["predictor"]["minReplicas"]
        for model, files in built.items()
    }
    assert replicas == {"tumor-a": 7, "tumor-b": 9}


EXTRA = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s}\n"
BASE = "resources: [local-serving.yaml, extra.yaml]\n"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"base__local__kustomization": BASE, "base__local__extra": EXTRA % ("shared", "x")},
            "tumor-classifier has a ConfigMap named shared, as every other model has",
        ),
        (
            {"overlays__dev__kustomization": "kind: Component\nimages: [{name: x, newTag: v1}]\n"},
            "is not rendered into one namespace: LocalServing without one",
        ),
        (
            {
                "overlays__dev__kustomization": "kind: Component\nnamespace: a\n",
                "overlays__dev__local__kustomization": "kind: Component\nresources: [e.yaml]\n",
                "overlays__dev__local__e": EXTRA % ("model", "b"),
            },
            "is not rendered into one namespace: a, b",
        ),
        ({"base__local__kustomization": "resources: []\n"}, "no objects"),
        (
            {"base__local__local-serving": "../../secrets.yaml\n"},
            "missing Resource metadata",
        ),
        (
            {"base__local__local-serving": "kind: [\n"},
            "Kustomize can't build this: accumulating resources",
        ),
        (
            {"overlays__dev__kustomization": "helmCharts: []\n"},
            "`helmCharts` can't be used",
        ),
    ],
)
def test_a_tree_that_does_not_render_well_is_an_error_of_the_user(
    files: dict[str, str], message: str
) -> None:
    with pytest.raises(ModelctlError) as caught:
        build(request(target="local", environment="dev"), **files)
    assert message in caught.value.message
    assert not isinstance(caught.value, DependencyError)
    assert "modelctl-render-" not in str(caught.value)


def test_an_error_of_kustomize_names_the_folder() -> None:
    with pytest.raises(ModelctlError, match="cannot unmarshal number") as caught:
        build(request(target="local"), base__local__kustomization="resources: 3\n")
    assert caught.value.location == "kustomize/base/local"


def test_a_placeholder_that_moved_stops_the_build() -> None:
    text = TREE["base/gateway-api/http-route.yaml"].decode()
    moved = text.replace("        - name: model\n", "        - name: another\n")
    assert moved != text
    with pytest.raises(ModelctlError, match=r"classifier: testing value .*/backendRefs/0/name"):
        build(request(target="gateway-api"), **{"base__gateway-api__http-route": moved})


def test_a_model_is_built_once() -> None:
    with pytest.raises(ModelctlError, match="tumor-classifier is to be rendered twice"):
        build(request(), request(environment="dev"))


def test_two_models_never_share_an_object() -> None:
    extra = {
        "base__local__kustomization": BASE,
        "base__local__extra": EXTRA % ("model", "x"),
        "overlays__dev__models__tumor-a__kustomization": "kind: Component\nresources: [e.yaml]\n",
        "overlays__dev__models__tumor-a__e": EXTRA % ("tumor-a-b", "models-dev"),
    }
    first, second = (
        request(model=m, target="local", environment="dev") for m in ("tumor-a", "tumor-a-b")
    )
    assert build(first, **extra)
    assert build(second, **extra)
    with pytest.raises(ModelctlError, match="tumor-a-b has the ConfigMap tumor-a-b as tumor-a has"):
        build(first, second, **extra)


def test_two_versions_never_share_an_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kustomize builds a shape, in which they have different names; filled in, they have one."""
    monkeypatch.setattr(RenderRequest, "_check_namesakes", lambda _: None)
    asked = request(model=f"a-{'b' * 42}", target="gateway-api", version="1.2.0-r27284")
    stable = asked.split[0]
    canary = replace(stable, name="canary", version="1.2.0-r47868", digest="d" * 64, weight=5)
    with pytest.raises(ModelctlError, match="-v2bfeb6e twice, so one would be lost"):
        build(replace(asked, backends=(replace(stable, weight=95), canary)))


def test_two_models_never_share_their_names() -> None:
    long = request(model=f"a-{'b' * 60}")
    taken = request(model=long.name)
    assert set(build(long, taken)) == {long.model, taken.model}
    assert long.name != taken.name


def test_the_program_sees_nothing_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    seen = tmp_path / "seen"
    script = program(tmp_path, "spy", f"export > {seen}; exit 1")
    with pytest.raises(ModelctlError):
        Kustomize(command=(str(script),)).build(TREE, [request()])
    text = seen.read_text()
    assert "SECRET_TOKEN" not in text
    assert "hunter2" not in text
    assert "modelctl-render-" in next(line for line in text.splitlines() if "HOME" in line)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exec /bin/sleep 60", "Kustomize took longer than 0.3 s"),
        ("kill -9 $$", "Kustomize was ended by signal 9"),
    ],
)
def test_a_program_that_does_not_finish_decides_nothing(
    tmp_path: Path, script: str, message: str
) -> None:
    slow = Kustomize(command=(str(program(tmp_path, "slow", script)),), timeout=0.3)
    with pytest.raises(DependencyError, match=message):
        slow.build(TREE, [request()])


def test_a_program_that_is_not_there_decides_nothing(tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match="can't be run: No such file"):
        Kustomize(command=(str(tmp_path / "missing"),)).build(TREE, [request()])


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of the PATH, without a kubectl in the environment of this Python."""
    monkeypatch.setattr(kustomize, "own_kubectl", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_a_program_of_the_path_is_taken_if_it_is_new_enough(path: Path) -> None:
    program(path, "kustomize", "echo v4.5.7")
    with pytest.raises(DependencyError, match="no Kustomize 5 or newer") as caught:
        Kustomize.find()
    assert caught.value.mend == kustomize.INSTALL
    (path / "kubectl").symlink_to(str(own_kubectl()))
    assert Kustomize.find().command == (str(path / "kubectl"), "kustomize")
    program(path, "kustomize", "echo v5.4.2")
    assert Kustomize.find().command == (str(path / "kustomize"), "build")


@pytest.mark.parametrize(
    "script", ["echo nonsense", "exit 1", "echo 'Client Version: v1.34.1'", "echo '(devel)'"]
)
def test_a_program_that_does_not_say_its_version_is_not_taken(path: Path, script: str) -> None:
    program(path, "kubectl", script)
    with pytest.raises(DependencyError):
        Kustomize.find()


def test_a_program_that_can_not_run_is_not_taken(path: Path) -> None:
    broken = path / "kubectl"
    broken.write_bytes(b"\x7fELF nonsense")
    broken.chmod(0o755)
    with pytest.raises(DependencyError):
        Kustomize.find()


def test_kubectl_is_found_here_else_on_the_path(path: Path) -> None:
    with pytest.raises(DependencyError, match="there is no kubectl here"):
        find_kubectl()
    expected = program(path, "kubectl", "true")
    assert find_kubectl() == str(expected)
