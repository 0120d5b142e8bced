"""Mounted beside another API, the app answers its own addresses and leaves the others as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI, HTTPException
from support.http_app import SmallSite, small_page, small_site

from serving.http.mounted import mounted


def beside(site: SmallSite) -> FastAPI:
    """Return what the LangGraph server makes of a mounted app: its own routes behind ours, in the same app."""
    outer = mounted(site.app)

    @outer.get("/threads/{thread}")
    async def thread(thread: str) -> None:
        raise HTTPException(404, f"no thread {thread}")

    @outer.post("/threads")
    async def make(body: dict[str, str]) -> int:
        return len(body["state"])

    return outer


async def test_each_api_keeps_its_addresses_limits_and_errors(tmp_path: Path) -> None:
    async with small_site(tmp_path) as site:
        await site.store(small_page("7"))
        transport = httpx.ASGITransport(beside(site), client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            assert (await client.get("/v1/pages/7")).json()["state"] == "fresh"
            assert (await client.get("/health/ready")).json()["status"] == "ready"
            assert (await client.get("/v1/nothing")).headers["content-type"] == "application/problem+json"
            theirs = await client.get("/threads/1")
            assert theirs.json() == {"detail": "no thread 1"}
            assert "content-security-policy" not in theirs.headers
            large = await client.post("/threads", json={"state": "x" * 500_000})
            assert large.json() == 500_000
            assert (await client.post("/v1/feedback", content=b"x" * 500_000)).status_code == 413


async def test_the_mounted_app_starts_and_ends_with_the_server(tmp_path: Path) -> None:
    started: list[str] = []
    inner = FastAPI()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        started.append("start")
        yield
        started.append("end")

    inner.router.lifespan_context = lifespan
    outer = mounted(inner)
    async with outer.router.lifespan_context(outer):
        assert started == ["start"]
    assert started == ["start", "end"]
