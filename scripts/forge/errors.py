"""Refusals, with GitHub's status codes and texts."""

from __future__ import annotations

from typing import Any

DOCUMENTATION = "https://docs.github.com/rest"


class ApiError(Exception):
    """Answered as GitHub does: `{"message", "errors", "documentation_url", "status"}`."""

    def __init__(
        self, status: int, message: str, errors: list[Any] | None = None, url: str = DOCUMENTATION
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.url = url

    def body(self) -> dict[str, Any]:
        """The answer's JSON."""
        body: dict[str, Any] = {"message": self.message, "documentation_url": self.url}
        if self.errors is not None:
            body["errors"] = self.errors
        return {**body, "status": str(self.status)}


def not_found() -> ApiError:
    """Not there, or not visible to who asks."""
    return ApiError(404, "Not Found")


def invalid(
    resource: str, field: str, code: str = "invalid", message: str | None = None
) -> ApiError:
    """A field of the request that can't be."""
    error = {"resource": resource, "field": field, "code": code}
    return ApiError(
        422, "Validation Failed", [error if message is None else error | {"message": message}]
    )


def forbidden_to_app() -> ApiError:
    """The installation's permissions don't reach."""
    return ApiError(403, "Resource not accessible by integration")
