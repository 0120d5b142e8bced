"""Routes of the operator: runs, counts, health and metrics."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from serving.http.auth import Admin, Reader, whole_shop
from serving.http.operator_shapes import Live, OperatorRuns, OperatorStats, Ready
from serving.http.problems import Problem
from serving.http.site import Site, site_of
from state.errors import StoreUnavailable

router = APIRouter()


@router.get("/v1/operator/runs", tags=["operator"], summary="Latest runs of the page graph")
async def runs(caller: Admin, request: Request, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> OperatorRuns:
    """Return runs, newest first, with what was dropped and why, tokens, cost and time."""
    whole_shop(caller)
    return OperatorRuns(runs=await site_of(request).cache.recent(limit))


@router.get("/v1/operator/stats", tags=["operator"], summary="Counts of store, generation and serving")
async def stats(caller: Admin, request: Request) -> OperatorStats:
    """Return counts of this process since it started, and the size of the store."""
    whole_shop(caller)
    site: Site = site_of(request)
    store = await site.cache.stats()
    return OperatorStats(
        store=asdict(store),
        hit_rate=store.hit_rate,
        running=site.runs.running,
        queued=site.runs.queued,
        generated=dict(site.runs.outcomes),
        latency=site.metrics.latency(),
        feedback_events=dict(site.metrics.feedback),
        uptime_s=round(time.monotonic() - site.opened_at, 1),
    )


@router.get("/health/live", tags=["health"], summary="The process answers")
async def live() -> Live:
    return Live()


@router.get("/health/ready", tags=["health"], summary="Pages can be served")
async def ready(request: Request) -> Ready:
    """Answer 200 when store and shop are there, 503 with the part that is missing otherwise."""
    site: Site = site_of(request)
    checks = {"store": "ok", "shop": "ok"}
    try:
        await site.cache.ready()
    except StoreUnavailable:
        checks["store"] = "does not answer"
    if await site.pages.shops.look() is None:
        checks["shop"] = site.pages.shops.fault or "opening"
    elif not site.pages.warm:
        await site.pages.warm_up()
    if any(word != "ok" for word in checks.values()):
        raise Problem(503, "not-ready", "A part is missing; 'checks' names it.", {"Retry-After": "5"}, checks=checks)
    return Ready(checks=checks)


@router.get("/metrics", tags=["operator"], summary="Metrics for Prometheus", response_class=Response)
async def metrics(caller: Reader, request: Request) -> Response:
    """Return the metrics in Prometheus' text format. Where keys are set, the scraper needs one with scope 'read'."""
    whole_shop(caller)
    site: Site = site_of(request)
    body = site.metrics.exposition(running=site.runs.running, queued=site.runs.queued, store=await site.cache.stats())
    return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")
