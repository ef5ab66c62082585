"""A small organisation in git: a shared repository with the product's own policies, people, keys.

Everything is real but the models: manifests point at artifacts that nobody loads.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from modelctl.adapters.documents import dump
from modelctl.adapters.reviews import load_pull_requests
from modelctl.adapters.signing_keys import key_document
from modelctl.domain.drafting import feature_hash, signature_digest
from modelctl.domain.history import END_KINDS
from modelctl.domain.manifest import signature_from
from modelctl.domain.policy import Transition
from modelctl.domain.reviews import PullRequest
from modelctl.domain.verdict import Report
from modelctl.services.evidence import record_evidence
from modelctl.services.merges import Merged, given
from modelctl.services.pointers import Located, locate
from modelctl.services.session import Session, open_session
from support.keys import NOW, Person, person
from support.repos import Files, RepoBuilder, clone

PROJECT = Path(__file__).resolve().parents[2]
STRATEGIES = "policies/strategies.yaml"
MODEL = "tumor-classifier"
PEOPLE = {"ada": 1, "ben": 2, "lena": 3, "max": 4, "pat": 5, "quinn": 6, "robot[bot]": 7, "eve": 8}
HOLDOUT = "sha256:" + "e" * 64
INPUTS = [{"name": "radius", "type": "double"}, {"name": "texture", "type": "double"}]
SIGNATURE: Mapping[str, Any] = {
    "inputs": INPUTS,
    "outputs": [{"name": "prediction", "type": "long"}],
}
FILES = [{"path": "MLmodel", "sha256": "c" * 64, "size": 1200}]
ENVIRONMENTS = ("dev", "staging", "production")

ROLES = {
    "roles": {
        "ml-team": {"description": "builds", "members_by_owner": {"oncology": ["ada", "ben"]}},
        "ml-lead": {
            "description": "leads",
            "members_by_owner": {"oncology": ["lena", "ben"], "metabolic": ["max"]},
        },
        "platform": {"description": "runs", "members": ["pat", "quinn", "lena"]},
        **{
            name: {"description": "reviews", "members": []}
            for name in ("data-science", "devops", "business", "security")
        },
    }
}


def model_data(**changes: Any) -> dict[str, Any]:
    """A valid model.yaml, changed as asked for."""
    digest = feature_hash(signature_from(SIGNATURE).inputs)
    return {
        "name": MODEL,
        "description": "Tells malignant from benign tumours.",
        "owner": "oncology",
        "contact": "oncology@example.com",
        "task": "classification",
        "tier": "standard",
        "serving": {"target": "gateway-api", "gateway": True},
        "sla": {"latency_p99_ms": 200.0},
        "data_contract": {
            "feature_view": {"name": "tumor-features", "version": "1.0.0", "hash": digest},
            "evaluation": {"name": "tumor-holdout", "digest": HOLDOUT},
            "protected_groups": ["size_band"],
        },
        **changes,
    }


def version_data(version: str = "1.0.0", **changes: Any) -> dict[str, Any]:
    """A valid version manifest, changed as asked for."""
    signature = changes.get("signature", SIGNATURE)
    digest = feature_hash(signature_from(signature).inputs)
    return {
        "model": MODEL,
        "version": version,
        "created_at": "2026-11-20T09:00:00Z",
        "created_by": "ada@example.com",
        "owner": "oncology",
        "contact": "ada@example.com",
        "changelog": f"Version {version}.",
        "lineage": {
            "git_commit": "a" * 40,
            "run": {"id": f"run-{version}"},
            "training_data": [
                {"name": "tumor-train", "version": "2026-11", "digest": "sha256:" + "d" * 64}
            ],
        },
        "framework": {"name": "scikit-learn", "version": "1.9.1"},
        "dependencies": ["scikit-learn==1.9.1"],
        "features": {"set": "tumor-features", "version": "1.0.0", "hash": digest},
        "signature": signature,
        "metrics": [
            {"name": "f1_score", "value": 0.93, "dataset": "tumor-holdout",
             "dataset_digest": HOLDOUT, "sample_size": 171},
        ],
        "latency": {"p99_ms": 3.0},
        "explainability": "coefficients",
        "artifacts": {"root": "models:/m-1", "files": FILES},
        **changes,
    }  # fmt: skip


def release_data(version: str = "1.0.0", **changes: Any) -> dict[str, Any]:
    """A valid release.yaml, changed as asked for."""
    return {"model": MODEL, "version": version, **changes}


def evaluation(**changes: Any) -> dict[str, Any]:
    """The predicate of an evaluation that passes every default gate, changed as asked for."""
    return {
        "passed": True,
        "tool": {"name": "test", "version": "1"},
        "dataset": {"name": "tumor-holdout", "digest": HOLDOUT, "size": 171},
        "sample_size": 171,
        "metrics": {"f1_score": 0.93, "accuracy": 0.94, "roc_auc": 0.98},
        "groups": {"size_band": {"small": {"accuracy": 0.95}, "large": {"accuracy": 0.92}}},
        "latency": {"p50_ms": 1.0, "p95_ms": 2.0, "p99_ms": 3.0},
        "resources": {"memory_mb": 200.0},
        "features": {"hash": feature_hash(signature_from(SIGNATURE).inputs)},
        "signature": {"digest": signature_digest(signature_from(SIGNATURE))},
        "artifacts": {file["path"]: file["sha256"] for file in FILES},
        **changes,
    }


TESTS = {"passed": True, "tests": {"total": 3, "passed": 3, "failed": 0, "skipped": 0}}
CLEAN = {
    "passed": True,
    "vulnerabilities": {"critical": 0, "high": 0, "medium": 0, "low": 0},
    "files": {"scanned": 1, "infected": 0},
}
LOAD = {
    "passed": True,
    "sample_size": 5000,
    "requests": 5000,
    "throughput_rps": 300.0,
    "error_rate": 0.0,
    "malformed_rejected": 1.0,
    "latency": {"p50_ms": 3.0, "p95_ms": 5.0, "p99_ms": 9.0},
}
VALID = {"passed": True, "checks": {"total": 4, "failed": 0}}
EVIDENCE: Mapping[str, tuple[tuple[str, str, Mapping[str, Any]], ...]] = {
    "dev": (("evaluation", "offline", evaluation()), ("security-scan", "offline", CLEAN)),
    "staging": (("unit-tests", "offline", TESTS), ("data-validation", "offline", VALID)),
    "production": (("e2e-tests", "staging", TESTS), ("load-test", "staging", LOAD)),
}
"""What the default gates ask for on the way to each environment, beside what was there before."""


@dataclass(kw_only=True)
class World:
    """A shared bare repository, a clone to work in, keys, and the pull requests so far."""

    builder: RepoBuilder
    shared: Path
    ci: Person
    deployer: Person
    now: datetime = NOW
    pulls: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def create(cls, directory: Path) -> World:
        """The product's own policies, with people and keys, on main, ml and develop."""
        seed = RepoBuilder.create(directory / "seed")
        ci, deployer = person("ci"), person("deployer")
        seed.commit(rules(ci, deployer), message="Adopt modelctl")
        for branch in ("ml", "develop"):
            seed.branch(branch)
        shared = seed.bare(directory / "shared.git")
        work = clone(shared, directory / "work")
        work.clock = seed.clock
        return cls(builder=work, shared=shared, ci=ci, deployer=deployer)

    @property
    def directory(self) -> Path:
        """The clone."""
        return self.builder.directory

    def session(self, *, fetch: bool = True) -> Session:
        """A session as a job opens it."""
        return open_session(self.directory, now=self.now, fetch=fetch)

    def transition(self, environment: str) -> Transition:
        """The transition into an environment."""
        found = self.session(fetch=False).policy.lifecycle.to_environment(environment)
        assert found is not None
        return found

    def commit(self, files: Files, branch: str, start: str, **options: Any) -> str:
        """Commits on a branch that is cut from a shared one when it isn't there yet."""
        if not self.builder.git("for-each-ref", f"refs/heads/{branch}"):
            self.builder.branch(branch, f"origin/{start}")
        return self.builder.commit(files, branch, **options)

    def submit(self, version: str = "1.0.0", *, branch: str | None = None, **changes: Any) -> str:
        """A feature branch with a version, released; its head."""
        files = submission(version, **changes)
        return self.commit(files, branch or f"feature/{version}", "ml")

    def promote(self, version: str, environment: str) -> str:
        """A promote branch with the model's files as the branch before has them; its head."""
        transition = self.transition(environment)
        source = f"origin/{transition.from_branch}"
        names = self.builder.git("ls-tree", "-r", "--name-only", source, f"models/{MODEL}/")
        files = {name: self.show(source, name) for name in names.splitlines()}
        return self.commit(files, f"promote/{MODEL}/{version}/{environment}", transition.to_branch)

    def show(self, ref: str, path: str) -> str:
        """The text of a file at a ref."""
        return self.builder.git("show", f"{ref}:{path}") + "\n"

    def record(
        self,
        kind: str,
        environment: str,
        predicate: Mapping[str, Any],
        *,
        pointer: str,
        signer: Person | None = None,
        at: datetime | None = None,
    ) -> None:
        """Evidence about a version, from where it lies at this ref: `model@version@ref`."""
        name, _, ref = pointer.rpartition("^")
        session = open_session(self.directory, now=at or self.now, fetch=True)
        located = locate(session, name, ref=ref)
        record_evidence(session, located, kind, environment, predicate, (signer or self.ci).signer)

    def evidence(self, version: str, environment: str, ref: str, **metrics: Any) -> None:
        """Everything that the default gates ask for on the way to an environment."""
        for kind, measured, predicate in EVIDENCE[environment]:
            changed = {**predicate, **metrics} if kind == "evaluation" else predicate
            self.record(kind, measured, changed, pointer=f"{MODEL}@{version}^{ref}")

    def evidence_for(self, model: str, ref: str) -> None:
        """What dev asks for, about version 1.0.0 of another model."""
        for kind, measured, predicate in EVIDENCE["dev"]:
            self.record(kind, measured, predicate, pointer=f"{model}@1.0.0^{ref}")

    def copy_clone(self, directory: Path) -> World:
        """Another clone of the shared repository, with the same people and pull requests."""
        return replace(self, builder=clone(self.shared, directory / "work"))

    def locate(self, version: str, ref: str) -> Located:
        """A version at a ref."""
        return locate(self.session(), f"{MODEL}@{version}", ref=ref)

    def pull(
        self, base: str, head: str, approvals: Sequence[str], *, author: str = "ada", **changes: Any
    ) -> PullRequest:
        """A pull request with approvals of its head, in GitHub's shape."""
        self.pulls.append(
            {
                "pull_request": {
                    "number": len(self.pulls) + 1,
                    "user": user(author),
                    "base": {"ref": base, "sha": self.builder.git("rev-parse", f"origin/{base}")},
                    "head": {"ref": "head", "sha": head},
                    "merge_commit_sha": None,
                    "commits": 1,
                    "requested_reviewers": [],
                },
                "reviews": [
                    {
                        "id": index + 1,
                        "user": user(login),
                        "state": "APPROVED",
                        "commit_id": head,
                        "submitted_at": "2026-11-20T09:30:00Z",
                    }
                    for index, login in enumerate(approvals)
                ],
                "commits": [
                    {
                        "sha": head,
                        "author": user(author),
                        "commit": {
                            "author": {"name": author, "email": f"{author}@example.com"},
                            "message": "Change",
                        },
                    }
                ],
                **changes,
            }
        )
        return self.pull_requests()[-1]

    def pull_requests(self) -> tuple[PullRequest, ...]:
        """Every pull request so far."""
        return load_pull_requests(self.pulls_file())

    def merged(self) -> Merged:
        """Every pull request so far, as a deploy asks for those behind a commit."""
        return given(self.pull_requests() if self.pulls else ())

    def pulls_file(self) -> Path:
        """The pull requests as a file."""
        path = self.directory.parent / "pulls.json"
        path.write_text(json.dumps(self.pulls))
        return path

    def merge(self, base: str, head: str, approvals: Sequence[str], **options: Any) -> str:
        """Opens, approves and merges a pull request, and pushes; the merge commit."""
        self.builder.git("fetch", "--quiet", "origin")
        self.pull(base, head, approvals, **options)
        self.builder.git("checkout", "--quiet", "--force", "-B", base, f"origin/{base}")
        self.builder.git("merge", "--no-ff", "--quiet", "-m", f"Merge into {base}", head)
        merged = self.builder.git("rev-parse", "HEAD")
        self.builder.git("push", "--quiet", "origin", f"HEAD:{base}")
        self.pulls[-1]["pull_request"]["merge_commit_sha"] = merged
        return merged

    def later(self, **span: float) -> None:
        """Lets time pass."""
        self.now += timedelta(**span)


def user(login: str) -> dict[str, Any]:
    """An account in GitHub's shape."""
    kind = "Bot" if login.endswith("[bot]") else "User"
    return {"id": PEOPLE.get(login, 99), "login": login, "type": kind}


def submission(version: str = "1.0.0", **changes: Any) -> dict[str, str | bytes | None]:
    """The files of a model with one version, released. `model`, `manifest` and `release` change
    the three documents."""
    return {
        f"models/{MODEL}/model.yaml": dump(model_data(**changes.get("model", {}))),
        f"models/{MODEL}/versions/{version}.yaml": dump(
            version_data(version, **changes.get("manifest", {}))
        ),
        f"models/{MODEL}/release.yaml": dump(release_data(version, **changes.get("release", {}))),
    }


def findings(report: Report, gate: str) -> list[Any]:
    """What a gate found, over all verdicts."""
    return [f for verdict in report.verdicts for f in verdict.findings if f.gate == gate]


def blocking(report: Report) -> set[str]:
    """The gates that block."""
    return {f.gate for v in report.verdicts for f in v.findings if f.outcome.blocks}


def rules(ci: Person, deployer: Person) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {}
    for folder in ("policies", "kustomize"):
        for path in sorted((PROJECT / folder).rglob("*")):
            if path.is_file():
                files[str(path.relative_to(PROJECT))] = path.read_bytes()
    files["policies/roles.yaml"] = dump(ROLES)
    # Most tests look at one version alone, hours after another: that would be kept warm meanwhile.
    shipped, warm = (PROJECT / STRATEGIES).read_text(), "    kind: blue-green\n    keep_warm: 1h\n"
    assert shipped.count(warm) == 1
    files[STRATEGIES] = shipped.replace(warm, "    kind: blue-green\n")
    ownership = yaml.safe_load((PROJECT / "policies/ownership.yaml").read_text())
    teams = {name: {"contact": f"{name}@example.com"} for name in ("oncology", "metabolic")}
    files["policies/ownership.yaml"] = dump({**ownership, "teams": teams})
    everywhere = ("offline", *ENVIRONMENTS)
    kinds = ["evaluation", "unit-tests", "e2e-tests", "data-validation", "security-scan",
             "load-test"]  # fmt: skip
    files["policies/keys/ci.yaml"] = key_file(ci, kinds, everywhere)
    jobs = ["deployment", "rollback", "rollout", "quarantine", *sorted(END_KINDS)]
    files["policies/keys/deployer.yaml"] = key_file(deployer, jobs, ENVIRONMENTS)
    return files


def key_file(holder: Person, kinds: Sequence[str], environments: Sequence[str]) -> str:
    """The file of a key that may sign these kinds, in these environments."""
    key = holder.trusted
    return key_document(
        key.name,
        owner=key.owner,
        public=key.public,
        valid_from=key.valid_from,
        valid_until=key.valid_until,
        kinds=kinds,
        environments=environments,
    )


@dataclass(frozen=True, kw_only=True)
class Template:
    """A world that is built once and copied for each test."""

    directory: Path
    world: World

    def copy(self, directory: Path) -> World:
        """A copy of it that nobody else uses."""
        shutil.copytree(self.directory, directory, dirs_exist_ok=True)
        work = RepoBuilder(directory / "work", clock=self.world.builder.clock)
        work.git("remote", "set-url", "origin", f"file://{directory / 'shared.git'}")
        return World(
            builder=work,
            shared=directory / "shared.git",
            ci=self.world.ci,
            deployer=self.world.deployer,
        )
