"""The app in a real server over loopback: live progress, hostile clients, the generation process."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import httpx
import pytest
from support.http_app import small_page, small_site
from support.running import running

from serving.http.generation import GenerationFailed, GenerationProcess
from state.errors import EngineUnavailable
from state.options import PageOptions
from state.settings import Settings

pytestmark = pytest.mark.service


async def test_progress_arrives_while_the_page_is_made(tmp_path: Path) -> None:
    async with small_site(tmp_path) as site, running(site.app) as url, httpx.AsyncClient(base_url=url) as client:
        site.maker.go.clear()
        await client.post("/v1/pages/7/regenerate")
        seen: list[str] = []
        async with client.stream("GET", "/v1/pages/7/events") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    seen.append(line[7:])
                    if len(seen) == 1:
                        assert site.site.runs.active("7") is not None
                        site.maker.go.set()
        assert seen == ["progress", "progress", "done"]


async def test_followers_of_a_run_are_let_go_when_the_server_stops(tmp_path: Path) -> None:
    async with small_site(tmp_path) as site, running(site.app) as url, httpx.AsyncClient(base_url=url) as client:
        site.maker.go.clear()
        await client.post("/v1/pages/7/regenerate")
        follower = asyncio.create_task(client.get("/v1/pages/7/events"))
        await asyncio.sleep(0.2)
        await site.site.runs.aclose()
        assert "event: failed" in (await follower).text


@pytest.mark.parametrize(
    "raw",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /v1/pages/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/feedback HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"GET /v1/pages/7 HTTP/1.1\r\nHost: localhost\r\nX-Big: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v1/pages/7 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    ],
    ids=["garbage", "negative length", "absurd length", "big header", "broken path", "foreign host"],
)
async def test_hostile_bytes_end_in_a_refusal_and_the_server_lives(tmp_path: Path, raw: bytes) -> None:
    async with small_site(tmp_path) as site, running(site.app) as url:
        await site.store(small_page("7"))
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        assert b" 200 " not in answer[:20] or b"X-Big" in raw
        assert b"Traceback" not in answer
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/v1/pages/7")).status_code == 200


def no_catalogue(home: Path) -> Settings:
    return Settings(home=home, http={"generation_nice": 0})


async def test_the_generation_process_reports_what_failed_and_goes_on(tmp_path: Path) -> None:
    maker = GenerationProcess(no_catalogue(tmp_path))
    try:
        for _ in range(2):
            with pytest.raises(GenerationFailed, match="shelfwise catalog"):
                await maker.make("7", PageOptions(), lambda shopper, event: None)
    finally:
        await maker.aclose()
    assert not maker.alive


async def test_a_generation_process_that_dies_fails_its_pages_and_is_started_again(tmp_path: Path) -> None:
    maker = GenerationProcess(no_catalogue(tmp_path))
    try:
        with pytest.raises(GenerationFailed):
            await maker.make("7", PageOptions(), lambda shopper, event: None)
        os.kill(maker._process.pid, signal.SIGSTOP)
        waiting = asyncio.create_task(maker.make("8", PageOptions(), lambda shopper, event: None))
        await asyncio.sleep(0.2)
        os.kill(maker._process.pid, signal.SIGKILL)
        with pytest.raises(EngineUnavailable, match="started anew"):
            await waiting
        with pytest.raises(GenerationFailed, match="shelfwise catalog"):
            await maker.make("9", PageOptions(), lambda shopper, event: None)
    finally:
        await maker.aclose()
