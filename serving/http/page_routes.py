"""Routes of a shopper's page: read it, make it again, follow that, and see how it came to be."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from serving.http.auth import Gate, Reader, ShopperId, Writer, own_shopper
from serving.http.operator_shapes import Trace
from serving.http.page_view import trace_of, trace_products
from serving.http.problems import Problem, ProblemDetails, unavailable
from serving.http.runs import Run, RunsFull
from serving.http.shapes import HubPage, RunStarted
from serving.http.site import Site, site_of

router = APIRouter(prefix="/v1/pages/{shopper_id}", tags=["pages"])
_JSON = "application/json"


@router.get(
    "",
    summary="The page of a shopper",
    response_model=HubPage,
    responses={503: {"model": ProblemDetails, "description": "The page store is down; ask again after Retry-After."}},
)
async def page(shopper_id: ShopperId, caller: Reader, request: Request) -> Response:
    """Answer in milliseconds with the page that is there; one that is missing or stale is made in the background.

    The header X-Shelfwise-State says which it is: fresh, stale, degraded (the store is down, this is the last known
    page), provisional (made by rules until a generated one is there) or negative (made by rules, as generating failed).
    """
    own_shopper(caller, shopper_id)
    site: Site = site_of(request)
    started = time.perf_counter()
    served = await site.pages.serve(shopper_id)
    site.metrics.page(served.state, time.perf_counter() - started, served.fault)
    return Response(served.body, media_type=_JSON, headers={"X-Shelfwise-State": served.state})


@router.post("/regenerate", summary="Make a shopper's page again", status_code=202)
async def regenerate(shopper_id: ShopperId, caller: Writer, request: Request) -> RunStarted:
    """Start making the page, or find that it is being made. Its progress can be followed at ``events``."""
    own_shopper(caller, shopper_id)
    site: Site = site_of(request)
    gate: Gate = request.app.state.gate
    if site.runs.active(shopper_id) is None:
        gate.count_regeneration(caller)
    try:
        run, already = site.runs.start(shopper_id, force=True)
    except RunsFull:
        raise unavailable("As many pages wait to be made as may wait.", 30, "generation-full") from None
    address = f"/v1/pages/{quote(shopper_id, safe='')}/events"
    return RunStarted(run_id=run.id, shopper_id=shopper_id, events=address, already_running=already)


@router.get(
    "/events",
    summary="Progress of a page that is being made",
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "Events 'progress', then 'done' or 'failed'."},
        204: {"description": "Nothing runs."},
    },
)
async def events(shopper_id: ShopperId, caller: Reader, request: Request) -> Response:
    """Send the events of the run that goes on, from its start; 204 where none does.

    A client that comes back with Last-Event-ID goes on behind that event.
    """
    own_shopper(caller, shopper_id)
    run = site_of(request).runs.latest(shopper_id)
    if run is None:
        return Response(status_code=204)
    run_id, _, seen = request.headers.get("last-event-id", "").partition(":")
    start = int(seen) + 1 if run_id == run.id and seen.isascii() and seen.isdigit() and len(seen) < 6 else 0
    if run.ended_at is not None and start >= len(run.events):
        return Response(status_code=204)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(run, start), media_type="text/event-stream", headers=headers)


async def _stream(run: Run, start: int) -> AsyncIterator[bytes]:
    async for told in run.follow(start):
        if told is None:
            yield b": still here\n\n"
            continue
        number, kind, event = told
        # json.dumps escapes line ends: an event's text cannot end its line, or start another event.
        yield f"id: {run.id}:{number}\nevent: {kind}\ndata: {json.dumps(event)}\n\n".encode()


@router.get("/trace", summary="How a shopper's page came to be")
async def trace(shopper_id: ShopperId, caller: Reader, request: Request) -> Trace:
    """Return every theme with its keywords, products and verdicts, dropped ones too, and what the page cost."""
    own_shopper(caller, shopper_id)
    site: Site = site_of(request)
    cached = await site.cache.read(shopper_id)
    if cached.page is None:
        raise Problem(404, "no-page", "No page of this shopper is stored. Regenerate it first.")
    shop = await site.pages.shops.look()
    known = await asyncio.to_thread(shop.warehouse.products, trace_products(cached.page)) if shop else {}
    return trace_of(cached.page, known)
