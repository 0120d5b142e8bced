"""What goes round every request: a count, a time, headers that keep browsers from guessing."""

from __future__ import annotations

import logging
import time
import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.metrics import Metrics
from serving.http.problems import problem_response

log = logging.getLogger(__name__)
_DEFAULT_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class Observing:
    """ASGI middleware. Shopper ids are neither logged nor counted: routes are, by their pattern."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        answer = _Answer(send)
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            log.exception("request %s failed", answer.request_id)
            if answer.started:
                raise
            await problem_response(scope["path"], 500, "internal", "Something failed. The server's log has the cause.")(
                scope, receive, answer.send
            )
        finally:
            pattern = getattr(scope.get("route"), "path", None) or "unmatched"
            seconds = time.perf_counter() - started
            self._metrics.request(pattern, scope["method"], answer.status, seconds, stream=answer.stream)
            if answer.status >= 500 and not pattern.startswith("/health/"):
                log.error("%s %s answered %d (%s)", scope["method"], pattern, answer.status, answer.request_id)


class _Answer:
    """Watches an answer go out and completes its headers."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 500
        self.started = False
        self.stream = False
        self.request_id = uuid.uuid4().hex

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _DEFAULT_HEADERS.items():
                headers.setdefault(name, value)
            headers["X-Request-Id"] = self.request_id
            self.stream = headers.get("content-type", "").startswith("text/event-stream")
        await self._send(message)
