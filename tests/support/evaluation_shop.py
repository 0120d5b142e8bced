"""A run of an evaluation without weights: shoppers with tastes of their own, a designer that reads its prompt."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from support.scripted_chat import Script, ScriptedChat
from support.small_shop import SmallCatalog, small_services

from evaluation.runs.evidence import ShopperPast
from evaluation.runs.running import Seams
from graph.services import Services
from state.guard import Chat
from state.placement import Page
from state.settings import Settings
from state.shopper import AisleAffinity, ProductHistory, ShopperContext

SHOPPERS = [str(number) for number in range(1, 9)]
THEMES = 2
_WHEN = ("breakfast", "lunch", "supper", "picnics", "mornings", "evenings", "sundays", "travel", "rain", "sunshine")
_SHELVES = ("yogurt", "tea", "bread", "chips")


class TastyShoppers:
    """Each shopper buys from two shelves, and has made a number of orders of their own: both follow from the id."""

    def __init__(self) -> None:
        self._catalog = SmallCatalog()

    def load(self, shopper_id: str, *, hold_out_last: bool = False) -> ShopperContext:
        assert hold_out_last, "an evaluation never shows the held-out order"
        number = int(shopper_id)
        words = [_SHELVES[(number + step) % len(_SHELVES)] for step in range(2)]
        found = [p for word in words for p in self._catalog.all_products() if word in p.name.lower()]
        return ShopperContext(
            shopper_id=shopper_id,
            held_out=True,
            order_count=4 + number,
            products=[
                ProductHistory(
                    product_id=p.id,
                    name=p.name,
                    aisle=p.aisle,
                    department=p.department,
                    order_count=2,
                    orders_since_last=0,
                )
                for p in found
            ],
            aisles=[AisleAffinity(aisle=found[0].aisle, department=found[0].department, share=0.5, lift=2.0)],
        )


def design(messages: Sequence[Mapping[str, str]], schema: Any) -> dict[str, Any]:
    """Answer with themes of the products that the prompt names, and with the same ones for all when it names none."""
    asked = messages[-1]["content"]
    orders = re.search(r"out of (\d+)", asked)
    bought = re.findall(r'"([^"]+)" \d', asked)
    shelves = [word for word in _SHELVES if any(word in name.lower() for name in bought)] or list(_SHELVES)
    whose = f"for {_WHEN[int(orders.group(1)) % len(_WHEN)]}" if orders else "for all"
    themes = [
        {"title": f"{shelf} {whose}", "need": "replenish", "concepts": [f"{shelf}", f"more {shelf}", f"{shelf} again"]}
        for shelf in shelves[:THEMES]
    ]
    return {"persona": "A regular", "themes": themes}


def keywords(messages: Sequence[Mapping[str, str]], schema: Any) -> dict[str, Any]:
    """Choose every term that shares a word with the theme's title."""
    items = schema.model_json_schema()["properties"]["keywords"]["items"]
    terms = items["enum"] if "enum" in items else [items["const"]]
    shelf = re.search(r"(yogurt|tea|bread|chips)", messages[-1]["content"].lower())
    assert shelf is not None
    return {"keywords": [term for term in terms if shelf.group(1) in term][:6], "categories": [], "filters": []}


def says(answer: str) -> Callable[[Sequence[Mapping[str, str]], Any], dict[str, Any]]:
    """Return a judge's script: ``answer`` to every question."""
    return lambda messages, schema: {
        name: {"reason": f"says {answer}", "answer": answer} for name in schema.model_fields
    }


def chat(**scripts: Script) -> ScriptedChat:
    """Return the chat of a run; ``scripts`` replace those of single roles."""
    return ScriptedChat(**{"designer": design, "keyword_writer": keywords, "judge": says("yes"), **scripts})


class KnownPast:
    """Everybody bought the first ten products, and the eleventh and twelfth in the held-out order."""

    def __init__(self) -> None:
        self.orders = {product.id: int(product.id) for product in SmallCatalog().all_products()}

    def of(self, shopper_id: str) -> ShopperPast:
        ids = list(self.orders)
        return ShopperPast(frozenset(ids[:10]), frozenset(["yogurt", "fresh fruits"]), frozenset(ids[10:12]))

    def chances(self, page: Page) -> dict[str, list[float]]:
        return {row.id: [0.25] * len(row.products) for row in page.placements}


def seams(answers: Chat) -> Seams:
    """Return the seams to the small shop, answered by ``answers``."""

    def services(settings: Settings) -> Services:
        return replace(small_services(answers, settings), shoppers=TastyShoppers())

    return Seams(services, lambda settings: KnownPast(), lambda settings: answers)
