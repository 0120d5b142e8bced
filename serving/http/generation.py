"""The process that generates: the page graph and its models apart from the one that serves, at lower priority.

Serving answers in milliseconds because nothing heavy runs in its process. This one is started at the first page that
is to be made, and started again after it died. It ends with the process that started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from serving.http.generation_worker import work
from serving.regeneration import OnEvent
from state.errors import EngineUnavailable, ShelfwiseError
from state.options import PageOptions
from state.placement import Page
from state.settings import Settings

_GRACE_S = 5.0


def _no_event(shopper_id: str, event: dict[str, Any]) -> None:
    return None


class GenerationFailed(ShelfwiseError):
    """The page graph failed; the message is the failure's own."""


class GenerationProcess:
    """Makes pages in a child process. ``make`` is used as that of :class:`serving.pages.PageRunner`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._numbers = itertools.count()
        self._waiting: dict[int, tuple[asyncio.Future[Page], Callable[[dict[str, Any]], None]]] = {}
        self._process: Any = None
        self._pipe: Connection | None = None
        self._turn = asyncio.Lock()
        self._writing = asyncio.Lock()

    async def make(self, shopper_id: str, options: PageOptions, on_event: OnEvent = _no_event) -> Page:
        """Generate and store the page of one shopper.

        Raises:
            GenerationFailed: the page graph failed, or took too long.
            EngineUnavailable: the process died meanwhile.
        """
        async with self._turn:
            if self._pipe is None or not self.alive:
                await self._start()
        number = next(self._numbers)
        future: asyncio.Future[Page] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future, lambda event: on_event(shopper_id, event)
        limit = self._settings.http.generation_timeout_s
        try:
            await self._send(("make", number, shopper_id, options.model_dump_json(exclude_unset=True)))
            async with asyncio.timeout(limit):
                return await future
        except TimeoutError:
            raise GenerationFailed(f"the page was not made within {limit:g} s (http.generation_timeout_s).") from None
        finally:
            del self._waiting[number]
            if future.cancelled():
                with contextlib.suppress(EngineUnavailable):
                    await self._send(("cancel", number))

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    async def aclose(self) -> None:
        """End the process, and whatever it is making."""
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(_end, process)

    async def _start(self) -> None:
        if self._process is not None:
            await asyncio.to_thread(_end, self._process)
        self._pipe, theirs = multiprocessing.Pipe()
        # spawn: a fork would copy the threads' locks of the event loop and of DuckDB in whatever state they are.
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(
            target=work, args=(self._settings, theirs), name="shelfwise-generation", daemon=True
        )
        await asyncio.to_thread(self._process.start)
        theirs.close()
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._listen, args=(self._pipe, loop), name="generation-listener", daemon=True).start()

    async def _send(self, message: tuple[Any, ...]) -> None:
        try:
            if self._pipe is None:
                raise EOFError
            async with self._writing:
                await asyncio.to_thread(self._pipe.send, message)
        except (OSError, EOFError, ValueError) as error:
            raise EngineUnavailable("the generation process is gone. Ask again: it is started anew.") from error

    def _listen(self, pipe: Connection, loop: asyncio.AbstractEventLoop) -> None:
        """Hand on what the process says, in a thread of its own, until it ends."""
        with contextlib.suppress(RuntimeError), pipe:  # RuntimeError: the loop has ended
            try:
                while True:
                    message = pipe.recv()
                    loop.call_soon_threadsafe(self._hear, *message)
            except (EOFError, OSError):
                loop.call_soon_threadsafe(self._lost, pipe)

    def _hear(self, kind: str, number: int, body: Any) -> None:
        future, on_event = self._waiting.get(number, (None, None))
        if future is None or on_event is None or future.done():
            return
        if kind == "event":
            on_event(body)
        elif kind == "page":
            future.set_result(Page.model_validate_json(body))
        else:
            future.set_exception(GenerationFailed(str(body)))

    def _lost(self, pipe: Connection) -> None:
        if pipe is not self._pipe:
            return
        self._pipe = None
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(EngineUnavailable("the generation process ended. Ask again: it is started anew."))


def _end(process: Any) -> None:
    # Its writes are transactions: nothing is lost by ending it at once, and reading its pipe ends with it.
    process.terminate()
    process.join(_GRACE_S)
    if process.is_alive():
        process.kill()
        process.join()
