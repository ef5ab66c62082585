"""Policies: read whole, or refused with every problem, each with its file, line and mend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest

from modelctl.adapters.policies import PolicyError, load_policy
from modelctl.adapters.signing_keys import key_document
from modelctl.domain.policy import ApprovalRule, Policy
from modelctl.errors import EXIT_USAGE
from support.keys import NOW, person
from support.trees import MemoryTree
from support.world import PROJECT

COMMIT = "f" * 40
LIFECYCLE, ROLES = "policies/lifecycle.yaml", "policies/roles.yaml"
STRATEGIES, OWNERSHIP = "policies/strategies.yaml", "policies/ownership.yaml"
GATES = "policies/gates"


def product() -> dict[str, bytes]:
    """The policies that the product comes with."""
    files = sorted((PROJECT / "policies").rglob("*"))
    return {str(p.relative_to(PROJECT)): p.read_bytes() for p in files if p.is_file()}


def key(name: str = "ci", *, public: str | None = None, environment: str = "offline") -> bytes:
    """The file of a key that may sign evaluations."""
    return key_document(
        name,
        owner="ml-platform",
        public=public or person().trusted.public,
        valid_from=NOW,
        valid_until=NOW + timedelta(days=365),
        kinds=["evaluation"],
        environments=[environment],
    ).encode()


def loaded(files: Mapping[str, bytes | None]) -> Policy:
    """The product's policies with these files written, or taken away where they are None."""
    present = {path: data for path, data in (product() | files).items() if data is not None}
    return load_policy(MemoryTree(present), COMMIT)


def problems(files: Mapping[str, bytes | None]) -> list[tuple[str, int, str, str]]:
    """File, line, message and mend of everything that is wrong."""
    with pytest.raises(PolicyError) as caught:
        loaded(files)
    found = [(p.location.file, p.location.line, p.message, p.mend) for p in caught.value.problems]
    return [(file, line, message, mend or "") for file, line, message, mend in found]


def test_the_policies_of_the_product_are_sound() -> None:
    policy = loaded({})
    assert policy.commit == COMMIT
    assert policy.lifecycle.environments == ("dev", "staging", "production")
    assert [t.source for t in policy.lifecycle.transitions] == [None, "dev", "staging"]
    assert policy.rule_approvals == (ApprovalRule(role="platform"),)
    assert policy.default_strategies["critical"] == "blue-green"
    [canary] = [s for s in policy.strategies.values() if s.name == "canary-day"]
    assert [(s.weight, s.duration, s.requests) for s in canary.steps] == [
        (10, timedelta(days=1), 10000),
        (100, timedelta(hours=1), 1000),
    ]


def test_a_gate_keeps_where_it_and_its_rules_stand() -> None:
    [gate] = [g for g in loaded({}).gates if g.name == "size"]
    text = product()[f"{GATES}/performance.yaml"].decode().splitlines()
    assert text[gate.location.line - 1].strip() == "size:"
    assert gate.max_age == timedelta(days=90)
    first, second = gate.rules
    assert first.expression.source in text[first.location.line - 1]
    assert second.expression.source in text[second.location.line - 1]
    assert first.mend == "prune, quantise or distil the model"
    assert gate.rules[0].expression.names == ("version.size_mb",)


def test_keys_are_read_and_other_files_beside_them_left_alone() -> None:
    policy = loaded({"policies/keys/ci.yaml": key(), "policies/keys/NOTES.md": b"# Notes\n"})
    assert [(k.name, k.kinds) for k in policy.keys] == [("ci", ("evaluation",))]


def test_branches_of_machines_may_have_other_names() -> None:
    more = b'\nstate_branch: "state/{environment}"\nledger_branch: history\n'
    policy = loaded({LIFECYCLE: product()[LIFECYCLE] + more})
    assert policy.lifecycle.state_branch == "state/{environment}"
    assert policy.lifecycle.ledger_branch == "history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One edit of one file, the line that the problem must point at, and what it must say."""

    file: str
    old: str
    new: str
    at: str
    """Text that stands on the line that is meant, after the edit."""
    message: str
    mend: str


QUALITY, INTEGRITY = f"{GATES}/quality.yaml", f"{GATES}/integrity.yaml"
F1 = "evidence.metrics.f1_score >= 0.85"
REVIEWS, TESTS = f"{GATES}/reviews.yaml", f"{GATES}/tests.yaml"
SOAK = "    check: soak\n    with: {minimum: 24h}"
BUMP = "    check: version-bump\n"

WRONG = {
    # Rules: the Common Expression Language, checked against the declared facts.
    "an unknown fact": Wrong(
        file=QUALITY, old=F1, new="evidence.metric.f1_score >= 0.85", at="evidence.metric.f1",
        message="column 16: undeclared reference to 'evidence.metric.f1_score'",
        mend="did you mean evidence.metrics",
    ),
    "a fact of another kind of evidence": Wrong(
        file=QUALITY, old=F1, new="evidence.throughput_rps >= 100.0", at="throughput_rps",
        message="undeclared reference to 'evidence.throughput_rps'", mend="did you mean",
    ),
    "an unknown root": Wrong(
        file=QUALITY, old=F1, new="evidnce.passed", at="evidnce",
        message="undeclared reference to 'evidnce.passed'", mend="did you mean evidence.passed",
    ),
    "text compared with a number": Wrong(
        file=QUALITY, old=F1, new='evidence.metrics.f1_score >= "0.85"', at='>= "0.85"',
        message="column 27: >= can't be applied to double, string",
        mend="compare values of one type; `modelctl policy facts` lists the types",
    ),
    "a whole number where a decimal one must stand": Wrong(
        file=QUALITY, old=F1, new="evidence.metrics.f1_score >= 1", at="f1_score >= 1",
        message="column 27: >= can't be applied to double, int", mend="write 100.0 for 100",
    ),
    "a rule that is no condition": Wrong(
        file=QUALITY, old=F1, new="evidence.metrics.f1_score", at="rule: evidence.metrics.f1_score",
        message="the rule gives a double, not true or false", mend="compare it with something",
    ),
    "a rule that can't be read": Wrong(
        file=QUALITY, old=F1, new="evidence.metrics.f1_score >=", at="f1_score >=",
        message="column 29: Syntax error: mismatched input '<EOF>'",
        mend="rules are in the Common Expression Language: https://cel.dev",
    ),
    "an endless rule": Wrong(
        file=QUALITY, old=F1, new=" || ".join(["evidence.passed"] * 150), at="|| evidence.passed",
        message="the rule is longer than 2000 characters", mend="split it",
    ),
    # Gates.
    "an unknown field of a gate": Wrong(
        file=QUALITY, old="min_sample: 100", new="min_samples: 100", at="min_samples",
        message="min_samples", mend="min_sample",
    ),
    "an unknown field of a rule": Wrong(
        file=QUALITY, old="        because: classification models need F1", at="becuase",
        new="        becuase: classification models need F1",
        message="becuase", mend="because",
    ),
    "an unknown check": Wrong(
        file=INTEGRITY, old="check: quarantine", new="check: quarantin", at="check: quarantin",
        message="quarantin", mend="quarantine",
    ),
    "an unknown environment of a gate": Wrong(
        file=TESTS, old="environments: [production]", new="environments: [prod]", at="[prod]",
        message="there is no environment prod",
        mend="the environments are dev, staging, production",
    ),
    "an unknown task": Wrong(
        file=QUALITY, old="{tasks: [classification]}", new="{tasks: [clasification]}",
        at="clasification", message="there is no task clasification",
        mend="the tasks are classification, regression",
    ),
    "an unknown tier": Wrong(
        file=REVIEWS, old="tiers: [critical]", new="tiers: [crucial]", at="crucial",
        message="there is no tier crucial",
        mend="the tiers are critical, standard, experimental",
    ),
    "an unknown target": Wrong(
        file=REVIEWS, old="tiers: [critical]", new="targets: [kserv]", at="kserv",
        message="there is no target kserv", mend="the targets are kserve, argo-rollouts",
    ),
    "evidence from an unknown environment": Wrong(
        file=TESTS, old="environment: [source]", new="environment: [preprod]", at="preprod",
        message="there is no environment preprod",
        mend="the environments are dev, staging, production, offline, source, target",
    ),
    "a gate that judges nothing": Wrong(
        file=INTEGRITY, old=BUMP, new="", at="version-bump:",
        message="the gate judges nothing", mend="give it a check, or evidence with rules",
    ),
    "a soak without a minimum": Wrong(
        file=TESTS, old=SOAK, new="    check: soak", at="soak:",
        message="check soak needs minimum", mend="add with: {minimum: 24h}",
    ),
    "a soak of no span": Wrong(
        file=TESTS, old="minimum: 24h", new="minimum: 24", at="minimum: 24",
        message="24 can't be minimum", mend="write minimum: 24h",
    ),
    "reviews without approvals": Wrong(
        file=REVIEWS, old="      approvals:\n", new="      approval:\n", at="manual-reviews:",
        message="check reviews needs approvals",
        mend="add with: {approvals: [{role: security, count: 1}]}",
    ),
    "reviews by nobody": Wrong(
        file=REVIEWS, old="{role: devops, count: 1}", new="{count: 1}", at="approvals:",
        message="can't be approvals", mend="write approvals: [{role: security, count: 1}]",
    ),
    "reviews by an unknown role": Wrong(
        file=REVIEWS, old="role: devops", new="role: dev-ops", at="dev-ops",
        message="there is no role dev-ops", mend="the roles are ml-team, ml-lead, platform",
    ),
    "an unknown option of a check": Wrong(
        file=INTEGRITY, old="tolerance: 0.01", new="tolerence: 0.01", at="tolerence",
        message="check claims takes no tolerence", mend="it takes tolerance",
    ),
    "an option of no check": Wrong(
        file=INTEGRITY, old=BUMP, new=f"{BUMP}    with: {{strict: true}}\n", at="strict",
        message="check version-bump takes no strict", mend="remove it",
    ),
    "an option of another type": Wrong(
        file=INTEGRITY, old="tolerance: 0.01", new="tolerance: a little", at="a little",
        message="'a little' can't be tolerance", mend="write tolerance: 0.01",
    ),
    "an option that is neither true nor false": Wrong(
        file=QUALITY, old="      minimum: 0.80\n", at="allow_small",
        new="      minimum: 0.80\n      allow_small: some\n",
        message="'some' can't be allow_small", mend="write allow_small: true",
    ),
    "one name where a list must stand": Wrong(
        file=INTEGRITY, old="forbid: [.pkl, .pickle, .joblib, .dill, .marshal]", new="forbid: .pkl",
        at="forbid: .pkl", message="'.pkl' can't be forbid", mend="write forbid: [.pkl]",
    ),
    "rules beside a check, which nobody would judge": Wrong(
        file=INTEGRITY, old=BUMP, at="require:",
        new=f"{BUMP}    require: [{{rule: version.size_mb < 9.0, because: small}}]\n",
        message="check version-bump judges no rules", mend="give the rules a gate of their own",
    ),
    "a check over evidence without any": Wrong(
        file=INTEGRITY, old="    check: features\n    evidence: evaluation\n    max_age: 90d\n",
        new="    check: features\n", at="features:",
        message="check features needs evidence", mend="add evidence: evaluation",
    ),
    "evidence that the check doesn't look at": Wrong(
        file=INTEGRITY, old=BUMP, new=f"{BUMP}    evidence: evaluation\n", at="evidence: eval",
        message="check version-bump looks at no evidence", mend="remove evidence",
    ),
    "a sample that the check doesn't ask for": Wrong(
        file=INTEGRITY, old="    check: claims\n", new="    check: claims\n    min_sample: 100\n",
        at="min_sample", message="check claims asks for no min_sample",
        mend="ask for it in a gate with rules",
    ),
    "an age of no evidence": Wrong(
        file=QUALITY, old="gates:\n", at="max_age: 1d",
        new="gates:\n  tags:\n    title: x\n    max_age: 1d\n    require:\n"
        '      - {rule: "\'team\' in version.tags", because: y}\n',
        message="max_age is about evidence, and the gate has none", mend="add evidence",
    ),
    # The lifecycle.
    "an unknown stage": Wrong(
        file=LIFECYCLE, old="stage: Staging", new="stage: Stagging", at="Stagging",
        message="there is no stage Stagging", mend="the stages are Development, ",
    ),
    "an unknown first stage": Wrong(
        file=LIFECYCLE, old="initial_stage: Development", new="initial_stage: Dev",
        at="initial_stage", message="there is no stage Dev", mend="the stages are Development, ",
    ),
    "an unknown role of a step": Wrong(
        file=LIFECYCLE, old="role: ml-team", new="role: ml-teem", at="ml-teem",
        message="there is no role ml-teem", mend="the roles are ml-team, ml-lead, platform",
    ),
    "an unknown role for rules": Wrong(
        file=LIFECYCLE, old="rule_approvals:\n  - {role: platform", at="platfrom",
        new="rule_approvals:\n  - {role: platfrom",
        message="there is no role platfrom", mend="the roles are ",
    ),
    "steps out of order": Wrong(
        file=LIFECYCLE, old="from: ml\n", new="from: feature/*\n", at="from: feature/*",
        message="the step before ends at ml, not at feature/*",
        mend="list the steps in the order in which a version takes them",
    ),
    "two steps into one environment": Wrong(
        file=LIFECYCLE, old="environment: staging", new="environment: dev", at="from: ml",
        message="dev is the end of two steps",
        mend="give each step a branch and an environment of its own",
    ),
    "a state branch with something else to fill in": Wrong(
        file=LIFECYCLE, old="initial_stage", at="state_branch",
        new='state_branch: "{environment}/{model}"\ninitial_stage',
        message="not a state branch", mend="env/{environment}",
    ),
    "an approval by none": Wrong(
        file=LIFECYCLE, old="{role: ml-team, count: 1}", new="{role: ml-team, count: 0}",
        at="count: 0", message="count", mend="1",
    ),
    "one state branch for all environments": Wrong(
        file=LIFECYCLE, old="initial_stage", new="state_branch: env\ninitial_stage",
        at="state_branch", message="not a state branch", mend="env/{environment}",
    ),
    "a state branch that people merge into": Wrong(
        file=LIFECYCLE, old="default_branch: main", at="state_branch",
        new="state_branch: env/{environment}\ndefault_branch: env/dev",
        message="env/dev is a branch that people merge into",
        mend="write state_branch: env/{environment}",
    ),
    "a ledger on a branch of people": Wrong(
        file=LIFECYCLE, old="initial_stage", new="ledger_branch: develop\ninitial_stage",
        at="ledger_branch", message="develop is the branch of something else",
        mend="write ledger_branch: ledger",
    ),
    # Strategies.
    "an unknown default strategy": Wrong(
        file=STRATEGIES, old="standard: blue-green", new="standard: blue", at="standard: blue",
        message="there is no strategy blue", mend="the strategies are immediate, blue-green",
    ),
    "a canary without steps": Wrong(
        file=STRATEGIES, old="    kind: blue-green\n", new="    kind: canary\n", at="  blue-green:",
        message="a strategy of kind canary needs steps", mend="add steps",
    ),
    "a switch with steps": Wrong(
        file=STRATEGIES, old="  shadow-week:\n    kind: shadow", at="shadow-week",
        new="  shadow-week:\n    kind: blue-green",
        message="a strategy of kind blue-green takes no steps", mend="remove steps",
    ),
    "a step of no span": Wrong(
        file=STRATEGIES, old="duration: 7d", new="duration: a week", at="a week",
        message="duration", mend='write, for example, `duration: "1h"`',
    ),
    # People.
    "a role for the models of no team": Wrong(
        file=ROLES, old="    team: ml-leads\n    members: []", at="oncolgy",
        new="    members_by_owner: {oncolgy: [lena]}",
        message="there is no team oncolgy", mend="the teams are ml-platform",
    ),
    "a responsibility of no role": Wrong(
        file=OWNERSHIP, old="rollback: platform", new="rollback: sre", at="rollback: sre",
        message="there is no role sre", mend="the roles are ",
    ),
    "one login twice": Wrong(
        file=ROLES, old="    team: ml-leads\n    members: []", new="    members: [ada, ada]",
        at="[ada, ada]", message="members", mend="",
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_its_line_and_its_mend(wrong: Wrong) -> None:
    text = product()[wrong.file].decode()
    assert wrong.old in text
    edited = text.replace(wrong.old, wrong.new, 1)
    lines = [n for n, line in enumerate(edited.splitlines(), 1) if wrong.at in line]
    found = problems({wrong.file: edited.encode()})
    about = [
        (file, line, message, mend)
        for file, line, message, mend in found
        if wrong.message in message and wrong.mend in mend and line in lines
    ]
    assert about, found
    assert {file for file, *_ in about} == {wrong.file}
    assert all(mend for _, _, _, mend in found), found


def test_a_gate_over_two_files_may_stand_only_once() -> None:
    again = b"gates:\n  latency:\n    title: x\n    check: metadata\n"
    [(file, line, message, mend)] = problems({f"{GATES}/zz.yaml": again})
    assert (file, line) == (f"{GATES}/zz.yaml", 2)
    assert message == "gate latency is declared twice"
    assert mend == f"the other one is at {GATES}/performance.yaml:19:3"


def test_one_key_in_two_files_is_told_once() -> None:
    public = person().trusted.public
    keys = {f"policies/keys/{n}.yaml": key(n, public=public) for n in ("a", "b")}
    [(file, line, message, mend)] = problems(keys)
    assert (file, message, mend) == (
        "policies/keys/b.yaml",
        "it is the same key as policies/keys/a.yaml",
        "remove one",
    )
    assert line == 4


def test_a_key_that_breaks_its_schema_is_told_once() -> None:
    broken = key().replace(b"owner: ml-platform\n", b"")
    [(file, _, message, mend)] = problems({"policies/keys/ci.yaml": broken})
    assert file == "policies/keys/ci.yaml"
    assert "owner" in message
    assert mend


def test_a_key_for_no_environment_is_told() -> None:
    [(file, line, message, mend)] = problems({"policies/keys/ci.yaml": key(environment="prod")})
    assert (file, line) == ("policies/keys/ci.yaml", 13)
    assert message == "there is no environment prod"
    assert mend.endswith("offline, *")


@pytest.mark.parametrize("name", ["lifecycle", "roles", "ownership", "strategies"])
def test_a_missing_file_is_told_with_the_way_to_its_form(name: str) -> None:
    [(file, line, message, mend)] = problems({f"policies/{name}.yaml": None})
    assert (file, line) == (f"policies/{name}.yaml", 1)
    assert message == f"policies/{name}.yaml is missing"
    assert mend == f"add it; `modelctl schema print {name}` shows its form"


@pytest.mark.parametrize(
    "path",
    [
        f"{GATES}/quality.yml",
        f"{GATES}/more/quality.yaml",
        "policies/gate/quality.yaml",
        "policies/roles.yml",
        "policies/keys/ci.YAML",
    ],
)
def test_a_file_that_nobody_would_read_is_told(path: str) -> None:
    """Otherwise its gates would be switched off by a typing error."""
    [(file, line, message, mend)] = problems({path: b"gates: {}\n"})
    assert (file, line) == (path, 1)
    assert message == f"nobody reads {path}"
    assert "policies/gates/<name>.yaml" in mend


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"\xff", "the byte 0xff is not UTF-8"),
        (b"a: b\n" * 60_000, "the file has 300000 bytes"),
        (b"roles: {}\nroles: {}\n", "`roles` is set twice"),
        (b"roles: &all {}\n", "anchors are not allowed"),
    ],
)
def test_a_file_that_is_no_plain_yaml_is_told(data: bytes, message: str) -> None:
    [(file, line, said, mend)] = problems({ROLES: data})
    assert file == ROLES
    assert line >= 1
    assert said.startswith(message)
    assert mend


def test_broken_yaml_is_told_at_its_place() -> None:
    found = problems({ROLES: b"roles:\n  ml-team: {\n"})
    assert [(file, bool(mend)) for file, _, _, mend in found] == [(ROLES, True)]
    assert found[0][1] >= 2


def test_all_problems_of_all_files_are_told_in_one_run() -> None:
    files = product()
    found = problems(
        {
            ROLES: None,
            STRATEGIES: files[STRATEGIES].replace(b"duration: 7d", b"duration: 7"),
            QUALITY: files[QUALITY].replace(b"title: Measured on", b"titel: Measured on"),
        }
    )
    assert {file for file, *_ in found} == {ROLES, STRATEGIES, QUALITY}


def test_rules_and_names_are_told_together() -> None:
    files = product()
    found = problems(
        {
            QUALITY: files[QUALITY].replace(F1.encode(), b"evidence.passd"),
            LIFECYCLE: files[LIFECYCLE].replace(b"role: ml-team", b"role: ml-teem"),
        }
    )
    assert {file for file, *_ in found} == {QUALITY, LIFECYCLE}


def test_the_error_lists_every_problem_and_says_what_to_run() -> None:
    with pytest.raises(PolicyError) as caught:
        loaded({ROLES: None, OWNERSHIP: None})
    error = caught.value
    assert error.exit_code == EXIT_USAGE
    assert error.message.splitlines()[0] == "the policy has 2 problems, so nothing can be judged:"
    assert "policies/ownership.yaml:1:1: policies/ownership.yaml is missing" in error.message
    assert "modelctl policy lint" in (error.mend or "")


def test_nothing_at_all_is_told_file_by_file() -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(MemoryTree({}), COMMIT)
    assert len(caught.value.problems) == 4


def test_a_problem_reads_well_as_one_line() -> None:
    text = product()[LIFECYCLE].replace(b"stage: Staging", b"stage: Stagging")
    with pytest.raises(PolicyError) as caught:
        loaded({LIFECYCLE: text})
    [problem] = caught.value.problems
    line = text.decode().splitlines().index("    stage: Stagging") + 1
    assert str(problem).startswith(
        f"policies/lifecycle.yaml:{line}:12: transitions[1].stage: there is no stage Stagging (the "
    )
