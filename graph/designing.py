"""Phase 1 in the mode that the options name: the one place that the node and the command line share."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agents.grounded_designer import design_grounded_page
from agents.idea_designer import design_ideas
from agents.page_designer import design_page
from graph.services import Services
from state.guard import Chat
from state.options import PageOptions
from state.placement import PageDesign
from state.shopper import ShopperContext
from state.vocabulary import Evidence
from tools.distinct_themes import most_distinct
from tools.evidence import theme_evidence
from tools.history_parts import history_parts
from tools.theme_seeds import theme_seeds


async def design_themes(chat: Chat, services: Services, shopper: ShopperContext, options: PageOptions) -> PageDesign:
    """Return persona and themes for ``shopper``, asked of ``chat`` in ``options.design_mode``.

    Raises:
        AnswerRejected: the model kept breaking the schema.
        EngineError: the engine did not answer.
    """
    if options.design_mode == "free":
        return await design_page(chat, shopper, options.themes)
    if options.design_mode == "ideas":

        async def find_evidence(themes: Sequence[Sequence[str]]) -> list[Evidence]:
            return await asyncio.to_thread(theme_evidence, services.embedder, shopper, themes)

        parts = history_parts(shopper, options.design_parts)
        asked = options.themes + options.spare_themes
        design = await design_ideas(chat, shopper, asked, find_evidence, parts)
        themes = await asyncio.to_thread(most_distinct, services.embedder, design.themes, options.themes)
        return design.model_copy(update={"themes": themes})
    seeds = await asyncio.to_thread(theme_seeds, services.keywords, shopper, options.themes)
    return await design_grounded_page(chat, shopper, seeds)
