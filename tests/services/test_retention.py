"""What was kept long enough is ended: once, by several at once, and never what is needed."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest

from modelctl.adapters.documents import dump
from modelctl.adapters.registry import MlflowRegistry
from modelctl.domain.history import REINSTATEMENT
from modelctl.domain.registry import ProjectedVersion, Projection
from modelctl.errors import ModelctlError
from modelctl.services.endings import Wish, end_version
from modelctl.services.ledger import ledger_rows
from modelctl.services.retention import apply, clean, expired, overview
from modelctl.services.whereabouts import whereabouts
from support.journey import bring, publish
from support.tracking import store, tumours, using
from support.world import MODEL, Template, World


@pytest.fixture(scope="session")
def _old_template(_served_template: Template, tmp_path_factory: pytest.TempPathFactory) -> Template:
    directory = tmp_path_factory.mktemp("old")
    world = _served_template.copy(directory)
    world.pulls = deepcopy(_served_template.world.pulls)
    for version in ("1.1.0", "1.2.0"):
        world.later(hours=1)
        bring(world, "dev", version)
    publish(world, "main", {"policies/retention.yaml": RULES})
    return Template(directory=directory, world=world)


RULES = dump(
    {
        "rules": [
            {"stage": "Validation", "keep": "14d", "then": "archive"},
            {"stage": "Archived", "keep": "365d", "then": "retire"},
        ]
    }
)


@pytest.fixture
def old(_old_template: Template, tmp_path: Path) -> World:
    """1.2.0 serves in dev after 1.0.0 and 1.1.0; the newest may expire as well."""
    world = _old_template.copy(tmp_path / "world")
    world.pulls, world.now = deepcopy(_old_template.world.pulls), _old_template.world.now
    return world


def ends(world: World) -> dict[str, str | None]:
    known = whereabouts(world.session(), MODEL)
    found = {version: known.ending(version) for version in known.versions}
    return {version: end.end if end else None for version, end in found.items()}


def applied(world: World) -> list[str]:
    return [one.standing.name for one in apply(world.session(), world.deployer.signer)]


def test_what_expired_is_archived_and_a_year_later_retired(old: World) -> None:
    assert applied(old) == []
    old.later(days=13)
    assert applied(old) == []
    old.later(days=1)
    assert applied(old) == [f"{MODEL}@1.0.0"]
    assert ends(old) == {"1.0.0": "archived", "1.1.0": None, "1.2.0": None}
    assert applied(old) == []
    old.later(days=365)
    assert applied(old) == []  # the year counts from the end of the day
    old.later(days=1)
    assert applied(old) == [f"{MODEL}@1.0.0"]
    assert ends(old)["1.0.0"] == "retired"
    assert applied(old) == []
    assert old.session().ledger.verify() == ()
    rows = [
        row for row in ledger_rows(old.session(), MODEL) if row.kind in ("archival", "retirement")
    ]
    assert [row.summary for row in rows] == [
        "by modelctl kept for 14 d in Validation, since 2026-11-20",
        "by modelctl kept for 365 d in Archived, since 2026-12-05",
    ]


def test_what_is_needed_never_expires(old: World) -> None:
    old.later(days=3000)
    assert [one.standing.name for one in expired(old.session())] == [f"{MODEL}@1.0.0"]
    by_version = {one.standing.version: one.standing.guards for one in overview(old.session())}
    assert by_version == {
        "1.0.0": (),
        "1.1.0": ("it is the rollback target of dev",),
        "1.2.0": ("it serves in dev", "ml releases it"),
    }
    assert expired(old.session(), ["fraud-detector"]) == ()


def test_a_pin_is_heeded_at_once(old: World) -> None:
    old.later(days=30)
    pins = RULES + f'pins: ["{MODEL}@1.0.0"]\n'
    publish(old, "main", {"policies/retention.yaml": pins})
    assert applied(old) == []


def test_two_at_once_say_it_once(old: World, tmp_path: Path) -> None:
    old.later(days=30)
    other = old.copy_clone(tmp_path / "other")
    one, two = old.session(), other.session()  # both have looked before either writes
    assert len(apply(one, old.deployer.signer)) == 1
    other.later(hours=1)
    assert len(apply(two, old.deployer.signer)) == 1
    kinds = [row.kind for row in ledger_rows(old.session(), MODEL)]
    assert kinds.count("archival") == 1


def test_what_was_reinstated_is_not_taken_away_the_next_day(old: World) -> None:
    old.later(days=30)
    applied(old)
    located = old.locate("1.0.0", "origin/ml")
    wish = Wish(kind=REINSTATEMENT, reason="still asked for", by="ada")
    end_version(old.session(), located, wish, old.deployer.signer)
    old.later(days=1)
    assert applied(old) == []
    old.later(days=14)
    assert applied(old) == [f"{MODEL}@1.0.0"]


def test_a_key_that_may_not_end_anything_ends_nothing(old: World) -> None:
    old.later(days=30)
    with pytest.raises(ModelctlError, match="may not sign archival"):
        apply(old.session(), old.ci.signer)
    assert ends(old)["1.0.0"] is None


# The registry


@pytest.fixture
def registered(old: World) -> Iterator[str]:
    """A real registry that holds the three versions, as deploys leave it."""
    known = whereabouts(old.session(), MODEL)
    versions = tuple(
        ProjectedVersion(
            version=version, digest=digest, source=f"models:/{tumours().model_id}", stage="x"
        )
        for version, digest in sorted(known.versions.items())
    )
    MlflowRegistry(store()).project(
        Projection(model=MODEL, versions=versions, aliases={"dev": "1.2.0"})
    )
    yield store()
    with using(store()):
        from mlflow import MlflowClient

        MlflowClient().delete_registered_model(MODEL)


def there(uri: str) -> set[str]:
    state = MlflowRegistry(uri).state(MODEL)
    return {one.tags["modelctl.version"] for one in state.versions}


def retire(world: World) -> None:
    world.later(days=30)
    applied(world)
    world.later(days=400)
    applied(world)


def test_only_what_is_retired_leaves_the_registry(old: World, registered: str) -> None:
    assert clean(old.session, registered).removed == ()
    assert there(registered) == {"1.0.0", "1.1.0", "1.2.0"}
    retire(old)
    done = clean(old.session, registered)
    assert (done.removed, done.left) == ((f"{MODEL}@1.0.0",), ())
    assert there(registered) == {"1.1.0", "1.2.0"}
    assert clean(old.session, registered).removed == ()  # again, as after a kill


def test_what_is_pinned_since_it_was_retired_stays(old: World, registered: str) -> None:
    """Each version is looked at anew right before it goes."""
    retire(old)
    calls = []

    def refresh():  # type: ignore[no-untyped-def]
        calls.append(1)
        if len(calls) == 2:
            pins = RULES + f'pins: ["{MODEL}@1.0.0"]\n'
            publish(old, "main", {"policies/retention.yaml": pins})
        return old.session()

    done = clean(refresh, registered)
    assert done.left == (f"{MODEL}@1.0.0 stays: it is pinned",)
    assert there(registered) == {"1.0.0", "1.1.0", "1.2.0"}


def test_what_an_alias_points_at_stays(old: World, registered: str) -> None:
    retire(old)
    state = MlflowRegistry(registered).state(MODEL)
    [number] = [o.number for o in state.versions if o.tags["modelctl.version"] == "1.0.0"]
    with using(registered):
        from mlflow import MlflowClient

        MlflowClient().set_registered_model_alias(MODEL, "champion", number)
    [left] = clean(old.session, registered).left
    assert left == f"{MODEL}@1.0.0: alias champion of {MODEL} points at 1.0.0"
    assert "1.0.0" in there(registered)


def test_an_entry_that_is_not_ours_stays(old: World, registered: str) -> None:
    retire(old)
    state = MlflowRegistry(registered).state(MODEL)
    [number] = [o.number for o in state.versions if o.tags["modelctl.version"] == "1.0.0"]
    with using(registered):
        from mlflow import MlflowClient

        MlflowClient().set_model_version_tag(MODEL, number, "modelctl.digest", "f" * 64)
    assert clean(old.session, registered).removed == ()
    assert "1.0.0" in there(registered)


def test_a_registry_that_is_down_is_left_for_the_next_run(
    old: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    retire(old)
    done = clean(old.session, "http://127.0.0.1:9")
    assert done.removed == ()
    [left] = done.left
    assert left.startswith(f"{MODEL}@1.0.0: MLflow at http://127.0.0.1:9 gave no answer")
