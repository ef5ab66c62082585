"""Who served when, with the proof: what an auditor takes away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from modelctl.domain.audit import Audit, Coming, Evidence, Proof, Served
from modelctl.domain.verdict import Outcome
from modelctl.domain.waivers import WaiverRecord
from modelctl.report import gfm, words
from modelctl.report.json import dumps, instant
from modelctl.report.look import Look, grid, indent, ink, paint

if TYPE_CHECKING:
    from rich.console import RenderableType

SCHEMA = 1
_RESULTS = {True: "passed", False: "failed", None: ""}


def terminal(audit: Audit, look: Look | None = None, *, verbose: bool = False) -> str:
    """The answer as text for `look`: each model with who, why and where that is written.

    `verbose` tells every digest, commit and piece of evidence too.
    """
    look = look or Look()
    when = words.instant(audit.at)
    passed = words.age(audit.at, audit.asked_at)
    head = ink(look, (audit.environment, "bold cyan"), f"  at {when}", (f"  {passed}", "dim"))
    parts: list[RenderableType] = [head, ""]
    for served in audit.served:
        lines = _details(told(served) if verbose else brief(served), look)
        parts += [_title(served, audit, look), indent(lines, 2), ""]
    for doubt in audit.doubts:
        parts += [ink(look, look.mark(Outcome.INCONCLUSIVE), (f" {doubt.model}", "bold"))]
        parts += [indent(ink(look, (str(doubt), "yellow")), 2), ""]
    if nothing := _nothing(audit):
        parts += [ink(look, (nothing, "dim")), ""]
    parts.append(ink(look, (_source(audit), "dim")))
    return paint(look, parts)


def _title(served: Served, audit: Audit, look: Look) -> RenderableType:
    one = served.deployment
    since = f"  since {words.instant(one.at)}, {words.age(one.at, audit.asked_at)}"
    return ink(look, (one.model, "bold"), "  ", (one.version, "bold green"), (since, "dim"))


def _details(lines: Iterable[tuple[str, str]], look: Look) -> RenderableType:
    rows = grid(11, None)
    for label, text in lines:
        rows.add_row(ink(look, (label, "dim")), ink(look, text))
    return rows


def brief(served: Served) -> Iterator[tuple[str, str]]:
    """What most people ask of one model, as label and text."""
    yield from _word(served)
    yield from _waivers(served)
    proof = served.proof
    yield "proof", f"entry {proof.seq}, signed by {_signers(proof)}, {proof.path}"


def _word(served: Served) -> Iterator[tuple[str, str]]:
    """How it came, and by whose word."""
    one = served.deployment
    if one.kind != "deployment":
        yield "came by", one.kind
    by = words.names(one.approvers, len(one.approvers)) or "nobody"
    yield "approved by", by + (f" in pull request #{one.pull_request}" if one.pull_request else "")
    if served.coming is not None:
        yield from _coming(one.version, served.coming)


def _coming(version: str, coming: Coming) -> Iterator[tuple[str, str]]:
    """The version that was taking over then, and how its share grew."""
    rest = 100 - coming.weight
    told = f"{version} {rest} %, {coming.version} {coming.weight} % by {coming.strategy}"
    yield "traffic", f"{told} (entry {coming.seq})"
    shares = (f"{one.weight} % since {words.instant(one.since)}" for one in coming.shares)
    yield "", f"{coming.version}: {', '.join(shares)}"


def _waivers(served: Served) -> Iterator[tuple[str, str]]:
    for number, waiver in enumerate(served.waivers or [None]):
        yield "" if number else "waivers", _waiver(waiver) if waiver else "none"


def told(served: Served) -> Iterator[tuple[str, str]]:
    """All that is known of one model, as label and text, in the order to read it in."""
    one = served.deployment
    yield from _word(served)
    yield "digest", f"sha256:{one.digest}"
    yield "git blob", served.blob or "not told"
    yield "commit", one.commit + (f" of {served.branch}" if served.branch else "")
    if served.state_commit:
        yield "state", served.state_commit
    if one.strategy:
        yield "strategy", one.strategy + (f" on {one.target}" if one.target else "")
    for number, evidence in enumerate(served.evidence or [None]):
        yield "" if number else "evidence", _evidence(evidence) if evidence else "none is named"
    yield from _waivers(served)
    yield "proof", _proof(served.proof)


def _evidence(evidence: Evidence) -> str:
    if evidence.proof is None or evidence.made_at is None:
        return f"{evidence.envelope[:12]}…: not on the ledger, or not to be believed any more"
    result = _RESULTS[evidence.passed]
    said = " ".join(filter(None, (evidence.kind, result, f"({evidence.environment})")))
    return f"{said}, made {words.instant(evidence.made_at)}, {_proof(evidence.proof)}"


def _waiver(waiver: WaiverRecord) -> str:
    by = f"{waiver.gate} until {waiver.expires} by {waiver.approved_by}"
    return f"{by}: {waiver.reason} ({waiver.file})"


def _proof(proof: Proof) -> str:
    """`signed by ci, models/…/00000012-….json sha256:…`."""
    return f"signed by {_signers(proof)}, {proof.path} sha256:{proof.digest}"


def _signers(proof: Proof) -> str:
    return words.names(proof.signers, len(proof.signers)) or "nobody who is trusted"


def _nothing(audit: Audit) -> str:
    if audit.nothing:
        return f"nothing served of {words.names(audit.nothing, 12)}"
    return "" if audit.served or audit.doubts else "the ledger knows no model"


def _source(audit: Audit) -> str:
    ledger = f"the ledger at {audit.ledger}" if audit.ledger else "a ledger that isn't there yet"
    return f"told by {ledger}, with the keys of {audit.trusted}"


def markdown(audit: Audit) -> str:
    """The answer as GitHub-flavoured Markdown: a table, then the proofs."""
    title = f"## {gfm.plain(audit.environment)} at {words.instant(audit.at)}"
    heads = ("model", "version", "since", "approved by", "pull request", "waivers")
    lines = [title, "", gfm.row(*heads), gfm.row(*("---" for _ in heads))]
    lines += [_row(served) for served in audit.served]
    lines += ["", gfm.plain(nothing)] if (nothing := _nothing(audit)) else []
    for served in audit.served:
        one = served.deployment
        lines += ["", f"### {gfm.plain(f'{one.model}@{one.version}')}", ""]
        lines += _bullets(told(served))
    for doubt in audit.doubts:
        lines += ["", f"**{gfm.plain(doubt.model)}**: ❔ {gfm.plain(str(doubt))}"]
    return "\n".join([*lines, "", f"<sub>{gfm.plain(_source(audit))}</sub>"]) + "\n"


def _bullets(lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A bullet for each label; where it has several texts, they stand beneath it."""
    listed: dict[str, list[str]] = {}
    for label, text in lines:
        listed.setdefault(label or next(reversed(listed)), []).append(gfm.plain(text))
    for label, texts in listed.items():
        if len(texts) == 1:
            yield f"- {label}: {texts[0]}"
        else:
            yield f"- {label}:"
            yield from (f"  - {text}" for text in texts)


def _row(served: Served) -> str:
    one = served.deployment
    waivers = ", ".join(waiver.gate for waiver in served.waivers)
    return gfm.row(
        f"**{gfm.plain(one.model)}**",
        gfm.code(one.version, cell=True),
        words.instant(one.at),
        gfm.plain(words.names(one.approvers, len(one.approvers))),
        gfm.plain(str(one.pull_request or "")),
        gfm.plain(waivers),
    )


def json(audit: Audit) -> str:
    """The answer as JSON, with every digest in full."""
    return dumps(
        {
            "schema": SCHEMA,
            "environment": audit.environment,
            "at": instant(audit.at),
            "ledger": audit.ledger,
            "trusted": audit.trusted,
            "served": [_document(served) for served in audit.served],
            "nothing": list(audit.nothing),
            "doubts": [
                {"model": d.model, "seq": d.seq, "path": d.path, "problem": str(d)}
                for d in audit.doubts
            ],
        }
    )


def _document(served: Served) -> dict[str, Any]:
    one = served.deployment
    return {
        "model": one.model,
        "version": one.version,
        "digest": f"sha256:{one.digest}",
        "blob": served.blob,
        "since": instant(one.at),
        "kind": one.kind,
        "stage": served.stage,
        "approvers": list(one.approvers),
        "pull_request": one.pull_request,
        "branch": served.branch,
        "commit": one.commit,
        "state_commit": served.state_commit,
        "strategy": one.strategy,
        "target": one.target,
        "evidence": [_json_evidence(evidence) for evidence in served.evidence],
        "waivers": [waiver.as_data() for waiver in served.waivers],
        "proof": _json_proof(served.proof),
        "rollout": _json_coming(served.coming) if served.coming else None,
    }


def _json_coming(coming: Coming) -> dict[str, Any]:
    return {
        "version": coming.version,
        "digest": f"sha256:{coming.digest}",
        "strategy": coming.strategy,
        "weight": coming.weight,
        "shares": [{"since": instant(s.since), "weight": s.weight} for s in coming.shares],
        "entry": coming.seq,
    }


def _json_evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "envelope": f"sha256:{evidence.envelope}",
        "kind": evidence.kind,
        "environment": evidence.environment,
        "made_at": instant(evidence.made_at),
        "passed": evidence.passed,
        "proof": _json_proof(evidence.proof) if evidence.proof else None,
    }


def _json_proof(proof: Proof) -> dict[str, Any]:
    return {
        "path": proof.path,
        "digest": f"sha256:{proof.digest}",
        "seq": proof.seq,
        "signed_by": list(proof.signers),
    }
