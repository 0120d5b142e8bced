"""Runs of the page graph in the background: one per shopper, a bounded number at once, followed by any number."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from state.errors import ShelfwiseError
from state.placement import Page

Event = dict[str, Any]
Outcome = Literal["done", "refused", "failed"]
Make = Callable[[str, bool, Callable[[Event], None]], Awaitable[Page | None]]
"""Makes the page of a shopper; ``force`` ignores the pause after a failure. None: refused, another process makes it."""
OnEnd = Callable[[Outcome, float], None]
_KEPT_EVENTS = 500
_REMEMBERED_S = 10.0
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Run:
    """One run. ``events`` are those so far; the last one of a run that ended is ``done`` or ``failed``."""

    shopper_id: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:16])
    events: list[tuple[str, Event]] = field(default_factory=list)
    ended_at: float | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, kind: str, event: Event) -> None:
        if len(self.events) < _KEPT_EVENTS or kind != "progress":
            self.events.append((kind, event))
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def follow(self, start: int = 0, keep_alive_s: float = 15.0) -> AsyncIterator[tuple[int, str, Event] | None]:
        """Yield ``(number, kind, event)`` from event ``start`` to the end; None when nothing happened for a while."""
        at = start
        while True:
            news = self._news
            while at < len(self.events):
                yield at, *self.events[at]
                at += 1
            if self.ended_at is not None:
                return
            try:
                await asyncio.wait_for(news.wait(), keep_alive_s)
            except TimeoutError:
                yield None


class RunsFull(ShelfwiseError):
    """As many shoppers wait as may wait."""


class Runs:
    """Starts runs and remembers those that go on, and for a moment those that ended."""

    def __init__(
        self,
        make: Make,
        *,
        at_once: int,
        queue: int,
        on_end: OnEnd = lambda outcome, seconds: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._gate = asyncio.Semaphore(at_once)
        self._most = at_once + queue
        self._on_end = on_end
        self._now = clock
        self._runs: dict[str, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._working = 0
        self.outcomes: Counter[str] = Counter()

    @property
    def running(self) -> int:
        return self._working

    @property
    def queued(self) -> int:
        return len(self._tasks) - self._working

    def active(self, shopper_id: str) -> Run | None:
        """Return the shopper's run that goes on."""
        run = self._runs.get(shopper_id)
        return run if run is not None and run.ended_at is None else None

    def latest(self, shopper_id: str) -> Run | None:
        """Return the shopper's run that goes on, or ended a moment ago."""
        self._forget_old()
        return self._runs.get(shopper_id)

    def start(self, shopper_id: str, *, force: bool = False) -> tuple[Run, bool]:
        """Start a run, or find the one that goes on. Returns it, and whether it ran already.

        Raises:
            RunsFull: as many shoppers wait as may.
        """
        if (run := self.active(shopper_id)) is not None:
            return run, True
        if len(self._tasks) >= self._most:
            raise RunsFull("as many pages wait to be made as may wait. Ask again later.")
        self._forget_old()
        run = self._runs[shopper_id] = Run(shopper_id)
        task = asyncio.create_task(self._work(run, force), name=f"page run {run.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return run, False

    async def wait(self) -> None:
        """Wait until nothing runs."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def aclose(self) -> None:
        """Stop every run; their followers are told."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, run: Run, force: bool) -> None:
        started = self._now()
        outcome: Outcome = "failed"
        last: Event = {"reason": "The server is stopping."}
        try:
            async with self._gate:
                self._working += 1
                try:
                    page = await self._make(run.shopper_id, force, lambda event: run.tell("progress", event))
                finally:
                    self._working -= 1
            outcome, last = _ending(page)
        except Exception as error:
            # What went wrong names files and addresses: it goes to the log, not to who follows.
            log.error("page run %s: %s: %s", run.id, type(error).__name__, error)
            last = {"reason": "The page could not be made. The server's log has the cause."}
        finally:
            run.ended_at = self._now()
            run.tell("done" if outcome == "done" else "failed", last)
            self.outcomes[outcome] += 1
            self._on_end(outcome, run.ended_at - started)

    def _forget_old(self) -> None:
        now = self._now()
        old = [
            key for key, run in self._runs.items() if run.ended_at is not None and now - run.ended_at > _REMEMBERED_S
        ]
        for key in old:
            del self._runs[key]


def _ending(page: Page | None) -> tuple[Outcome, Event]:
    if page is None:
        return "refused", {"reason": "Another process makes this page, or making it failed lately."}
    return "done", {"state": "fresh", "fallback": page.fallback, "placements": len(page.placements)}
