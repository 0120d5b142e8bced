"""The app as ``langgraph.json`` mounts it beside the graph API, kept apart from it.

The LangGraph server spreads the middleware and the error handlers of a mounted app over its own routes. Here they stay
with this app's routes: only requests to these are passed on, as they came.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from serving.http.app import create_app
from serving.http.tracing import telemetry_config

PREFIXES = ("/v1/", "/health/", "/static/")
ADDRESSES = frozenset({"/", "/operator"})
"""``/metrics`` and ``/openapi.json`` are the LangGraph server's own here."""


class PassedOn(BaseRoute):
    """Hands requests of our addresses to our app with the scope that the server got."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = scope.get("path", "")
        ours = scope["type"] == "http" and (path in ADDRESSES or path.startswith(PREFIXES))
        return (Match.FULL, {}) if ours else (Match.NONE, {})

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = {key: value for key, value in scope.items() if key not in ("router", "route", "endpoint", "path_params")}
        await self.app(own, receive, send)


def mounted(inner: FastAPI) -> FastAPI:
    """Return an app for ``http.app`` of ``langgraph.json`` that passes our addresses on to ``inner``."""

    @asynccontextmanager
    async def lifespan(outer: FastAPI) -> AsyncIterator[None]:
        async with inner.router.lifespan_context(inner):
            yield

    # The server reads attributes of the app's router that Starlette's own router has no more, and FastAPI's has.
    return FastAPI(
        routes=[PassedOn(inner)],
        lifespan=lifespan,
        openapi_url=None,
        telemetry=telemetry_config(None),
    )


app = mounted(create_app())
