"""What runs in the generation process: page runs as they are asked for, told about over a pipe."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from state.errors import ShelfwiseError
from state.options import PageOptions
from state.settings import Settings


def work(settings: Settings, pipe: Connection) -> None:
    """Make pages until the other end of ``pipe`` closes. Entry point of the process."""
    # Ctrl-C reaches every process of the terminal; this one ends when its pipe does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(settings.http.generation_nice)
    try:
        asyncio.run(_serve(settings, pipe))
    except ShelfwiseError as error:
        logging.getLogger(__name__).error("the generation process cannot start: %s", error)
        raise SystemExit(1) from None


async def _serve(settings: Settings, pipe: Connection) -> None:
    from serving.pages import open_runner

    tasks: dict[int, asyncio.Task[None]] = {}
    async with open_runner(settings) as runner:
        while (message := await _next(pipe)) is not None:
            kind, number, *rest = message
            if kind == "make":
                tasks[number] = asyncio.create_task(_make(runner, pipe, number, *rest))
                tasks[number].add_done_callback(partial(_forget, tasks, number))
            elif (task := tasks.get(number)) is not None:
                task.cancel()
        for task in list(tasks.values()):
            task.cancel()


def _forget(tasks: dict[int, asyncio.Task[None]], number: int, done: asyncio.Task[None]) -> None:
    tasks.pop(number, None)


async def _next(pipe: Connection) -> Any:
    try:
        return await asyncio.to_thread(pipe.recv)
    except (EOFError, OSError):
        return None


async def _make(runner: Any, pipe: Connection, number: int, shopper_id: str, options: str) -> None:
    def tell(kind: str, body: Any) -> None:
        with contextlib.suppress(OSError):
            pipe.send((kind, number, body))

    try:
        page = await runner.make(
            shopper_id, PageOptions.model_validate_json(options), lambda _, event: tell("event", event)
        )
        tell("page", page.model_dump_json())
    except Exception as error:  # one page must not end the others
        tell("failed", f"{type(error).__name__}: {error}")
