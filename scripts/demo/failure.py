"""What can end the demo before its end."""

from __future__ import annotations


class DemoError(Exception):
    """Something went otherwise than the story says; `detail` is what the program printed."""

    def __init__(self, message: str, detail: str = ""):
        super().__init__(message)
        self.message = message
        self.detail = detail
