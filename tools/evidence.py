"""What a shopper bought of a theme, found by the similarity of product names to the theme's concepts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from state.guard import Embedder
from state.shopper import ShopperContext
from state.vocabulary import Evidence

SAME = 0.75
"""Cosine from which a product is the thing that a concept names ("Organic Whole Milk", "whole milk")."""
AKIN = 0.6
"""Cosine from which a product is at least of the same sort. Both were chosen by benchmarks/evidence_thresholds.py."""
TOLD = 2
"""Products named in a rationale."""


def theme_evidence(embedder: Embedder, shopper: ShopperContext, themes: Sequence[Sequence[str]]) -> list[Evidence]:
    """Return what the shopper bought of each theme, given the concepts of each.

    Of the products that one of the concepts names, those in most orders are told. What the shopper picked on earlier
    pages counts as something that a theme can stand beside, not as bought.
    """
    concepts = list(dict.fromkeys(concept for theme in themes for concept in theme))
    known = [*(item.name for item in shopper.products), *shopper.picked]
    if not known or not concepts:
        return [Evidence() for _ in themes]
    vectors = embedder.embed([*known, *concepts])
    similarity = vectors[: len(known)] @ vectors[len(known) :].T
    place = {concept: at for at, concept in enumerate(concepts)}
    return [_of_theme(shopper, known, similarity[:, [place[concept] for concept in theme]]) for theme in themes]


def _of_theme(shopper: ShopperContext, known: Sequence[str], similarity: np.ndarray) -> Evidence:
    """``similarity`` is ``[bought and picked products, concepts of the theme]``, ``known`` names the products."""
    if not similarity.shape[1]:
        return Evidence()
    near = similarity.max(axis=1)
    best = near[: len(shopper.products)]
    same = sorted(np.flatnonzero(best >= SAME), key=lambda row: (-shopper.products[row].order_count, -best[row], row))
    bought: dict[str, int] = {}
    for row in same:
        bought.setdefault(shopper.products[row].name, shopper.products[row].order_count)
    nearest = int(near.argmax())
    beside = known[nearest] if near[nearest] >= AKIN else None
    return Evidence(bought=dict(list(bought.items())[:TOLD]), beside=beside)
