"""`modelctl schema`: the JSON Schemas, for editors and for people."""

from __future__ import annotations

import json

import click

from modelctl.adapters.schema import KINDS, schema
from modelctl.errors import EXIT_PASS, ModelctlError


@click.command(name="print", short_help="Print the JSON Schema of a kind of document.")
@click.argument("kind", required=False)
def print_(kind: str | None) -> int:
    """Print the JSON Schema of KIND; without KIND, the names of all kinds."""
    if kind is None:
        click.echo("\n".join(sorted(KINDS)))
        return EXIT_PASS
    if kind not in KINDS:
        raise ModelctlError(
            f"there is no kind of document {kind}", mend=f"one of: {', '.join(sorted(KINDS))}"
        )
    click.echo(json.dumps(schema(kind), indent=2, ensure_ascii=False))
    return EXIT_PASS
