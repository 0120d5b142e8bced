"""Prunes designs by the LLM judge: themes whose title, fit or products it says no to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from agents.judge import judge_page
from graph.services import ProductTool, ShopperLoader
from state.answers_judge import PlacementAnswers
from state.guard import Chat
from state.placement import PlacedProduct, Placement
from training.examples import DesignExample, ThemeLabel
from training.gate_report import Drop

QUESTIONS: Final = ("title_on_brand", "fits_shopper", "products_match")
PRODUCTS_SHOWN = 12
_PAGES_AT_A_TIME = 4


async def judge_drops(
    rows: Sequence[DesignExample],
    chat: Chat,
    shoppers: ShopperLoader,
    products: ProductTool,
    on_done: Callable[[], object] = lambda: None,
) -> list[Drop]:
    """Return the themes that the judge refuses, in the order of ``rows``.

    It sees each theme with the products that its concepts find, as the judge of pages does. A theme whose answer stays
    unreadable goes too: it was not found good.

    Raises:
        EngineError: the judge cannot be reached; nothing was decided.
    """
    turns = asyncio.Semaphore(_PAGES_AT_A_TIME)

    async def judged(row: DesignExample) -> list[Drop]:
        async with turns:
            shopper = await asyncio.to_thread(shoppers.load, row.shopper_id)
            shown = [await asyncio.to_thread(_with_products, theme, products) for theme in row.themes]
            report = await judge_page(chat, shopper, shown)
        on_done()
        verdicts = [(theme, _refusal(report.placements[theme.id])) for theme in row.themes]
        return [
            Drop(part="theme", key=theme.id, split=row.split, rule="judge", reason=f"{reason}: {theme.title}"[:300])
            for theme, reason in verdicts
            if reason
        ]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(judged(row)) for row in rows]
    return [drop for task in tasks for drop in task.result()]


def _refusal(answers: PlacementAnswers | None) -> str | None:
    if answers is None:
        return "the answer was unreadable"
    said = {question: getattr(answers, question) for question in QUESTIONS}
    return next((f"{name}: no ({said[name].reason})" for name in QUESTIONS if said[name].answer == "no"), None)


def _with_products(theme: ThemeLabel, products: ProductTool) -> Placement:
    hits = products.find(theme.concepts, limit=PRODUCTS_SHOWN)
    placed = [
        PlacedProduct(**hit.product.model_dump(exclude={"available"}), score=hit.score, matched=list(hit.matched))
        for hit in hits
    ]
    return theme.as_placement().model_copy(update={"products": placed})
