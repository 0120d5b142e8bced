"""Titles as they should not be: hype, bare shelf and product names, urgency, pasted search words."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from catalog.surface import stems
from state.catalog import Product
from training.judge_material import ShownTheme

_HYPE: Final = (
    ("AMAZING {}!!!", "amazing"),
    ("The best {} ever!", "the best ever"),
    ("Unbelievable {} you will love!", "unbelievable"),
    ("The world's greatest {}!", "the world's greatest"),
    ("Mind-blowing {}!!", "mind-blowing"),
    ("Incredible, must-have {}!", "must-have"),
)
_URGENCY: Final = (
    ("Hurry: {}, today only", "hurry"),
    ("Last chance! {}", "last chance"),
    ("Do not miss out: {}", "do not miss out"),
    ("Act now, {} is almost gone", "act now"),
    ("Ends tonight: {}", "ends tonight"),
)
_GROUP = 4
"""Products that a bare name has to stand for: enough to show."""


@dataclass(frozen=True)
class JudgedTitle:
    """A title, and why it is good or not. ``covers``: ids of the theme's products that it stands for, None for all."""

    text: str
    why: str
    covers: frozenset[str] | None = None


def faulty_title(theme: ShownTheme, fault: str, chance: random.Random) -> JudgedTitle | None:
    """Return the theme's title with the fault, None where the theme cannot have it."""
    if fault == "hype":
        pattern, word = chance.choice(_HYPE)
        return JudgedTitle(pattern.format(_inside(theme.label.title)), f"hype: {word}")
    if fault == "urgency":
        pattern, word = chance.choice(_URGENCY)
        return JudgedTitle(pattern.format(_inside(theme.label.title)), f"it presses: {word}")
    if fault == "search_words":
        return JudgedTitle(" ".join(theme.label.concepts[:4]).lower(), "search words, not a title")
    names = _bare_names(theme)
    return chance.choice(names) if names else None


def _bare_names(theme: ShownTheme) -> list[JudgedTitle]:
    """Return names of shelves, and of products, that several of the theme's products go by."""
    shelves: dict[str, list[Product]] = defaultdict(list)
    heads: dict[str, list[Product]] = defaultdict(list)
    for product in theme.fitting:
        shelves[product.aisle].append(product)
        if words := stems(product.name):
            heads[words[-1]].append(product)
    shelf_names = [
        JudgedTitle(aisle.capitalize(), "only the name of a shelf", _ids(found)) for aisle, found in shelves.items()
    ]
    product_names = [
        JudgedTitle(min((p.name for p in found), key=len), "only the name of a product", _ids(found))
        for found in heads.values()
    ]
    return [name for name in [*shelf_names, *product_names] if len(name.covers or ()) >= _GROUP]


def _ids(products: list[Product]) -> frozenset[str]:
    return frozenset(product.id for product in products)


def _inside(title: str) -> str:
    """Return the title as it stands within a sentence; names that are all capitals keep them."""
    first, *rest = title.split(" ")
    return " ".join([first if first.isupper() else first[:1].lower() + first[1:], *rest])
