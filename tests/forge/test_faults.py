"""What goes wrong on demand: which requests, how often, and what is done all the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from forge.faults import KINDS, Faults, without_last_row

if TYPE_CHECKING:
    from conftest import Place
    from forge.server import Forge


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[tuple[Forge, httpx.Client]]:
    """A forge with acme/models that nobody judges, and its admin."""
    from support.forges import client, plain_forge

    with plain_forge(tmp_path) as forge:
        forge.add_repository("acme", "models")
        with client(forge, forge.add_user("root", role="admin")) as root:
            yield forge, root


ISSUES = "/repos/acme/models/issues"


def test_the_same_seed_hits_the_same_requests() -> None:
    def hit(seed: int) -> list[str | None]:
        faults = Faults()
        faults.add(("500", "502"), share=0.3, seed=seed)
        return [(faults.choose("GET /x") or (None,))[0] for _ in range(200)]

    assert hit(1) == hit(1) != hit(2)
    assert 30 < sum(kind is not None for kind in hit(1)) < 90
    assert set(hit(1)) == {None, "500", "502"}


def test_only_what_matches_is_hit_and_only_so_often() -> None:
    faults = Faults()
    faults.add(("500",), match=r"^POST .*/pulls$", count=2)
    requests = ["GET /pulls", *["POST /repos/a/b/pulls"] * 3, "POST /repos/a/b/pulls/1"]
    assert [faults.choose(one) is not None for one in requests] == [False, True, True, False, False]
    assert faults.done == {"500": 2}


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no such fault: teapot"):
        Faults().add(("teapot",))


@pytest.mark.parametrize(("kind", "status"), [("500", 500), ("502", 502)])
def test_a_server_error_comes_before_anything_is_done(
    ask: tuple[Forge, httpx.Client], kind: str, status: int
) -> None:
    forge, root = ask
    forge.faults(1.0, (kind,), count=1)
    assert root.post(ISSUES, json={"title": "x"}).status_code == status
    assert root.get(ISSUES).json() == []


@pytest.mark.parametrize(("kind", "status"), [("rate-limit", 403), ("rate-limit-429", 429)])
def test_a_rate_limit_says_when_it_ends(
    ask: tuple[Forge, httpx.Client], kind: str, status: int
) -> None:
    forge, root = ask
    forge.state.faults.add((kind,), wait=30, count=1)
    answer = root.get(ISSUES)
    assert answer.status_code == status
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert 0 < int(answer.headers["x-ratelimit-reset"]) - time.time() <= 30
    assert "rate limit exceeded" in answer.json()["message"]


def test_a_secondary_limit_says_how_long_to_wait(ask: tuple[Forge, httpx.Client]) -> None:
    forge, root = ask
    forge.faults(1.0, ("secondary-limit",), count=1)
    answer = root.get(ISSUES)
    assert (answer.status_code, answer.headers["retry-after"]) == (403, "1")
    assert "secondary rate limit" in answer.json()["message"]


def test_a_slow_answer_comes_all_the_same(ask: tuple[Forge, httpx.Client]) -> None:
    forge, root = ask
    forge.state.faults.add(("slow",), delay=0.2, count=1)
    start = time.monotonic()
    assert root.get(ISSUES).status_code == 200
    assert time.monotonic() - start >= 0.2


def test_a_page_is_cut(ask: tuple[Forge, httpx.Client]) -> None:
    forge, root = ask
    for number in range(3):
        root.post(ISSUES, json={"title": str(number)})
    forge.faults(1.0, ("cut-page",), count=1)
    answer = root.get(ISSUES, params={"per_page": 2})
    assert len(answer.json()) == 1
    assert "next" in answer.links
    forge.faults(1.0, ("cut-link",), count=1)
    answer = root.get(ISSUES, params={"per_page": 2})
    assert len(answer.json()) == 2
    assert answer.links == {}
    assert "next" in root.get(ISSUES, params={"per_page": 2}).links


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (b"[1, 2]", b"[1]"),
        (b'{"total_count": 2, "runs": [1, 2]}', b'{"total_count": 2, "runs": [1]}'),
        (b'{"labels": [1]}', b'{"labels": [1]}'),
        (b"", b""),
    ],
)
def test_only_lists_lose_a_row(body: bytes, left: bytes) -> None:
    assert without_last_row(body) == left


def test_a_lost_response_is_of_a_write_that_was_done(ask: tuple[Forge, httpx.Client]) -> None:
    forge, root = ask
    forge.faults(1.0, ("lost-response",), match="^POST", count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        root.post(ISSUES, json={"title": "x"})
    assert [one["title"] for one in root.get(ISSUES).json()] == ["x"]


def test_faults_end(ask: tuple[Forge, httpx.Client]) -> None:
    forge, root = ask
    forge.faults(1.0)
    assert root.get(ISSUES).status_code >= 500
    forge.faults()
    assert root.get(ISSUES).status_code == 200


@pytest.mark.parametrize("kind", [one for one in KINDS if one not in {"slow", "lost-response"}])
def test_a_fault_is_still_an_answer_of_githubs(place: Place, kind: str) -> None:
    place.forge.faults(1.0, (kind,), count=1)
    place.root.get("/repos/acme/models/rulesets")
    assert place.forge.state.faults.done == {kind: 1}


def test_a_response_is_lost_through_the_judge_as_well(place: Place) -> None:
    place.forge.faults(1.0, ("lost-response",), match="^POST", count=1)
    with pytest.raises(httpx.TransportError):
        place.root.post(ISSUES, json={"title": "x"})
    assert len(place.do("GET", "/issues")) == 1


def test_the_log_counts_every_request(ask: tuple[Forge, httpx.Client]) -> None:
    forge, root = ask
    root.get(ISSUES)
    root.post(ISSUES, json={"title": "x"})
    found = [(one.method, one.path, one.status, one.login) for one in forge.requests]
    assert found == [("GET", ISSUES, 200, "root"), ("POST", ISSUES, 201, "root")]
