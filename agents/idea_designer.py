"""Phase 1 for a tuned small model: titles, needs and concepts are the model's, rationales are stated from facts.

A small model that is asked for a rationale invents counts; what the shopper bought of a theme is looked up instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import zip_longest

from agents.page_designer import PHASE, distinct_concepts, idea_messages
from agents.stated_facts import state_persona, state_rationale
from agents.titles import tidy_title
from state.answers import TITLE_LENGTH, IdeasAnswer, idea_schema
from state.errors import AnswerRejected
from state.guard import Chat
from state.placement import PageDesign, Theme
from state.shopper import ShopperContext
from state.vocabulary import Evidence

FindEvidence = Callable[[Sequence[Sequence[str]]], Awaitable[list[Evidence]]]
"""From the concepts of each theme to what the shopper bought of it."""


async def design_ideas(
    chat: Chat,
    shopper: ShopperContext,
    themes: int,
    find_evidence: FindEvidence,
    parts: Sequence[ShopperContext] = (),
) -> PageDesign:
    """Ask the designer for ``themes`` themes, then state each theme's rationale from the orders.

    With more than one of ``parts`` (:func:`tools.history_parts.history_parts`) each is asked about by itself, all at
    once, for its share of the themes; they take turns on the page, and the persona is stated from the whole history. A
    part whose answer stays unusable is left out.

    Raises:
        AnswerRejected: the model kept breaking the schema.
        EngineError: the engine did not answer.
    """
    asked = list(parts)[:themes] or [shopper]
    shares = [themes // len(asked) + (place < themes % len(asked)) for place in range(len(asked))]
    answers = await _ask_all(chat, asked, shares)
    persona = " ".join(answers[0].persona.split()) if len(asked) == 1 else ""
    ideas = [idea for turn in zip_longest(*(answer.themes for answer in answers)) for idea in turn if idea is not None]
    concepts = [distinct_concepts(idea.concepts) for idea in ideas]
    found = await find_evidence(concepts)
    known = [item.name for item in shopper.products]
    return PageDesign(
        persona=persona or state_persona(shopper),
        themes=[
            Theme(
                id=f"{shopper.shopper_id}-{position}",
                position=position,
                title=tidy_title(idea.title, TITLE_LENGTH, known=[*known, *wanted]) or wanted[0].capitalize(),
                need=idea.need,
                rationale=state_rationale(shopper, evidence.bought, evidence.beside),
                concepts=wanted,
            )
            for position, (idea, wanted, evidence) in enumerate(zip(ideas, concepts, found, strict=True))
        ],
    )


async def _ask_all(chat: Chat, parts: Sequence[ShopperContext], shares: Sequence[int]) -> list[IdeasAnswer]:
    """Return the usable answers, in order; the first fault where there is none."""

    async def ask(part: ShopperContext, themes: int) -> IdeasAnswer | AnswerRejected:
        try:
            return (await chat.ask("designer", idea_messages(part, themes), idea_schema(themes), phase=PHASE)).value
        except AnswerRejected as fault:
            return fault

    told = await asyncio.gather(*(ask(part, share) for part, share in zip(parts, shares, strict=True)))
    usable = [answer for answer in told if not isinstance(answer, AnswerRejected)]
    if not usable:
        raise next(fault for fault in told if isinstance(fault, AnswerRejected))
    return usable
