"""Makes pages by running the page graph: one at a time or many side by side, stored and reported as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from langgraph.store.base import BaseStore

from agents.recording import ReplayChat
from graph.guards import discover_guards
from graph.nodes.publish import versions_of
from graph.page import PageGraph, build_page_graph
from graph.services import OnceProvider, ServiceProvider, open_services
from graph.session import Session
from state.errors import StoreUnavailable
from state.llm import CallRecord
from state.options import PageOptions
from state.page import PageInput
from state.placement import Page, Versions
from state.settings import Settings
from tools.page_backends import open_backend
from tools.page_store import PageStore

OnEvent = Callable[[str, dict[str, Any]], None]
SIDE_BY_SIDE = 4
"""Pages made at once: the embedded engine batches their calls; more only adds waiting on two cores."""


def _no_event(shopper_id: str, event: dict[str, Any]) -> None:
    return None


@dataclass(frozen=True)
class PageResult:
    """What became of one shopper: a page, or the error that kept it from being made."""

    shopper_id: str
    page: Page | None = None
    error: str | None = None
    cached: bool = False


class PageRunner:
    """Runs the page graph against one store. Open it with :func:`open_runner`."""

    def __init__(self, settings: Settings, provider: ServiceProvider, store: BaseStore) -> None:
        self._settings = settings
        self._provider = provider
        self._store = store
        self._guards = discover_guards(settings.guards_dir)
        self._graph = build_page_graph(provider, settings.guards_dir, store=store)
        self.pages = PageStore(store, settings.store.ttl_hours, runs_kept=settings.store.runs_kept)

    def versions(self, options: PageOptions) -> Versions:
        """Return the versions that a page made now with ``options`` would carry. Opens the services."""
        services = self._provider()
        session = Session(services, options.over(services.settings.page), emit=lambda event: None)
        return versions_of(session, discover_guards(self._settings.guards_dir))

    async def make(self, shopper_id: str, options: PageOptions, on_event: OnEvent = _no_event) -> Page:
        """Generate and store the page of one shopper; progress events go to ``on_event``.

        Raises:
            ShelfwiseError: what the page needs is not there (catalogue, corpus, weights).
            ValueError: the shopper id is empty or too long.
        """
        page: Page | None = None
        graph = await asyncio.to_thread(self._graph_in_force)
        stream: Any = graph.astream(
            PageInput(shopper_id=shopper_id), context=options, stream_mode=["custom", "values"], subgraphs=True
        )
        async for namespace, mode, chunk in stream:
            if mode == "custom":
                on_event(shopper_id, chunk)
            elif not namespace and "page" in chunk:
                page = Page.model_validate(chunk["page"])
        if page is None:
            raise RuntimeError(f"the page graph ended without a page for shopper {shopper_id}")
        return page

    def _graph_in_force(self) -> PageGraph:
        """Return the graph with the guards that the folder holds now: a guard file may have come or changed."""
        guards = discover_guards(self._settings.guards_dir)
        if guards != self._guards:
            self._graph = build_page_graph(self._provider, self._settings.guards_dir, store=self._store)
            self._guards = guards
        return self._graph

    async def make_many(
        self,
        shopper_ids: Sequence[str],
        options: PageOptions,
        *,
        cached: bool = False,
        on_event: OnEvent = _no_event,
    ) -> AsyncIterator[PageResult]:
        """Yield one result per shopper as it is ready, in no fixed order. One shopper's failure stops no other.

        ``cached`` takes a stored page made under the same versions instead of making it again.
        """
        versions = await asyncio.to_thread(self.versions, options) if cached else None
        gate = asyncio.Semaphore(SIDE_BY_SIDE)

        async def one(shopper_id: str) -> PageResult:
            async with gate:
                try:
                    if versions is not None and (stored := await self.pages.get(shopper_id, versions)):
                        return PageResult(shopper_id, page=stored, cached=True)
                    return PageResult(shopper_id, page=await self.make(shopper_id, options, on_event))
                except Exception as error:  # one shopper must not end the run of the others
                    return PageResult(shopper_id, error=f"{type(error).__name__}: {error}")

        tasks = [asyncio.create_task(one(shopper_id)) for shopper_id in shopper_ids]
        try:
            for done in asyncio.as_completed(tasks):
                yield await done
        finally:
            for task in tasks:
                task.cancel()

    async def replay(self, page: Page, calls: Iterable[CallRecord], options: PageOptions) -> Page:
        """Make ``page`` again from its recorded calls, without a model and without storing it."""
        services = replace(self._provider(), chat=ReplayChat(calls))
        graph = build_page_graph(lambda: services, self._settings.guards_dir)
        result = await graph.ainvoke(PageInput(shopper_id=page.shopper_id), context=options)
        return Page.model_validate(result["page"])


@asynccontextmanager
async def open_runner(settings: Settings, provider: ServiceProvider | None = None) -> AsyncIterator[PageRunner]:
    """Open the store of ``settings`` and yield a runner on it. Catalogue, indexes and models open at the first page.

    Raises:
        StoreError: the store cannot be opened, or fails while it is used (StoreUnavailable).
        GuardLoadError: a file of the guards folder cannot be used.
    """
    async with open_backend(settings) as backend:
        try:
            yield PageRunner(settings, provider or OnceProvider(lambda: open_services(settings)), backend.store)
        except backend.errors as error:
            raise StoreUnavailable(
                f"the page store ({backend.name}) failed: {type(error).__name__}. Check that it runs.",
                settings.store.pause_s,
            ) from error
