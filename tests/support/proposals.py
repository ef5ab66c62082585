"""Changes of a small repository, as the rules of the flow see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import yaml

from modelctl.domain.flow import FlowInput
from modelctl.domain.history import Deployment, Quarantine
from modelctl.domain.manifest import Release, release_from
from modelctl.domain.names import model_path, release_path, version_path
from modelctl.domain.policy import Transition
from modelctl.domain.verdict import Finding, Outcome
from support.trees import Content, MemoryTree, blob_oid, changes

MODEL = "tumor-classifier"
AT = datetime(2026, 11, 20, 10, tzinfo=UTC)
DEV = Transition(
    from_branch="feature/*", to_branch="ml", environment="dev", stage="Validation", approvals=()
)
STAGING = Transition(
    from_branch="ml",
    to_branch="develop",
    environment="staging",
    stage="Staging",
    approvals=(),
    source="dev",
)
PRODUCTION = Transition(
    from_branch="develop",
    to_branch="main",
    environment="production",
    stage="Production",
    approvals=(),
    source="staging",
)
TRANSITIONS = {t.to_branch: t for t in (DEV, STAGING, PRODUCTION)}

RULES: Mapping[str, Content] = {
    "policies/gates/quality.yaml": b"gates: {}\n",
    "policies/lifecycle.yaml": b"default_branch: main\n",
    "scripts/modelctl/cli.py": b"print()\n",
    "kustomize/overlays/dev/kustomization.yaml": b"resources: []\n",
    ".github/workflows/gates.yml": b"on: push\n",
    "CODEOWNERS": b"* @platform\n",
    "README.md": b"# Models\n",
}

Files = Mapping[str, Content]


def model_yaml(model: str = MODEL, note: str = "") -> Files:
    """model.yaml of a model."""
    return {model_path(model): f"name: {model}\ndescription: {note or model}\n".encode()}


def version_yaml(version: str, model: str = MODEL, note: str = "") -> Files:
    """The manifest of a version."""
    text = f'model: {model}\nversion: "{version}"\nchangelog: {note or version}\n'
    return {version_path(model, version): text.encode()}


def release_yaml(version: str, model: str = MODEL, **strategies: str) -> Files:
    """release.yaml, pointing at a version."""
    text = f'model: {model}\nversion: "{version}"\n'
    if strategies:
        text += f"strategies: {strategies}\n"
    return {release_path(model): text.encode()}


def model_files(*versions: str, model: str = MODEL, release: str | None = None) -> Files:
    """A model with some versions, of which the last one is released unless another is named."""
    files: dict[str, Content] = dict(model_yaml(model))
    for version in versions:
        files |= version_yaml(version, model)
    return files | release_yaml(release or versions[-1], model)


def files_of(files: Files, model: str) -> dict[str, str]:
    """The object ids of a model's files."""
    prefix = f"models/{model}/"
    return {p: blob_oid(c) for p, c in files.items() if p.startswith(prefix) and type(c) is bytes}


@dataclass(kw_only=True)
class World:
    """Commits of the branches, by their names, and the ledger's deployments."""

    commits: dict[str, Files] = field(default_factory=dict)
    on_branch: set[str] = field(default_factory=set)
    history: dict[str, list[Deployment]] = field(default_factory=dict)
    quarantines: list[Quarantine] = field(default_factory=list)

    def deploy(
        self, environment: str, version: str, tree: Files, *, model: str = MODEL, **other: Any
    ) -> Deployment:
        """Record that `environment` was deployed from a new commit with these files."""
        commit = other.pop("commit", f"{len(self.commits):02d}" + "c" * 38)
        self.commits[commit] = tree
        self.on_branch.add(commit)
        manifest = tree[version_path(model, version)]
        assert isinstance(manifest, bytes)
        deployments = self.history.setdefault(model, [])
        made = Deployment(
            model=model,
            version=version,
            digest=sha256(manifest).hexdigest(),
            environment=environment,
            commit=commit,
            at=AT,
            files=files_of(tree, model),
            seq=len(deployments) + 1,
        )
        deployments.append(replace(made, **other))
        return deployments[-1]

    def quarantine(self, environment: str, version: str, model: str = MODEL) -> None:
        """Record that a version was rolled back in an environment."""
        held = Quarantine(
            model=model, version=version, environment=environment, reason="errors over 5 %", at=AT
        )
        self.quarantines.append(held)

    def proposal(
        self,
        branch: str,
        before: Files,
        edits: Mapping[str, Content | None],
        *,
        trusted: Files = RULES,
        default_branch: str = "main",
        unreadable: Sequence[str] = (),
    ) -> FlowInput:
        """The change of `branch` from `before` (beside the rules) by `edits`."""
        old = MemoryTree({**RULES, **before})
        new = old.edited(edits)
        touched = {path.split("/")[1] for path in edits if path.startswith("models/")}
        return FlowInput(
            branch=branch,
            default_branch=default_branch,
            transition=TRANSITIONS.get(branch),
            before=old,
            after=new,
            changes=changes(old, new),
            trusted=MemoryTree(trusted),
            releases_before=_releases(old, touched, unreadable=()),
            releases_after=_releases(new, touched, unreadable=unreadable),
            source_files=self._source_files,
            on_source_branch=self.on_branch.__contains__,
            history=self.history,
            quarantines=tuple(self.quarantines),
        )

    def _source_files(self, commit: str, path: str) -> str | None:
        content = self.commits[commit].get(path)
        return blob_oid(content) if isinstance(content, bytes) else None


def _releases(
    tree: MemoryTree, models: set[str], *, unreadable: Sequence[str]
) -> dict[str, Release]:
    read = {model: tree.read(release_path(model)) for model in models - set(unreadable)}
    return {m: release_from(yaml.safe_load(data)) for m, data in read.items() if data is not None}


def problems(findings: Sequence[Finding], gate: str | None = None) -> list[str]:
    """The messages of what blocks, of one gate or of all."""
    return [f.message for f in findings if f.outcome.blocks and gate in (None, f.gate)]


def passed(findings: Sequence[Finding]) -> list[str]:
    """The gates that found nothing wrong."""
    return [finding.gate for finding in findings if finding.outcome is Outcome.PASS]
