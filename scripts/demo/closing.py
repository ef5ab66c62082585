"""The last chapter: what the repository knows now, and what to try next."""

from __future__ import annotations

import os

from demo.cases import CASES, TUMOR
from demo.deploys import port_option
from demo.evidence import endpoint
from demo.failure import DemoError
from demo.hub import REPOSITORY
from demo.people import PAT
from demo.screen import Voice
from demo.stage import RESULT, Excerpt, Stage

_ON_THE_FORGE = (
    "modelctl pr list",
    "modelctl pr check 7 --dry-run",
    "modelctl github plan",
    "modelctl doctor",
    f"modelctl rollback {TUMOR.model} --env production --reason 'It drifts.' --dry-run",
    "as_gates modelctl pr check --open",
)

_PAGES = ("pulls.html", "pull/7.html", "pull/14.html", "pull/16.html", "issues/17.html")
"""All pull requests, one that was blocked, a promotion, what the guard opened: the way back, and
the incident."""

ALIASES = """\
import sys
from mlflow import MlflowClient

client = MlflowClient()
for name in sys.argv[1:]:
    for alias, number in sorted(client.get_registered_model(name).aliases.items()):
        tags = client.get_model_version(name, number).tags
        print(f"{name}@{alias} is {tags['modelctl.version']}")
"""


def close(stage: Stage) -> None:
    """The registry, the history, the board, and the forge."""
    with stage.screen.chapter(
        "What the repository knows",
        "What runs where, since when, and by whose word: every clone can tell.",
    ):
        pat = stage.person(PAT)
        stage.together(lambda voice: _history(stage), lambda voice: _aliases(stage, voice))
        stage.screen.say("What is still open:")
        stage.types(pat, "modelctl pr list", RESULT)
        stage.screen.say("The forge was told of every deployment, and shows what runs now:")
        stage.screen.printed(_deployments(stage))
        _export(stage)


def _history(stage: Stage) -> None:
    ci = stage.job("ci")
    stage.types(ci, f"modelctl ledger list {TUMOR.model}", Excerpt(first=6, last=12))
    stage.types(ci, "modelctl ledger verify")
    better = f"{TUMOR.model}@1.0.0 {TUMOR.model}@1.1.0"
    stage.screen.say("What the better version changed, and which of it is more than chance:")
    stage.types(ci, f"modelctl diff {better}", Excerpt(first=12))
    stage.screen.say(
        "What an auditor asks: what serves, since when, by whose word, with which proof."
    )
    stage.types(ci, f"modelctl audit who-served production {TUMOR.model}", Excerpt(first=10))
    stage.types(ci, "modelctl status")


def _aliases(stage: Stage, voice: Voice) -> None:
    (stage.sandbox.root / "aliases.py").write_text(ALIASES)
    voice.say("MLflow's registry follows git; these are the aliases that it has now.")
    models = " ".join(case.model for case in CASES)
    stage.types(stage.job("ci"), f"python ../aliases.py {models}", voice=voice)


def _deployments(stage: Stage) -> str:
    """The forge's deployments, a line for each."""
    rows = stage.hub.deployments()
    return "\n".join(
        f"{row['environment']:<12}{row['description']:<32}{row['state']}" for row in rows
    )


def _export(stage: Stage) -> None:
    """The pages of the forge, to be opened in a browser.

    Raises:
        DemoError: one that is named isn't there.
    """
    folder = stage.hub.export(stage.sandbox.pages)
    stage.screen.say("Pull requests and the incident as people see them, for a browser:")
    for page in _PAGES:
        if not (folder / page).exists():
            raise DemoError(f"the forge has no page {page}")
        stage.screen.verbatim(os.path.relpath(folder / page))


def try_next(stage: Stage, *, serving: bool) -> None:
    """Commands to paste."""
    folder = os.path.relpath(stage.sandbox.clone("jobs"))
    address = f"{endpoint(stage, TUMOR, 'production')}/invocations"
    told = (
        f"The servers go on, and the forge at {stage.hub.url}/{REPOSITORY}"
        if serving
        else "The servers and the forge are stopped (`make demo ARGS=--serve` leaves them running)"
    )
    job = "as_deploy " if serving else ""
    stage.screen.say(f"{told}. To explore:")
    for line in (
        f"cd {folder} && . ../env.sh",
        "modelctl status",
        f"modelctl policy explain --model {TUMOR.model} --to production",
        f"modelctl check {TUMOR.model}@production --to production --verbose",
        f"modelctl checklist {TUMOR.model}@production --to production",
        f"modelctl history {TUMOR.model}",
        f"modelctl diff {TUMOR.model}@1.0.0 {TUMOR.model}@1.1.0",
        "modelctl audit who-served production",
        f"modelctl ledger show {TUMOR.model} 1",
        f"modelctl rollout explain {TUMOR.model} --env production",
        f"modelctl rollout explain {TUMOR.model} --env staging",
        "modelctl rollout simulate --strategy canary-day --scenario slow:at=6h --png slow.png",
        "modelctl policy backtest --base origin/main",
        "modelctl render production",
        *(_ON_THE_FORGE if serving else ()),
        f"{job}modelctl guard --all --once",
        f"{job}modelctl deploy production{port_option(stage, 'production')}",
        f"curl -i -H 'Content-Type: application/json' -d @../data/tumor-sample.json {address}",
        "modelctl local stop",
    ):
        stage.screen.verbatim(line)
