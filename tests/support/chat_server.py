"""A small OpenAI-compatible chat server on a loopback port, answering from a script and recording what it was sent."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse


class ScriptedServer:
    """``script`` holds, in order, a text to answer with, a finish reason and text, a status, or seconds to wait."""

    def __init__(self, script: list[Any]) -> None:
        self.script = script
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.base_url = ""
        self.at_once = 0
        """The most requests that were waiting at one time."""
        self._waiting = 0

    async def answer(self, request: Request) -> JSONResponse:
        self.requests.append(await request.json())
        self.keys.append(request.headers.get("authorization"))
        step = self.script[min(len(self.requests), len(self.script)) - 1]
        if isinstance(step, float):
            self._waiting += 1
            self.at_once = max(self.at_once, self._waiting)
            await asyncio.sleep(step)
            self._waiting -= 1
            step = "{}"
        if isinstance(step, int):
            error = {"error": {"message": f"scripted {step}", "type": "test", "code": None}}
            return JSONResponse(error, status_code=step, headers={"retry-after": "0"})
        if isinstance(step, dict):
            return JSONResponse(step)
        finish, text = step if isinstance(step, tuple) else ("stop", step)
        return JSONResponse(
            {
                "id": "1",
                "object": "chat.completion",
                "created": 1,
                "model": "served",
                "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
            }
        )


@contextmanager
def chat_server(*script: Any) -> Iterator[ScriptedServer]:
    """Serve ``script`` until the block ends; its last step is repeated."""
    scripted = ScriptedServer(list(script))
    app = FastAPI()
    app.post("/v1/chat/completions")(scripted.answer)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    scripted.base_url = f"http://127.0.0.1:{port}/v1"
    try:
        yield scripted
    finally:
        server.should_exit = True
        thread.join(timeout=10)
