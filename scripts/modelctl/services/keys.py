"""New keys: both halves are written, or neither."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from modelctl.adapters.documents import load
from modelctl.adapters.files import write_new
from modelctl.adapters.git import Repository
from modelctl.adapters.schema import validate
from modelctl.adapters.signing_keys import generate, key_document
from modelctl.errors import ModelctlError

KEYS = "policies/keys"


def new_key(
    repository: Repository,
    name: str,
    *,
    owner: str,
    kinds: Sequence[str],
    environments: Sequence[str],
    valid: tuple[datetime, datetime],
    private: Path,
) -> str:
    """Makes a pair: the public half in the policies of the work tree, whose path is returned; the
    private half in the file `private`, which its owner alone may read. `valid` is from when until
    when (UTC).

    Raises:
        ModelctlError: the policy would refuse it, one of the files is there already, or there is
            no work tree.
    """
    if repository.bare:
        raise ModelctlError(f"{repository.directory} has no work tree", mend="run it in a clone")
    pair, path = generate(), f"{KEYS}/{name}.yaml"
    text = key_document(
        name,
        owner=owner,
        public=pair.public,
        valid_from=valid[0],
        valid_until=valid[1],
        kinds=kinds,
        environments=environments,
    ).encode()
    for problem in validate(load(text, path), "key"):
        raise ModelctlError(problem.message, mend=problem.mend)
    write_new(private, pair.private, mode=0o600)
    try:
        write_new(repository.directory / path, text)
    except ModelctlError:
        private.unlink()
        raise
    return path
