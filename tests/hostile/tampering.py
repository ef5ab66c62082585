"""What is done to branches and to the ledger before a pull request is judged; a case names it.

Each function is given the world and the head of the pull request, and may return another head.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from modelctl.adapters.documents import dump
from modelctl.adapters.ledger_files import entry_path
from modelctl.adapters.signing import sign
from modelctl.adapters.strict_json import canonical, parse
from modelctl.domain.evidence import Statement
from modelctl.services.session import MACHINE
from support.journey import publish
from support.keys import Person, person
from support.repos import Files
from support.world import ENVIRONMENTS, MODEL, World, evaluation, submission

LEDGER = f"models/{MODEL}"
VERSIONS = f"models/{MODEL}/versions"
Tamper = Callable[[World, str], str | None]


def entries(world: World) -> dict[str, bytes]:
    """The files of the model's ledger, in their order."""
    listed = world.builder.git("ls-tree", "-r", "--name-only", "origin/ledger", f"{LEDGER}/")
    names = listed.splitlines()
    return {n: world.show("origin/ledger", n).encode() for n in names}


def evaluation_entry(world: World) -> tuple[str, dict[str, Any]]:
    """The entry of the evaluation: its path, and what it holds."""
    path, data = next((p, d) for p, d in entries(world).items() if "-evaluation-" in p)
    return path, json.loads(data)


def write(world: World, files: Files) -> None:
    """Puts files on the ledger by force, and leaves no trace of what was there."""
    sha = world.builder.commit(files, "tampered", parent="origin/ledger")
    tree = world.builder.git("rev-parse", f"{sha}^{{tree}}")
    orphan = world.builder.git("commit-tree", tree, "-m", "Innocent")
    world.builder.git("push", "--quiet", "--force", "origin", f"{orphan}:refs/heads/ledger")
    world.builder.git("update-ref", "refs/remotes/origin/ledger", orphan)


def rewrite(**changes: Any) -> Tamper:
    """Other fields in the entry of the evaluation."""

    def tamper(world: World, _head: str) -> None:
        path, content = evaluation_entry(world)
        write(world, {path: canonical({**content, **changes})})

    return tamper


def raw(change: Callable[[bytes], bytes]) -> Tamper:
    """Other bytes in the file of the evaluation."""

    def tamper(world: World, _head: str) -> None:
        path, content = evaluation_entry(world)
        write(world, {path: change(canonical(content))})

    return tamper


def payload(change: Callable[[bytes], bytes]) -> Tamper:
    """Another statement below the old signature."""
    import base64

    def tamper(world: World, _head: str) -> None:
        path, content = evaluation_entry(world)
        envelope = content["envelope"]
        old = base64.b64decode(envelope["payload"])
        assert change(old) != old
        new = base64.b64encode(change(old)).decode()
        write(world, {path: canonical({**content, "envelope": {**envelope, "payload": new}})})

    return tamper


def deleted(world: World, _head: str) -> None:
    """Everything about the model is gone."""
    write(world, dict.fromkeys(entries(world)))


def deleted_evaluation(world: World, _head: str) -> None:
    write(world, {evaluation_entry(world)[0]: None})


def signed_by(choose: Callable[[World], Person], **changes: Any) -> Tamper:
    """The same statement in the same place, signed by somebody else."""

    def tamper(world: World, head: str) -> None:
        path, content = evaluation_entry(world)
        made = statement(world, head, **changes)
        envelope = sign(made, choose(world).signer)
        digest = sha256(canonical(parse(envelope))).hexdigest()
        place = entry_path(MODEL, content["seq"], "evaluation", digest)
        body = canonical({**content, "envelope": json.loads(envelope)})
        write(world, {path: None, place: body})

    return tamper


def statement(world: World, head: str, **changes: Any) -> Statement:
    """An evaluation of the proposed version that passes."""
    data = world.show(head, f"{VERSIONS}/1.0.0.yaml").encode()
    fields = {
        "kind": "evaluation",
        "subject": f"{VERSIONS}/1.0.0.yaml",
        "digest": sha256(data).hexdigest(),
        "made_at": world.now,
        "environment": "offline",
        "predicate": evaluation(),
    }
    return Statement(**{**fields, **changes})


def recorded(**changes: Any) -> Tamper:
    """A newer evaluation by the job itself, whose result is of another form."""

    def tamper(world: World, _head: str) -> None:
        predicate = evaluation(**changes)
        made = statement(world, _head, predicate=predicate)
        envelope = sign(made, world.ci.signer)
        world.session().ledger.append(MODEL, [envelope], author=MACHINE, at=world.now)

    return tamper


def replayed(world: World, head: str) -> None:
    """The evaluation of another version is copied into the place of this one's."""
    signed_by(lambda w: w.ci, digest="b" * 64)(world, head)


def of_another_model(world: World, head: str) -> None:
    signed_by(lambda w: w.ci, subject="models/lung-classifier/versions/1.0.0.yaml")(world, head)


def twice(world: World, _head: str) -> None:
    """The same statement once more at the end, after it was deleted from its place."""
    path, content = evaluation_entry(world)
    write(world, {path: None, path.replace("/0000000", "/0000009"): canonical(content)})


def swapped(world: World, _head: str) -> None:
    """Two entries in each other's place."""
    (one, first), (two, second) = list(entries(world).items())[:2]
    write(world, {one: second, two: first})


def older_ml(world: World, _head: str) -> None:
    """The branch is pushed back to before 1.0.0 was merged."""
    builder = world.builder
    start = builder.git("rev-list", "--max-parents=0", "origin/ml")
    builder.git("push", "--quiet", "--force", "origin", f"{start}:refs/heads/ml")
    builder.git("fetch", "--quiet", "--force", "origin", "+refs/heads/ml:refs/remotes/origin/ml")


def another_past(world: World, head: str) -> str:
    """The branch is pushed back, and the pull request brings another 1.0.0."""
    older_ml(world, head)
    files = submission(manifest={"changelog": "Another 1.0.0."})
    return world.commit(files, "hostile/again", "ml")


def squashed_ml(world: World, _head: str) -> None:
    """The same files, without the commit that was deployed."""
    builder = world.builder
    tree = builder.git("rev-parse", "origin/ml^{tree}")
    root = builder.git("rev-list", "--max-parents=0", "origin/ml")
    sha = builder.git("commit-tree", tree, "-p", root, "-m", "Squashed")
    builder.git("push", "--quiet", "--force", "origin", f"{sha}:refs/heads/ml")
    builder.git("fetch", "--quiet", "--force", "origin", "+refs/heads/ml:refs/remotes/origin/ml")


def quarantined(world: World, _head: str) -> None:
    """1.0.0 was rolled back where it wants to go."""
    held = Statement(
        kind="quarantine",
        subject=f"{VERSIONS}/1.0.0.yaml",
        digest="a" * 64,
        made_at=world.now - timedelta(hours=1),
        environment="dev",
        predicate={"version": "1.0.0", "reason": "errors over 5 %"},
    )
    envelope = sign(held, world.deployer.signer)
    world.session().ledger.append(MODEL, [envelope], author=MACHINE, at=world.now)


def ended(*kinds: str) -> Tamper:
    """The life of 1.0.0 has ended, by statements of these kinds."""

    def tamper(world: World, head: str) -> None:
        for number, kind in enumerate(kinds):
            told = {"version": "1.0.0", "reason": "it was never good", "by": "lena"}
            made = statement(
                world,
                head,
                kind=kind,
                environment=ENVIRONMENTS[-1],
                made_at=world.now - timedelta(hours=len(kinds) - number),
                predicate=told,
            )
            envelope = sign(made, world.deployer.signer)
            world.session().ledger.append(MODEL, [envelope], author=MACHINE, at=world.now)

    return tamper


def waived(**changes: Any) -> Tamper:
    """A waiver of a gate that the version fails, which is good but for these fields."""

    def tamper(world: World, head: str) -> None:
        data = world.show(head, f"{VERSIONS}/1.0.0.yaml").encode()
        day = timedelta(days=1)
        fields = {
            "model": MODEL,
            "version": "1.0.0",
            "digest": sha256(data).hexdigest(),
            "gate": "metadata",
            "reason": "It is explained elsewhere.",
            "requested_by": "ben",
            "approved_by": "lena",
            "created_at": f"{world.now - day:%Y-%m-%dT%H:%M:%SZ}",
            "expires": f"{world.now + 7 * day:%Y-%m-%dT%H:%M:%SZ}",
            **{key: _day(world, value) for key, value in changes.items()},
        }
        publish(world, "main", {"policies/waivers/mine.yaml": dump(fields)})

    return tamper


def _day(world: World, value: Any) -> Any:
    """A number is so many days from now."""
    if not isinstance(value, int):
        return value
    return f"{world.now + timedelta(days=value):%Y-%m-%dT%H:%M:%SZ}"


Row = tuple[str, bytes, str]
"""One row of a tree as git stores it: mode, name and object id."""


def crafted(change: Callable[[list[Row]], list[Row]], folder: str = VERSIONS) -> Tamper:
    """A tree that no git command would write, in the place of a folder of the head."""

    def tamper(world: World, head: str) -> str:
        builder = world.builder
        path, rows = folder, change(_rows(world, head, folder))
        while True:
            body = b"".join(
                mode.lstrip("0").encode() + b" " + name + b"\0" + bytes.fromhex(oid)
                for mode, name, oid in rows
            )
            options = ("-t", "tree", "-w", "--literally", "--stdin")
            oid = builder.git("hash-object", *options, stdin=body)
            if not path:
                sha = builder.git("commit-tree", oid, "-p", f"{head}^", "-m", "Crafted")
                builder.git("update-ref", "refs/heads/crafted", sha)
                return sha
            path, _, name = path.rpartition("/")
            above = _rows(world, head, path)
            rows = [(m, n, oid if n == name.encode() else o) for m, n, o in above]

    return tamper


def _rows(world: World, head: str, folder: str) -> list[Row]:
    listed = world.builder.git("ls-tree", f"{head}:{folder}" if folder else f"{head}^{{tree}}")
    split = (line.partition("\t") for line in listed.splitlines())
    return [(head.split()[0], name.encode(), head.split()[2]) for head, _, name in split]


def more(mode: str, name: bytes) -> Callable[[list[Row]], list[Row]]:
    """One more row, with the object of the first."""
    return lambda rows: sorted([*rows, (mode, name, rows[0][2])], key=lambda row: row[1])


TAMPERING: Final[Mapping[str, Tamper]] = {
    "untouched": raw(lambda old: old),
    "untouched-tree": crafted(lambda rows: rows),
    "recorded-again": recorded(),
    "deleted": deleted,
    "deleted-evaluation": deleted_evaluation,
    "forged": signed_by(lambda _: person("stranger")),
    "signed-by-the-deployer": signed_by(lambda world: world.deployer),
    "altered": payload(lambda old: old.replace(b"0.93", b"0.99")),
    "cut-statement": payload(lambda old: old[: len(old) // 2]),
    "cut": raw(lambda old: old[: len(old) // 2]),
    "emptied": raw(lambda _: b""),
    "binary": raw(lambda _: bytes(range(256))),
    "huge": raw(lambda old: old + b" " * 30_000_000),
    "deep": raw(lambda _: b"[" * 100_000 + b"]" * 100_000),
    "not-canonical": raw(lambda old: old.replace(b"\n", b"\n ", 1)),
    "duplicate-name": raw(lambda old: old.replace(b'"schema": 1', b'"schema": 1,\n "schema": 1')),
    "not-a-number": raw(lambda old: old.replace(b'"schema": 1', b'"schema": NaN')),
    "another-schema": rewrite(schema=2),
    "another-number": rewrite(seq=7),
    "true-for-one": rewrite(schema=True),
    "no-signatures": lambda world, head: rewrite(
        envelope={**evaluation_entry(world)[1]["envelope"], "signatures": []}
    )(world, head),
    "another-payload-type": lambda world, head: rewrite(
        envelope={**evaluation_entry(world)[1]["envelope"], "payloadType": "text/plain"}
    )(world, head),
    "a-signature-of-a-million": lambda world, head: rewrite(
        envelope={
            **evaluation_entry(world)[1]["envelope"],
            "signatures": evaluation_entry(world)[1]["envelope"]["signatures"] * 3_000,
        }
    )(world, head),
    "another-kind": signed_by(lambda world: world.ci, kind="load-test"),
    "from-the-future": lambda world, head: signed_by(
        lambda w: w.ci, made_at=world.now + timedelta(days=400)
    )(world, head),
    "from-the-past": lambda world, head: signed_by(
        lambda w: w.ci, made_at=world.now - timedelta(days=400)
    )(world, head),
    "another-environment": signed_by(lambda world: world.ci, environment="dev"),
    "replayed": replayed,
    "of-another-model": of_another_model,
    "twice": twice,
    "swapped": swapped,
    "metrics-as-text": recorded(metrics={"f1_score": "0.99", "accuracy": "1", "roc_auc": "1"}),
    "metrics-as-list": recorded(metrics=[["f1_score", 0.99]]),
    "metrics-as-booleans": recorded(metrics=dict.fromkeys(("f1_score", "accuracy"), True)),
    "passed-as-text": recorded(passed="true"),
    "passed-as-number": recorded(passed=1),
    "sample-as-text": recorded(sample_size="171"),
    "sample-is-negative": recorded(sample_size=-171),
    "artifacts-as-list": recorded(artifacts=["MLmodel"]),
    "latency-is-negative": recorded(latency={"p50_ms": -1.0, "p95_ms": -1.0, "p99_ms": -1.0}),
    "groups-are-empty": recorded(groups={"size_band": {}}),
    "dataset-is-text": recorded(dataset="tumor-holdout"),
    "another-past": another_past,
    "squashed-ml": squashed_ml,
    "quarantined": quarantined,
    "rejected": ended("rejection"),
    "archived": ended("archival"),
    "retired": ended("archival", "retirement"),
    "waiver-good": waived(),
    "waiver-expired": waived(expires=-1, created_at=-9),
    "waiver-of-tomorrow": waived(created_at=1),
    "waiver-for-ever": waived(expires=3_000),
    "waiver-of-another-manifest": waived(digest="b" * 64),
    "waiver-by-the-author": waived(approved_by="ada", requested_by="ada"),
    "waiver-by-who-asked": waived(requested_by="lena"),
    "waiver-by-nobody": waived(approved_by="eve"),
    "waiver-by-another-role": waived(approved_by="pat"),
    "waiver-by-another-team": waived(approved_by="max"),
    "waiver-of-another-model": waived(model="lung-classifier"),
    "waiver-of-another-version": waived(version="1.0.1"),
    "waiver-of-another-way": waived(environments=["production"]),
    "a-name-twice": crafted(lambda rows: [*rows, ("100644", b"1.0.0.yaml", "e" * 40)]),
    "a-name-of-two-dots": crafted(more("100644", b"..")),
    "a-name-of-one-dot": crafted(more("100644", b".")),
    "a-name-with-a-slash": crafted(more("100644", b"../../../policies/roles.yaml")),
    "a-name-of-git": crafted(more("100644", b".git")),
    "an-empty-name": crafted(more("100644", b"")),
    "a-file-that-is-a-folder": crafted(more("100644", b"x.yaml"), folder="models"),
    "a-folder-that-is-a-file": crafted(more("40000", b"1.1.0.yaml")),
    "not-sorted": crafted(lambda rows: [("100644", b"9.0.0.yaml", rows[0][2]), *rows]),
    "dots-at-the-top": crafted(more("100644", b".."), folder=""),
}
