"""Addresses of a GitHub server: its API, its pages, its git, and what a remote's URL says of them.

https://docs.github.com/rest/using-the-rest-api/getting-started-with-the-rest-api,
https://docs.github.com/enterprise-server/rest/quickstart
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from modelctl.errors import ModelctlError

GITHUB_API = "https://api.github.com"
_GITHUB, _RESIDENCY = "github.com", ".ghe.com"
_SERVER_PATH = "/api/v3"
_SCP = re.compile(r"(?:[^@/\s]+@)?(?P<host>\[[^\]/\s]+\]|[^:/\s\[\]]{2,}):(?P<path>(?!//)[^\s]*)")
_NAME = re.compile(r"(?P<owner>[A-Za-z0-9][A-Za-z0-9_-]{0,99})/(?P<name>[A-Za-z0-9._-]{1,100})")
_SCHEMES = frozenset({"http", "https", "ssh", "git", "git+ssh", "ssh+git"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """What the URL of a remote says: the repository as OWNER/NAME, where the API should be, and
    whether the host is GitHub's own. On any other host that is a guess which nobody confirmed."""

    repository: str
    host: str
    api_url: str
    is_github: bool


def parse_remote(url: str) -> Remote | None:
    """The GitHub repository behind a remote's URL (https, ssh, or `git@host:owner/name`).

    None for a path on this machine, and for an address that names no OWNER/NAME.
    """
    parts = _split(url.strip())
    if parts is None:
        return None
    scheme, host, port, path = parts
    named = _NAME.fullmatch(path.strip("/").removesuffix(".git"))
    if named is None or named["name"] in (".", ".."):
        return None
    host = _GITHUB if host in (f"www.{_GITHUB}", f"ssh.{_GITHUB}") else host
    is_github = host == _GITHUB or host.endswith(_RESIDENCY)
    return Remote(
        repository=f"{named['owner']}/{named['name']}",
        host=host,
        api_url=_api(scheme, host, port, is_github),
        is_github=is_github and scheme != "http",
    )


def _split(url: str) -> tuple[str, str, int | None, str] | None:
    """Scheme, host, port and path of a URL or an scp-like address."""
    if "://" not in url:
        found = _SCP.fullmatch(url)
        return ("ssh", found["host"].lower(), None, found["path"]) if found else None
    try:
        address = urlsplit(url)
        host, port = address.hostname, address.port
    except ValueError:
        return None
    if host is None or address.scheme not in _SCHEMES:
        return None
    return address.scheme, f"[{host}]" if ":" in host else host, port, address.path


def _api(scheme: str, host: str, port: int | None, is_github: bool) -> str:
    if is_github:
        return f"https://api.{host}"
    # The port of ssh or git says nothing about where its pages are.
    by_web = scheme in ("http", "https")
    where = f"{host}:{port}" if by_web and port is not None else host
    return f"{scheme if by_web else 'https'}://{where}{_SERVER_PATH}"


def checked_repository(text: str) -> str:
    """`text`, when it is OWNER/NAME.

    Raises:
        ModelctlError: it is something else.
    """
    named = _NAME.fullmatch(text)
    if named is None or named["name"] in (".", ".."):
        raise ModelctlError(
            f"{text!r} names no repository", mend="give it as OWNER/NAME: --repository acme/models"
        )
    return text


def checked_api(url: str) -> str:
    """The address of an API, without a slash at its end.

    Raises:
        ModelctlError: it is none, holds credentials, or would send a token over an open line.
    """
    try:
        address = urlsplit(url)
        host, _ = address.hostname, address.port
    except ValueError:
        host = None
    if host is None or address.scheme not in ("http", "https") or address.query or address.fragment:
        raise ModelctlError(
            "the address of GitHub's API is none",
            mend=f"give one such as {GITHUB_API} or https://github.example.com{_SERVER_PATH}",
        )
    if "@" in address.netloc:
        raise ModelctlError(
            f"the address of GitHub's API at {host} holds a user name or a password",
            mend="give it without, and the token in GITHUB_TOKEN",
        )
    if address.scheme == "http" and host not in _LOOPBACK:
        raise ModelctlError(
            f"tokens are not sent to {host} without encryption",
            mend=f"give its https address: --github-api https://{address.netloc}{address.path}",
        )
    return url.rstrip("/")


def web_url(api_url: str) -> str:
    """The address of the pages, and of git over https, that belong to an API's address."""
    address = urlsplit(api_url)
    host = address.netloc.removeprefix("api.") if _is_own(address.netloc) else address.netloc
    path = address.path.rstrip("/").removesuffix(_SERVER_PATH)
    return f"{address.scheme}://{host}{path}"


def same_server(url: str, server: str) -> bool:
    """Whether `url` is on the web server `server`: scheme, host and port alike.

    On this machine the port may differ: an API there is often asked through another program.
    """
    one, other = urlsplit(url), urlsplit(server)
    if one.hostname in _LOOPBACK and other.hostname in _LOOPBACK:
        return True
    return (one.scheme, one.hostname, one.port or None) == (
        other.scheme,
        other.hostname,
        other.port,
    )


def is_local(url: str) -> bool:
    """Whether a server is on this machine."""
    return urlsplit(url).hostname in _LOOPBACK


def _is_own(host: str) -> bool:
    return host == f"api.{_GITHUB}" or (host.startswith("api.") and host.endswith(_RESIDENCY))
