"""Histories of deployments on a ledger, written as the jobs write them or as nobody may."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from modelctl.adapters.ledger import LedgerEntry
from modelctl.adapters.ledger_files import Content, encode, entry_path
from modelctl.adapters.signing import read
from modelctl.domain.history import Deployment
from modelctl.domain.names import version_path
from modelctl.services.past import in_force
from modelctl.services.session import MACHINE, Session
from support.keys import NOW, Person, statement
from support.world import MODEL, World


@dataclass(kw_only=True)
class History:
    """The ledger of a world, with deployments that no environment's branch tells of.

    `at` is counted in minutes from `start`.
    """

    world: World
    start: datetime = NOW - timedelta(days=30)
    model: str = MODEL
    _sent: list[bytes] = field(default_factory=list)

    @property
    def session(self) -> Session:
        """A session that sees what is there now."""
        return self.world.session()

    def time(self, minutes: float) -> datetime:
        """So many minutes after the start."""
        return self.start + timedelta(minutes=minutes)

    def envelope(
        self,
        version: str,
        environment: str,
        minutes: float,
        *,
        kind: str = "deployment",
        signer: Person | None = None,
        **predicate: Any,
    ) -> bytes:
        """A signed deployment of a version."""
        told = {"version": version, "commit": "c" * 40, "approvers": ["ben"], **predicate}
        return (signer or self.world.deployer).sign(
            kind=kind,
            subject=version_path(self.model, version),
            digest=version.replace(".", "").rjust(64, "0"),
            environment=environment,
            made_at=self.time(minutes),
            predicate=told,
        )

    def add(self, *envelopes: bytes) -> tuple[LedgerEntry, ...]:
        """Appends envelopes as the jobs do."""
        return self.session.ledger.append(self.model, envelopes, author=MACHINE, at=self.world.now)

    def deployed(self, version: str, environment: str, minutes: float, **more: Any) -> LedgerEntry:
        """Appends one deployment."""
        return self.add(self.envelope(version, environment, minutes, **more))[0]

    def evaluated(self, *numbers: int) -> tuple[LedgerEntry, ...]:
        """Appends evidence of no interest."""
        signed = [
            self.world.ci.sign(
                subject=statement(self.model).subject, made_at=self.start, predicate={"n": number}
            )
            for number in numbers
        ]
        return self.add(*signed)

    def forge(self, *envelopes: bytes) -> None:
        """Puts envelopes at the end though they are there already, as nobody may."""
        last = self.session.ledger.latest(self.model)
        seq, previous = (last.seq, last.digest) if last else (0, None)
        files: dict[str, str | bytes | None] = {}
        for envelope in envelopes:
            seq += 1
            signed = read(envelope, self.session.policy.keys, place="")
            assert signed.statement is not None
            path = entry_path(self.model, seq, signed.statement.kind, signed.envelope_digest)
            files[path] = encode(Content(seq=seq, previous=previous, envelope=envelope))
        self.write(files)

    def write(self, files: dict[str, str | bytes | None]) -> None:
        """Changes files of the ledger by hand."""
        builder = self.world.builder
        builder.git("fetch", "--quiet", "origin")
        sha = builder.commit(files, "by-hand", parent=builder.git("rev-parse", "origin/ledger"))
        builder.git("push", "--quiet", "origin", f"{sha}:ledger")

    def at(
        self, minutes: float, environment: str = "production", session: Session | None = None
    ) -> str | None:
        """The version in force, found by the code under test."""
        return version(
            in_force(session or self.session, self.model, environment, self.time(minutes))
        )


def version(found: tuple[Deployment, LedgerEntry] | None) -> str | None:
    """`version/entry` of an answer."""
    return f"{found[0].version}/{found[1].seq}" if found else None
