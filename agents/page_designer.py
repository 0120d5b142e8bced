"""Phase 1: from what is known of a shopper to the themes of the page."""

from __future__ import annotations

from typing import Any

from agents.prompting import render
from state.answers import design_schema
from state.guard import Chat
from state.llm import Message
from state.placement import PageDesign, Theme
from state.shopper import ShopperContext

PHASE = "design_page"
SHOWN_PRODUCTS = 14
SHOWN_LAST_ORDER = 8
SHOWN_AISLES = 6
SHOWN_PREFERENCES = 5


async def design_page(chat: Chat, shopper: ShopperContext, themes: int) -> PageDesign:
    """Ask the designer for ``themes`` themes, in page order.

    Concepts are stripped and made distinct within a theme, ignoring case.

    Raises:
        AnswerRejected: the model kept breaking the schema.
        EngineError: the engine did not answer.
    """
    answer = await chat.ask("designer", design_messages(shopper, themes), design_schema(themes), phase=PHASE)
    return PageDesign(
        persona=answer.value.persona.strip(),
        themes=[
            Theme(
                id=f"{shopper.shopper_id}-{position}",
                position=position,
                title=" ".join(theme.title.split()),
                need=theme.need,
                rationale=" ".join(theme.rationale.split()),
                concepts=distinct_concepts(theme.concepts),
            )
            for position, theme in enumerate(answer.value.themes)
        ],
    )


def design_messages(shopper: ShopperContext, themes: int) -> list[Message]:
    """Return what the designer is asked for a page of ``themes`` themes."""
    return render("design", **shown_facts(shopper), themes=themes)


def idea_messages(shopper: ShopperContext, themes: int) -> list[Message]:
    """Return what the designer is asked for a page of ``themes`` themes without rationales."""
    return render("ideas", **shown_facts(shopper), themes=themes)


def shown_facts(shopper: ShopperContext) -> dict[str, Any]:
    """Return what a designer's prompt is filled with: as much of the history as a page needs."""
    known = shopper.products[:SHOWN_PRODUCTS]
    shown = {item.name for item in known}
    return {
        "shopper": shopper,
        "products": known,
        "rest_of_last_order": [name for name in shopper.last_order if name not in shown][:SHOWN_LAST_ORDER],
        "aisles": shopper.aisles[:SHOWN_AISLES],
        "preferences": shopper.preferences[:SHOWN_PREFERENCES],
    }


def distinct_concepts(concepts: list[str]) -> list[str]:
    """Return the concepts stripped and each once, ignoring case, in order."""
    cleaned = (" ".join(concept.split()) for concept in concepts)
    return list({concept.casefold(): concept for concept in reversed(list(cleaned)) if concept}.values())[::-1]
