"""Whose an object of a cluster is, and where it differs."""

from __future__ import annotations

from typing import Any

from modelctl.domain.ownership import Drift, Live, differences


def deployment(replicas: Any = 3, **metadata: Any) -> dict[str, Any]:
    labels = {"modelctl.dev/model": "tumor-classifier"}
    spec = {"replicas": replicas, "list": [{"a": 1}, {"a": 2}], "only": "here"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n", "labels": labels, **metadata},
        "spec": spec,
        "status": {"anything": 1},
    }


def fields(manager: str, operation: str, held: dict[str, Any]) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": held}


def test_it_is_ours_if_we_applied_it_and_no_controller_made_it() -> None:
    ours = deployment(managedFields=[fields("modelctl", "Apply", {})])
    assert Live.of(ours).owned_by("modelctl")
    updated = deployment(managedFields=[fields("modelctl", "Update", {})])
    assert not Live.of(updated).owned_by("modelctl")
    made = deployment(
        managedFields=[fields("modelctl", "Apply", {})], ownerReferences=[{"kind": "X"}]
    )
    assert not Live.of(made).owned_by("modelctl")
    assert not Live.of(deployment()).owned_by("modelctl")


def test_a_reference_names_it_and_says_nothing_else() -> None:
    assert Live.of(deployment()).reference() == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n"},
    }


def test_what_the_server_writes_is_no_difference() -> None:
    live = deployment(generation=7, uid="x", resourceVersion="1", creationTimestamp="now")
    assert list(differences(deployment(), live)) == []


def test_a_difference_names_its_path_and_who_holds_it() -> None:
    held = {"f:spec": {"f:replicas": {}, "f:list": {}}}
    other = {"f:metadata": {"f:labels": {}}}
    live = deployment(
        5, managedFields=[fields("scaler", "Update", held), fields("helm", "Update", other)]
    )
    live["spec"]["list"][1]["a"] = 9
    one, two = differences(deployment(), live)
    assert (one.path, one.wanted, one.found, one.managers) == (
        "spec.list[1].a",
        "2",
        "9",
        ("scaler",),
    )
    assert str(two) == "Deployment d `spec.replicas`: 5 instead of 3, by scaler"


def test_lists_of_other_lengths_and_fields_that_are_gone_differ_as_a_whole() -> None:
    live = deployment()
    live["spec"]["list"] = []
    del live["spec"]["only"]
    found = {drift.path: (drift.wanted, drift.found) for drift in differences(deployment(), live)}
    assert found == {
        "spec.list": ("[{'a': 1}, {'a': 2}]", "[]"),
        "spec.only": ("here", None),
    }


def test_whole_objects_are_missing_or_too_much() -> None:
    missing = Drift(model="m", kind="Service", name="s", path="")
    assert str(missing) == "Service s: it is missing"
    assert str(Drift(model="m", kind="Service", name="s", path="", found="there")) == (
        "Service s: the state has no such object"
    )
