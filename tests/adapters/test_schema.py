"""The schemas of models, versions and releases, and what is said of a document that breaks one."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path as Folder
from typing import Any

import pytest
from hypothesis import given, strategies as st
from jsonschema import Draft202012Validator
from jsonschema_rs import Draft202012Validator as FastValidator

from modelctl.adapters import schema as adapter
from modelctl.adapters.documents import dump, load
from modelctl.adapters.schema import (
    KINDS,
    SchemaProblem,
    fast_validator,
    schema,
    slow_validator,
    validate,
)
from modelctl.domain.document import Document, Path
from modelctl.domain.manifest import model_from, release_from, version_from
from modelctl.domain.names import is_model_name
from modelctl.errors import ModelctlError

OURS = ("model", "version", "release")
DOCUMENTS = tuple(kind for kind in KINDS if "examples" in schema(kind))
"""What people write; the rest describes what the product prints."""
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def example(kind: str) -> dict[str, Any]:
    return deepcopy(schema(kind)["examples"][0])


def document(data: Any) -> Document:
    return load(dump(data).encode(), "x.yaml")


def problems(text: str, kind: str) -> list[tuple[str, str, str]]:
    """Place, message and mend of each problem."""
    read = load(text.encode(), "x.yaml")
    return [
        (str(read.locate(p.path)).removeprefix("x.yaml:"), p.message, p.mend)
        for p in validate(read, kind)
    ]


def changed(data: Any, path: Path, change: Callable[[Any, Any], None]) -> Any:
    """A copy of `data` with `change` done to what holds the value at `path`."""
    copy = deepcopy(data)
    holder = copy
    for step in path[:-1]:
        holder = holder[step]
    change(holder, path[-1])
    return copy


def with_value(kind: str, path: Path, value: Any) -> Document:
    def put(holder: Any, key: Any) -> None:
        holder[key] = value

    return document(changed(example(kind), path, put))


# --- the schemas themselves -------------------------------------------------------------------


def subschemas(node: Any, path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every schema of a property, with its path."""
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in inner:
        if isinstance(value, dict | list):
            if path and path[-1] == "properties":
                yield (*path, key), value
            yield from subschemas(value, (*path, key))


def test_the_kinds_are_those_of_the_folder() -> None:
    folder = Folder(adapter.__file__).parents[1] / "schemas"

    assert set(KINDS) == {f.name.removesuffix(".schema.json") for f in folder.iterdir()}
    assert set(OURS) <= set(DOCUMENTS)


@pytest.mark.parametrize("kind", KINDS)
def test_each_schema_says_what_it_is(kind: str) -> None:
    found = schema(kind)

    Draft202012Validator.check_schema(found)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["$id"] == f"https://modelctl.dev/schemas/{kind}.schema.json"
    assert found["title"]
    assert found["description"]
    assert found["additionalProperties"] is False


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_each_property_has_a_description(kind: str) -> None:
    found = dict(subschemas(schema(kind)))

    assert found
    assert [path for path, one in found.items() if not one.get("description")] == []


@pytest.mark.parametrize("kind", OURS)
def test_each_property_has_an_example_or_its_definition_has(kind: str) -> None:
    definitions = schema(kind)["$defs"]

    for path, one in subschemas(schema(kind)):
        name = one.get("$ref", "").removeprefix("#/$defs/")
        assert one.get("examples") or definitions[name]["examples"], path


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_each_example_is_valid(kind: str) -> None:
    root = schema(kind)
    for one in root["examples"]:
        assert validate(document(one), kind) == ()
    for path, one in [*subschemas(root), *root.get("$defs", {}).items()]:
        bound = FastValidator({**one, "$defs": root.get("$defs", {})})
        for given_example in one.get("examples", []):
            assert bound.is_valid(given_example), (path, given_example)


def test_definitions_of_one_name_are_the_same_everywhere() -> None:
    seen: dict[str, Any] = {}
    for kind in OURS:
        for name, definition in schema(kind)["$defs"].items():
            assert seen.setdefault(name, definition) == definition


@pytest.mark.parametrize("kind", OURS)
def test_no_pattern_lets_a_line_feed_through_in_either_engine(kind: str) -> None:
    anchored = [
        definition
        for definition in schema(kind)["$defs"].values()
        if definition["pattern"].startswith("^")
    ]
    assert anchored
    for definition in anchored:
        sound = definition["examples"][0]
        engines = (Draft202012Validator(definition), FastValidator(definition))
        assert all(engine.is_valid(sound) for engine in engines)
        assert not any(engine.is_valid(f"{sound}\n") for engine in engines)
        assert not any(engine.is_valid(f"\n{sound}") for engine in engines)


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ModelctlError) as caught:
        schema("pipeline")

    assert caught.value.message == "there is no schema `pipeline`"
    assert "model" in str(caught.value.mend)


# --- fields -----------------------------------------------------------------------------------

REQUIRED = {
    "model": ["name", "description", "owner", "contact", "task", "tier", "serving"],
    "version": [
        *("model", "version", "created_at", "created_by", "owner", "contact", "changelog"),
        *("lineage", "framework", "dependencies", "signature", "metrics", "artifacts"),
    ],
    "release": ["model", "version"],
}
NESTED = [
    ("model", ("serving", "target")),
    ("model", ("data_contract", "feature_view", "hash")),
    ("model", ("data_contract", "evaluation", "digest")),
    ("version", ("lineage", "git_commit")),
    ("version", ("lineage", "run")),
    ("version", ("lineage", "run", "id")),
    ("version", ("lineage", "training_data")),
    *(("version", ("lineage", "training_data", 0, key)) for key in ("name", "version", "digest")),
    *(("version", ("framework", key)) for key in ("name", "version")),
    *(("version", ("features", key)) for key in ("set", "version", "hash")),
    *(("version", ("signature", key)) for key in ("inputs", "outputs")),
    *(("version", ("signature", "inputs", 0, key)) for key in ("name", "type")),
    *(("version", ("metrics", 0, key)) for key in ("name", "value")),
    *(("version", ("artifacts", key)) for key in ("root", "files")),
    *(("version", ("artifacts", "files", 0, key)) for key in ("path", "sha256", "size")),
]


@pytest.mark.parametrize(
    ("kind", "path"), [*((kind, (key,)) for kind in OURS for key in REQUIRED[kind]), *NESTED]
)
def test_what_is_mandatory_is_named_when_it_is_missing(kind: str, path: Path) -> None:
    data = changed(example(kind), path, lambda holder, key: holder.pop(key))

    (problem,) = validate(document(data), kind)

    assert problem.path == path
    assert problem.message.startswith(f"missing field `{path[-1]}`")
    assert problem.mend.startswith("add")


@pytest.mark.parametrize("kind", OURS)
def test_the_rest_is_optional(kind: str) -> None:
    least = {key: value for key, value in example(kind).items() if key in REQUIRED[kind]}

    assert validate(document(least), kind) == ()


def test_a_version_may_come_from_a_folder() -> None:
    sound = with_value("version", ("lineage", "run"), {"source": "folder", "id": "run-7"})

    assert validate(sound, "version") == ()


@pytest.mark.parametrize("key", ["tags", "parameters"])
def test_tags_and_parameters_take_any_text(key: str) -> None:
    sound = with_value("version", (key,), {"Any key: at all": "", "": "x\ny", "true": "no"})

    assert validate(sound, "version") == ()


SEMVER = [
    *("0.0.4", "1.2.3", "10.20.30", "1.1.2-prerelease+meta", "1.1.2+meta", "1.0.0-alpha"),
    *("1.0.0-alpha.1", "1.0.0-alpha0.valid", "1.0.0-rc.1+build.1", "2.0.1-alpha.1227"),
    *("1.2.3----RC-SNAPSHOT.12.9.1--.12+788", "1.0.0+0.build.1-rc.10000aaa-kk-0.1", "1.0.0-0A.is"),
]
NOT_SEMVER = [
    *("1", "1.2", "1.2.3-0123", "1.2.3-0123.0123", "1.1.2+.123", "+invalid", "-1.0.3-gamma"),
    *(
        "alpha",
        "1.0.0-alpha..1",
        "01.1.1",
        "1.01.1",
        "1.1.01",
        "1.2.3.DEV",
        "1.2-SNAPSHOT",
        "v1.0.0",
    ),
    *("1.2.3-", "1.2.3+", "1.0.0-alpha_beta", "1.0.0 ", " 1.0.0", "1.0.0\n", "१.0.0", "v1.0.0", ""),
    f"{'9' * 5000}.0.0",
]
COMMIT = "3f786850e387550fdab836ed7e6dc881de23001b"
SOUND: dict[tuple[str, Path], list[Any]] = {
    ("model", ("name",)): ["a-b", "churn-predictor", "1-2", "a" * 31 + "-" + "b" * 31, "a--b"],
    ("release", ("version",)): SEMVER,
    ("version", ("created_at",)): [
        *("2026-11-20T10:00:00Z", "2024-02-29T23:59:59.123456Z", "0001-01-01T00:00:00.1Z"),
    ],
    ("version", ("created_by",)): ["ada@example.com", "ada", "Ада Л."],
    ("version", ("owner",)): ["ml", "oncology-ml", "Team_A.2"],
    ("version", ("changelog",)): ["First version.", "Two\n\nparagraphs.\n"],
    ("version", ("lineage", "git_commit")): [COMMIT],
    ("version", ("lineage", "run", "id")): ["0a1b2c", "run-7", "2026.11.20_a"],
    ("version", ("lineage", "training_data", 0, "digest")): [f"sha256:{SHA}", "b7e0a1c2"],
    ("version", ("lineage", "training_data", 0, "size")): [0, 2**40],
    ("version", ("dependencies",)): [
        *(["a==1"], ["scikit-learn==1.9.0", "numpy==2.4.6"], ["torch==2.9.0+cu121"]),
        *(["uvicorn[standard]==0.30", "ray[data, serve]==2.9"], ["x==1!2.0.post1"]),
    ],
    ("version", ("features", "hash")): [f"sha256:{SHA}"],
    ("version", ("signature", "inputs", 0, "type")): ["double", "array<long>", "object<a?:long>"],
    ("version", ("signature", "inputs", 0, "shape")): [[], [-1], [-1, 28, 28]],
    ("version", ("metrics", 0, "value")): [0, -3.5, 1e300],
    ("version", ("latency",)): [{"p50_ms": 0}, {"p99_ms": 3.1}],
    ("version", ("artifacts", "root")): [
        *(
            "models:/m-0123",
            "runs:/0a1b/model",
            "models:/churn-predictor/7",
            "artifacts/churn/1.0.0",
        ),
        *("file:///srv/models/a%20b", "file:/srv/models", "..a/b..", "a/.hidden"),
    ],
    ("version", ("artifacts", "files", 0, "path")): [
        *("MLmodel", "data/model.skops", "a b/ü.txt", "..a", "a../b", ".gitignore", "C:x"),
    ],
    ("version", ("artifacts", "files", 0, "sha256")): [SHA],
    ("version", ("artifacts", "files", 0, "size")): [0, 2**40],
    ("model", ("sla", "error_rate")): [0, 0.001, 1],
    ("model", ("sla", "latency_p99_ms")): [0.1, 200],
    ("model", ("data_contract", "protected_groups")): [[], ["age_band", "sex"]],
    ("model", ("ownership",)): [{}, {"rollback": "platform"}],
    ("release", ("strategies",)): [{}, {"production": "canary-standard", "eu-1": "x"}],
}
BROKEN: dict[tuple[str, Path], list[Any]] = {
    ("model", ("name",)): [
        *("churn", "Churn-predictor", "-churn-x", "churn-x-", "a_b-c", "a-b\n", "a-b ", "é-a", "-"),
        *("", "a" * 32 + "-" + "b" * 31, 12, None, "a.b-c", "a/b-c"),
    ],
    ("model", ("task",)): ["classify", "", None, "Classification", "classification\n"],
    ("model", ("tier",)): ["gold", 1],
    ("model", ("serving", "target")): ["seldon", "KServe"],
    ("model", ("serving", "mode")): ["serverless", ""],
    ("model", ("serving", "gateway")): ["yes", 1],
    ("model", ("description",)): ["", " ", "\n \n", 7],
    ("model", ("sla", "error_rate")): [-0.1, 1.1, "0.1"],
    ("model", ("sla", "latency_p99_ms")): [0, -1],
    ("model", ("data_contract", "evaluation", "digest")): ["b7e0a1c2", f"sha256:{SHA}0"],
    ("model", ("data_contract", "protected_groups")): [["a", "a"], "age_band", [""]],
    ("model", ("ownership",)): [{"code": "a b"}, {"testing": "platform"}],
    ("release", ("version",)): [*NOT_SEMVER, 1.1, 1, None],
    ("release", ("strategies",)): [
        {"Prod": "x"},
        {"a": "B"},
        {"a": "x\n"},
        {"a\n": "x"},
        {"": "x"},
    ],
    ("version", ("created_at",)): [
        *("2026-11-20T10:00:00+00:00", "2026-11-20 10:00:00Z", "2026-11-20", "2026-11-20T10:00Z"),
        *("2026-02-29T10:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z"),
        *("2026-13-01T00:00:00Z", "2026-11-20T24:00:00Z", "2026-11-20T10:60:00Z"),
        *("2026-11-20T10:00:60Z", "2026-11-20T10:00:00.Z", "2026-11-20T10:00:00.1234567Z"),
        *(
            "2026-11-20T10:00:00Z\n",
            "0000-01-01T00:00:00Z",
            "2026-11-20t10:00:00z",
            "٢٠٢٦-11-20T10:00:00Z",
        ),
    ],
    ("version", ("created_by",)): ["", " ada", "ada ", "ada\nbob", "ada\n", 3],
    ("version", ("owner",)): ["a b", "@org/team", "-a", "a-", "a" * 101, ""],
    ("version", ("changelog",)): ["", " \n "],
    ("version", ("lineage", "git_commit")): [COMMIT[:39], f"{COMMIT}0", COMMIT.upper(), "main"],
    ("version", ("lineage", "run", "id")): ["", "/srv/runs/7", "a b", "x" * 129],
    ("version", ("lineage", "run", "source")): ["disk"],
    ("version", ("lineage", "run", "tracking_uri_name")): ["https://ada:pw@mlflow.example.com"],
    ("version", ("lineage", "training_data")): [[], "train"],
    ("version", ("lineage", "training_data", 0, "digest")): ["sha256:abcd", "abc", "", "x" * 129],
    ("version", ("lineage", "training_data", 0, "size")): [-1, 1.5, "7"],
    ("version", ("framework", "version")): ["", 1.9],
    ("version", ("dependencies",)): [
        *([], ["numpy"], ["numpy>=2"], ["numpy==2.*"], ["numpy==2", "numpy==2"], ["numpy == 2"]),
        *(["numpy==2; python_version > '3'"], ["x @ file:///x"], ["numpy==2\n"], [2.0], "numpy==2"),
        *(["a[b==1"], ["==1"], ["-r==1"], ["numpy==="]),
    ],
    ("version", ("features", "hash")): [SHA, f"sha256:{SHA.upper()}", f"sha256:{SHA[:63]}"],
    ("version", ("signature", "inputs")): [[], {}],
    ("version", ("signature", "inputs", 0, "name")): [""],
    ("version", ("signature", "inputs", 0, "shape")): [[-2], [1.5], ["a"], 3],
    ("version", ("metrics",)): [[], {"accuracy": 0.9}],
    ("version", ("metrics", 0, "value")): ["0.95", None, True],
    ("version", ("metrics", 0, "sample_size")): [-1, 0.5],
    ("version", ("latency",)): [{}, {"p50_ms": -1}, {"p90_ms": 1}],
    ("version", ("parameters",)): [{"max_iter": 500}, {"x": None}, ["x"]],
    ("version", ("tags",)): [{"a": {"b": "c"}}],
    ("version", ("artifacts", "root")): [
        *("../models", "a/../b", "/srv/models", "a//b", "a/", "./a", "a\\b", "", "models:/", "a:b"),
        *(
            "runs:/../x",
            "s3://bucket/x",
            "file:relative",
            "file://host/x",
            "file:///",
            "file:///../x",
        ),
        *("file:///a/%2e%2e/b", "file:///a%2Fb", "file:///a%00", "file:///a%5cb", "file:///a?b"),
        *("file:///a%0ab", "models:/a\n", "a\n", "https://ada:pw@example.com/x"),
    ],
    ("version", ("artifacts", "files")): [[]],
    ("version", ("artifacts", "files", 0, "path")): [
        *("/etc/passwd", "../x", "a/../x", "a/..", "..", ".", "./a", "a/./b", "a//b", "a/", "a\\b"),
        *("", "a\n", "a\nb", "a\t"),
    ],
    ("version", ("artifacts", "files", 0, "sha256")): [SHA[:63], SHA.upper(), f"sha256:{SHA}", 12],
    ("version", ("artifacts", "files", 0, "size")): [-1, 1.5, "1"],
}


def cases(table: Mapping[tuple[str, Path], list[Any]]) -> list[Any]:
    return [
        pytest.param(kind, path, value, id=f"{path[-1]}-{str(value)[:40]!r}")
        for (kind, path), values in table.items()
        for value in values
    ]


@pytest.mark.parametrize(("kind", "path", "value"), cases(SOUND))
def test_sound_values_are_accepted(kind: str, path: Path, value: Any) -> None:
    assert validate(with_value(kind, path, value), kind) == ()


@pytest.mark.parametrize(("kind", "path", "value"), cases(BROKEN))
def test_broken_values_are_refused_at_their_place(kind: str, path: Path, value: Any) -> None:
    found = validate(with_value(kind, path, value), kind)

    assert found
    assert all(problem.path[: len(path)] == path for problem in found)
    assert all(problem.mend for problem in found)
    assert not slow_validator(kind).is_valid(with_value(kind, path, value).data)


def test_the_calendar_is_known() -> None:
    is_valid = FastValidator(schema("version")["$defs"]["date_time"]).is_valid
    days = [date(1896, 1, 1) + timedelta(days=n) for n in range(40_000)]
    real = {day.isoformat() for day in days}
    years = range(days[0].year, days[-1].year)

    accepted = {
        text
        for text in (f"{y}-{m:02}-{d:02}" for y in years for m in range(14) for d in range(33))
        if is_valid(f"{text}T00:00:00Z")
    }

    assert accepted == {text for text in real if int(text[:4]) in years}


@given(st.text("ab-09A_.\n", max_size=70) | st.text(max_size=5))
def test_model_names_are_those_of_the_domain(name: str) -> None:
    definition = schema("model")["$defs"]["model_name"]

    assert FastValidator(definition).is_valid(name) == is_model_name(name)


# --- messages ---------------------------------------------------------------------------------

RELEASE = "model: churn-predictor\n"


def test_a_number_where_a_version_must_stand_is_shown_as_it_was_written() -> None:
    assert problems(f"{RELEASE}version: 1.10  # the second\n", "release") == [
        ("2:10", "`version` must be text, not the number 1.10", 'write version: "1.10"')
    ]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        *(("012", "number"), ("0x1F", "number"), ("1e3", "number"), ("-.5", "number")),
        *(("1.", "number"), ("True", "boolean")),
    ],
)
def test_the_source_text_is_what_is_to_be_quoted(written: str, name: str) -> None:
    block = problems(f"{RELEASE}version: {written}\n", "release")
    flow = problems(f"{{model: churn-predictor, version: {written}}}\n", "release")

    expected = (
        f"`version` must be text, not the {name} {written}",
        f'write version: "{written}"',
    )
    assert [found[1:] for found in block] == [expected]
    assert [found[1:] for found in flow] == [expected]


def test_an_unknown_field_suggests_the_nearest_known_one_and_says_it_once() -> None:
    assert problems(f'{RELEASE}verion: "1.0.0"\n', "release") == [
        ("2:9", "unknown field `verion`; did you mean `version`?", "rename it to `version`")
    ]


def test_an_unknown_field_that_resembles_none_lists_the_known_ones() -> None:
    assert problems(f'{RELEASE}version: "1.0.0"\nqqq: 1\n', "release") == [
        ("3:6", "unknown field `qqq`", "remove it; known here: model, strategies, version")
    ]


def test_a_field_that_is_there_already_is_not_suggested() -> None:
    (found,) = problems(f'{RELEASE}version: "1.0.0"\nverison: 1\n', "release")

    assert found[1] == "unknown field `verison`"


def test_a_missing_field_comes_with_its_example_and_description() -> None:
    assert problems(RELEASE, "release") == [
        (
            "1:1",
            "missing field `version`",
            'add, for example, `version: "1.0.0"`. The version to serve, quoted',
        )
    ]


MESSAGES = [
    (
        ("owner",),
        None,
        "`owner` is empty; it must be text",
        'write, for example, `owner: "oncology-ml"`',
    ),
    (
        ("owner",),
        "",
        "`owner` is empty; it must be an owner name",
        'write, for example, `owner: "oncology-ml"`',
    ),
    (
        ("owner",),
        "a b",
        "`owner` is `a b`, not an owner name",
        'write, for example, `owner: "oncology-ml"`. A team or a person',
    ),
    (
        ("owner",),
        ["a"],
        "`owner` must be text, not a list",
        'write, for example, `owner: "oncology-ml"`',
    ),
    (
        ("tier",),
        "standart",
        "`tier` must be one of critical, standard, experimental, not the text `standart`",
        "write tier: standard",
    ),
    (
        ("tier",),
        7,
        "`tier` must be one of critical, standard, experimental, not the number 7",
        'write, for example, `tier: "standard"`. How much depends on the model',
    ),
    (
        ("serving",),
        "local",
        "`serving` must be a mapping, not the text `local`",
        'write, for example, `serving: {"target": "local"}`',
    ),
    (
        ("serving", "gateway"),
        "yes",
        "`serving.gateway` must be true or false, not the text `yes`",
        "write, for example, `gateway: true`",
    ),
    (
        ("sla", "error_rate"),
        "0.01",
        "`sla.error_rate` must be a number, not the text `0.01`",
        "write error_rate: 0.01 without quotes",
    ),
    (
        ("sla", "error_rate"),
        1.5,
        "`sla.error_rate` must be at most 1, not 1.5",
        "write, for example, `error_rate: 0.001`",
    ),
    (
        ("sla", "error_rate"),
        -1,
        "`sla.error_rate` must be at least 0, not -1",
        "write, for example, `error_rate: 0.001`",
    ),
    (
        ("sla", "latency_p99_ms"),
        0,
        "`sla.latency_p99_ms` must be more than 0, not 0",
        "write, for example, `latency_p99_ms: 200`",
    ),
    (
        ("contact",),
        "x" * 501,
        "`contact` must have at most 500 characters, not 501",
        'write, for example, `contact: "oncology-ml@example.com"`',
    ),
    (
        ("data_contract", "protected_groups"),
        ["sex", "age", "sex"],
        '`data_contract.protected_groups` has "sex" twice',
        "remove one of the two",
    ),
    (
        ("data_contract", "evaluation", "size"),
        1.5,
        "`data_contract.evaluation.size` must be a whole number, not the number 1.5",
        "write, for example, `size: 171`. How many rows it has",
    ),
]


@pytest.mark.parametrize(("path", "value", "message", "mend"), MESSAGES)
def test_problems_are_said_in_plain_words(path: Path, value: Any, message: str, mend: str) -> None:
    (problem,) = validate(with_value("model", path, value), "model")

    assert problem.message == message
    assert problem.mend.startswith(mend)


def test_a_name_that_is_not_allowed_is_said_of_the_name() -> None:
    text = f'{RELEASE}version: "1.0.0"\nstrategies:\n  Prod: canary\n'

    (found,) = problems(text, "release")

    assert found[:2] == ("4:9", "`strategies.Prod` is `Prod`, not an environment name")
    assert found[2].startswith('write, for example, `"production"`. Lower-case')


def test_every_problem_is_told_in_the_order_of_the_lines() -> None:
    data = example("version")
    data["version"] = 1.1
    data["changelog"] = ""
    data["metrics"] = [{"name": "accuracy"}, {"name": "f1", "value": "high"}]
    data["tags"] = {"team": 1}
    del data["artifacts"]["root"]

    read = document(data)
    found = validate(read, "version")

    assert [problem.path for problem in found] == [
        ("version",),
        ("changelog",),
        ("metrics", 0, "value"),
        ("metrics", 1, "value"),
        ("artifacts", "root"),
        ("tags", "team"),
    ]
    lines = [read.locate(problem.path).line for problem in found]
    assert lines == sorted(lines)


def test_long_values_are_shortened_and_stay_on_one_line() -> None:
    (problem,) = validate(with_value("model", ("tier",), "x\n" * 500), "model")

    assert len(problem.message) < 160
    assert "\n" not in problem.message


def test_a_password_in_an_address_is_not_repeated() -> None:
    address = "https://ada:s3cret@mlflow.example.com"
    path = ("lineage", "run", "tracking_uri_name")

    (problem,) = validate(with_value("version", path, address), "version")

    assert problem.message.endswith("is `https://…@mlflow.example.com`, not an identifier")


def test_a_document_that_no_file_holds_is_judged_too() -> None:
    built = Document(file="x.yaml", data={"model": "a-b", "version": 1.5}, text="", marks={})

    assert validate(built, "release") == (
        SchemaProblem(
            path=("version",),
            message="`version` must be text, not the number 1.5",
            mend='write version: "1.5"',
        ),
    )


def test_what_only_the_fast_validator_refuses_is_refused() -> None:
    data = changed(
        example("version"),
        ("metrics", 0, "value"),
        lambda holder, key: holder.update({key: math.nan}),
    )
    built = Document(file="x.yaml", data=data, text="", marks={})
    assert slow_validator("version").is_valid(data)

    (problem,) = validate(built, "version")

    assert problem.path == ("metrics", 0, "value")
    assert problem.message.startswith("`metrics[0].value` is not valid: ")


# --- keywords that the schemas of this folder may come to use ---------------------------------


@pytest.fixture
def scratch(tmp_path: Folder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Puts a schema named `scratch` in place of the product's own."""
    monkeypatch.setattr(adapter, "_FOLDER", tmp_path)
    monkeypatch.setattr(adapter, "KINDS", ("scratch",))

    def put(**properties: Any) -> None:
        text = json.dumps({"type": "object", "properties": properties})
        (tmp_path / "scratch.schema.json").write_text(text)

    caches = (schema, fast_validator, slow_validator)
    for cached in caches:
        cached.cache_clear()
    yield put
    for cached in caches:
        cached.cache_clear()


FORMS = {
    "anyOf": [
        {"type": "string", "pattern": "^[a-z]+$", "title": "Role"},
        {
            "type": "object",
            "required": ["role", "count"],
            "properties": {"role": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
        },
        {"type": "array", "items": {"type": "string"}},
    ]
}


@pytest.mark.parametrize(
    ("written", "messages"),
    [
        ("{role: a, count: 0}", ["`x.count` must be at least 1, not 0"]),
        ("{role: 5}", ["missing field `count` in `x`", "`x.role` must be text, not the number 5"]),
        ("'A B'", ["`x` is `A B`, not a role"]),
        ("[a, 1]", ["`x[1]` must be text, not the number 1"]),
        ("7", ["`x` can't be the number 7"]),
        ("", ["`x` can't be empty"]),
        ("ml", []),
    ],
)
def test_of_several_forms_only_the_one_that_was_meant_is_spoken_of(
    scratch: Callable[..., None], written: str, messages: list[str]
) -> None:
    scratch(x=FORMS)

    assert [found[1] for found in problems(f"x: {written}\n", "scratch")] == messages


def test_the_field_that_names_the_form_says_which_was_meant(scratch: Callable[..., None]) -> None:
    def form(kind: str, *needs: str) -> dict[str, Any]:
        return {"properties": {"kind": {"const": kind}}, "required": ["kind", *needs]}

    scratch(x={"oneOf": [form("a"), form("b", "p", "q")]})

    found = problems("x: {kind: b}\n", "scratch")

    assert [one[1] for one in found] == ["missing field `p` in `x`", "missing field `q` in `x`"]


def test_two_forms_at_once_are_one_too_many(scratch: Callable[..., None]) -> None:
    scratch(x={"oneOf": [{"type": "string"}, {"minLength": 1}]})

    (found,) = problems("x: a\n", "scratch")

    assert found[1:] == ("`x` fits more than one form", "mend it or remove it")


@pytest.mark.parametrize(
    ("rule", "written", "message"),
    [
        ({"type": ["string", "null"]}, "5", "`x` must be text or empty, not the number 5"),
        ({"exclusiveMaximum": 1}, "1", "`x` must be less than 1, not 1"),
        ({"minItems": 2}, "[1]", "`x` must have at least 2 entries, not 1"),
        ({"maxItems": 1}, "[1, 2]", "`x` must have at most 1 entries, not 2"),
        ({"maxProperties": 1}, "{a: 1, b: 2}", "`x` must have at most 1 fields, not 2"),
        ({"minLength": 2}, "a", "`x` must have at least 2 characters, not 1"),
        ({"pattern": "^a$"}, "b", "`x` is `b`, not of the form asked for"),
        ({"pattern": "^a$"}, '"a\\n"', "`x` is `a `, not of the form asked for"),
        ({"pattern": r"^\$[$]\d$"}, "$$१", "`x` is `$$१`, not of the form asked for"),
        ({"multipleOf": 2}, "3", "`x` is not valid: 3 is not a multiple of 2"),
        (
            {"patternProperties": {"^a": {}}, "additionalProperties": False},
            "{ab: 1, b: 2}",
            "unknown field `b`",
        ),
    ],
)
def test_other_keywords_are_told_too(
    scratch: Callable[..., None], rule: Any, written: str, message: str
) -> None:
    scratch(x=rule)

    (found,) = problems(f"x: {written}\n", "scratch")

    assert found[1] == message


# --- both validators, one verdict -------------------------------------------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["", "a", "a-b", "1.0.0", "1.0.0\n", "yes", f"sha256:{SHA}", SHA, "a==1", "\n"]
    )
    | st.text(max_size=4)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=4,
)


def places(value: Any, path: Path = ()) -> list[Path]:
    """The path of everything below `value`."""
    below: Any = ()
    if isinstance(value, dict):
        below = value.items()
    elif isinstance(value, list):
        below = enumerate(value)
    found = [place for key, item in below for place in places(item, (*path, key))]
    return [path, *found] if path else found


@st.composite
def mutants(draw: st.DrawFn, kind: str) -> Any:
    """An example of the schema with up to three things about it changed."""
    data = example(kind)
    for _ in range(draw(st.integers(0, 3))):
        known = places(data)
        if not known:
            break
        data = changed(data, draw(st.sampled_from(known)), draw(st.sampled_from(CHANGES))(draw))
    return data


def replaced(draw: st.DrawFn) -> Callable[[Any, Any], None]:
    value = draw(VALUES)
    return lambda holder, key: holder.__setitem__(key, value)


def removed(draw: st.DrawFn) -> Callable[[Any, Any], None]:
    return lambda holder, key: holder.pop(key)


def misspelt(draw: st.DrawFn) -> Callable[[Any, Any], None]:
    tail = draw(st.sampled_from(["", "x", "\n", " "]))

    def change(holder: Any, key: Any) -> None:
        if isinstance(holder, dict):
            holder[f"{key}{tail}"] = holder.pop(key)
        else:
            holder.append(deepcopy(holder[key]))

    return change


def lengthened(draw: st.DrawFn) -> Callable[[Any, Any], None]:
    tail = draw(st.sampled_from(["\n", " ", "/", "/..", "é", "-", "0", ".1"]))

    def change(holder: Any, key: Any) -> None:
        if isinstance(holder[key], str):
            holder[key] += tail

    return change


CHANGES = [replaced, removed, misspelt, lengthened]


@pytest.mark.parametrize("kind", DOCUMENTS)
@given(data=st.data())
def test_both_validators_come_to_the_same_verdict(kind: str, data: st.DataObject) -> None:
    value = data.draw(mutants(kind) | VALUES)

    sound = fast_validator(kind).is_valid(value)

    assert slow_validator(kind).is_valid(value) == sound
    found = validate(Document(file="x.yaml", data=value, text="", marks={}), kind)
    assert (found == ()) == sound
    assert all(re.search(r"\S", f"{p.message}{p.mend}") and "\n" not in p.message for p in found)


@pytest.mark.parametrize(
    ("kind", "build"), [("model", model_from), ("version", version_from), ("release", release_from)]
)
@given(data=st.data())
def test_what_a_schema_accepts_can_be_built(
    kind: str, build: Callable[[Any], Any], data: st.DataObject
) -> None:
    value = data.draw(mutants(kind))

    if fast_validator(kind).is_valid(value):
        assert build(value)


def test_an_example_of_an_entry_is_taken_from_that_of_the_list() -> None:
    text = b"keep_last: 3\npins: [tumor-classifier]\nrules: []\n"
    [problem] = validate(load(text, "x.yaml"), "retention")
    assert problem.path == ("pins", 0)
    assert problem.mend == 'write, for example, `"tumor-classifier@1.0.0"`. One version'


def test_every_mend_says_what_to_write() -> None:
    mends = {
        (kind, p.path): p.mend
        for kind in ("lifecycle", "roles", "checklists", "strategies")
        for p in validate(load(b"before: 7\n", "x.yaml"), kind)
    }
    assert mends["lifecycle", ("stages",)].startswith('add, for example, `stages: [{"name": "')
    assert all(mend.startswith(("add, for", "write, for", "remove")) for mend in mends.values())
