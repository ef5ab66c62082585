"""What attacks through the forge have in common: a pull request to begin with, the jobs of the
product as its workflows run them, and the branch rules that the repository ships."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from modelctl.adapters.git import Author
from modelctl.adapters.ledger import Ledger
from modelctl.adapters.signing import sign
from modelctl.domain.checked import Checked
from modelctl.domain.history import deployments
from modelctl.services.acting import Effects
from modelctl.services.announcing import announce
from modelctl.services.deployed import Deployed
from modelctl.services.deploying import deploy
from modelctl.services.evidence import statement_of
from modelctl.services.merged_pulls import MergedPulls
from modelctl.services.pointers import locate
from modelctl.services.pull_requests import check_pull
from support.hub import MACHINE, OWNER, REPOSITORY, TEAMS, HubWorld
from support.keys import Person
from support.repos import git
from support.world import EVIDENCE, MODEL, PROJECT

APPROVERS = ("ben", "lena")
"""Who together may approve a submission of ada's."""
BRANCH = "feature/1.0.0"
STRANGER = Author(name="Stranger", email="stranger@example.com")
RULES = ("into-ml", "into-develop", "into-main")


def submitted(hub: HubWorld, base: str = "ml", **changes: Any) -> int:
    """The pull request of the version that has its evidence; its number."""
    return hub.open(base, BRANCH, **changes)


def check(hub: HubWorld, number: int) -> Checked:
    """One check by the App, as a job does it."""
    with hub.github() as github:
        return check_pull(hub.world.session(), github, number)


def ready(hub: HubWorld, approvers: Iterable[str] = APPROVERS) -> int:
    """The same, approved and judged: it may be merged."""
    number = submitted(hub)
    hub.approve(number, approvers)
    assert check(hub, number).exit_code == 0
    return number


def standing(hub: HubWorld, number: int) -> str:
    """What the App's check run says on the head of a pull request."""
    run = hub.check(hub.pull(number).head)
    return (run.conclusion or run.status) if run is not None else "nothing"


def said(hub: HubWorld, number: int) -> str:
    """All that the App says about a pull request, where people read it."""
    run = hub.check(hub.pull(number).head)
    output = json.dumps([run.output, run.annotations], ensure_ascii=False) if run else ""
    return "\n".join((output, *hub.comments(number)))


def deployed(hub: HubWorld, environment: str = "dev") -> Deployed:
    """One deploy by the App, as a job does it."""
    transition = hub.world.transition(environment)
    with hub.github() as github:
        session = hub.world.session()
        merged = MergedPulls(session, github)
        done = deploy(
            session,
            transition,
            merged,
            Effects(signer=hub.world.deployer.signer),
        )
        assert announce(session, github, merged, transition, done) == ()
    return done


def running(hub: HubWorld, environment: str = "dev") -> list[str]:
    """The versions of the model that the ledger says were deployed there, the oldest first."""
    found = deployments(hub.world.session().signed(MODEL))
    return [one.version for one in found if one.environment == environment]


def is_refused(hub: HubWorld, environment: str = "dev") -> str:
    """Deploys what is merged: nothing may come of it, and it has to be told. What blocks it."""
    before = running(hub, environment)
    done = deployed(hub, environment)
    assert running(hub, environment) == before
    blocked = [decision for decision in done.decisions if decision.blocked]
    assert blocked
    return "\n".join(
        finding.message
        for decision in blocked
        for report in decision.reports
        for verdict in report.verdicts
        for finding in verdict.findings
        if finding.outcome.blocks
    )


# Branch rules.


def protect(hub: HubWorld, *, bypass: Mapping[str, Any] | None = None) -> None:
    """Puts the branch rules of the repository in force, pinned to the gate's App; `bypass` is an
    actor who passes by them."""
    for slug in ("ml-team", "ml-leads", "platform"):
        if (OWNER, slug) not in hub.forge.state.teams:
            hub.forge.add_team(OWNER, slug, TEAMS[slug])
    for name in RULES:
        ruleset = json.loads((PROJECT / f".github/rulesets/{name}.json").read_text())
        for rule in ruleset["rules"]:
            _resolve(hub, rule.get("parameters", {}))
        ruleset["bypass_actors"] = [dict(bypass)] if bypass else []
        hub.api(MACHINE, "POST", "/rulesets", ruleset)


def _resolve(hub: HubWorld, parameters: dict[str, Any]) -> None:
    """Names of Apps and teams to their ids."""
    for one in parameters.get("required_status_checks", ()):
        one["integration_id"] = hub.app.id
    for one in parameters.get("required_reviewers", ()):
        one["reviewer"]["id"] = hub.forge.state.team(OWNER, one["reviewer"]["id"]).id
    parameters.get("dismissal_restriction", {}).pop("allowed_actors", None)
    if "require_code_owner_review" in parameters:
        parameters["require_code_owner_review"] = False  # these worlds have no CODEOWNERS


def switch_rules(hub: HubWorld, enforcement: str) -> None:
    """`disabled`, or `active` again."""
    for ruleset in hub.forge.state.repositories[REPOSITORY].rulesets.values():
        path = f"/rulesets/{ruleset['id']}"
        hub.api(MACHINE, "PUT", path, {"enforcement": enforcement})


def may_merge(hub: HubWorld, number: int, login: str = "ben") -> bool:
    """Whether the forge lets somebody merge; it is merged then."""
    body = {"merge_method": "merge", "sha": hub.pull(number).head}
    path = f"/pulls/{number}/merge"
    from httpx import request

    answer = request(
        "PUT",
        f"{hub.api_url}/repos/{REPOSITORY}{path}",
        headers={"Authorization": f"Bearer {hub.tokens[login]}"},
        json=body,
        timeout=60,
    )
    assert answer.status_code in (200, 405, 409), answer.text
    hub.world.builder.git("fetch", "--quiet", "origin")
    return answer.status_code == 200


# Work of others.


def sign_as(hub: HubWorld, who: Person, version: str, ref: str) -> None:
    """Puts onto the ledger, as whoever may push there could, all that dev asks for."""
    session = hub.world.session()
    ledger = Ledger(session.repository, (who.trusted,), now=session.now)
    located = locate(session, f"{MODEL}@{version}", ref=ref)
    statements = [
        sign(statement_of(located, kind, measured, predicate, session.now), who.signer)
        for kind, measured, predicate in EVIDENCE["dev"]
    ]
    ledger.append(MODEL, statements, author=STRANGER, at=session.now)


def outsider(hub: HubWorld, login: str, *, role: str | None = "write") -> None:
    """Somebody new, with an account and whatever role in the repository."""
    hub.tokens[login] = hub.forge.add_user(login, email=f"{login}@example.com", role=role)


def by(hub: HubWorld, name: str, email: str | None = None) -> None:
    """From now on the clone commits as somebody."""
    address = email or f"{name}@example.com"
    for key, value in (("user.name", name), ("user.email", address)):
        hub.world.builder.git("config", key, value)


def fork(hub: HubWorld, branch: str, base: str = "ml", login: str = "mallory") -> int:
    """A pull request from that branch of a fork; its number."""
    name = hub.api(login, "POST", "/forks", {})["full_name"]
    url = f"{hub.forge.url}/{name}.git".replace("://", f"://{login}:{hub.tokens[login]}@")
    git(hub.world.directory, "push", "--quiet", "--force", url, f"{branch}:refs/heads/{branch}")
    body = {"title": "Mine", "head": f"{login}:{branch}", "base": base, "body": ""}
    return int(hub.api(login, "POST", "/pulls", body)["number"])
