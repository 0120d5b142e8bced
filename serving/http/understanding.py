"""Reads queries for the API: the intent graph behind a bound of time and of queries at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from serving.http.problems import Problem, unavailable
from state.errors import QueryError, ShelfwiseError
from state.http import HttpSettings
from state.intent import QueryIntent

log = logging.getLogger(__name__)


class Understand(Protocol):
    """Tells what a query asks for, typed after those of a session. Raises QueryError for one that cannot be read."""

    async def __call__(self, query: str, *, session: Sequence[str] = ()) -> QueryIntent: ...


OpenUnderstand = Callable[[], Understand]


def open_understand() -> Understand:
    """Return the intent graph with all open that it looks things up with (some seconds); its models load when asked."""
    from graph.intent import understand
    from graph.query_opening import shared_query_services

    shared_query_services()
    return understand


class QueryReader:
    """Asks the intent graph, ``queries_at_once`` at a time; more wait their turn within their time limit.

    ``waiting`` counts the queries that are being read or wait for it.
    """

    def __init__(self, settings: HttpSettings, open_it: OpenUnderstand = open_understand) -> None:
        self._settings = settings
        self._open = open_it
        self._understand: Understand | None = None
        self._turn = asyncio.Semaphore(settings.queries_at_once)
        self.waiting = 0

    async def open(self) -> None:
        """Open the intent graph before a query asks for it; what is missing is told in the log."""
        try:
            self._understand = self._understand or await asyncio.to_thread(self._open)
        except ShelfwiseError as error:
            log.error("queries are not understood: %s: %s", type(error).__name__, error)

    async def read(self, query: str, session: Sequence[str] = ()) -> QueryIntent:
        """Return what ``query`` asks for.

        Raises:
            Problem: 422 the query cannot be read, 503 too many wait, no answer in time, or a part is not there.
        """
        if self.waiting >= self._settings.query_queue + self._settings.queries_at_once:
            raise unavailable("Too many queries are being read.", 1, "queries-full")
        self.waiting += 1
        try:
            async with asyncio.timeout(self._settings.query_timeout_s), self._turn:
                return await self._asked(query, session)
        except TimeoutError:
            raise unavailable("The query was not understood in time.", 5, "query-slow") from None
        except QueryError as error:
            raise Problem(422, "query", str(error)) from None
        except ShelfwiseError as error:
            log.error("queries are not understood: %s: %s", type(error).__name__, error)
            raise unavailable("Queries are not understood now: a part is missing.", 30, "query-closed") from None
        finally:
            self.waiting -= 1

    async def read_if_possible(self, query: str, session: Sequence[str] = ()) -> QueryIntent | None:
        """Return what ``query`` asks for, None where that cannot be told: search works without."""
        try:
            return await self.read(query, session)
        except Problem as problem:
            log.debug("searched without understanding: %s", problem.kind)
            return None

    async def _asked(self, query: str, session: Sequence[str]) -> QueryIntent:
        if self._understand is None:
            self._understand = await asyncio.to_thread(self._open)
        return await self._understand(query, session=session)
