"""What people may answer when they adopt a copy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from modelctl.domain import answers
from modelctl.errors import ModelctlError


@pytest.mark.parametrize(
    ("read", "text", "found"),
    [
        (answers.organisation, " acme-2 ", "acme-2"),
        (answers.logins, " ada, @ben,ada,", ("ada", "ben")),
        (answers.logins, "octo_acme", ("octo_acme",)),
        (answers.name, "oncology-ml", "oncology-ml"),
        (answers.slug, "@leads_2", "leads_2"),
        (answers.contact, " #ml ", "#ml"),
        (answers.images, "ghcr.io/acme/", "ghcr.io/acme"),
        (answers.images, "host.example:5000/ml/x", "host.example:5000/ml/x"),
        (answers.address, "http://127.0.0.1:5000/mlflow", "http://127.0.0.1:5000/mlflow"),
        (answers.address, "sqlite:///mlflow.db", "sqlite:///mlflow.db"),
    ],
)  # fmt: skip
def test_what_can_be_used_is_stripped(
    read: Callable[[str], object], text: str, found: object
) -> None:
    assert read(text) == found


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((answers.organisation, text) for text in ("example", "-x", "a b", "a" * 40, "acme/x")),
        *((answers.logins, text) for text in (",", "a b", "-x", "ada,@acme/team", "x" * 40)),
        *((answers.name, text) for text in ("Moon", "a_b", "", "a/b", "-a")),
        *((answers.slug, text) for text in ("A", "a b", "acme/x")),
        (answers.contact, "  "),
        *((answers.images, text) for text in ("https://x/y", "Ghcr.io/x", "x y", "x//y", "x:tag")),
        *((answers.address, text) for text in ("mlflow", "https://u:p@h", "http://", "http://a b")),
    ],
)
def test_what_can_not_be_used_is_refused(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(ModelctlError) as error:
        read(text)
    assert error.value.mend
    assert "u:p" not in str(error.value)
