"""What a shopper bought of a theme, found by the similarity of product names to the theme's concepts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from state.guard import Embedder
from state.shopper import ShopperContext
from state.vocabulary import Evidence

SAME = 0.62
"""Cosine from which a product is the thing that a concept names ("Organic Whole Milk", "whole milk")."""
AKIN = 0.4
"""Cosine from which a product is at least of the same sort."""
TOLD = 2
"""Products named in a rationale."""


def theme_evidence(embedder: Embedder, shopper: ShopperContext, themes: Sequence[Sequence[str]]) -> list[Evidence]:
    """Return what the shopper bought of each theme, given the concepts of each.

    Of the products that one of the concepts names, those in most orders are told.
    """
    concepts = list(dict.fromkeys(concept for theme in themes for concept in theme))
    history = shopper.products
    if not history or not concepts:
        return [Evidence() for _ in themes]
    vectors = embedder.embed([*(item.name for item in history), *concepts])
    similarity = vectors[: len(history)] @ vectors[len(history) :].T
    place = {concept: at for at, concept in enumerate(concepts)}
    return [_of_theme(shopper, similarity[:, [place[concept] for concept in theme]]) for theme in themes]


def _of_theme(shopper: ShopperContext, similarity: np.ndarray) -> Evidence:
    """``similarity`` is ``[products, concepts of the theme]``."""
    if not similarity.shape[1]:
        return Evidence()
    best = similarity.max(axis=1)
    same = sorted(np.flatnonzero(best >= SAME), key=lambda row: (-shopper.products[row].order_count, -best[row], row))
    bought: dict[str, int] = {}
    for row in same:
        bought.setdefault(shopper.products[row].name, shopper.products[row].order_count)
    nearest = int(best.argmax())
    beside = shopper.products[nearest].name if best[nearest] >= AKIN else None
    return Evidence(bought=dict(list(bought.items())[:TOLD]), beside=beside)
