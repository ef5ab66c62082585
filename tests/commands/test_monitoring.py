"""`modelctl monitoring`: alerts and dashboards for what an environment serves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from modelctl.adapters.crds import validate
from modelctl.domain.alert_rules import FOLDER
from modelctl.services.monitoring import monitoring_files, served_now, write_monitoring
from support.alerting import run
from support.command_line import CommandLine
from support.journey import publish
from support.prometheus import tool
from support.renders import crd_folder
from support.world import MODEL, PROJECT, World

POLICY = "policies/metrics.yaml"
HERE = "  staging: {kind: local}\n"
THERE = "  staging: {kind: prometheus, url: 'http://127.0.0.1:9090', mesh: traefik}\n"


@pytest.fixture
def measured(served: World) -> World:
    """A Prometheus knows of staging."""
    text = (PROJECT / POLICY).read_text()
    assert HERE in text
    publish(served, "main", {POLICY: text.replace(HERE, THERE)})
    return served


def files_there(world: World) -> set[str]:
    """The files of the branch that watch what it runs."""
    repository = world.session().repository
    tree = repository.tree(repository.remote_first("env/staging"))
    return {entry.path for entry in tree.walk(FOLDER)}


def test_what_is_served_is_watched(
    measured: World, served: World, cli: CommandLine, tmp_path: Path
) -> None:
    objects = list(yaml.safe_load_all(cli("monitoring", "render", "staging")))
    assert [one["kind"] for one in objects] == [
        "AlertmanagerConfig",
        "ConfigMap",
        "PrometheusRule",
    ]
    assert {one["metadata"]["namespace"] for one in objects} == {"models-staging"}
    assert validate(objects[2:], crd_folder()) == ()
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": objects[2]["spec"]["groups"]}))
    code, said = run(tool("promtool"), "check", "rules", "rules.yaml", cwd=tmp_path)
    assert code == 0, said


def test_as_json_it_is_one_list_for_kubectl(
    measured: World, served: World, cli: CommandLine
) -> None:
    found = cli.json("monitoring", "render", "staging")
    assert (found["kind"], len(found["items"])) == ("List", 3)


@pytest.mark.parametrize("format_", ["yaml", "json"])
def test_files_are_written(
    measured: World, served: World, cli: CommandLine, tmp_path: Path, format_: str
) -> None:
    target = tmp_path / "out"
    assert cli("monitoring", "render", "staging", "--out", target, "--format", format_) == ""
    names = sorted(path.name for path in target.iterdir())
    assert names == [f"_environment.{format_}", f"{MODEL}.{format_}"]
    assert str(target / names[0]) in cli.error


def test_without_a_prometheus_there_is_nothing_to_evaluate_rules(
    served: World, cli: CommandLine
) -> None:
    message, mend = cli.fails("monitoring", "render", "staging")
    assert message.startswith("staging is measured by the router of this machine")
    assert "name a Prometheus for staging in sources of policies/metrics.yaml" in mend
    session = served.session()
    assert monitoring_files(session, served.transition("staging")) == {}


def test_the_files_of_the_branch_are_those_that_are_printed(
    measured: World, served: World, cli: CommandLine
) -> None:
    session, transition = served.session(), served.transition("staging")
    found = monitoring_files(session, transition)
    assert sorted(found) == [f"{FOLDER}/_environment.json", f"{FOLDER}/{MODEL}.json"]
    printed = [yaml.safe_load(text)["items"] for _, text in sorted(found.items())]
    objects = list(yaml.safe_load_all(cli("monitoring", "render", "staging")))
    assert objects == [one for items in printed for one in items]
    assert found == monitoring_files(session, transition, served_now(session, "staging"))
    assert monitoring_files(session, transition, ()) == {}


def test_the_branch_has_what_watches_it_and_nothing_else_there(
    measured: World, served: World
) -> None:
    session, transition = served.session(), served.transition("staging")
    before = served.show("origin/env/staging", f"{MODEL}/release.json")
    kept = write_monitoring(session, transition)
    assert (kept.commit is not None, kept.problems) == (True, ())
    written = served.show("origin/env/staging", f"{FOLDER}/{MODEL}.json")
    assert written == monitoring_files(session, transition)[f"{FOLDER}/{MODEL}.json"]
    assert served.show("origin/env/staging", f"{MODEL}/release.json") == before
    assert write_monitoring(served.session(), transition).commit == kept.commit
    publish(
        served, "env/staging", {f"{FOLDER}/{MODEL}.json": "{}", f"{FOLDER}/by-hand.json": "a: b\n"}
    )
    write_monitoring(served.session(), transition, [MODEL])
    assert served.show("origin/env/staging", f"{FOLDER}/{MODEL}.json") == written
    assert f"{FOLDER}/by-hand.json" in files_there(served)
    write_monitoring(served.session(), transition)
    assert files_there(served) == {f"{FOLDER}/_environment.json", f"{FOLDER}/{MODEL}.json"}
    publish(served, "main", {POLICY: (PROJECT / POLICY).read_text()})
    assert write_monitoring(served.session(), transition).problems == ()
    assert files_there(served) == set()


def test_an_environment_that_nobody_has(served: World, cli: CommandLine) -> None:
    for command in ("render", "check", "routes"):
        message, mend = cli.fails("monitoring", command, "stagin")
        assert message == "there is no environment stagin"
        assert "staging" in mend


def test_routes_are_printed_for_an_alertmanager_of_ones_own(
    served: World, cli: CommandLine
) -> None:
    every = yaml.safe_load(cli("monitoring", "routes"))
    assert len(every["route"]["routes"]) == 3
    one = cli.json("monitoring", "routes", "staging")
    assert [row["matchers"] for row in one["route"]["routes"]] == [['environment="staging"']]


def test_everything_that_the_policies_ask_for_is_checked(
    measured: World, served: World, cli: CommandLine
) -> None:
    tool("promtool")
    out = cli("monitoring", "check", "staging")
    assert out.startswith("✓ ")
    assert out.endswith("alerts for 1 model, promtool agrees\n")
    found = cli.json("monitoring", "check", "staging")
    assert found["problems"] == []
    assert (found["models"], found["promtool"]) == (1, True)
    assert found["alerts"] > 10


def test_without_promtool_it_says_so(
    measured: World, served: World, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelctl.adapters.promtool.shutil.which", lambda _: None)
    assert cli("monitoring", "check", "staging").endswith("without promtool\n")


def test_a_condition_that_cant_become_an_alert_is_told_with_its_line(
    measured: World, served: World, cli: CommandLine
) -> None:
    path = "policies/monitoring.yaml"
    text = served.show("origin/main", path)
    changed = text.replace("when: live.cpu_percent > 80.0", "when: live.requests / 2 > 80")
    assert changed != text
    publish(served, "main", {path: changed})
    line = changed.splitlines().index("    when: live.requests / 2 > 80") + 1
    out = cli("monitoring", "check", "staging", code=1)
    assert f"✗ {path}:{line}:" in out
    assert "divides whole numbers" in out
    assert out.endswith("1 problem\n")
    cli("monitoring", "render", "staging", code=1)
    assert "divides whole numbers" in cli.error


def test_people_are_led_to_the_page_that_says_what_to_do(
    measured: World, served: World, cli: CommandLine
) -> None:
    assert "runbook_url:" not in cli("monitoring", "render", "staging")
    publish(served, "main", {"docs/operating.md": "# Operating\n"})
    served.builder.git("remote", "set-url", "--push", "origin", "nowhere")
    served.builder.git("config", "remote.origin.url", "https://github.com/acme/models.git")
    out = cli("monitoring", "render", "staging")
    assert (
        "https://github.com/acme/models/blob/main/docs/operating.md#alerts-and-dashboards"
    ) in out
