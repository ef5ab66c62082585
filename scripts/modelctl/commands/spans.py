"""Spans of time on the command line: `1s`, `15s`, `5m`."""

from __future__ import annotations

from datetime import timedelta

import click

from modelctl.domain.rules import parse_span
from modelctl.errors import ModelctlError


class Span(click.ParamType[timedelta]):
    """`1s`, `15s`, `5m`."""

    name = "span"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """The span that was written."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_span(str(value))
        except (ModelctlError, ValueError, KeyError):
            self.fail(f"{value!r} is no span of time such as 1s or 5m", param, ctx)
