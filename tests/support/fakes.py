"""What guard tests are made of: placements of the small shop, a context around them, and services that fail."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support.small_shop import SmallCatalog, WordEmbedder, WordScorer

from graph.guards import build_guard, discover_guards
from state.answers_judge import PageAnswers, YesNo
from state.errors import AnswerRejected
from state.guard import Guard, GuardContext
from state.llm import Answer, Message
from state.placement import Need, PlacedProduct, Placement
from state.shopper import ProductHistory, ShopperContext
from state.usage import CallUsage

GUARDS_DIR = Path(__file__).resolve().parents[2] / "guardrails"
DEFAULTS: dict[str, dict[str, Any]] = {
    "relevance": {"threshold": 0.5},
    "duplicates": {"theme_similarity": 0.85},
}
"""Settings under which guards judge with the fakes: the shipped thresholds are of other models."""


class Broken:
    """Fails whatever is asked of it."""

    name = "broken"

    def __getattr__(self, attribute: str) -> Any:
        raise RuntimeError(f"secret-key-123 leaked by {attribute}")


class YesNoChat:
    """A judge that answers "yes", and "no" to the questions in ``no``; ``rejects`` are titles it cannot answer on."""

    def __init__(self, no: Sequence[str] = (), rejects: Sequence[str] = ()) -> None:
        self._no, self._rejects = no, rejects
        self.sent: list[str] = []

    async def ask(self, role: str, messages: Sequence[Message], schema: Any, *, phase: str) -> Answer[Any]:
        prompt = messages[-1]["content"]
        self.sent.append(prompt)
        if any(f"Title: {title}" in prompt for title in self._rejects) or (
            "page" in self._rejects and schema is PageAnswers
        ):
            raise AnswerRejected("no JSON in 2 tries. Use a larger model.")
        answers = {
            question: YesNo(reason=f"because of {question}", answer="no" if question in self._no else "yes")
            for question in schema.model_fields
        }
        return Answer(value=schema(**answers), usage=CallUsage(phase=phase, role=role, model="scripted"))


def product(name: str, *, aisle: str = "other", department: str = "other", id: str | None = None) -> PlacedProduct:
    """Return a product; its id is its name unless given."""
    return PlacedProduct(id=id or name, name=name, aisle=aisle, department=department, score=0.5)


def shelf_products(*names: str) -> list[PlacedProduct]:
    """Return products of the small shop by name."""
    found = {item.name: item for item in SmallCatalog().all_products()}
    return [PlacedProduct(**found[name.title()].model_dump(exclude={"available"}), score=0.5) for name in names]


def placement(
    title: str = "Yogurt for the week",
    *,
    id: str = "7-0",
    position: int = 0,
    concepts: Sequence[str] = ("greek yogurt", "berry yogurt"),
    keywords: Sequence[str] = ("yogurt",),
    products: Sequence[PlacedProduct] | None = None,
    rationale: str = "Bought in most orders.",
    **more: Any,
) -> Placement:
    """Return a placement of three yogurts, with whatever is given changed."""
    shown = shelf_products("greek yogurt", "vanilla yogurt", "berry yogurt") if products is None else list(products)
    return Placement(
        id=id,
        position=position,
        title=title,
        need=Need.REPLENISH,
        rationale=rationale,
        concepts=list(concepts),
        keywords=list(keywords),
        products=shown,
        **more,
    )


def shopper(*bought: PlacedProduct, **more: Any) -> ShopperContext:
    """Return a shopper who bought these products."""
    history = [
        ProductHistory(
            product_id=p.id, name=p.name, aisle=p.aisle, department=p.department, order_count=2, orders_since_last=0
        )
        for p in bought
    ]
    return ShopperContext(**{"shopper_id": "7", "order_count": 5, "products": history, **more})


def context(placements: Sequence[Placement] = (), **more: Any) -> GuardContext:
    """Return a context in which everything works and every keyword and category of ``placements`` was a candidate."""
    given: dict[str, Any] = {
        "shopper": shopper(*shelf_products("banana")),
        "embedder": WordEmbedder(),
        "scorer": WordScorer(),
        "chat": YesNoChat(),
        "catalog": SmallCatalog(),
        "page": tuple(placements),
        "candidates": {p.id: frozenset([*p.keywords, *p.categories, *p.filters]) for p in placements},
    }
    return GuardContext(**{**given, **more})


def guard(name: str, **config: Any) -> Guard:
    """Return the project's guard of this name, configured."""
    [found] = [cls for cls in discover_guards(GUARDS_DIR) if cls.name == name]
    return build_guard(found, DEFAULTS.get(name, {}), config)
