"""Git over https with a token: for one server, for the commands that need it, and seen nowhere."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelctl.adapters import git_cli
from modelctl.adapters.git_cli import Setting, authorize, redacted, run
from modelctl.adapters.github import GitHub
from modelctl.adapters.github.credentials import git_settings
from support.api_server import ApiServer, Asked, Reply, api_server
from support.repos import RepoBuilder

TOKEN = "ghp_" + "t" * 36
BASIC = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
HEADER = f"Authorization: Basic {BASIC}"


@pytest.fixture
def git_server() -> Iterator[ApiServer]:
    """Has one repository without branches, for whoever shows the token."""
    with api_server() as running:

        def refs(asked: Asked) -> Reply:
            if asked.headers.get("authorization") != f"Basic {BASIC}":
                return Reply(status=401, headers={"WWW-Authenticate": "Basic"})
            advertised = b"001e# service=git-upload-pack\n0000" + _line(b"0" * 40)
            kind = {"Content-Type": "application/x-git-upload-pack-advertisement"}
            return Reply(raw=advertised + b"0000", headers=kind)

        running.on("GET", "/acme/models.git/info/refs", refs)
        yield running


def _line(oid: bytes) -> bytes:
    content = oid + b" capabilities^{}\x00agent=test\n"
    return f"{len(content) + 4:04x}".encode() + content


def address(server: ApiServer) -> str:
    return server.url.removesuffix("/api/v3") + "/acme/models.git"


def test_git_is_authorised_and_only_in_the_block(repo: RepoBuilder, git_server: ApiServer) -> None:
    remote = address(git_server)
    settings = git_settings(remote, server=remote, token=TOKEN)
    with authorize(lambda: settings):
        done = run("ls-remote", remote, directory=repo.directory)
    assert (done.code, done.out) == (0, b"")
    after = run("ls-remote", remote, directory=repo.directory)
    assert after.code != 0
    assert TOKEN not in done.err + after.err
    assert BASIC not in done.err + after.err


def test_what_a_checkout_left_gives_way(repo: RepoBuilder, git_server: ApiServer) -> None:
    """GitHub refuses a request with two Authorization headers."""
    remote = address(git_server)
    origin = remote.removesuffix("acme/models.git")
    repo.git("config", f"http.{origin}.extraheader", "Authorization: Basic b2xkOm9sZA==")
    with authorize(lambda: git_settings(remote, server=remote, token=TOKEN)):
        assert run("ls-remote", remote, directory=repo.directory).code == 0


def test_another_server_gets_nothing(repo: RepoBuilder, git_server: ApiServer) -> None:
    remote = address(git_server)
    with authorize(
        lambda: git_settings("https://github.com/a/b", server="https://github.com", token=TOKEN)
    ):
        assert run("ls-remote", remote, directory=repo.directory).code != 0
    assert {one.headers.get("authorization") for one in git_server.asked} == {None}


def test_settings_of_the_environment_stay(
    repo: RepoBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "Ada")
    seen = {**git_cli.environment()}
    with authorize(lambda: [Setting(name="http.https://x/.extraheader", value="A: b")]):
        given = git_cli._with_grants("fetch", dict(seen))
        elsewhere = git_cli._with_grants("update-ref", dict(seen))
    assert given["GIT_CONFIG_COUNT"] == "2"
    assert (given["GIT_CONFIG_KEY_0"], given["GIT_CONFIG_VALUE_0"]) == ("user.name", "Ada")
    assert given["GIT_CONFIG_KEY_1"] == "http.https://x/.extraheader"
    assert given["GIT_CONFIG_VALUE_1"] == "A: b"
    assert elsewhere == seen == git_cli._with_grants("fetch", dict(seen))
    assert run("config", "user.name", directory=repo.directory).text == "Ada"


def test_a_count_that_is_none_is_left_to_git(
    repo: RepoBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "many")
    with authorize(lambda: [Setting(name="a.b", value="c")]):
        done = run("ls-remote", ".", directory=repo.directory)
    assert "GIT_CONFIG_COUNT" in done.err


def test_a_command_that_stays_here_runs_its_hooks_without_the_token(
    repo: RepoBuilder, tmp_path: Path
) -> None:
    repo.commit({"a": "1"})
    seen = tmp_path / "seen"
    hook = repo.directory / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nenv >> '{seen}'\n")
    hook.chmod(0o755)
    with authorize(lambda: [Setting(name="http.https://x/.extraheader", value=HEADER)]):
        assert run("update-ref", "refs/heads/x", "HEAD", directory=repo.directory).code == 0
    assert "GIT_EXEC_PATH" in seen.read_text()
    assert BASIC not in seen.read_text()


@pytest.mark.parametrize(
    "remote",
    [
        "git@github.com:acme/models.git",
        "ssh://git@github.com/acme/models.git",
        "/srv/models.git",
        "file:///srv/models.git",
        "https://github.com.evil.example/acme/models.git",
        "https://github.com:8443/acme/models.git",
        "http://github.com/acme/models.git",
    ],
)
def test_where_no_token_goes(remote: str) -> None:
    assert git_settings(remote, server="https://github.com", token=TOKEN) == ()


def test_names_in_the_address_are_no_part_of_the_server() -> None:
    cleared, header = git_settings(
        "https://ada:x@github.com/acme/models", server="https://github.com", token=TOKEN
    )
    assert cleared == Setting(name="http.https://github.com/.extraheader", value="")
    assert header == Setting(name="http.https://github.com/.extraheader", value=HEADER)
    assert BASIC not in repr(header)


def test_the_token_is_asked_for_only_where_it_goes(app: GitHub, server: ApiServer) -> None:
    assert app.git_settings("git@github.com:acme/models.git") == ()
    assert app.calls == 0
    assert len(app.git_settings(address(server))) == 2
    assert app.calls == 1


def test_a_header_in_an_error_is_blanked() -> None:
    assert redacted(f"sent {HEADER}") == "sent Authorization: …"
    assert redacted(f"{{'authorization': 'Basic {BASIC}'}}") == "{'authorization': 'Basic …'}"
