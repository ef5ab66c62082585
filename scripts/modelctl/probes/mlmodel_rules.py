"""What an `MLmodel` may say, so that loading the model reads data and runs nothing.

An allow-list: MLflow falls back to pickle, follows paths, and imports and calls what it is told by
name. So whatever isn't known here to be harmless is refused by its name. The rules fit what MLflow
3.17 writes: https://mlflow.org/docs/latest/ml/model/#storage-format
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType, NoneType
from typing import Any, Final

LOADER: Final = "mlflow.sklearn"
"""The loader whose rules these are. Any other one has to be allowed by its name."""

_LONGEST = 60
_MOST = 5
_NAMES: Final[Mapping[type, str]] = {NoneType: "missing", dict: "a mapping", list: "a list"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the rules are judged against: the files that the manifest lists, by their path, and the
    types and loaders that the caller has looked at."""

    files: frozenset[str]
    allowed: frozenset[str]


_Rule = Callable[[Any, Given], bool]


def objections(data: Mapping[str, Any], given: Given) -> Iterator[str]:
    """What is wrong with the content of an `MLmodel`, one phrase each."""
    yield from (f"{_shown(key)} is unknown" for key in data if key not in _TOP)
    yield from _example(data.get("saved_input_example_info"), given)
    flavors = _mapping(data.get("flavors"))
    loader = _mapping(flavors.get("python_function")).get("loader_module")
    if loader == LOADER:
        yield from _flavors(flavors, given)
    elif not (type(loader) is str and loader in given.allowed):
        yield "it names no loader" if loader is None else f"it is loaded by {_shown(loader)}"


def _flavors(flavors: Mapping[str, Any], given: Given) -> Iterator[str]:
    yield from (f"the flavour {_shown(name)} is unknown" for name in flavors if name not in _RULES)
    for name, rules in _RULES.items():
        options = _mapping(flavors.get(name))
        yield from (f"{name}.{_shown(key)} is unknown" for key in options if key not in rules)
        for key, rule in rules.items():
            if not rule(options.get(key), given):
                yield f"{name}.{key} is {_shown(options.get(key))}"
    ours, theirs = (_mapping(flavors.get(name)) for name in _RULES)
    if ours.get("model_path") != theirs.get("pickled_model"):
        yield "python_function.model_path is not sklearn.pickled_model"


def _example(info: Any, given: Given) -> Iterator[str]:
    """MLflow opens the example of an input when it loads the model."""
    for key in ("artifact_path", "serving_input_path"):
        if not _listed(_mapping(info).get(key), given):
            yield f"saved_input_example_info.{key} is {_shown(_mapping(info).get(key))}"


def _one_of(*values: str | None) -> _Rule:
    return lambda value, _: type(value) in (str, NoneType) and value in values


def _text(value: Any, _: Given) -> bool:
    return type(value) in (str, NoneType)


def _listed(value: Any, given: Given) -> bool:
    return value is None or (type(value) is str and value in given.files)


def _model_file(value: Any, given: Given) -> bool:
    """A listed file beside the `MLmodel`: beside another one, MLflow would read that one instead.
    Its suffix has it scanned as what it is loaded as."""
    return type(value) is str and _listed(value, given) and _plain(value)


def _plain(name: str) -> bool:
    return name.endswith(".skops") and "/" not in name and "\\" not in name


def _environment(value: Any, given: Given) -> bool:
    files = value.values() if type(value) is dict else [value]
    return all(_listed(file, given) for file in files)


def _types(value: Any, given: Given) -> bool:
    names = [] if value is None else value
    return type(names) is list and all(type(n) is str and n in given.allowed for n in names)


_RULES: Final[Mapping[str, Mapping[str, _Rule]]] = MappingProxyType(
    {
        "python_function": {
            "loader_module": _one_of(LOADER),
            "model_path": _model_file,
            # Another function answers something else than what was measured and signed.
            "predict_fn": _one_of(None, "predict"),
            "code": _one_of(None),
            "env": _environment,
            "python_version": _text,
        },
        "sklearn": {
            "pickled_model": _model_file,
            # Without it MLflow takes the file for a pickle.
            "serialization_format": _one_of("skops"),
            "skops_trusted_types": _types,
            "code": _one_of(None),
            "sklearn_version": _text,
        },
    }
)

# MLflow makes an attribute of every other key.
_TOP: Final = frozenset(
    [
        "artifact_path",
        "auth_policy",
        "databricks_runtime",
        "env_vars",
        "flavors",
        "is_signature_from_type_hint",
        "metadata",
        "mlflow_version",
        "model_id",
        "model_size_bytes",
        "model_uuid",
        "prompts",
        "resources",
        "run_id",
        "saved_input_example_info",
        "signature",
        "type_hint_from_example",
        "utc_time_created",
    ]
)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if type(value) is dict else {}


def _shown(value: Any) -> str:
    """In short, whatever its size: of a list or a mapping only the first texts."""
    if type(value) is str:
        return value if value.isprintable() and len(value) <= _LONGEST else repr(value[:_LONGEST])
    kind = _NAMES.get(type(value))
    if type(value) not in (dict, list):
        return kind or repr(value)
    held = value.values() if type(value) is dict else value
    texts = ", ".join(_shown(item) for item in islice(held, _MOST) if type(item) is str)
    return f"{kind} of {texts}" if texts else f"{kind}"
