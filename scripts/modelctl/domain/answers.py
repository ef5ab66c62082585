"""What people answer when they adopt a copy, held to what GitHub and the documents take."""

from __future__ import annotations

import re

from modelctl.domain.settings import PLACEHOLDER
from modelctl.errors import ModelctlError

_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?(?:_[A-Za-z0-9]{1,8})?")
_ORGANISATION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,98}[a-z0-9])?")
_IMAGES = re.compile(
    r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?"
    r"(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
)
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(?:/[^\s?#]*)?")
_DATABASE = re.compile(r"[a-z]+(?:\+[a-z0-9]+)?://\S+")


def organisation(text: str) -> str:
    """The name of an organisation."""
    found = _held(_ORGANISATION, text, "no name of an organisation on GitHub", "such as acme")
    if found == PLACEHOLDER:
        raise ModelctlError(
            f"{PLACEHOLDER} is what a copy says that nobody has adopted", mend="name your own"
        )
    return found


def logins(text: str) -> tuple[str, ...]:
    """Logins with commas between them; `@` before one is left away."""
    parts = (part.strip().removeprefix("@") for part in text.split(","))
    names = dict.fromkeys(part for part in parts if part) or {text.strip(): None}
    mend = "write logins, by commas: ada,ben"
    return tuple(_held(_LOGIN, name, "no login on GitHub", mend) for name in names)


def name(text: str) -> str:
    """The name of a team that owns models, or of an environment."""
    return _held(_NAME, text, "no name", "take up to 63 of a-z, 0-9 and -")


def slug(text: str) -> str:
    """The slug of a GitHub team."""
    return _held(_SLUG, text.strip().removeprefix("@"), "no slug of a GitHub team", "as in its URL")


def contact(text: str) -> str:
    """How to reach a team: anything that isn't empty."""
    return _held(re.compile(r"\S.*"), text, "no contact", "give an address: oncology@acme.example")


def images(text: str) -> str:
    """A registry, with a folder of it."""
    return _held(
        _IMAGES, text.strip().rstrip("/"), "no place of images", "write HOST/PATH, without a scheme"
    )


def address(text: str) -> str:
    """The address of an MLflow server or database, without credentials."""
    if "@" in text:
        raise ModelctlError(
            "it takes an address without credentials", mend="credentials are secrets"
        )
    form = _ADDRESS if text.strip().startswith("http") else _DATABASE
    return _held(form, text, "no address", "such as https://mlflow.acme.example")


def _held(form: re.Pattern[str], text: str, what: str, mend: str) -> str:
    found = text.strip()
    if form.fullmatch(found) is None:
        raise ModelctlError(f"{found!r} is {what}", mend=mend)
    return found
