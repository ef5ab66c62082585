"""Files that follow from the policies: CODEOWNERS and the branch rules. Made, compared, judged.

When a CODEOWNERS line of a model becomes due: models arrive by promotions, which may not touch
CODEOWNERS, and they arrive on other branches than the default one first. Until it has a line of its
own, the line for all models asks for its reviews, and the gate decides as ever: CODEOWNERS only
asks. So a missing line is nobody's mistake, and no change of the rules is held because somebody
else added, renamed or retired a model meanwhile. `modelctl github plan`, run each day, says that
lines are due; `codeowners --write` brings them, in a pull request of its own. What a change of the
rules itself brings must be right: every line that the policies give, and every model's line that
it adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from modelctl.adapters.git import Repository
from modelctl.adapters.policies import load_policy
from modelctl.adapters.settings_file import read_settings
from modelctl.domain import codeowners, rulesets, settings
from modelctl.domain.codeowners import Owned
from modelctl.domain.document import Location
from modelctl.domain.flow_input import FlowInput
from modelctl.domain.names import MODELS, is_model_name
from modelctl.domain.policy import Lifecycle, Policy
from modelctl.domain.settings import Settings
from modelctl.domain.tree import Tree
from modelctl.domain.verdict import Finding, Outcome
from modelctl.errors import ModelctlError
from modelctl.services.candidates import read_model
from modelctl.services.session import Session

CODEOWNERS, RULESETS = "codeowners", "rulesets"


def code_owners(
    repository: Repository, policy: Policy, organisation: str, here: Iterable[Tree] = ()
) -> str:
    """CODEOWNERS as it should be: by this policy, for the models of all shared branches and of
    the trees in `here`."""
    places = (*_branches(repository, policy.lifecycle), *here)
    models = [one for found in owned(places).values() for one in found]
    return codeowners.generate(policy, organisation, models)


def owned(
    places: Iterable[Tree], only: Iterable[str] | None = None
) -> dict[str, tuple[Owned, ...]]:
    """Who answers for each model, as each place has it; of `only` these where they are given."""
    found: dict[str, dict[Owned, None]] = {}
    seen: set[str] = set()
    for place in places:
        if (oid := place.subtree(MODELS) or "") in seen:
            continue
        seen.add(oid)
        names = place.folders(MODELS) if only is None else only
        for name in filter(is_model_name, names):
            model = read_model(place, name)
            if model is not None:
                found.setdefault(name, {})[Owned.of(model)] = None
    return {name: tuple(ones) for name, ones in sorted(found.items())}


def ruleset_files(policy: Policy, one: Settings) -> dict[str, str]:
    """The files in `.github/rulesets/` as they should be, by path."""
    made = rulesets.rulesets(policy, one)
    return {f"{rulesets.FOLDER}/{name}": rulesets.text(row) for name, row in made.items()}


def stale_rulesets(policy: Policy, one: Settings, tree: Tree) -> dict[str, str | None]:
    """What must change in `.github/rulesets/` of a tree: path → text, None to take it away."""
    wanted = ruleset_files(policy, one)
    there = [f"{rulesets.FOLDER}/{name}" for name in tree.names(rulesets.FOLDER)]
    left = [path for path in there if path.endswith(".json") and path not in wanted]
    changed = {path: text for path, text in wanted.items() if tree.read(path) != text.encode()}
    return {**changed, **dict.fromkeys(left)}


def judge_generated(session: Session, proposal: FlowInput) -> tuple[Finding, ...]:
    """Whether a change of the rules on the default branch leaves these files as its own policies
    give them. Elsewhere, and without settings of the repository, nothing is said."""
    here = proposal.branch == proposal.default_branch and proposal.rule_changes
    if not here or not _has_settings(proposal):
        return ()
    try:
        one = read_settings(proposal.after)
        policy = load_policy(proposal.after, session.policy.commit)
    except ModelctlError as error:
        return (_unreadable(error),)
    if one is None:
        return (_gone(),)
    return (
        *_judge_codeowners(session, proposal, policy, one),
        *_judge_rulesets(proposal, policy, one),
    )


def _has_settings(proposal: FlowInput) -> bool:
    return any(tree.entry(settings.PATH) for tree in (proposal.before, proposal.after))


def _judge_codeowners(
    session: Session, proposal: FlowInput, policy: Policy, one: Settings
) -> Iterator[Finding]:
    text, before = _text(proposal.after), _text(proposal.before)
    named = codeowners.doubtful(policy, one.organisation, text, before)
    places = (*_branches(session.repository, session.policy.lifecycle), proposal.after)
    known: Mapping[str, tuple[Owned, ...]] = owned(places, named)
    found = codeowners.out_of_step(policy, one.organisation, text, before, known)
    for problem in found:
        location = Location(file=codeowners.PATH, line=max(problem.line, 1))
        yield Finding(
            gate=CODEOWNERS,
            outcome=Outcome.FAIL,
            message=f"CODEOWNERS isn't what the policies give: {problem.message}",
            location=location,
            mend="write it again",
            command=codeowners.WRITE,
        )
    shadowed = proposal.after.entry(codeowners.SHADOW) is not None
    if shadowed:
        yield _shadow()
    if not found and not shadowed:
        message = "CODEOWNERS is what the policies give"
        yield Finding(gate=CODEOWNERS, outcome=Outcome.PASS, message=message)


def _judge_rulesets(proposal: FlowInput, policy: Policy, one: Settings) -> Iterator[Finding]:
    stale = stale_rulesets(policy, one, proposal.after)
    for path, text in stale.items():
        says = "isn't what the lifecycle and the roles give" if text else "belongs to no branch"
        yield Finding(
            gate=RULESETS,
            outcome=Outcome.FAIL,
            message=f"{path} {says}",
            location=Location(file=path),
            mend="write the branch rules again",
            command=rulesets.WRITE,
        )
    if not stale:
        message = "the branch rules are what the lifecycle and the roles give"
        yield Finding(gate=RULESETS, outcome=Outcome.PASS, message=message)


def _unreadable(error: ModelctlError) -> Finding:
    return Finding(
        gate=CODEOWNERS,
        outcome=Outcome.FAIL,
        message=f"{error.location}: {error.message}" if error.location else error.message,
        mend=error.mend or "mend the policies",
        command="modelctl policy lint",
    )


def _shadow() -> Finding:
    return Finding(
        gate=CODEOWNERS,
        outcome=Outcome.FAIL,
        message=f"GitHub would read {codeowners.SHADOW}, and {codeowners.PATH} no more",
        location=Location(file=codeowners.SHADOW),
        mend=f"remove {codeowners.SHADOW}",
    )


def _gone() -> Finding:
    return Finding(
        gate=CODEOWNERS,
        outcome=Outcome.FAIL,
        message=f"{settings.PATH} is gone, so nothing says whose teams are to be asked",
        location=Location(file=settings.PATH),
        mend=f"restore {settings.PATH}",
    )


def _text(tree: Tree) -> str:
    return (tree.read(codeowners.PATH) or b"").decode(errors="replace")


def _branches(repository: Repository, lifecycle: Lifecycle) -> Iterator[Tree]:
    for transition in lifecycle.transitions:
        tip = repository.remote_first(transition.to_branch)
        if tip is not None:
            yield repository.tree(tip)
