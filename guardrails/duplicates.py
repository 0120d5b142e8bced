"""Duplicate guard: of placements that say or sell the same, only the first on the page stays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from state.guard import Guard, GuardConfig, GuardContext, register_guard
from state.placement import Placement
from state.verdict import Action, Outcome, Verdict

from ._calibration import calibrated_threshold
from ._placement_text import finite, theme_text

CALIBRATION_FILE = Path(__file__).parent / "duplicates_threshold.json"


class DuplicatesConfig(GuardConfig):
    """From which value on two placements are too alike, each in [0, 1]."""

    on_error: Action = Action.DROP
    theme_similarity: float | None = Field(
        default=None, gt=0, le=1, description="Cosine of titles with concepts; set to override the calibrated one."
    )
    product_overlap: float = Field(default=0.5, gt=0, le=1, description="Jaccard of the product ids.")
    title_overlap: float = Field(default=0.8, gt=0, le=1, description="Jaccard of the words of the titles.")


@register_guard
class DuplicatesGuard(Guard):
    """Compares all placements of the page, so that A~B and B~C keep A alone.

    The later of a pair fails: DROP if it is the same idea (theme similarity, or near the same title), REPAIR if only
    the products overlap. The score is the distance 1 - cosine to the nearest earlier placement.
    """

    name = "duplicates"
    level = "page"
    order = 10
    version = "1"
    Config = DuplicatesConfig
    config: DuplicatesConfig

    def check(self, placements: Sequence[Placement], context: GuardContext) -> list[Verdict]:
        if not placements:
            return []
        ordered = sorted(placements, key=lambda placement: (placement.position, placement.id))
        threshold = self._theme_threshold(context.embedder.name)
        cosine = self._cosine(ordered, context)
        alike = self._alike(ordered, cosine, threshold)
        first = _first_of_group(len(ordered), [*alike])
        verdicts: dict[str, Verdict] = {}
        for index, placement in enumerate(ordered):
            nearest = 1 - float(cosine[index, :index].max()) if index else None
            facts: dict[str, Any] = {
                "score": None if nearest is None else round(nearest, 4),
                "threshold": round(1 - threshold, 4),
                "model": context.embedder.name,
            }
            if first[index] == index:
                verdicts[placement.id] = self.passed(placement, **facts)
                continue
            same_idea, reason = self._best_reason(index, first[index], alike, ordered)
            action = Action.DROP if same_idea else Action.REPAIR
            verdicts[placement.id] = self.verdict(placement, Outcome.FAIL, action, reason, **facts)
        return [verdicts[placement.id] for placement in placements]

    def _cosine(self, placements: Sequence[Placement], context: GuardContext) -> np.ndarray:
        texts = [theme_text(placement.title, placement.concepts) for placement in placements]
        vectors = finite(context.embedder.embed(texts), (len(texts), -1), context.embedder.name)
        return vectors @ vectors.T

    def _theme_threshold(self, embedder: str) -> float:
        if self.config.theme_similarity is not None:
            return self.config.theme_similarity
        return calibrated_threshold(CALIBRATION_FILE, embedder, "guards.duplicates.theme_similarity")

    def _alike(
        self, placements: Sequence[Placement], cosine: np.ndarray, threshold: float
    ) -> dict[tuple[int, int], tuple[bool, str]]:
        """Return, for each pair of indexes too alike, whether it is the same idea, and in which respect."""
        pairs = {}
        for a, b in combinations(range(len(placements)), 2):
            titles = _jaccard(_words(placements[a].title), _words(placements[b].title))
            products = _jaccard(*({product.id for product in placements[i].products} for i in (a, b)))
            if titles >= self.config.title_overlap:
                pairs[a, b] = True, f"near the same title ({titles:.2f})"
            elif cosine[a, b] >= threshold:
                pairs[a, b] = True, f"the same idea (similarity {cosine[a, b]:.2f})"
            elif products >= self.config.product_overlap:
                pairs[a, b] = False, f"much the same products (overlap {products:.2f})"
        return pairs

    @staticmethod
    def _best_reason(
        index: int, first: int, alike: dict[tuple[int, int], tuple[bool, str]], placements: Sequence[Placement]
    ) -> tuple[bool, str]:
        """Return why ``index`` goes: the likeness to the one that stays if there is one, else the strongest."""
        linked = {(a if b == index else b): found for (a, b), found in alike.items() if index in (a, b)}
        other = first if first in linked else min(linked, key=lambda i: (not linked[i][0], i))
        same_idea = any(same for same, _ in linked.values())
        advice = "" if same_idea else ": choose keywords for other products"
        return same_idea, f"{linked[other][1]} as '{placements[other].title}'{advice}"


def _first_of_group(size: int, links: Sequence[tuple[int, int]]) -> list[int]:
    """Return for each index the lowest index that a chain of links reaches."""
    first = list(range(size))
    changed = True
    while changed:
        changed = False
        for a, b in links:
            low = min(first[a], first[b])
            changed |= first[a] != low or first[b] != low
            first[a] = first[b] = low
    return first


def _words(title: str) -> set[str]:
    return {word.removesuffix("s") for word in re.findall(r"\w+", title.casefold())} - {"and", "the", "a", "for", "of"}


def _jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a and b else 0.0
