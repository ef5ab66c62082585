"""schemas.md: every kind of document, from its JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelctl.adapters.documents import dump
from modelctl.adapters.schema import KINDS, schema
from reference_pages.markdown import anchor, code, fenced, page, prose, table

Schema = Mapping[str, Any]

POLICY_FILES = {
    "lifecycle": "`policies/lifecycle.yaml`",
    "roles": "`policies/roles.yaml`",
    "ownership": "`policies/ownership.yaml`",
    "gates": "`policies/gates/*.yaml`",
    "strategies": "`policies/strategies.yaml`",
    "rollback": "`policies/rollback.yaml`",
    "monitoring": "`policies/monitoring.yaml`",
    "metrics": "`policies/metrics.yaml`",
    "freezes": "`policies/freezes.yaml`",
    "checklists": "`policies/checklists.yaml`",
    "retention": "`policies/retention.yaml`",
    "key": "`policies/keys/<name>.yaml`",
    "waiver": "`policies/waivers/<name>.yaml`",
}
OTHER_FILES = {
    "model": "`models/<name>/model.yaml`",
    "version": "`models/<name>/versions/<version>.yaml`",
    "release": "`models/<name>/release.yaml`",
    "settings": "`.github/settings.yaml`",
    "report": "`modelctl check --format json`",
}
_NOUNS = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "`true` or `false`",
    "object": "mapping",
    "null": "nothing",
}
_BOUNDS = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">"}
_LONGEST_EXAMPLE, _LONGEST_PATTERN = 72, 100


def schemas_page() -> str:
    """Every kind of document; those of the policy have a page of their own."""
    index = [_index_row(kind, place) for kind, place in {**OTHER_FILES, **POLICY_FILES}.items()]
    return page(
        "Documents and their schemas",
        "Everything is YAML 1.2 (the core schema) in UTF-8 and at most 256 KiB, without duplicate\n"
        "keys, anchors, aliases, merge keys and tags. Unknown fields are errors. Text that looks\n"
        "like a number must be quoted, versions above all.",
        table(["Document", "Where", "Its schema"], index),
        *(block for kind in OTHER_FILES for block in document_blocks(kind)),
        "## Forms of text",
        "The longest patterns are in the schemas only.",
        table(["Form", "What it is", "Pattern", "Examples"], _form_rows()),
    )


def document_blocks(kind: str) -> Iterator[str]:
    """One kind of document: where it lies, its fields, an example."""
    root, file = schema(kind), f"scripts/modelctl/schemas/{kind}.schema.json"
    yield f"## {root['title']}"
    yield f"{ {**OTHER_FILES, **POLICY_FILES}[kind] } · [{file}](../../{file})"
    yield prose(root["description"])
    yield table(["Field", "Type", "Default", "What it says", "Example"], field_rows(root, root))
    if kind != "report":
        yield fenced(dump(root["examples"][0]), "yaml")


def field_rows(root: Schema, part: Schema, path: str = "") -> Iterator[Sequence[str]]:
    """One row for each field below `part`, each followed by those below it."""
    full = resolved(root, part)
    for name, inner in full.get("properties", {}).items():
        yield from _field(root, inner, f"{path}{name}", required=name in full.get("required", ()))
    others = full.get("additionalProperties")
    if isinstance(others, Mapping):
        yield from _field(root, others, f"{path}<name>", required=False)


def resolved(root: Schema, part: Schema) -> Schema:
    """A schema with what its `$ref` names; what it says itself comes first."""
    if "$ref" not in part:
        return part
    named = root["$defs"][part["$ref"].rpartition("/")[2]]
    return {**resolved(root, named), **{k: v for k, v in part.items() if k != "$ref"}}


def _field(root: Schema, part: Schema, path: str, *, required: bool) -> Iterator[Sequence[str]]:
    full = resolved(root, part)
    default = code(full["default"]) if "default" in full else ""
    yield [
        code(path),
        _type(root, part),
        "*required*" if required else default,
        prose(full.get("description", "")),
        _example(full),
    ]
    for below in (full, *full.get("anyOf", ())):
        yield from field_rows(root, below, f"{path}.")
    yield from field_rows(root, full.get("items", {}), f"{path}[].")


def _type(root: Schema, part: Schema) -> str:
    """The type of a value, with its choices, its form, its pattern or its bounds."""
    full = resolved(root, part)
    if "enum" in full or "const" in full:
        return ", ".join(code(choice) for choice in full.get("enum", [full.get("const")]))
    if "anyOf" in full:
        return " or ".join(_type(root, choice) for choice in full["anyOf"])
    if "items" in full:
        return f"list of: {_type(root, full['items'])}"
    if "$ref" in part and _is_form(full):
        return f"[{full['title']}](schemas.md#{anchor(full['title'])})"
    named = full.get("type", "object")
    noun = " or ".join(_NOUNS[name] for name in ([named] if isinstance(named, str) else named))
    bounds = [f"{sign} {full[key]}" for key, sign in _BOUNDS.items() if key in full]
    pattern = [f"matching {code(full['pattern'])}"] if "pattern" in full else []
    return " ".join([noun, *bounds, *pattern])


def _example(full: Schema) -> str:
    """The first example where it is short; that of a mapping is seen in its fields."""
    examples = full.get("examples", ())
    text = "" if not examples or full.get("type") == "object" else code(examples[0])
    return text if len(text) <= _LONGEST_EXAMPLE else ""


def _is_form(part: Schema) -> bool:
    return "title" in part and "pattern" in part


def _form_rows() -> Iterator[Sequence[str]]:
    """The forms of text that have a name, from all schemas, each once."""
    parts = (part for kind in KINDS for part in schema(kind).get("$defs", {}).values())
    found = {part["title"]: part for part in parts if _is_form(part)}
    for title, part in sorted(found.items()):
        examples = ", ".join(code(example) for example in part.get("examples", ()))
        pattern = code(part["pattern"]) if len(part["pattern"]) <= _LONGEST_PATTERN else ""
        name = f'<a id="{anchor(title)}"></a>{title}'
        yield [name, prose(part["description"]), pattern, examples]


def _index_row(kind: str, place: str) -> Sequence[str]:
    title, file = schema(kind)["title"], "policy.md" if kind in POLICY_FILES else ""
    return [f"[{title}]({file}#{anchor(title)})", place, f"`modelctl schema print {kind}`"]
