"""The error of a benchmark that couldn't be taken: it says nothing about speed."""

from __future__ import annotations


class BenchError(Exception):
    """A side of a measure failed, or a tool is missing; `detail` is what it said."""

    def __init__(self, message: str, detail: str = ""):
        super().__init__(message)
        self.message = message
        self.detail = detail
