"""A token for git over https, as git configuration that lives in the environment alone.

`git -c` would show it in the list of processes, a configuration file would keep it on disk, and a
URL would spread it into error messages. https://git-scm.com/docs/git-config#ENVIRONMENT
"""

from __future__ import annotations

import base64
from urllib.parse import urlsplit

from modelctl.adapters.git_cli import Setting
from modelctl.adapters.github.addresses import same_server


def git_settings(remote_url: str, *, server: str, token: str) -> tuple[Setting, ...]:
    """The settings that authorise git for the server of `remote_url`, and for no other.

    There are none for a remote by ssh or by path, and none when it isn't on `server` (the address
    of GitHub's pages): the token was not made for anybody else.
    """
    address = urlsplit(remote_url) if "://" in remote_url else None
    if address is None or address.scheme not in ("http", "https"):
        return ()
    origin = f"{address.scheme}://{address.netloc.rpartition('@')[2]}/"
    if not same_server(origin, server):
        return ()
    name = f"http.{origin}.extraheader"
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    # The empty one takes out what actions/checkout left: GitHub refuses two Authorization headers.
    return (Setting(name=name, value=""), Setting(name=name, value=f"Authorization: Basic {basic}"))
