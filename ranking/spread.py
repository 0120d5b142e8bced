"""Variety inside a placement: the products of one keyword do not fill its front."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from state.placement import PlacedProduct

Product = TypeVar("Product")
FADING = 0.8
"""What a product is still worth for each product before it that stands for the same keyword."""


def first_keyword(product: PlacedProduct) -> str | None:
    """Return the keyword that ``product`` stands for most, if one found it."""
    return product.matched[0] if product.matched else None


def spread(
    products: Sequence[Product],
    value: Callable[[Product], float],
    keyword: Callable[[Product], str | None],
    fading: float = FADING,
) -> list[Product]:
    """Return ``products`` by ``value`` (not negative), each fading with those before it that share its ``keyword``.

    A product without a keyword fades with none. Ties stay in the order given. A much better product still comes first:
    with :data:`FADING`, the fourth of a keyword is passed by one of another that is worth over half of it.
    """
    waiting: dict[str | int, list[tuple[float, int]]] = {}
    for place, product in enumerate(products):
        group = keyword(product)
        waiting.setdefault(place if group is None else group, []).append((value(product), place))
    for members in waiting.values():
        members.sort(key=lambda item: (-item[0], item[1]), reverse=True)  # the best at the end, to be taken from
    before: Counter[str | int] = Counter()
    ordered: list[Product] = []
    while waiting:
        best = max(waiting, key=lambda name: (waiting[name][-1][0] * fading ** before[name], -waiting[name][-1][1]))
        ordered.append(products[waiting[best].pop()[1]])
        before[best] += 1
        if not waiting[best]:
            del waiting[best]
    return ordered
