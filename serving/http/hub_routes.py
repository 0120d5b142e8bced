"""The web pages of hub, operator and annotation: templates and static files, under a policy that keeps to our own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

HUB_DIR = Path(__file__).resolve().parent.parent / "hub"
STATIC = "/static"
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    # Kept by the browser, asked for again by ETag: a new version of the shop shows at once.
    "Cache-Control": "no-cache",
}
_SHARED = ["elements.js", "api.js", "words.js", "dialog.js"]
_PAGES = {
    "hub.html": {
        "sheets": ["tokens.css", "base.css", "tiles.css", "hub.css"],
        "script": "hub.js",
        "modules": [
            *_SHARED,
            *(
                "art.js",
                "basket.js",
                "feedback.js",
                "picker.js",
                "progress.js",
                "query.js",
                "shelf.js",
                "tile.js",
                "token.js",
                "why.js",
            ),
        ],
    },
    "operator.html": {
        "sheets": ["tokens.css", "base.css", "tiles.css", "operator.css"],
        "script": "operator.js",
        "modules": [*_SHARED, "charts.js", "funnel.js", "token.js"],
    },
    "annotate.html": {
        "sheets": ["tokens.css", "base.css", "annotate.css"],
        "script": "annotate.js",
        "modules": [*_SHARED, "annotate-keys.js", "annotate-view.js", "token.js"],
    },
}


def hub_router() -> APIRouter:
    """Return the routes of the two pages. They hold no data: what they show, they ask the API for."""
    router = APIRouter(include_in_schema=False)

    @router.get("/", response_class=HTMLResponse)
    async def hub() -> Response:
        return HTMLResponse(rendered("hub.html"), headers=dict(HEADERS))

    @router.get("/operator", response_class=HTMLResponse)
    async def operator() -> Response:
        return HTMLResponse(rendered("operator.html"), headers=dict(HEADERS))

    return router


class HubFiles(StaticFiles):
    """Style sheets, modules and drawings of the pages; to be mounted at ``STATIC``."""

    def __init__(self) -> None:
        super().__init__(directory=HUB_DIR / "static")

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


@lru_cache(maxsize=len(_PAGES))
def rendered(name: str) -> str:
    """Return the page of the template ``name``."""
    environment = Environment(
        loader=FileSystemLoader(HUB_DIR / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name).render(static=STATIC, home="/", operator="/operator", **_PAGES[name])
