"""The annotation page's app: one study, the hub's looks, the API's rules of who may call."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from starlette.responses import HTMLResponse, Response

from serving.annotation import routes
from serving.annotation.book import AnnotationBook
from serving.http.auth import Gate
from serving.http.bounds import Bounds
from serving.http.hub_routes import HEADERS, STATIC, HubFiles, rendered
from serving.http.metrics import Metrics
from serving.http.observing import Observing
from serving.http.problems import install_problem_handlers
from serving.http.tracing import telemetry_config
from state.http import HttpSettings


def create_annotation_app(book: AnnotationBook, settings: HttpSettings) -> FastAPI:
    """Return the app that serves ``book``.

    Without keys in ``settings`` it answers this machine alone, and no page of another origin.
    """
    app = FastAPI(
        title="Shelfwise annotation",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=telemetry_config(None),
    )
    app.state.gate = Gate(settings)
    app.state.book = book
    install_problem_handlers(app)
    app.include_router(routes.router)
    app.include_router(_page())
    app.mount(STATIC, HubFiles(), name="static")
    app.add_middleware(Bounds, max_url_bytes=settings.max_url_bytes, max_body_bytes=settings.max_body_bytes)
    app.add_middleware(Observing, metrics=Metrics())
    return app


def _page() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/", response_class=HTMLResponse)
    async def page() -> Response:
        return HTMLResponse(rendered("annotate.html"), headers=dict(HEADERS))

    return router
