"""What to write instead: an example of the schema, with what its description says of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from modelctl.domain.document import Path

MEND: Final = "mend it or remove it"
_LONGEST_EXAMPLE, _MOST_EXAMPLES = 160, 3


def hint(verb: str, path: Path, schema: Mapping[str, Any]) -> str:
    """What to write: an example of the schema, and its description."""
    description = str(schema.get("description", "")).rstrip(".")
    examples = [
        entry(path, json.dumps(e, ensure_ascii=False)) for e in schema.get("examples") or ()
    ]
    if examples and len(examples[0]) <= _LONGEST_EXAMPLE:
        return f"{verb}, for example, `{examples[0]}`" + (f". {description}" if description else "")
    if schema.get("examples"):
        example = _shortened(schema["examples"][0])
        return f"{verb}, for example, `{_cut(entry(path, example))}`. {description}".rstrip(". ")
    return f"{verb} it: {description}" if description else MEND


def inside(schema: Mapping[str, Any], keyword: str, name: str | int) -> list[Any]:
    """Examples of what lies inside of a value, from the examples of the whole: of the entries of a
    list, or of the field `name` of a mapping where `keyword` is `properties`."""
    whole = schema.get("examples") or ()
    if keyword == "properties":
        return [one[name] for one in whole if isinstance(one, dict) and name in one]
    return [each for one in whole if isinstance(one, list) for each in one]


def _shortened(example: Any) -> str:
    """The beginning of a long example: the first plain fields of a mapping, of a list one entry."""
    if isinstance(example, dict):
        plain = {k: v for k, v in example.items() if not isinstance(v, dict | list)}
        first = dict(islice((plain or example).items(), _MOST_EXAMPLES))
        return json.dumps(first, ensure_ascii=False).removesuffix("}") + ", …}"
    if isinstance(example, list):
        return json.dumps(example[:1], ensure_ascii=False).removesuffix("]") + ", …]"
    return json.dumps(example, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_EXAMPLE else text[: _LONGEST_EXAMPLE - 1] + "…"


def entry(path: Path, value: str) -> str:
    """The line at `path` with this value: `name: value`."""
    return f"{path[-1]}: {value}" if path and isinstance(path[-1], str) else value
