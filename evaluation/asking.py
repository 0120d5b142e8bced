"""Asks the judge about a placement or a page, and about many side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from agents.judge import ask_page, ask_placement
from state.guard import Chat
from state.placement import Placement
from state.shopper import ShopperContext
from state.usage import CallUsage

Said = dict[str, bool] | None
"""Yes (True) or no by question; None: the answer could not be read."""


async def ask_about(
    chat: Chat, shopper: ShopperContext, placements: Sequence[Placement], *, page: bool, min_products: int
) -> tuple[Said, CallUsage | None]:
    """Return what the judge says of a page of ``placements``, or of the one placement, and what that cost.

    Raises:
        EngineError: the judge cannot be reached.
    """
    if page:
        whole = await ask_page(chat, shopper, placements)
        return ({name: given.answer == "yes" for name, given in whole.value}, whole.usage) if whole else (None, None)
    one = await ask_placement(chat, shopper, placements[0], min_products)
    return ({name: given.answer == "yes" for name, given in one.value}, one.usage) if one else (None, None)


async def ask_side_by_side(questions: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all ``questions``. When one fails the others are cancelled and its exception escapes, not a group."""
    tasks = [asyncio.create_task(question) for question in questions]
    try:
        for task in asyncio.as_completed(tasks):
            await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
