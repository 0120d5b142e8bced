"""Bounds of what is read from a caller: the length of the address, the size of the body."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.problems import Problem, problem_response


class Bounds:
    """ASGI middleware that refuses long addresses and large bodies, those that hide their length too."""

    def __init__(self, app: ASGIApp, max_url_bytes: int, max_body_bytes: int) -> None:
        self._app = app
        self._max_url_bytes = max_url_bytes
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if refused := self._refused(scope):
            answer = problem_response("", refused.status_code, refused.kind, refused.detail)
            await answer(scope, receive, send)
            return
        read = 0

        async def receive_bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_body_bytes:
                # Raised where the route reads its body, and answered as any problem.
                raise self._too_large()
            return message

        await self._app(scope, receive_bounded, send)

    def _refused(self, scope: Scope) -> Problem | None:
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > self._max_url_bytes:
            return Problem(414, "long-address", f"An address has at most {self._max_url_bytes} bytes.")
        length = Headers(scope=scope).get("content-length", "0")
        # A length of many digits is larger than any limit, and int() refuses the longest of them.
        if not length.isdecimal() or len(length) > 12 or int(length) > self._max_body_bytes:
            return self._too_large()
        return None

    def _too_large(self) -> Problem:
        return Problem(413, "too-large", f"A body has at most {self._max_body_bytes} bytes.")
