"""More queries to tag out of labelled ones: brands and attributes change place between queries of the same category."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

from state.intent import LabelledQuery

CHANGED = 0.5
"""Chance that a brand or attribute is replaced."""


class QueryVariants:
    """Makes variants of labelled queries: the same words in the same order, but for brands and attribute values.

    A value is replaced by one of the same label from a query that shares a category, so that what comes out could be
    asked for. Product words stay, and with them the category.
    """

    def __init__(self, rows: Sequence[LabelledQuery]) -> None:
        self._values: dict[tuple[str, str], set[str]] = defaultdict(set)
        for row in rows:
            for label, text in row.spans():
                for path in row.categories:
                    self._values[label, path].add(text)

    def variant(self, row: LabelledQuery, seed: str) -> LabelledQuery | None:
        """Return a variant of ``row``, the same for the same seed; None where nothing was changed.

        A value is replaced where it stands in the query; categories and rewrites are not carried over, since they
        may no longer hold.
        """
        chance = random.Random(f"{seed}:{row.corrected}")
        changed = row.model_copy(deep=True)
        if row.brand and chance.random() < CHANGED:
            changed.brand = self._other(row, "brand", row.brand, chance)
        for attribute in changed.attributes:
            if chance.random() < CHANGED:
                attribute.value = self._other(row, attribute.type, attribute.value, chance)
        text = row.corrected
        for (_, before), (_, after) in zip(row.spans(), changed.spans(), strict=True):
            text = f" {text} ".replace(f" {before} ", f" {after} ", 1).strip()
        if text == row.corrected:
            return None
        update = {"query": text, "corrected": text, "categories": [], "rewrites": type(row.rewrites)()}
        return changed.model_copy(update=update)

    def _other(self, row: LabelledQuery, label: str, text: str, chance: random.Random) -> str:
        found = {value for path in row.categories for value in self._values[label, path]} - {text}
        return chance.choice(sorted(found)) if found else text
