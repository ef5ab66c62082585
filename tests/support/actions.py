"""Runs workflows of a repository on the forge by `act`, as GitHub would after an event.

The workflow is that of the commit that GitHub would take it from, and secrets are given only where
the environments would give them: to runs of the default branch. What `act` doesn't know is left
out of the workflow (see `_UNKNOWN`) or said in other words (`_FIRST`); the pinned actions are
replaced by those of `stand_in_actions/`, which do with git and cp what the real ones do with the
network.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from support.repos import git

STAND_INS = Path(__file__).parent / "stand_in_actions"
FOLDER = ".github/workflows"
RUNNER = "ubuntu-24.04"
OF_THE_DEFAULT_BRANCH = frozenset(
    {"pull_request_target", "workflow_run", "schedule", "issue_comment", "check_run"}
)
"""Events that run the default branch's workflow, whatever they are about."""

_UNKNOWN = re.compile(r"^ +deployment: false( #.*)?\n", re.MULTILINE)
# A first run, which act makes always, is by whoever sent its event.
_FIRST = {
    "github.run_attempt": "'1'",
    "github.triggering_actor": "github.event.sender.login",
}
_SECONDS = 240


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a workflow that ended: `jobs` are the results by job id, skipped ones left out."""

    workflow: str
    code: int
    log: str
    jobs: Mapping[str, str]

    @property
    def passed(self) -> bool:
        """Whether no job failed."""
        return self.code == 0

    def out(self) -> str:
        """What the commands printed, without act's own lines."""
        lines = (re.match(r"\[[^\]]*\]\s+\| ?(.*)", line) for line in self.log.splitlines())
        return "\n".join(match[1] for match in lines if match)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What an environment of Actions holds."""

    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Actions:
    """The runner of one repository. `bare` is where its git repository lies, `token` gives a
    GITHUB_TOKEN with the permissions that it is asked for. All environments are limited to the
    default branch; `variables` are those of the repository."""

    folder: Path
    server_url: str
    api_url: str
    repository: str
    bare: Path
    token: Callable[[dict[str, str]], str]
    environments: Mapping[str, Environment] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    default_branch: str = "main"
    runs: int = 0

    def run(
        self, workflow: str, event: str, payload: Mapping[str, Any], *, job: str | None = None
    ) -> Run:
        """The run that the event starts; `job` runs that one alone.

        Raises:
            AssertionError: it doesn't start that workflow.
        """
        ref, sha = self._place(event, payload)
        text = git(self.bare, "show", f"{sha}:{FOLDER}/{workflow}") + "\n"
        document = yaml.load(text, Loader=yaml.BaseLoader)  # else `on` is a boolean
        assert starts(document["on"], event, payload), f"{event} doesn't start {workflow}"
        self.runs += 1
        home = self.folder / f"run-{self.runs}"
        for name in ("at", "home", "artifacts"):
            (home / name).mkdir(parents=True)
        git(home / "at", "init", "--quiet")
        (home / workflow).write_text(_by_environment(_known(text), document))
        (home / "event.json").write_text(json.dumps(payload))
        open_ = self.environments if ref == f"refs/heads/{self.default_branch}" else {}
        secrets = {_of(e, n): v for e, one in open_.items() for n, v in one.secrets.items()}
        variables = {_of(e, n): v for e, one in open_.items() for n, v in one.variables.items()}
        token = self.token(_permissions(document))
        (home / "secrets").write_text(_lines({**secrets, "GITHUB_TOKEN": token}))
        (home / "vars").write_text(_lines({**self.variables, **variables}))
        done = subprocess.run(
            [*self._command(home, workflow, event, ref, sha), *(("--job", job) if job else ())],
            cwd=home / "at",
            env=self._environment(home),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        shutil.rmtree(home / "home")  # the clones of the jobs
        log = done.stdout + done.stderr
        return Run(workflow=workflow, code=done.returncode, log=log, jobs=_jobs(document, log))

    def _place(self, event: str, payload: Mapping[str, Any]) -> tuple[str, str]:
        """The ref that the run is for, and the commit that its workflow comes from."""
        if event in OF_THE_DEFAULT_BRANCH:
            ref = f"refs/heads/{self.default_branch}"
        elif event in {"pull_request", "pull_request_review"}:
            pull = payload["pull_request"]
            return f"refs/pull/{pull['number']}/merge", pull["head"]["sha"]
        else:
            ref = str(payload["ref"])
        return ref, git(self.bare, "rev-parse", ref)

    def _command(self, home: Path, workflow: str, event: str, ref: str, sha: str) -> Iterator[str]:
        yield from (str(Path(sys.executable).with_name("act")), event)
        yield from ("--workflows", str(home / workflow), "--eventpath", str(home / "event.json"))
        yield from ("--platform", f"{RUNNER}=-self-hosted", "--no-cache-server")
        yield from ("--no-skip-checkout", "--action-offline-mode", "--log-prefix-job-id")
        yield from ("--secret-file", str(home / "secrets"), "--var-file", str(home / "vars"))
        yield from ("--env-file", os.devnull, "--input-file", os.devnull)
        yield from ("--concurrent-jobs", "1")
        for action, local in _pinned().items():
            yield from ("--local-repository", f"{action}={local}")
        variables = {
            "GITHUB_API_URL": self.api_url,
            "GITHUB_SERVER_URL": self.server_url,
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_REF": ref,
            "GITHUB_REF_NAME": ref.removeprefix("refs/heads/").removeprefix("refs/pull/"),
            "GITHUB_RUN_ID": str(self.runs),
            "SHA_REF": sha,  # act's name for what becomes GITHUB_SHA
            "RUN_ARTIFACTS": str(home / "artifacts"),
        }
        for name, value in variables.items():
            yield from ("--env", f"{name}={value}")

    def _environment(self, home: Path) -> dict[str, str]:
        """Nothing of this machine's but the path: a job has what its workflow gives it."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home / "home"),
            "XDG_CACHE_HOME": str(home / "home/cache"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C.UTF-8",
        }


def _known(text: str) -> str:
    """A workflow in words that act knows."""
    text = _UNKNOWN.sub("", text)
    for unknown, known in _FIRST.items():
        text = text.replace(unknown, known)
    return text


def _permissions(document: Mapping[str, Any]) -> dict[str, str]:
    """What any job of the run may do: act has one token for all of them."""
    found: dict[str, str] = {}
    for job in document["jobs"].values():
        found |= {k: v for k, v in (job.get("permissions") or {}).items() if v == "write"}
        found = {**(job.get("permissions") or {}), **found}
    return found


def _of(environment: str, name: str) -> str:
    """What a secret or a variable of an environment is called in the files that act reads."""
    return f"{environment.upper()}__{name}"


def _by_environment(text: str, document: Mapping[str, Any]) -> str:
    """The workflow with the secrets and variables of each job named by its environment, since act
    gives the same ones to every job. A job without an environment finds none."""
    lines, job = [], ""
    for line in text.splitlines(keepends=True):
        found = re.fullmatch(r"  ([\w-]+):\n", line)
        job = found[1] if found and found[1] in document["jobs"] else job
        name = document["jobs"].get(job, {}).get("environment", {}).get("name", "none")
        pattern = r"\b(secrets|vars)\.(MODELCTL_(?:APP|SIGNING)_\w+)"
        lines.append(re.sub(pattern, lambda m, name=name: f"{m[1]}.{_of(name, m[2])}", line))
    return "".join(lines)


def starts(triggers: Any, event: str, payload: Mapping[str, Any]) -> bool:
    """Whether `on:` of a workflow lets the event start it: by name, type, branch and workflow."""
    if not isinstance(triggers, dict) or event not in triggers:
        return False  # ours are all mappings
    if event == "schedule":
        return payload["schedule"] in [one["cron"] for one in triggers[event]]
    rule = triggers[event] or {}
    types = rule.get("types", _TYPES.get(event))
    ref = str(payload.get("ref", ""))
    return (
        (types is None or payload["action"] in types)
        and ("workflows" not in rule or payload["workflow"]["name"] in rule["workflows"])
        and (
            "branches" not in rule
            or any(fnmatchcase(ref, f"refs/heads/{one}") for one in rule["branches"])
        )
    )


_TYPES = {
    "pull_request": ["opened", "synchronize", "reopened"],
    "pull_request_target": ["opened", "synchronize", "reopened"],
}
"""The activity types of an event where a workflow names none."""


def _pinned() -> dict[str, Path]:
    """The stand-in of each action that the workflows and our own action use, by `name@sha`."""
    root = STAND_INS.parents[2] / ".github"
    files = [*root.glob("workflows/*.yml"), *root.glob("actions/*/action.yml")]
    used = {
        match
        for path in files
        for match in re.findall(r"uses: ([\w-]+/[\w-]+@[0-9a-f]{40})", path.read_text())
    }
    return {action: STAND_INS / action.partition("/")[2].partition("@")[0] for action in used}


def _jobs(document: Mapping[str, Any], log: str) -> dict[str, str]:
    """The result of each job that ran. With a matrix one that failed outweighs the others."""
    found: dict[str, str] = {}
    for workflow_job, result in re.findall(r"\[([^\]]+)\] 🏁  Job (\w+)", log):
        name = workflow_job.rpartition("/")[2].strip()
        job = next((id_ for id_ in document["jobs"] if re.fullmatch(rf"{id_}(-\d+)?", name)), name)
        if found.get(job) != "failed":
            found[job] = result
    return found


def _lines(values: Mapping[str, str]) -> str:
    """A file of variables as act reads it; a PEM has several lines."""
    return "".join(f"{name}={json.dumps(value)}\n" for name, value in values.items())
