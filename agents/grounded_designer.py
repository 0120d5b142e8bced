"""Phase 1 for small models: each theme starts from a part of the history, its concepts are terms of the corpus.

A model of 135 million parameters that writes a page in one answer repeats one theme and invents the rest
(docs/adr/0005-grounded-design.md). Here it chooses evidence and concepts out of lists and writes the title; persona,
need and rationale are stated from the facts, so none can be made up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agents.page_designer import PHASE
from agents.prompting import render
from agents.stated_facts import state_persona, state_rationale
from agents.titles import tidy_title
from state.answers import GROUNDED_TITLE_LENGTH, GroundedThemeAnswer, grounded_theme_schema
from state.errors import AnswerRejected
from state.guard import Chat
from state.placement import PageDesign, Theme
from state.shopper import ShopperContext
from state.vocabulary import ThemeSeed


async def design_grounded_page(chat: Chat, shopper: ShopperContext, seeds: Sequence[ThemeSeed]) -> PageDesign:
    """Ask the designer for one theme per seed, all at once: the embedded engine answers them as one batch.

    A seed whose answer stays unusable is left out.

    Raises:
        AnswerRejected: no answer was usable.
        EngineError: the engine did not answer.
    """
    answers = await asyncio.gather(*(_ask(chat, seed) for seed in seeds))
    usable = [(seed, answer) for seed, answer in zip(seeds, answers, strict=True) if answer is not None]
    if seeds and not usable:
        raise AnswerRejected("the designer's answers broke the schema for every theme")
    return PageDesign(
        persona=state_persona(shopper),
        themes=[_theme(shopper, position, seed, answer) for position, (seed, answer) in enumerate(usable)],
    )


async def _ask(chat: Chat, seed: ThemeSeed) -> GroundedThemeAnswer | None:
    schema = grounded_theme_schema(list(seed.bought), seed.concepts)
    try:
        answer = await chat.ask("designer", render("theme", bought=list(seed.bought)), schema, phase=PHASE)
    except AnswerRejected:
        return None
    return answer.value


def _theme(shopper: ShopperContext, position: int, seed: ThemeSeed, answer: GroundedThemeAnswer) -> Theme:
    concepts = list(dict.fromkeys(answer.concepts))
    return Theme(
        id=f"{shopper.shopper_id}-{position}",
        position=position,
        title=tidy_title(answer.title, GROUNDED_TITLE_LENGTH, known=[*seed.bought, *concepts])
        or concepts[0].capitalize(),
        need=seed.need,
        rationale=state_rationale(shopper, {name: seed.bought[name] for name in dict.fromkeys(answer.bought)}),
        concepts=concepts,
    )
