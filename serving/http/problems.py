"""Every error of the API in one shape: RFC 9457 problem details, which say what to do and leak nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from state.errors import CatalogError, ShelfwiseError, StoreUnavailable

PROBLEM_JSON = "application/problem+json"
_URN = "urn:shelfwise:problem:"
_SHOWN_ERRORS = 20
_SHOWN_CHARS = 200
log = logging.getLogger(__name__)


class ProblemDetails(BaseModel):
    """An error. ``type`` names its kind for programs, ``detail`` tells a person the cause and the fix."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str


class Problem(HTTPException):
    """An answer that is an error. ``kind`` ends its ``type``; ``more`` are further members of the body."""

    def __init__(
        self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.kind = kind
        self.more = more


def problem_response(
    instance: str, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """Return the answer of an error on the resource ``instance`` (a path)."""
    body = {
        "type": _URN + kind,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": quote(instance, safe="/-_.~", errors="replace")[:_SHOWN_CHARS],
        **more,
    }
    return JSONResponse(body, status, dict(headers or {}), media_type=PROBLEM_JSON)


def unavailable(detail: str, retry_after_s: float, kind: str = "unavailable") -> Problem:
    """Return a 503 that says when to ask again."""
    return Problem(503, kind, detail, {"Retry-After": whole_seconds(retry_after_s)})


def whole_seconds(seconds: float) -> str:
    """Return seconds as a Retry-After value: whole, at least 1."""
    return str(max(1, -int(-seconds // 1)))


def install_problem_handlers(app: FastAPI) -> None:
    """Make ``app`` answer every error that is foreseen with problem details (``observing`` does it for the others)."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ShelfwiseError, _known)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error, Problem):
        return problem_response(
            request.url.path, error.status_code, error.kind, error.detail, error.headers, **error.more
        )
    kinds = {404: "not-found", 405: "method-not-allowed"}
    details = {
        404: "There is nothing at this address. /openapi.json lists what there is.",
        405: "This address does not take this method.",
    }
    kind = kinds.get(error.status_code, "bad-request")
    detail = details.get(error.status_code, "The request cannot be read.")
    return problem_response(request.url.path, error.status_code, kind, detail, error.headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Name the wrong fields. What was sent in them is not repeated."""
    assert isinstance(error, RequestValidationError)
    found: Sequence[Any] = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return problem_response(request.url.path, 400, "malformed-json", "The body is not JSON.")
    fields = [
        {"field": ".".join(map(str, item["loc"]))[:_SHOWN_CHARS], "problem": str(item["msg"])[:_SHOWN_CHARS]}
        for item in found[:_SHOWN_ERRORS]
    ]
    detail = f"{len(found)} field{'s are' if len(found) > 1 else ' is'} wrong; 'errors' names them."
    return problem_response(request.url.path, 422, "invalid", detail, errors=fields)


async def _known(request: Request, error: Exception) -> JSONResponse:
    """Answer for a failure with a known cause. Its message names files and settings: that goes to the log alone."""
    log.error("%s: %s", type(error).__name__, error)
    if isinstance(error, StoreUnavailable):
        headers = {"Retry-After": whole_seconds(error.retry_after_s)}
        return problem_response(request.url.path, 503, "store-down", "The page store does not answer.", headers)
    detail = "The shop's catalogue cannot be read." if isinstance(error, CatalogError) else "A part is not available."
    detail += " The server's log has the cause."
    return problem_response(request.url.path, 503, "unavailable", detail, {"Retry-After": "30"})
