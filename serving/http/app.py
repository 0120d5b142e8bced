"""The HTTP app: put together here, run by uvicorn (``shelfwise serve``) or mounted beside the LangGraph server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute

from serving.http import operator_routes, page_routes, shop_routes
from serving.http.auth import Gate
from serving.http.bounds import Bounds
from serving.http.hub_routes import STATIC, HubFiles, hub_router
from serving.http.metrics import Metrics
from serving.http.observing import Observing
from serving.http.problems import ProblemDetails, install_problem_handlers
from serving.http.site import Parts, open_site
from serving.http.tracing import open_tracing, telemetry_config
from state.settings import Settings, load_settings

_ABOUT = """Generated shopping pages, served from a cache and ranked for the shopper now.

Send `Authorization: Bearer KEY`. Errors are problem details (RFC 9457)."""
_ERRORS = {
    401: "No valid key or token.",
    403: "The key or token does not reach this.",
    422: "A field is wrong.",
    429: "Too often: ask again after Retry-After.",
}


def create_app(settings: Settings | None = None, parts: Parts | None = None) -> FastAPI:
    """Return the app. Nothing is opened before it starts.

    Raises:
        SettingsError: the settings are wrong, or ask for a part that is not installed.
    """
    settings = settings or load_settings()
    metrics = Metrics()
    tracer = open_tracing(settings.http)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_site(settings, metrics, parts or Parts()) as site:
            app.state.site = site
            yield
        if tracer is not None:
            tracer.shutdown()

    app = FastAPI(
        title="Shelfwise",
        version="1",
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,  # its viewer comes from a CDN
        redoc_url=None,
        redirect_slashes=False,
        responses={status: {"model": ProblemDetails, "description": text} for status, text in _ERRORS.items()},
        generate_unique_id_function=_operation_id,
        telemetry=telemetry_config(tracer),
    )
    app.state.gate = Gate(settings.http)
    install_problem_handlers(app)
    for router in (page_routes.router, shop_routes.router, operator_routes.router, hub_router()):
        app.include_router(router)
    app.mount(STATIC, HubFiles(), name="static")
    if settings.http.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.http.cors_origins,
            allow_methods=["GET", "POST", "PUT"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
            expose_headers=["X-Shelfwise-State", "X-Request-Id", "Retry-After"],
        )
    app.add_middleware(Bounds, max_url_bytes=settings.http.max_url_bytes, max_body_bytes=settings.http.max_body_bytes)
    app.add_middleware(Observing, metrics=metrics)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
