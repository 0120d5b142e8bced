"""Makes the pages of a run: side by side, kept in a file as they come, so that an interrupted run goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agents.prompting import prompts_laid_over
from agents.recording import request_digest
from evaluation.runs.configuration import Configuration, page_options
from graph.page import build_page_graph
from graph.services import Services
from state.errors import EngineError, ShelfwiseError
from state.guard import Chat
from state.llm import Answer, Message, SchemaT
from state.page import PageInput
from state.placement import Page
from tools.line_file import LineFile

SIDE_BY_SIDE = 4
"""Pages in work at once: the embedded engine batches their calls."""
_HOPELESS = 4
"""Shoppers after which a run that has made no page gives up."""


@dataclass
class Made:
    """Pages by shopper in the order asked for; why the others have none."""

    pages: dict[str, Page]
    failed: dict[str, str] = field(default_factory=dict)


class PageFile:
    """One page a line. A page is kept once it is whole; opening drops a line that an interruption cut off."""

    def __init__(self, path: Path) -> None:
        """Open ``path`` to continue it, or start it.

        Raises:
            StoreError: a line is no page: the file stays as it is.
        """
        self._lines = LineFile.open(path, lambda record: Page.model_validate(record).shopper_id, holds="a page")

    def add(self, page: Page) -> None:
        self._lines.append(page.shopper_id, page.model_dump_json())

    def pages(self, shoppers: Sequence[str]) -> Iterator[Page]:
        """Yield the pages of ``shoppers`` that there are, in their order."""
        for shopper in shoppers:
            if (line := self._lines.line(shopper)) is not None:
                yield Page.model_validate_json(line)


async def make_pages(
    configuration: Configuration,
    services: Services,
    shoppers: Sequence[str],
    file: PageFile,
    *,
    at_a_time: int = SIDE_BY_SIDE,
    on_done: Callable[[], object] = lambda: None,
    on_failed: Callable[[str, str], object] = lambda shopper, why: None,
) -> Made:
    """Make the pages of ``shoppers`` that ``file`` lacks, and return all of them.

    The last order of every shopper is held out. A page whose model did not answer is made again by the next run: it
    would pass for a bad design. ``on_done`` is called for each shopper, ``on_failed`` with those without a page and
    why.

    Raises:
        ShelfwiseError: settings, weights or catalogue would fail every shopper, or the first few all failed.
    """
    made = Made({page.shopper_id: page for page in file.pages(shoppers)})
    turns = asyncio.Semaphore(at_a_time)

    async def one(shopper: str) -> None:
        async with turns:
            try:
                page = await _make(configuration, services, shopper)
            except Exception as error:  # one shopper must not end the run of the others
                if _fails_everyone(error):
                    raise
                made.failed[shopper] = f"{type(error).__name__}: {error}"
                on_failed(shopper, made.failed[shopper])
                _give_up(made)
            else:
                file.add(page)
                made.pages[shopper] = page
        on_done()

    for _ in made.pages:
        on_done()
    try:
        async with asyncio.TaskGroup() as group:
            for shopper in shoppers:
                if shopper not in made.pages:
                    group.create_task(one(shopper))
    except* ShelfwiseError as errors:
        raise _first(errors) from None
    return Made({key: made.pages[key] for key in shoppers if key in made.pages}, made.failed)


async def _make(configuration: Configuration, services: Services, shopper: str) -> Page:
    watched = _WatchedChat(services.chat)
    own = replace(services, chat=watched)
    # Tasks that the graph starts inherit the prompts in force here.
    with prompts_laid_over(configuration.prompts):
        graph: Any = build_page_graph(lambda: own, configuration.settings.guards_dir)
        result = await graph.ainvoke(PageInput(shopper_id=shopper), context=page_options(configuration))
    if watched.unanswered:
        raise next(iter(watched.unanswered.values()))
    return Page.model_validate(result["page"])


class _WatchedChat:
    """Passes calls on and remembers those that were never answered, whatever the page made of it."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self.unanswered: dict[str, EngineError] = {}

    async def ask(
        self, role: str, messages: Sequence[Message], schema: type[SchemaT], *, phase: str
    ) -> Answer[SchemaT]:
        request = request_digest(role, messages, schema)
        try:
            answer = await self._chat.ask(role, messages, schema, phase=phase)
        except EngineError as error:
            self.unanswered[request] = error
            raise
        self.unanswered.pop(request, None)
        return answer


def _fails_everyone(error: Exception) -> bool:
    return isinstance(error, ShelfwiseError) and not isinstance(error, EngineError)


def _give_up(made: Made) -> None:
    if not made.pages and len(made.failed) >= _HOPELESS:
        cause = next(iter(made.failed.values()))
        raise EngineError(f"none of the first {len(made.failed)} shoppers got a page: {cause}")


def _first(errors: BaseExceptionGroup[Any]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
