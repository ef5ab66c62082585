"""The formats that `--format` takes, by name. A renderer is imported when it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module

from modelctl.domain.verdict import Report


def _lazily(module: str, report: Report) -> str:
    rendered: str = import_module(f"modelctl.report.{module}").render(report)
    return rendered


FORMATS: Mapping[str, Callable[[Report], str]] = {
    name: partial(_lazily, name)
    for name in ("terminal", "json", "markdown", "github", "sarif", "junit")
}
"""Name → renderer, in the order in which `--help` lists them."""
