"""`modelctl schema print`: what editors complete and check by."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from modelctl.adapters.schema import KINDS
from support.command_line import CommandLine


def test_the_kinds_are_listed(cli: CommandLine) -> None:
    assert cli("schema", "print").split() == sorted(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_a_json_schema(cli: CommandLine, kind: str) -> None:
    printed = json.loads(cli("schema", "print", kind))
    Draft202012Validator.check_schema(printed)
    assert printed["$id"].endswith(f"/{kind}.schema.json")


@pytest.mark.parametrize("kind", ["modell", "../model", ""])
def test_a_kind_that_is_not_there_is_told(cli: CommandLine, kind: str) -> None:
    message, mend = cli.fails("schema", "print", kind)
    assert message == f"there is no kind of document {kind}".rstrip()
    assert mend == f"one of: {', '.join(sorted(KINDS))}"
