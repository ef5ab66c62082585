"""Commits as GitHub's JSON."""

from __future__ import annotations

from datetime import UTC, datetime

import pygit2

from forge.payloads import Json, account, node, repository_url
from forge.state import State
from forge.values import Repository, iso


def commit(state: State, it: Repository, one: pygit2.Commit) -> Json:
    """A commit, with the accounts of who wrote it where their address is known."""
    url, html = repository_url(state, it), f"{state.web_url}/{it.full_name}"
    sha = str(one.id)
    return {
        "sha": sha,
        "node_id": node("Commit", int(sha[:8], 16)),
        "commit": {
            "author": _signature(one.author),
            "committer": _signature(one.committer),
            "message": one.message.rstrip("\n"),
            "tree": {"sha": str(one.tree_id), "url": f"{url}/git/trees/{one.tree_id}"},
            "url": f"{url}/git/commits/{sha}",
            "comment_count": 0,
            "verification": {
                "verified": False,
                "reason": "unsigned",
                "signature": None,
                "payload": None,
                "verified_at": None,
            },
        },
        "url": f"{url}/commits/{sha}",
        "html_url": f"{html}/commit/{sha}",
        "comments_url": f"{url}/commits/{sha}/comments",
        "author": _by_email(state, one.author.email),
        "committer": _by_email(state, one.committer.email),
        "parents": [
            {"sha": str(p), "url": f"{url}/commits/{p}", "html_url": f"{html}/commit/{p}"}
            for p in one.parent_ids
        ],
    }


def _signature(signature: pygit2.Signature) -> Json:
    return {
        "name": signature.name,
        "email": signature.email,
        "date": iso(datetime.fromtimestamp(signature.time, UTC)),
    }


def _by_email(state: State, email: str) -> Json | None:
    """An address of the form ID+LOGIN@users.noreply.github.com names an account as well."""
    local, _, domain = email.partition("@")
    login = local.rpartition("+")[2].lower() if domain == "users.noreply.github.com" else None
    with state.lock:
        for user in state.users.values():
            if (user.email and user.email.lower() == email.lower()) or user.login.lower() == login:
                return account(state, user.login)
    return None
