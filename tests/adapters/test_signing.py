"""Signed statements: what is written is proved when read, and nothing else is believed."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from modelctl.adapters.signing import MAX_BYTES, read, sign
from modelctl.adapters.signing_keys import Signer, generate
from modelctl.adapters.strict_json import canonical
from modelctl.domain.evidence import PAYLOAD_TYPE, STATEMENT_TYPE, Signed, Statement
from modelctl.errors import ModelctlError
from support.keys import NOW, Person, person, statement

CI, STRANGER = person("ci"), person("stranger")
KEYS = [CI.trusted]


def reading(data: bytes) -> Signed:
    return read(data, KEYS, place="models/m/0000/00000001-evaluation.json", seq=1)


def problem(data: bytes) -> str:
    signed = reading(data)
    assert signed.problem is not None
    return signed.problem


def envelope(payload: bytes, who: Person = CI, payload_type: str = PAYLOAD_TYPE) -> dict[str, Any]:
    """An envelope whose signature is good, whatever the payload is."""
    return dict(who.signer.envelope(payload, payload_type))


def body(**changes: Any) -> dict[str, Any]:
    """A sound statement as in-toto has it, changed as asked for; `...` takes a field out."""
    sound = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "models/m-n/versions/1.0.0.yaml", "digest": {"sha256": "ab" * 32}}],
        "predicateType": "https://modelctl.dev/statement/evaluation/v1",
        "predicate": {"made_at": "2026-11-20T10:00:00Z", "environment": "offline", "passed": True},
    }
    return {name: value for name, value in {**sound, **changes}.items() if value is not ...}


def signed_body(**changes: Any) -> bytes:
    return canonical(envelope(canonical(body(**changes))))


def payload_digest(data: bytes) -> str:
    return hashlib.sha256(base64.b64decode(json.loads(data)["payload"])).hexdigest()


def test_a_signed_statement_is_read_back() -> None:
    data = sign(statement(), CI.signer)
    found = reading(data)
    assert found == Signed(
        statement=statement(),
        envelope_digest=hashlib.sha256(data).hexdigest(),
        payload_digest=payload_digest(data),
        keys=(CI.trusted,),
        place="models/m/0000/00000001-evaluation.json",
        seq=1,
    )


def test_an_envelope_has_the_standard_form() -> None:
    data = sign(statement(made_at=NOW.astimezone(timezone(timedelta(hours=2)))), CI.signer)
    assert data == canonical(json.loads(data))
    parsed = json.loads(data)
    assert parsed["payloadType"] == "application/vnd.in-toto+json"
    assert [s["keyid"] for s in parsed["signatures"]] == [CI.trusted.keyid]
    payload = json.loads(base64.b64decode(parsed["payload"]))
    assert payload == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": statement().subject, "digest": {"sha256": statement().digest}}],
        "predicateType": "https://modelctl.dev/statement/evaluation/v1",
        "predicate": {
            **statement().predicate,
            "made_at": "2026-11-20T10:00:00Z",
            "environment": "offline",
        },
    }


def test_the_same_statement_gives_the_same_envelope() -> None:
    assert sign(statement(), CI.signer) == sign(statement(), CI.signer)


def test_a_pretty_printed_envelope_has_the_digest_of_the_canonical_one() -> None:
    data = sign(statement(), CI.signer)
    pretty = json.dumps(dict(reversed(json.loads(data).items())), indent=4).encode()
    assert pretty != data
    assert reading(pretty).problem is None
    assert reading(pretty).envelope_digest == reading(data).envelope_digest


PLAIN = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text("aé\n\x1b", max_size=3)
)


@settings(max_examples=50, deadline=None)
@given(
    predicate=st.dictionaries(
        st.text("abc", min_size=1), PLAIN | st.lists(PLAIN, max_size=2), max_size=4
    ),
    made_at=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001
    kind=st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True),
)
def test_any_statement_is_read_back(
    predicate: dict[str, Any], made_at: datetime, kind: str
) -> None:
    made = replace(
        statement(), predicate=predicate, made_at=made_at.replace(tzinfo=NOW.tzinfo), kind=kind
    )
    found = reading(sign(made, CI.signer))
    assert (found.statement, found.problem) == (made, None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "../x"}, "predicate type"),
        ({"kind": "Evaluation"}, "predicate type"),
        ({"kind": ""}, "predicate type"),
        ({"subject": "../etc/passwd"}, "subject is no path"),
        ({"subject": "models/\x1b[31m"}, "subject is no path"),
        ({"digest": "AB" * 32}, "64 hexadecimal"),
        ({"environment": "a b"}, "environment"),
        ({"made_at": NOW.replace(tzinfo=None)}, "no time zone"),
        ({"predicate": {"x": float("nan")}}, "NaN"),
        ({"predicate": {"x": 2**64}}, "64 bits"),
        ({"predicate": {"x": "\ud800"}}, "broken text"),
        ({"predicate": {"x": "x" * MAX_BYTES}}, "more than 1 MiB"),
    ],
)
def test_what_could_not_be_read_back_is_not_signed(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ModelctlError, match=reason):
        CI.sign(**changes)


# What is not believed


def test_a_stranger_is_not_believed() -> None:
    data = STRANGER.sign()
    assert f"not in policies/keys ({STRANGER.trusted.keyid[:12]})" in problem(data)
    assert reading(data).statement == statement()  # to say which one it was
    assert reading(data).keys == ()


def test_a_claimed_key_proves_nothing() -> None:
    forged = json.loads(STRANGER.sign())
    forged["signatures"][0]["keyid"] = CI.trusted.keyid
    assert "signature of key ci is not good" in problem(canonical(forged))


def test_an_altered_payload_is_noticed() -> None:
    altered = json.loads(CI.sign(predicate={"passed": False}))
    payload = base64.b64decode(altered["payload"]).replace(b"false", b"true")
    altered["payload"] = base64.b64encode(payload).decode()
    assert "altered, or forged" in problem(canonical(altered))


def test_a_signature_over_another_payload_type_is_noticed() -> None:
    other = envelope(canonical(body()), payload_type="text/plain")
    assert "payloadType" in problem(canonical(other))
    other["payloadType"] = PAYLOAD_TYPE
    assert "altered, or forged" in problem(canonical(other))


def test_a_key_that_is_listed_twice_counts_once() -> None:
    listed_twice = read(CI.sign(), [CI.trusted, CI.trusted], place="", seq=0)
    assert listed_twice.keys == (CI.trusted,)


def test_a_signature_counts_for_the_key_that_it_names() -> None:
    mixed = json.loads(CI.sign())
    mixed["signatures"][0]["keyid"] = STRANGER.trusted.keyid
    every = read(canonical(mixed), [CI.trusted, STRANGER.trusted], place="", seq=0)
    assert every.keys == ()
    assert every.problem is not None


@pytest.mark.parametrize(
    "other",
    [
        {"keyid": "ab" * 32, "sig": "AAAA"},
        json.loads(STRANGER.sign())["signatures"][0],
        json.loads(CI.sign())["signatures"][0],
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_a_second_signature_makes_no_other_envelope_of_a_statement(
    other: dict[str, str], place: int
) -> None:
    both = json.loads(CI.sign())
    both["signatures"].insert(place, other)
    every = read(canonical(both), [CI.trusted, STRANGER.trusted], place="", seq=0)
    assert every.keys == ()
    assert every.problem == "the envelope can't be read: it has 2 signatures, where one belongs"


def change(**fields: Any) -> Callable[[], bytes]:
    return lambda: canonical({**json.loads(CI.sign()), **fields})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (lambda: b"", "not JSON"),
        (lambda: b"\xff", "UTF-8"),
        (lambda: b"[]", "no payload"),
        (lambda: b"null", "no payload"),
        (lambda: b"[" * 100_000, "nested deeper"),
        (lambda: b'{"payload": "x", "payload": "y"}', "same name twice"),
        (lambda: b'{"payload": NaN}', "NaN"),
        (lambda: CI.sign()[:-40], "not JSON"),
        (lambda: CI.sign() + b" " * MAX_BYTES, "more than 1 MiB"),
        (change(payload=7), "no payload"),
        (change(payloadType="text/plain"), "payloadType"),
        (change(signatures={}), "no payload"),
        (change(signatures=[]), "not signed"),
        (change(signatures=[7]), "not a keyid"),
        (change(signatures=[{"keyid": "ab" * 32}]), "not a keyid"),
        (change(signatures=[{"keyid": "\x1b[31m", "sig": ""}]), "not a keyid"),
        (change(signatures=[{"keyid": "ab" * 32, "sig": "AAAA", "cert": ""}]), "not a keyid"),
        (change(signatures=[{"keyid": "ab" * 32, "sig": "?"}]), "base64"),
        (change(signatures=[{"keyid": "ab" * 32, "sig": "AAAA"}] * 17), "17 signatures"),
        (change(signatures=[{"keyid": CI.trusted.keyid, "sig": ""}]), "altered, or forged"),
        (change(payload="é"), "base64"),
        (change(payload="AAA"), "base64"),
        (change(payload="AAB="), "one base64 form"),
        (change(payload="_-8="), "base64"),
        (change(note="hello"), "do not belong"),
    ],
)
def test_a_broken_envelope_is_a_problem_and_no_exception(
    data: Callable[[], bytes], reason: str
) -> None:
    assert reason in problem(data())
    assert reading(data()).keys == ()


SUBJECT = {"name": "models/m-n/versions/1.0.0.yaml", "digest": {"sha256": "ab" * 32}}


def predicate(**changes: Any) -> dict[str, Any]:
    sound = {"made_at": "2026-11-20T10:00:00Z", "environment": "offline"}
    return {"predicate": {k: v for k, v in {**sound, **changes}.items() if v is not ...}}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"_type": "https://in-toto.io/Statement/v0.1"}, "not an in-toto statement"),
        ({"_type": ...}, "not an in-toto statement"),
        ({"subject": ...}, "exactly one subject"),
        ({"subject": []}, "exactly one subject"),
        ({"subject": [SUBJECT, SUBJECT]}, "exactly one subject"),
        ({"subject": [{"name": "x"}]}, "no name or no sha256"),
        ({"subject": [{**SUBJECT, "digest": {"sha512": "ab"}}]}, "no name or no sha256"),
        ({"subject": [{**SUBJECT, "digest": {"sha256": "ab"}}]}, "64 hexadecimal"),
        ({"subject": [{**SUBJECT, "digest": {"sha256": "ab" * 32 + "\n"}}]}, "64 hexadecimal"),
        ({"subject": [{**SUBJECT, "name": "models/../x"}]}, "no path"),
        ({"predicateType": "https://slsa.dev/provenance/v1"}, "predicate type"),
        ({"predicateType": "https://modelctl.dev/statement//v1"}, "predicate type"),
        ({"predicateType": "https://modelctl.dev/statement/a/b/v1"}, "predicate type"),
        ({"predicateType": 7}, "predicate type"),
        ({"predicate": ...}, "predicate is not a JSON object"),
        ({"predicate": []}, "predicate is not a JSON object"),
        (predicate(made_at=...), "made_at"),
        (predicate(made_at=7), "made_at"),
        (predicate(made_at="2026-11-20T10:00:00"), "made_at"),
        (predicate(made_at="2026-11-20T10:00:00+02:00"), "made_at"),
        (predicate(made_at="2026-11-20 10:00:00Z"), "made_at"),
        (predicate(made_at="2026-02-30T10:00:00Z"), "made_at"),
        (predicate(made_at="20261120T100000Z"), "made_at"),
        (predicate(made_at="\uff12026-11-20T10:00:00Z"), "made_at"),
        (predicate(environment=...), "environment"),
        (predicate(environment="staging\n"), "environment"),
    ],
)
def test_a_well_signed_statement_that_is_not_ours_is_a_problem(
    changes: dict[str, Any], reason: str
) -> None:
    assert reason in problem(signed_body(**changes))
    assert reading(signed_body(**changes)).statement is None


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"\xff", b'{"_type": NaN}', b'{"_type": 1, "_type": 1}', b"[" * 99_999]
)
def test_a_well_signed_payload_that_is_no_statement_is_a_problem(payload: bytes) -> None:
    assert "the statement can't be read" in problem(canonical(envelope(payload)))


def test_both_ways_to_write_utc_are_read() -> None:
    for text in ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00.0+00:00"):
        found = reading(signed_body(**predicate(made_at=text))).statement
        assert isinstance(found, Statement)
        assert found.made_at == NOW


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, 800), byte=st.integers(0, 255))
def test_any_changed_byte_is_noticed_or_changes_nothing(at: int, byte: int) -> None:
    data = bytearray(CI.sign())
    data[at % len(data)] = byte
    found = reading(bytes(data))
    assert found.problem is not None or found.statement == statement()


def test_a_signer_never_shows_its_key() -> None:
    pair = generate()
    secret = pair.private.decode().splitlines()[1]
    signer = Signer.from_pem(pair.private)
    assert secret not in repr(pair) + repr(signer) + str(signer)
    assert pair.keyid in repr(signer)
