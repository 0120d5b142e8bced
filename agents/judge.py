"""The LLM judge: asks the ``judge`` role three questions on the page and four on each placement."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from agents.fencing import fence
from state.answers_judge import PageAnswers, PlacementAnswers
from state.errors import AnswerRejected
from state.guard import Chat
from state.llm import Answer, Message, SchemaT
from state.placement import Placement
from state.shopper import ShopperContext
from state.usage import CallUsage

ROLE: Final = "judge"
PHASE: Final = "judge"
_PROMPTS: Final = Path(__file__).parent / "prompts"
_PROMPT: Final = "judge.jinja"
_SHOWN = 12
"""Products and purchases shown to the judge: as many as a placement holds by default."""


@dataclass(frozen=True)
class JudgeReport:
    """What the judge answered. ``page`` and values of ``placements`` are None where the answer was unreadable."""

    page: PageAnswers | None
    placements: dict[str, PlacementAnswers | None]
    usage: list[CallUsage] = field(default_factory=list)

    @property
    def model(self) -> str | None:
        """The model that answered, None when nothing was readable."""
        return self.usage[0].model if self.usage else None


async def judge_page(
    chat: Chat, shopper: ShopperContext, placements: Sequence[Placement], *, min_products: int = 3
) -> JudgeReport:
    """Ask the seven questions about ``placements`` in concurrent calls: one for the page, one per placement.

    An answer that broke the schema after every re-ask (:class:`AnswerRejected`) is None in the report.

    Raises:
        EngineError: the engine did not answer one of the calls.
    """
    page_call = ask_page(chat, shopper, placements)
    placement_calls = [ask_placement(chat, shopper, placement, min_products) for placement in placements]
    page, answers = await asyncio.gather(page_call, asyncio.gather(*placement_calls))
    return JudgeReport(
        page=page.value if page else None,
        placements={
            placement.id: answer.value if answer else None
            for placement, answer in zip(placements, answers, strict=True)
        },
        usage=[answer.usage for answer in (page, *answers) if answer],
    )


async def ask_page(chat: Chat, shopper: ShopperContext, placements: Sequence[Placement]) -> Answer[PageAnswers] | None:
    """Ask the three questions about the page as a whole; None when the answer broke the schema after every re-ask."""
    return await _ask(chat, PageAnswers, page_messages(shopper, placements))


async def ask_placement(
    chat: Chat, shopper: ShopperContext, placement: Placement, min_products: int
) -> Answer[PlacementAnswers] | None:
    """Ask the four questions about one placement; None when the answer broke the schema after every re-ask."""
    return await _ask(chat, PlacementAnswers, placement_messages(shopper, placement, min_products))


def page_messages(shopper: ShopperContext, placements: Sequence[Placement]) -> list[Message]:
    """Return what the judge is asked about the page as a whole (answered by :class:`PageAnswers`)."""
    shown = [_placement_view(placement) for placement in placements]
    return _messages({"part": "page", "shopper": _shopper_view(shopper), "placements": shown})


def placement_messages(shopper: ShopperContext, placement: Placement, min_products: int) -> list[Message]:
    """Return what the judge is asked about one placement (answered by :class:`PlacementAnswers`)."""
    view = _placement_view(placement)
    return _messages(
        {"part": "placement", "shopper": _shopper_view(shopper), "placement": view, "min_products": min_products}
    )


def _messages(view: dict[str, Any]) -> list[Message]:
    return [{"role": "user", "content": _template().render(view)}]


async def _ask(chat: Chat, schema: type[SchemaT], messages: Sequence[Message]) -> Answer[SchemaT] | None:
    try:
        return await chat.ask(ROLE, messages, schema, phase=PHASE)
    except AnswerRejected:
        return None


@lru_cache(maxsize=1)
def prompt_version() -> str:
    """Return a short digest of the judge's prompt: what was measured under one says nothing of another."""
    return hashlib.sha256((_PROMPTS / _PROMPT).read_bytes()).hexdigest()[:12]


@lru_cache(maxsize=1)
def _template() -> Template:
    # Plain text prompts, fenced where they are filled: HTML escaping would garble them.
    environment = Environment(loader=FileSystemLoader(_PROMPTS), undefined=StrictUndefined, autoescape=False)  # noqa: S701
    return environment.get_template(_PROMPT)


def _shopper_view(shopper: ShopperContext) -> dict[str, Any]:
    return {
        "cold": shopper.cold,
        "order_count": shopper.order_count,
        "bought": [] if shopper.cold else [fence(item.name, 80) for item in shopper.products[:_SHOWN]],
        "aisles": [fence(affinity.aisle, 60) for affinity in shopper.aisles[:6]],
        "preferences": [fence(preference.name, 60) for preference in shopper.preferences[:6]],
    }


def _placement_view(placement: Placement) -> dict[str, Any]:
    return {
        "title": fence(placement.title, 100),
        "need": placement.need.value,
        "rationale": fence(placement.rationale, 200),
        "products": [fence(product.name, 80) for product in placement.products[:_SHOWN]],
    }
