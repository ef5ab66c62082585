"""Settings, labels, plans: what is there, what is wanted, and the steps between them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.rulesets import resolved, rulesets
from modelctl.domain.settings import is_ours, labels, settings_from
from modelctl.domain.settings_found import FoundEnvironment, Snapshot, found, unseen
from modelctl.domain.settings_plan import (
    Action,
    Field,
    Kind,
    Plan,
    Thing,
    make_plan,
    ordered,
    wanted,
)
from support.governed import SETTINGS, policy, settings

IDS = {"platform": 1, "ml-leads": 2, "ml-team": 3, "oncology-ml": 4}
APPS = {"gate": 11, "deploy": 22}


def env(name: str, **changes: Any) -> FoundEnvironment:
    raw = {
        "name": name,
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
    }
    fields: dict[str, Any] = {"policies": ({"id": 1, "name": "main", "type": "branch"},)}
    return FoundEnvironment(raw={**raw, **changes.pop("raw", {})}, **{**fields, **changes})


def snapshot(**changes: Any) -> Snapshot:
    """GitHub as the settings want it, with all that it adds of its own."""
    made = [
        {"id": n, "source_type": "Repository", "current_user_can_bypass": "never",
         **resolved(one, IDS, APPS)}
        for n, one in enumerate(rulesets(policy(), settings()).values())
    ]  # fmt: skip
    fields: dict[str, Any] = {
        "repository": {"id": 1, "private": True, **settings().repository},
        "permissions": {"enabled": True, "allowed_actions": "selected",
                        "sha_pinning_required": True, "selected_actions_url": "u"},
        "selected": {"github_owned_allowed": True, "verified_allowed": False,
                     "patterns_allowed": ["b/*", "a/*"]},
        "token": {"default_workflow_permissions": "read",
                  "can_approve_pull_request_reviews": False},
        "labels": tuple(
            {"id": 1, "name": one.name, "color": one.colour, "description": one.description}
            for one in labels(settings(), policy().lifecycle)
        ),
        "teams": ({"slug": "platform", "permission": "maintain"}, *(
            {"slug": slug, "permission": "push"} for slug in ("ml-team", "ml-leads", "oncology-ml")
        )),
        "team_ids": IDS,
        "environments": (
            env("gates", secrets=("MODELCTL_APP_KEY",), variables=("MODELCTL_APP_ID",)),
            env("deploy", secrets=("MODELCTL_APP_KEY",)),
        ),
        "rulesets": tuple(made),
    }  # fmt: skip
    return Snapshot(**{**fields, **changes})


def plan(one: Snapshot, **changes: Any) -> Plan:
    want = wanted(policy(), settings(**changes), one.team_ids)
    return make_plan(want, found(one, want, settings(**changes).apps))


def told(made: Plan) -> list[tuple[str, str, str]]:
    return [(step.action.value, step.thing.kind.value, step.thing.name) for step in made.steps]


def test_nothing_to_do_where_all_is_as_it_should_be() -> None:
    made = plan(snapshot())
    assert told(made) == []
    assert made.in_force == len(wanted(policy(), settings(), IDS))
    assert made.doable == ()


def test_a_bare_repository_gets_everything_in_an_order_that_shuts_last() -> None:
    bare = snapshot(labels=(), teams=(), environments=(), rulesets=(), selected={},
                    permissions={"enabled": True, "allowed_actions": "all"})  # fmt: skip
    made = plan(bare)
    kinds = [step.thing.kind for step in made.doable]
    assert kinds == sorted(kinds, key=list(Kind).index)
    assert kinds[-1] is Kind.RULESET
    assert made.count(Action.CREATE) + made.count(Action.CHANGE) == len(made.doable)
    assert [step.thing.waits for step in made.steps if step.action is Action.WAIT] == [
        "put the secret MODELCTL_APP_KEY into the environment gates: "
        "`gh secret set MODELCTL_APP_KEY --env gates < FILE`",
        "put the variable MODELCTL_APP_ID into the environment gates: "
        "`gh variable set MODELCTL_APP_ID --env gates`",
        "put the secret MODELCTL_APP_KEY into the environment deploy: "
        "`gh secret set MODELCTL_APP_KEY --env deploy < FILE`",
    ]


def test_a_variable_of_the_repository_itself_waits_until_it_is_there() -> None:
    named = {"repository": {**SETTINGS.get("repository", {}), "variables": ["MLFLOW_TRACKING_URI"]}}
    one = settings_from({**SETTINGS, **named})
    assert "variables" not in one.repository
    want = wanted(policy(), one, IDS)

    def steps(there: Snapshot) -> list[tuple[str, str | None]]:
        made = make_plan(want, found(there, want, one.apps))
        return [(step.thing.name, step.thing.waits) for step in made.steps]

    waits = "set the variable MLFLOW_TRACKING_URI of the repository: "
    waits += "`gh variable set MLFLOW_TRACKING_URI`"
    assert steps(snapshot()) == [("MLFLOW_TRACKING_URI", waits)]
    assert steps(snapshot(variables=("MLFLOW_TRACKING_URI", "OTHER"))) == []


def test_a_change_tells_each_field() -> None:
    other = {**settings().repository, "allow_squash_merge": True}
    (step,) = plan(snapshot(repository=other)).steps
    assert step.action is Action.CHANGE
    assert step.fields == (Field(path="allow_squash_merge", old=True, new=False),)


def test_a_deep_change_of_a_ruleset_is_told_by_its_path() -> None:
    rows = list(snapshot().rulesets)
    main = next(row for row in rows if "into main" in row["name"])
    rules = [
        {**rule, "parameters": {**rule["parameters"], "required_approving_review_count": 0}}
        if rule["type"] == "pull_request"
        else rule
        for rule in main["rules"]
        if rule["type"] != "deletion"
    ]
    changed = [{**row, "rules": rules} if row is main else row for row in rows]
    (step,) = plan(snapshot(rulesets=tuple(changed))).steps
    assert {field.path: (field.old, field.new) for field in step.fields} == {
        "rules.deletion": (None, "on"),
        "rules.pull_request.required_approving_review_count": (0, 1),
    }


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"enforcement": "disabled"}, "enforcement"),
        ({"target": "tag"}, "target"),
        ({"bypass_actors": [{"actor_id": 5, "actor_type": "Team", "bypass_mode": "always"}]},
         "bypass"),
        ({"conditions": {"ref_name": {"include": ["~ALL"], "exclude": []}}}, "refs.include"),
        ({"conditions": None}, "refs.include"),
    ],
)  # fmt: skip
def test_every_way_of_weakening_a_ruleset_is_drift(change: dict[str, Any], path: str) -> None:
    first, *rest = snapshot().rulesets
    (step,) = plan(snapshot(rulesets=({**first, **change}, *rest))).steps
    assert [field.path for field in step.fields] == [path]


def test_a_check_that_is_pinned_to_another_app_is_drift() -> None:
    first, *rest = snapshot().rulesets
    for number in (99, None):
        check = {"context": "promotion-gate", "integration_id": number}
        rules = [
            {**rule, "parameters": {**rule["parameters"], "required_status_checks": [check]}}
            if rule["type"] == "required_status_checks"
            else rule
            for rule in first["rules"]
        ]
        (step,) = plan(snapshot(rulesets=({**first, "rules": rules}, *rest))).steps
        (field,) = step.fields
        assert field.old == [{"context": "promotion-gate", "integration_id": number}]


def test_a_rule_that_nobody_wants_is_drift() -> None:
    first, *rest = snapshot().rulesets
    more = {**first, "rules": [*first["rules"], {"type": "required_signatures"}]}
    (step,) = plan(snapshot(rulesets=(more, *rest))).steps
    assert step.fields == (Field(path="rules.required_signatures", old="on", new=None),)
    odd = {**first, "rules": [*first["rules"], {"type": "max_file_size", "parameters": {"x": 1}}]}
    (step,) = plan(snapshot(rulesets=(odd, *rest))).steps
    assert step.fields == (Field(path="rules.max_file_size", old="on", new=None),)


def test_what_github_adds_to_a_rule_is_no_drift() -> None:
    first, *rest = snapshot().rulesets
    rules = [
        {**rule, "parameters": {**rule["parameters"], "a_new_switch": True}}
        if "parameters" in rule
        else {**rule, "parameters": None}
        for rule in first["rules"]
    ]
    assert told(plan(snapshot(rulesets=({**first, "rules": rules}, *rest)))) == []


def hidden(**changes: Any) -> Snapshot:
    """GitHub as it shows itself to who may not change the rules."""
    return snapshot(
        rulesets=tuple(
            {key: value for key, value in {**row, **changes}.items() if key != "bypass_actors"}
            for row in snapshot().rulesets
        )
    )


def test_who_may_bypass_is_not_compared_where_it_is_hidden() -> None:
    assert told(plan(hidden())) == []
    assert len(unseen(hidden())) == len(hidden().rulesets)
    assert unseen(hidden(updated_at="2026-11-20")) != unseen(hidden(updated_at="2026-11-21"))
    assert unseen(snapshot()) == ()


def test_an_account_that_bypasses_what_nobody_may_is_drift() -> None:
    steps = plan(hidden(current_user_can_bypass="always")).steps
    closed = [row for row in snapshot().rulesets if not row["bypass_actors"]]
    assert [step.thing.name for step in steps] == [row["name"] for row in closed]
    assert {(one.path, *one.old) for step in steps for one in step.fields} == {
        ("bypass", "this account")
    }


def test_only_what_is_ours_is_deleted() -> None:
    label = {"color": "ffffff", "description": None}
    rows = (*snapshot().labels, {"name": "stage: Old", **label}, {"name": "bug", **label})
    others = tuple({**row, "name": name} for row, name in
                   zip(snapshot().rulesets, ["modelctl: old", "theirs"], strict=False))  # fmt: skip
    teams = (*snapshot().teams, {"slug": "guests", "permission": "pull"})
    one = snapshot(labels=rows, rulesets=(*snapshot().rulesets, *others), teams=teams)
    assert told(plan(one)) == [
        ("delete", "label", "stage: Old"),
        ("delete", "ruleset", "modelctl: old"),
    ]


@pytest.mark.parametrize(
    ("one", "old"),
    [
        (env("gates", raw={"deployment_branch_policy": None}), ["any branch"]),
        (env("gates", raw={"deployment_branch_policy": {
            "protected_branches": True, "custom_branch_policies": False}}),
         ["every protected branch"]),
        (env("gates", policies=({"id": 1, "name": "main"}, {"id": 2, "name": "*"})), ["*", "main"]),
        (env("gates", policies=({"id": 1, "name": "main", "type": "tag"},)), ["tag main"]),
        (env("gates", policies=()), []),
    ],
)  # fmt: skip
def test_an_environment_that_other_branches_reach_is_drift(
    one: FoundEnvironment, old: list[str]
) -> None:
    steps = plan(snapshot(environments=(one, snapshot().environments[1]))).doable
    (field,) = steps[0].fields
    assert (field.old, field.new) == (old, ["main"])


def test_the_teams_of_roles_and_owners_may_push() -> None:
    made = plan(snapshot(teams=()))
    assert {step.thing.name: step.fields[0].new for step in made.steps} == {
        "platform": "maintain", "ml-team": "push", "ml-leads": "push", "oncology-ml": "push",
    }  # fmt: skip


def test_what_lacks_an_id_waits_for_a_person() -> None:
    one = snapshot(team_ids={}, teams=(), rulesets=())
    made = plan(one, apps={"gate": {"id": None}, "deploy": {"id": None}})
    waits = {step.thing.name: step.thing.waits for step in made.steps if step.action is Action.WAIT}
    assert waits["ml-team"] == "@acme/ml-team can't be seen: create it, or let this account see it"
    name = "modelctl: into main by reviewed pull request"
    assert waits[name] == (
        "@acme/ml-leads and @acme/platform can't be seen: create it, or let this account see it; "
        "create the gate App and write its id to apps.gate.id"
    )
    assert not any("stay" in str(name) or "only ever grow" in name for name in waits)


def test_labels_follow_the_lifecycle() -> None:
    found_ = {one.name: one for one in labels(settings(), policy().lifecycle)}
    assert found_["stage: Staging"].colour == "1d76db"
    assert found_["gate: ready"].colour == "0e8a16"
    assert found_["gate: blocked"].colour == "ededed"
    assert found_["deployed: production"].description == "Serves in production"
    assert found_["x"].description == ""
    assert len(found_) == 9 + 3 + 3 + 1
    assert [is_ours(name) for name in ("stage: a", "gate: b", "deployed: c", "x")] == [
        True, True, True, False,
    ]  # fmt: skip


def test_settings_that_say_the_least() -> None:
    least = {name: SETTINGS[name] for name in ("organisation", "apps", "environments")}
    one = settings_from(least)
    assert one.repository["allow_squash_merge"] is False
    assert one.actions.pinned
    assert one.environments[1].variables == ()
    assert (one.teams, one.own_labels, dict(one.colours)) == ({}, (), {})


VALUES = st.recursive(
    st.one_of(st.integers(0, 3), st.booleans(), st.text("ab", max_size=2)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text("xy", min_size=1, max_size=2), inner, max_size=3),
    ),
    max_leaves=6,
)  # fmt: skip
FIELDS = st.dictionaries(st.text("xyz", min_size=1, max_size=2), VALUES, max_size=4)


@given(FIELDS, FIELDS)
def test_a_plan_is_empty_exactly_where_both_sides_agree(old: Any, new: Any) -> None:
    def thing(fields: Any) -> Thing:
        return Thing(kind=Kind.LABEL, name="gate: x", fields=fields)

    made = make_plan([thing(new)], [thing(old)])
    assert (made.steps == ()) == (old == new)
    assert make_plan([thing(new)], [thing(new)]).steps == ()
    assert make_plan([thing(new)], []).steps[0].action is Action.CREATE
    assert make_plan([], [thing(old)]).steps[0].action is Action.DELETE


@given(VALUES)
def test_order_is_nothing(value: Any) -> None:
    def reverse(one: Any) -> Any:
        if isinstance(one, dict):
            return {key: reverse(one[key]) for key in reversed(one)}
        return [reverse(item) for item in reversed(one)] if isinstance(one, list) else one

    assert ordered(value) == ordered(reverse(value))
