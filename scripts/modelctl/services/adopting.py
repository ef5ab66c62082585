"""Turns a fresh copy of the product's repository into a team's own: edits of files, then keys.

Everything is worked out in memory, and the policies that would follow are loaded and must be sound,
before one file is written. Comments stay. What a person filled in already is never overwritten: a
second run adds what is still missing, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from modelctl.adapters.documents import load
from modelctl.adapters.git import Repository
from modelctl.adapters.github.addresses import parse_remote
from modelctl.adapters.policies import load_policy
from modelctl.adapters.settings_file import require_settings
from modelctl.adapters.work_tree import WorkTree
from modelctl.adapters.yaml_edit import renamed, replaced
from modelctl.domain import codeowners
from modelctl.domain.diagnosis import key_owner
from modelctl.domain.document import Path as Place
from modelctl.domain.evidence import OFFLINE
from modelctl.domain.history import END_KINDS
from modelctl.domain.policy import Policy
from modelctl.domain.settings import (
    PATH as SETTINGS,
    PLACEHOLDER,
    REGISTRY_VARIABLE,
)
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError
from modelctl.services.generated import code_owners, stale_rulesets
from modelctl.services.installation import DEPLOY_WORKFLOW, LIFECYCLE, OVERLAYS, PUSHED
from modelctl.services.keys import KEYS, new_key
from modelctl.services.session import MACHINE

ROLES, OWNERSHIP = "policies/roles.yaml", "policies/ownership.yaml"
SHIPPED_TEAM = "ml-platform"
SHIPPED_IMAGES = "registry.example.com/ml"
_DAYS = 365
_MEASURED = ("evaluation", "unit-tests", "data-validation", "security-scan", "e2e-tests",
             "load-test", "exposure", "rollback-rehearsal")  # fmt: skip
_JOBS = ("deployment", "rollback", "rollout", "quarantine")
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerTeam:
    """A team that owns models: its contact, and the slug of its GitHub team, if it has one."""

    name: str
    contact: str
    github: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the repository is to become.

    `members` are logins by role, `role_teams` slugs by role, `environments` new names by old ones,
    `apps` the ids of Apps by `gate` and `deploy`. `images` is the registry and folder of the
    serving image, `registry` the address of MLflow.
    """

    organisation: str
    members: Mapping[str, Sequence[str]] = field(default_factory=dict)
    role_teams: Mapping[str, str] = field(default_factory=lambda: _NONE)
    teams: Sequence[OwnerTeam] = ()
    environments: Mapping[str, str] = field(default_factory=lambda: _NONE)
    serving_target: str | None = None
    images: str | None = None
    registry: str | None = None
    apps: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """What would change: path → its text before and after; None where there is no file. `policy` is
    what follows; `keys` are the names of those that are still to be made, `moves` the old paths of
    files by their new ones, `notes` what was wished for and stays as it is."""

    changes: Mapping[str, tuple[str | None, str | None]]
    policy: Policy
    keys: tuple[str, ...]
    moves: Mapping[str, str] = field(default_factory=lambda: _NONE)
    notes: tuple[str, ...] = ()


def adoption(repository: Repository, wishes: Wishes, at: datetime) -> Adoption:
    """What the wishes would change in the work tree; nothing is written.

    Raises:
        ModelctlError: the repository is another one's already, or the policies wouldn't be sound.
    """
    snapshot = repository.snapshot("Adopt modelctl", author=MACHINE, at=int(at.timestamp()))
    tree = repository.tree(snapshot)
    _refuse_others(tree, wishes)
    refuse_origin(repository, wishes.organisation)
    notes = tuple(_kept(tree, wishes))
    edits = _Edits(tree)
    _edit_policies(edits, wishes)
    for old, new in wishes.environments.items():
        _rename_environment(edits, old, new)
    _edit_workflow(edits)
    policy, files = _generated(repository, snapshot, edits.texts, at)
    edits.texts.update(files)
    changes = {
        path: (before, after)
        for path, after in sorted(edits.texts.items())
        if (before := edits.before(path)) != after
    }
    there = {key.name for key in policy.keys}
    keys = tuple(name for name in ("ci", "deployer", "registrar") if name not in there)
    return Adoption(changes=changes, policy=policy, keys=keys, moves=edits.moves, notes=notes)


def adopt(
    repository: Repository, found: Adoption, private: Path, at: datetime
) -> tuple[tuple[str, Path], ...]:
    """Makes the keys and writes the changes: each key's public file and where its private half is.
    The keys come first, since their folder is the one that may not take them.

    Raises:
        ModelctlError: `private` lies in the repository, or a file can't be written.
    """
    check_outside(repository, private)
    made = tuple(_key(repository, found.policy, name, private, at) for name in found.keys)
    work = WorkTree(repository.directory)
    texts = {path: after for path, (_, after) in found.changes.items() if after is not None}
    new = {path: text for path, text in texts.items() if found.changes[path][0] is None}
    work.write(new, {path: text for path, text in texts.items() if path not in new})
    for path, (_, after) in found.changes.items():
        if after is None:
            (repository.directory / path).unlink()
    return made


def check_outside(repository: Repository, private: Path) -> None:
    """Nothing, where a folder lies outside of the repository.

    Raises:
        ModelctlError: it lies inside, where a private key would be committed sooner or later.
    """
    if private.resolve().is_relative_to(repository.directory.resolve()):
        raise ModelctlError(
            f"{private} lies in the repository, where no private key may be",
            mend="name a folder outside of it: --keys FOLDER",
        )


def refuse_origin(repository: Repository, organisation: str) -> None:
    """Nothing, where the remote is the organisation's or none on a forge.

    Raises:
        ModelctlError: it is another one's, such as that of whom the copy was cloned from.
    """
    url = repository.remote_url
    remote = parse_remote(url) if url else None
    owner = remote.repository.partition("/")[0] if remote else organisation
    if owner.lower() != organisation.lower():
        raise ModelctlError(
            f"the remote {repository.remote} is that of {owner}, not of {organisation}",
            mend=f"git remote remove {repository.remote}, and add your own",
        )


def _refuse_others(tree: Tree, wishes: Wishes) -> None:
    there = require_settings(tree).organisation
    if there not in (PLACEHOLDER, wishes.organisation):
        raise ModelctlError(
            f"this repository is that of {there} already",
            mend="run it in a fresh copy; what is yours is changed by hand, in a pull request",
            location=SETTINGS,
        )


class _Edits:
    """Texts that are to change, on top of a tree."""

    def __init__(self, tree: Tree):
        self.tree = tree
        self.texts: dict[str, str | None] = {}
        self.moves: dict[str, str] = {}

    def before(self, path: str) -> str | None:
        """A file as it is."""
        data = self.tree.read(path)
        return None if data is None else data.decode()

    def now(self, path: str) -> str:
        """A file as it would be."""
        text = self.texts[path] if path in self.texts else self.before(path)
        if text is None:
            raise ModelctlError(f"{path} is missing", mend="copy the whole repository")
        return text

    def set(self, path: str, values: Mapping[Place, object]) -> None:
        """Changes values of a file."""
        self.texts[path] = replaced(self.now(path), path, values)


def _edit_policies(edits: _Edits, wishes: Wishes) -> None:
    edits.set(SETTINGS, dict(_of_settings(edits, wishes)))
    edits.set(ROLES, dict(_of_roles(edits, wishes)))
    edits.set(OWNERSHIP, dict(_of_ownership(edits, wishes)))
    if wishes.images is not None:
        for entry in [*edits.tree.walk(OVERLAYS), *edits.tree.walk("kustomize/cluster")]:
            text = edits.before(entry.path) or ""
            if SHIPPED_IMAGES in text:
                edits.texts[entry.path] = text.replace(SHIPPED_IMAGES, wishes.images)


def _of_settings(edits: _Edits, wishes: Wishes) -> Iterator[tuple[Place, object]]:
    data = load(edits.now(SETTINGS).encode(), SETTINGS).data
    yield ("organisation",), wishes.organisation
    for name, number in wishes.apps.items():
        if data["apps"][name]["id"] is None:
            yield ("apps", name, "id"), number
    variables = data.get("repository", {}).get("variables", [])
    if wishes.registry is not None and REGISTRY_VARIABLE not in variables:
        yield ("repository", "variables"), [*variables, REGISTRY_VARIABLE]
    fresh = data["organisation"] == PLACEHOLDER
    slugs = [*wishes.role_teams.values(), *(team.github for team in wishes.teams if team.github)]
    added = {slug: "push" for slug in slugs if slug not in data.get("teams", {})}
    if added:
        old = _old_slugs(edits, wishes) if fresh else {}
        kept = {old.get(slug, slug): level for slug, level in data.get("teams", {}).items()}
        yield ("teams",), {**kept, **{s: level for s, level in added.items() if s not in kept}}


def _old_slugs(edits: _Edits, wishes: Wishes) -> dict[str, str]:
    """The slugs that other ones take the place of."""
    roles = load(edits.now(ROLES).encode(), ROLES).data["roles"]
    pairs = ((roles.get(role, {}).get("team"), slug) for role, slug in wishes.role_teams.items())
    return {old: new for old, new in pairs if old is not None}


def _of_roles(edits: _Edits, wishes: Wishes) -> Iterator[tuple[Place, object]]:
    roles = load(edits.now(ROLES).encode(), ROLES).data["roles"]
    for name in (*wishes.members, *wishes.role_teams):
        if name not in roles:
            raise ModelctlError(
                f"there is no role {name}", mend=f"the roles are {', '.join(roles)}"
            )
    fresh = require_settings(edits.tree).organisation == PLACEHOLDER
    for name, logins in wishes.members.items():
        if logins and not roles[name].get("members"):
            yield ("roles", name, "members"), list(logins)
    for name, slug in wishes.role_teams.items():
        if fresh or "team" not in roles[name]:
            yield ("roles", name, "team"), slug


def _of_ownership(edits: _Edits, wishes: Wishes) -> Iterator[tuple[Place, object]]:
    data = load(edits.now(OWNERSHIP).encode(), OWNERSHIP).data
    teams = {
        team.name: {"contact": team.contact, **({"github": team.github} if team.github else {})}
        for team in wishes.teams
    }
    if teams and list(data["teams"]) == [SHIPPED_TEAM]:
        yield ("teams",), teams
    else:
        for name, row in teams.items():
            if name not in data["teams"]:
                yield ("teams", name), row
    if wishes.serving_target is not None and "serving_target" not in data:
        yield ("serving_target",), wishes.serving_target


def _rename_environment(edits: _Edits, old: str, new: str) -> None:
    """Gives an environment another name wherever the policies name it, and to its overlay."""
    folder = f"{OVERLAYS}/{old}"
    if not edits.tree.names(folder):
        if edits.tree.names(f"{OVERLAYS}/{new}"):
            return  # a run before did it
        raise ModelctlError(f"there is no environment {old}", mend=f"look into {OVERLAYS}/")
    for entry in edits.tree.walk("policies"):
        if entry.path.endswith(".yaml") and not entry.path.startswith(f"{KEYS}/"):
            edits.texts[entry.path] = renamed(
                edits.now(entry.path), entry.path, old, new, _names_environment
            )
    word = re.compile(rf"(?<![\w]){re.escape(old)}(?![\w])")
    for entry in edits.tree.walk(folder):
        moved = f"{OVERLAYS}/{new}{entry.path.removeprefix(folder)}"
        edits.texts[moved] = word.sub(new, edits.now(entry.path))
        edits.texts[entry.path] = None
        edits.moves[moved] = entry.path


def _edit_workflow(edits: _Edits) -> None:
    """Lets the job that deploys start by pushes to the default branch, whatever that is called."""
    if edits.tree.entry(DEPLOY_WORKFLOW) is not None:
        branch = load(edits.now(LIFECYCLE).encode(), LIFECYCLE).data["default_branch"]
        edits.set(DEPLOY_WORKFLOW, {PUSHED: [branch]})


def _kept(tree: Tree, wishes: Wishes) -> Iterator[str]:
    """What was filled in already, and stays although something else is wished for."""
    roles = load(tree.read(ROLES) or b"", ROLES).data["roles"]
    for name, logins in wishes.members.items():
        there = roles.get(name, {}).get("members") or []
        if there and set(there) != set(logins):
            yield f"{name} stays with {', '.join(there)}: members change in {ROLES}"
    for name, number in require_settings(tree).apps.items():
        if number is not None and wishes.apps.get(name, number) != number:
            yield f"the {name} App stays {number}: it changes in {SETTINGS}"


def _names_environment(place: Place) -> bool:
    """Whether environments are named at this place of a policy."""
    keys = [key for key in place if isinstance(key, str)]
    if keys[-2:-1] == ["sources"]:  # of figures, by environment
        return True
    return bool(keys) and keys[-1] in ("environment", "environments")


def _generated(
    repository: Repository, snapshot: str, texts: Mapping[str, str | None], at: datetime
) -> tuple[Policy, dict[str, str | None]]:
    """The policies that would follow, and the files that follow from them."""
    edits = {path: None if text is None else text.encode() for path, text in texts.items()}
    commit = repository.write_commit(
        snapshot, edits, message="Adopt modelctl", author=MACHINE, at=int(at.timestamp())
    )
    tree = repository.tree(commit)
    policy, settings = load_policy(tree, commit), require_settings(tree)
    owners = code_owners(repository, policy, settings.organisation, [tree])
    return policy, {codeowners.PATH: owners, **stale_rulesets(policy, settings, tree)}


def _key(
    repository: Repository, policy: Policy, name: str, private: Path, at: datetime
) -> tuple[str, Path]:
    environments = policy.lifecycle.environments
    kinds: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
        "ci": (_MEASURED, (OFFLINE, *environments)),
        "deployer": (_JOBS, environments),
        "registrar": (sorted(END_KINDS), (policy.lifecycle.last,)),
    }
    path = private / f"{name}.pem"
    _make_folder(private)
    public = new_key(
        repository,
        name,
        owner=key_owner(policy),
        kinds=kinds[name][0],
        environments=kinds[name][1],
        valid=(at, at + timedelta(days=_DAYS)),
        private=path,
    )
    return public, path


def _make_folder(private: Path) -> None:
    try:
        private.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ModelctlError(
            f"no folder {private} can be made for the private keys: {error.strerror}",
            mend="name another one: --keys FOLDER",
        ) from None
