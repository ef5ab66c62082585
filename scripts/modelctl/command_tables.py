"""Which commands there are: what each is called, where it is, and its line in `--help`.

Names of modules only, so that listing the commands imports none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

# Name → (`module:attribute` or the table of a nested group, short help), in the order of `--help`.
Table: TypeAlias = "Mapping[str, tuple[str | Table, str]]"

EVIDENCE: Table = {
    "evaluate": ("modelctl.commands.evidence:evaluate", "Run a model on held-out data, record it."),
    "scan": ("modelctl.commands.evidence:scan", "Look for code in the artifacts, record it."),
    "record": ("modelctl.commands.evidence:record", "Sign a result and record it."),
    "plan": (
        "modelctl.commands.measuring:plan",
        "Say what of a pull request has to be measured.",
    ),
    "sign": ("modelctl.commands.measuring:sign", "Sign what was measured of a pull request."),
    "list": ("modelctl.commands.evidence:list_", "List the evidence about a version."),
    "show": ("modelctl.commands.ledger:show", "Show one entry of the history."),
    "verify": ("modelctl.commands.evidence:verify", "Verify signatures, subjects and freshness."),
    "keygen": ("modelctl.commands.evidence:keygen", "Make a key to sign evidence with."),
}

POLICY: Table = {
    "lint": ("modelctl.commands.policy:lint", "Check the policies and the types of their rules."),
    "explain": ("modelctl.commands.policy:explain", "Say which gates judge a version, and why."),
    "facts": ("modelctl.commands.policy:facts", "List what a rule may read."),
    "backtest": (
        "modelctl.commands.policy:backtest",
        "Say which versions a changed policy would decide otherwise.",
    ),
    "freezes": (
        "modelctl.commands.freezes:command",
        "Show what is frozen, and when it opens.",
    ),
}

LEDGER: Table = {
    "list": ("modelctl.commands.ledger:list_", "List the history of a model."),
    "show": ("modelctl.commands.ledger:show", "Show one entry of the history."),
    "verify": ("modelctl.commands.ledger:verify", "Verify that the history is whole and signed."),
}

AUDIT: Table = {
    "who-served": (
        "modelctl.commands.audit:served",
        "Tell what an environment served at some time.",
    ),
}

LOCAL: Table = {
    "status": ("modelctl.commands.local:status", "Show what serves on this machine."),
    "stop": ("modelctl.commands.local:stop", "Stop serving on this machine."),
}

SCHEMA: Table = {
    "print": ("modelctl.commands.schema:print_", "Print the JSON Schema of a kind of document."),
}

WAIVER: Table = {
    "new": ("modelctl.commands.waiver:new", "Write a waiver of one gate for one version."),
    "list": ("modelctl.commands.waiver:list_", "List the waivers, and which of them count."),
}

RETENTION: Table = {
    "list": ("modelctl.commands.retention:list_", "List when versions expire and what keeps them."),
    "apply": ("modelctl.commands.retention:apply_", "Archive and retire what has expired."),
}

ROLLOUT: Table = {
    "status": ("modelctl.commands.rollout:status", "Show the rollouts that are under way."),
    "tick": (
        "modelctl.commands.rollout:tick",
        "Take the rollouts that are under way a step on, or back.",
    ),
    "pause": ("modelctl.commands.rollout_people:pause", "Stop a rollout where it is."),
    "resume": (
        "modelctl.commands.rollout_people:resume",
        "Have a rollout go on that is paused, or waits for a person.",
    ),
    "abort": (
        "modelctl.commands.rollout_people:abort",
        "Take a version back that is on its way.",
    ),
    "promote": ("modelctl.commands.rollout_people:promote", "Have a rollout wait no longer."),
    "explain": (
        "modelctl.commands.rollout:explain",
        "Tell a rollout from the history, and decide it again.",
    ),
    "compare": (
        "modelctl.commands.rollout_compare:command",
        "Compare the answers of a rollout's two versions.",
    ),
    "simulate": (
        "modelctl.commands.rollout_simulate:command",
        "Replay figures through a strategy: what would have happened.",
    ),
}

ROLLBACK: Table = {
    "propose": (
        "modelctl.commands.rollback:command",
        "Open the pull request that goes back to a version.",
    ),
    "rehearse": (
        "modelctl.commands.rehearse:command",
        "Try the way back, measure it, and record it.",
    ),
}

GITHUB: Table = {
    "plan": ("modelctl.commands.github:plan", "Show how GitHub differs from the settings."),
    "apply": ("modelctl.commands.github:apply_", "Bring GitHub in line with the settings."),
    "rulesets": (
        "modelctl.commands.github:rulesets",
        "Generate the branch rules from the lifecycle.",
    ),
}

PR: Table = {
    "check": ("modelctl.commands.pr:check", "Judge pull requests and write the verdict onto them."),
    "list": ("modelctl.commands.pr:list_", "List the open pull requests, and what they wait for."),
    "answer": ("modelctl.commands.pr:answer", "Do what a comment on a pull request asks for."),
}

MONITORING: Table = {
    "render": (
        "modelctl.commands.monitoring:render",
        "Print alerts, their routes and the dashboard of an environment.",
    ),
    "routes": (
        "modelctl.commands.monitoring:routes_",
        "Print the routes for an Alertmanager of your own.",
    ),
    "check": (
        "modelctl.commands.monitoring:check",
        "Check that every condition becomes an alert that Prometheus takes.",
    ),
}

COMMANDS: Table = {
    "new": ("modelctl.commands.new:command", "Write the manifest of a new version."),
    "check": ("modelctl.commands.check:command", "Judge a change, or a version on its way."),
    "checklist": (
        "modelctl.commands.checklist:command",
        "Show what is done and what is to do for a promotion.",
    ),
    "evidence": (EVIDENCE, "Measure, sign, record and verify evidence."),
    "policy": (POLICY, "Check the policies and explain what applies."),
    "waiver": (WAIVER, "Ask for waivers, and see which are in force."),
    "render": ("modelctl.commands.render:command", "Render the manifests of an environment."),
    "promote": (
        "modelctl.commands.promote:command",
        "Open the pull request that promotes a version.",
    ),
    "rollout": (ROLLOUT, "Watch rollouts, step them, and try strategies."),
    "rollback": (ROLLBACK, "Go back to a version that served before."),
    "guard": (
        "modelctl.commands.guard:command",
        "Step rollouts by their figures, and take back what fails.",
    ),
    "pr": (PR, "Judge pull requests on GitHub, list them, and answer comments."),
    "monitoring": (MONITORING, "Alerts and dashboards for what environments serve."),
    "deploy": ("modelctl.commands.deploy:command", "Deploy what the branches of environments say."),
    "drift": (
        "modelctl.commands.drift:command",
        "Show where a cluster differs from what it should run.",
    ),
    "status": (
        "modelctl.commands.status:command",
        "Show which version is where, and what is next.",
    ),
    "deprecate": (
        "modelctl.commands.endings:deprecate",
        "Mark a version that people should move away from.",
    ),
    "reject": (
        "modelctl.commands.endings:reject",
        "Rule out a version that failed its validation.",
    ),
    "archive": ("modelctl.commands.endings:archive", "Keep a version, but let it serve no more."),
    "retire": (
        "modelctl.commands.endings:retire",
        "Let an archived or rejected version be removed.",
    ),
    "reinstate": (
        "modelctl.commands.endings:reinstate",
        "Take back that a version was ended by mistake.",
    ),
    "retention": (RETENTION, "See how long versions are kept, and end those that expired."),
    "diff": ("modelctl.commands.diff:command", "Show what differs between two versions."),
    "history": (
        "modelctl.commands.history:command",
        "Show what happened to a model, and what serves where.",
    ),
    "audit": (AUDIT, "Answer an auditor from the history, with the proof."),
    "ledger": (LEDGER, "Read and verify the history."),
    "codeowners": (
        "modelctl.commands.codeowners:command",
        "Generate CODEOWNERS from the policies.",
    ),
    "github": (GITHUB, "Keep the repository's settings on GitHub as code."),
    "init": ("modelctl.commands.init:command", "Make a fresh copy of this repository your own."),
    "doctor": (
        "modelctl.commands.doctor:command",
        "Check an installation, and say how to mend it.",
    ),
    "local": (LOCAL, "Look at and stop what serves on this machine."),
    "schema": (SCHEMA, "Print the JSON Schemas of the documents."),
}


DEFAULTS: Mapping[str, str] = {"rollback": "propose"}
"""What a group takes its arguments for where they begin with none of its commands."""

EXAMPLES: Mapping[str, str] = {
    "rollback": "\b\n"
    'modelctl rollback MODEL --env ENV --reason "why"              by a reviewed pull request\n'
    'modelctl rollback MODEL --env ENV --reason "why" --emergency  at once\n'
    "modelctl rollback rehearse MODEL@VERSION --env ENV\n\n"
    "What the first two take: modelctl rollback propose --help",
    "pr": "\b\nmodelctl pr list\nmodelctl pr check 7 --dry-run",
    "github": "\b\nmodelctl github plan\nmodelctl github apply\nmodelctl github rulesets --write",
}
"""What the help of a group ends with, by its name."""
