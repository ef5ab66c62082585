"""CODEOWNERS, made from the policies: who is asked about which path.

It only asks: GitHub is content with any one owner of a line. Which approvals a change needs, and
whether it has them, is computed from the reviews. Every line holds at least one team of each step
that may change its files, so that GitHub's "require review from code owners" never asks for anybody
whom the lifecycle doesn't ask for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from modelctl.domain.code_owner_rules import OwnerLine, lines, problems
from modelctl.domain.manifest import Model
from modelctl.domain.names import MODELS
from modelctl.domain.policy import ApprovalRule, Policy
from modelctl.domain.structure import RULE_ROOTS

PATH = "CODEOWNERS"
SHADOW = ".github/CODEOWNERS"
"""GitHub looks there first, and then reads no other."""
WRITE = "modelctl codeowners --write"
_HEAD = f"""\
# Who is asked for a review, by path. Generated from policies/roles.yaml, policies/ownership.yaml,
# .github/settings.yaml and the models: don't edit it, run `{WRITE}`.
#
# The LAST line that matches a file decides, so the general lines stand first. GitHub reads this
# file from the base branch of a pull request and is content with any ONE owner of a line. So it
# only asks: which approvals a change needs, and whether it has them, is computed by modelctl.
"""
_WRONG = "is not what the policies give"
_RESPONSIBLE: Mapping[str, tuple[str, ...]] = {
    "serving": ("/kustomize/", "/policies/strategies.yaml"),
    "monitoring": ("/policies/monitoring.yaml",),
    "rollback": ("/policies/rollback.yaml",),
    "registry": ("/policies/retention.yaml",),
}
"""The rules that are about what somebody answers for. Who answers for code and pipelines is asked
about the models themselves, which is what these bring forth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """What a model says of who answers for it: its team, and whoever answers for single things."""

    name: str
    owner: str
    overrides: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: Model) -> Owned:
        """What model.yaml says."""
        return cls(
            name=model.name,
            owner=model.owner,
            overrides=tuple(model.ownership[key] for key in sorted(model.ownership)),
        )


def generate(policy: Policy, organisation: str, models: Iterable[Owned]) -> str:
    """The whole file. A model that the line for all models serves as well has none of its own."""
    sections = [
        ("Everything outside models/ counts as rules.", general_lines(policy, organisation)),
        ("Models whose owners, or who answers for them, differ.",
         model_lines(policy, organisation, models)),
        ("Rules, named so that no line above can take them over.",
         rule_lines(policy, organisation)),
    ]  # fmt: skip
    rows = [row for _, found in sections for row in found]
    width = max((len(row.pattern) for row in rows), default=0) + 2
    parts = [
        f"\n# {title}\n" + "".join(f"{_written(row, width)}\n" for row in found)
        for title, found in sections
        if found
    ]
    return _HEAD + "".join(parts)


def general_lines(policy: Policy, organisation: str) -> tuple[OwnerLine, ...]:
    """The lines for whatever no other line names."""
    everything = OwnerLine(pattern="*", owners=_rule_owners(policy, organisation))
    models = OwnerLine(pattern=f"/{MODELS}/", owners=_model_owners(policy, organisation))
    about = OwnerLine(pattern=f"/{MODELS}/README.md", owners=everything.owners)
    return everything, models, about


def model_lines(
    policy: Policy, organisation: str, models: Iterable[Owned]
) -> tuple[OwnerLine, ...]:
    """The lines of the models that need one, by name; one for each owner that a model has."""
    general = _model_owners(policy, organisation)
    found: dict[str, list[str]] = {}
    for model in models:
        found.setdefault(model.name, []).extend(_own(policy, organisation, model))
    return tuple(
        OwnerLine(pattern=pattern_of(name), owners=_once([*own, *general]))
        for name, own in sorted(found.items())
        if set(own) - set(general)
    )


def rule_lines(policy: Policy, organisation: str) -> tuple[OwnerLine, ...]:
    """The lines for the rules: the folders, then what somebody else answers for."""
    owners, responsibilities = _rule_owners(policy, organisation), policy.ownership.responsibilities
    found = {f"/{root}" if root == PATH else f"/{root}/": owners for root in RULE_ROOTS}
    for what, patterns in _RESPONSIBLE.items():
        asked = _once([*_team_of(policy, organisation, responsibilities[what]), *owners])
        found.update({p: asked for p in patterns if p in found or asked != owners})
    return tuple(OwnerLine(pattern=pattern, owners=names) for pattern, names in found.items())


def pattern_of(model: str) -> str:
    """The pattern of a model's own line."""
    return f"/{MODELS}/{model}/"


def model_of(line: OwnerLine) -> str | None:
    """The model that a line is about, None for the others."""
    match line.pattern.split("/"):
        case ["", top, model, ""] if top == MODELS:
            return model
    return None


def handles(policy: Policy, organisation: str) -> frozenset[str]:
    """Everybody whom a line of this policy may name."""
    teams = (_team_of(policy, organisation, name) for name in policy.ownership.teams)
    roles = (_role(policy, organisation, name) for name in policy.roles)
    return frozenset(name for found in (*teams, *roles) for name in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfStep:
    """How a CODEOWNERS differs from what the policies say: a line to add or to remove (0: none).

    `line` is where it stands in the file.
    """

    message: str
    line: int = 0


def out_of_step(
    policy: Policy,
    organisation: str,
    text: str,
    before: str,
    known: Mapping[str, tuple[Owned, ...]],
) -> tuple[OutOfStep, ...]:
    """What a change of the rules must mend in CODEOWNERS (`text`; `before` it was another one).

    The lines of the policies must be there exactly. Of the models' lines only those that the change
    brings are held to the models (`known`: as each branch has them), since models come and go with
    other people's pull requests. One that stays must still name people whom the policies know.
    """
    present = lines(text)
    general, rules = general_lines(policy, organisation), rule_lines(policy, organisation)
    own = [row for row in present if model_of(row) is None]
    found = [*_skipped(text), *_differences(own, (*general, *rules))]
    if not found and (present[: len(general)], present[-len(rules) :]) != (general, rules):
        order = "the general lines come first, then those of the models, then those of the rules"
        found.append(OutOfStep(message=order))
    for row, name in _doubtful(policy, organisation, text, before):
        if row not in _possible(policy, organisation, known.get(name, ())):
            found.append(_about(row, _WRONG))
    return tuple(found)


def doubtful(policy: Policy, organisation: str, text: str, before: str) -> tuple[str, ...]:
    """The models whose lines must be held to what the branches say of them, by name."""
    rows = _doubtful(policy, organisation, text, before)
    return tuple(sorted({name for _, name in rows}))


def _doubtful(
    policy: Policy, organisation: str, text: str, before: str
) -> Iterator[tuple[OwnerLine, str]]:
    """Lines of models that are new, or that name somebody whom the policies don't know."""
    old, alive = set(lines(before)), handles(policy, organisation)
    for row in lines(text):
        name = model_of(row)
        if name is not None and not (row in old and set(row.owners) <= alive):
            yield row, name


def _skipped(text: str) -> Iterator[OutOfStep]:
    for problem in problems(text):
        message = f"GitHub skips it: {problem.message}"
        yield OutOfStep(message=message, line=problem.number)


def _possible(policy: Policy, organisation: str, models: Iterable[Owned]) -> frozenset[OwnerLine]:
    """The lines that a model may have: as one branch has it, and as all of them together."""
    every = tuple(models)
    sets = [(one,) for one in every] + [every]
    return frozenset(row for some in sets for row in model_lines(policy, organisation, some))


def _differences(
    present: Iterable[OwnerLine], expected: Iterable[OwnerLine]
) -> Iterator[OutOfStep]:
    there, wanted = list(present), list(expected)
    for row in wanted:
        if row not in there:
            yield OutOfStep(message=f"`{_written(row)}` is missing")
    for row in there:
        if row not in wanted:
            yield _about(row, _WRONG)


def _about(row: OwnerLine, says: str) -> OutOfStep:
    return OutOfStep(message=f"`{_written(row)}` {says}", line=row.number)


def _written(row: OwnerLine, width: int = 0) -> str:
    return f"{row.pattern:<{width}}{'' if width else ' '}{' '.join(row.owners)}".rstrip()


def _rule_owners(policy: Policy, organisation: str) -> tuple[str, ...]:
    return _hitting(policy, organisation, (), [policy.rule_approvals])


def _model_owners(policy: Policy, organisation: str) -> tuple[str, ...]:
    """Who answers for code and pipelines, and somebody of each step by which models move."""
    said = policy.ownership.responsibilities
    first = [n for w in ("code", "pipelines") for n in _team_of(policy, organisation, said[w])]
    steps = [transition.approvals for transition in policy.lifecycle.transitions]
    return _hitting(policy, organisation, first, steps)


def _hitting(
    policy: Policy,
    organisation: str,
    first: Iterable[str],
    steps: Iterable[tuple[ApprovalRule, ...]],
) -> tuple[str, ...]:
    """`first`, and of each step one role that it asks, unless one is there already."""
    found = list(_once(first))
    for rules in steps:
        asked = [_role(policy, organisation, rule.role) for rule in rules]
        if not any(set(one) & set(found) for one in asked):
            found.extend(next((one for one in asked if one), ()))
    return tuple(found)


def _own(policy: Policy, organisation: str, model: Owned) -> Iterator[str]:
    for name in (model.owner, *model.overrides):
        yield from _team_of(policy, organisation, name)


def _team_of(policy: Policy, organisation: str, name: str) -> tuple[str, ...]:
    """Whom GitHub can ask for a team of ownership.yaml, else for a role of this name."""
    team = policy.ownership.teams.get(name)
    if team is not None and team.github is not None:
        return (f"@{organisation}/{team.github}",)
    return _role(policy, organisation, name)


def _role(policy: Policy, organisation: str, name: str) -> tuple[str, ...]:
    """The team of a role, else the people who hold it for every owner, else nobody."""
    role = policy.roles.get(name)
    if role is None:
        return ()
    if role.team is not None:
        return (f"@{organisation}/{role.team}",)
    return tuple(f"@{login}" for login in sorted(role.members))


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
