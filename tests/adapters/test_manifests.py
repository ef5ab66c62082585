"""Manifests are read as an API server reads them."""

from __future__ import annotations

import pytest

from modelctl.adapters.manifests import documents, read_objects
from modelctl.errors import ModelctlError

TWO = """\
# a comment
---
apiVersion: v1
kind: Service
spec:
  text: |
    ---
    not a separator
--- # another
apiVersion: v1
kind: ConfigMap
data: {date: 2026-11-20, version: "1.10", equal: =, on: "yes"}
"""


def test_it_reads_each_document() -> None:
    service, config = read_objects(TWO)
    assert service["spec"]["text"] == "---\nnot a separator\n"
    assert config["data"] == {"date": "2026-11-20", "version": "1.10", "equal": "=", True: "yes"}


def test_each_object_comes_with_its_own_text() -> None:
    texts = [text for text, _ in documents(TWO.rstrip("\n"))]
    assert len(texts) == 2
    assert all(text.startswith("apiVersion: v1\n") and text.endswith("\n") for text in texts)
    assert [read_objects(text)[0]["kind"] for text in texts] == ["Service", "ConfigMap"]


@pytest.mark.parametrize("text", ["", "---\n", "# nothing\n---\n---\n"])
def test_empty_documents_are_none(text: str) -> None:
    assert read_objects(text) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "m.yaml: a document is not a Kubernetes object"),
        ("apiVersion: v1\n", "m.yaml: a document is not a Kubernetes object"),
        ("kind: Service\napiVersion: ''\n", "m.yaml: a document is not a Kubernetes object"),
        ("a: [\n", "m.yaml: a document is not YAML: "),
        ("a: !!python/object:os.system x\n", "m.yaml: a document is not YAML: "),
    ],
)
def test_what_is_no_object_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ModelctlError) as caught:
        read_objects(text, file="m.yaml")
    assert str(caught.value).startswith(message)
