"""Examples for the judge: the teacher's pages as they are, and with faults made on purpose.

A page or placement gets each fault or not by the toss of a coin of its own, so that every question is answered "yes" in
one half of the examples and "no" in the other, and no answer tells another. Faults come in families. Those of
``TRAINING`` are learned from; those of ``HELD_OUT`` stand in the test split alone, so that what is measured there is
whether a judge understands a question, not whether it knows a fault again.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from typing import Final

from training.examples import JudgeExample
from training.judge_material import Material, Products, Shoppers
from training.judge_pages import page_example
from training.judge_placements import placement_example
from training.splits import Split

Families = Mapping[str, tuple[str, ...]]
TRAINING: Final[Families] = {
    "title_on_brand": ("hype", "bare_name"),
    "fits_shopper": ("other_aisle",),
    "enough_products": ("thin", "repeated"),
    "products_match": ("neighbour", "refused"),
    "cohesive": ("mixed",),
    "diverse": ("copied",),
    "covers_needs": ("relabelled",),
}
HELD_OUT: Final[Families] = {
    "title_on_brand": ("urgency", "search_words"),
    "fits_shopper": ("other_department",),
    "enough_products": ("pack_sizes", "none_left"),
    "products_match": ("random_aisle",),
    "cohesive": ("patchwork",),
    "diverse": ("reworded",),
    "covers_needs": ("one_need_only",),
}
PLACEMENT_QUESTIONS: Final = ("title_on_brand", "fits_shopper", "products_match", "enough_products")
PAGE_QUESTIONS: Final = ("cohesive", "diverse", "covers_needs")
WITHOUT_PRODUCTS: Final = "none_left"
"""Nothing matches a title where there is nothing: this fault comes only with one of ``products_match``."""


def judge_examples(
    split: Split,
    catalog: Products,
    shoppers: Shoppers,
    *,
    families: Families | None = None,
    placements: int = 300,
    pages: int = 100,
    seed: int = 7,
) -> list[JudgeExample]:
    """Return up to ``placements`` placements and ``pages`` pages of ``split``, each with the answers to its questions.

    ``families`` names the faults to make for each question: by default ``HELD_OUT`` in the test split, ``TRAINING`` in
    the others. A theme and a shopper's page are used once. The same arguments and catalogue give the same examples.
    """
    chosen = families or (HELD_OUT if split == "test" else TRAINING)
    return examples_of(Material.of_split(split, catalog, shoppers), chosen, placements, pages, f"{seed}:{split}")


def examples_of(material: Material, families: Families, placements: int, pages: int, seed: str) -> list[JudgeExample]:
    """Return the examples that ``material`` gives; see :func:`judge_examples`."""
    chance = _chance(seed, "placements")
    themes = chance.sample(material.labelled, len(material.labelled))
    shoppers = chance.sample(sorted(material.pages), len(material.pages))
    made: list[JudgeExample] = []
    for faults in _plans(PLACEMENT_QUESTIONS, families, min(placements, len(themes)), chance):
        # The first theme that can have these faults; one that can have none of the plans left is left out.
        for theme in themes:
            example = placement_example(material, theme, faults, _chance(seed, theme.label.id))
            if example is not None:
                themes.remove(theme)
                made.append(example)
                break
    chance = _chance(seed, "pages")
    for faults in _plans(PAGE_QUESTIONS, families, min(pages, len(shoppers)), chance):
        for shopper_id in shoppers:
            example = page_example(material, shopper_id, faults, _chance(seed, shopper_id))
            if example is not None:
                shoppers.remove(shopper_id)
                made.append(example)
                break
    # Any first part of the list is a fair sample of it.
    return _chance(seed, "order").sample(made, len(made))


def _plans(questions: Sequence[str], families: Families, count: int, chance: random.Random) -> list[dict[str, str]]:
    """Return ``count`` mappings of question to the fault to make; half of them name each question."""
    plans: list[dict[str, str]] = [{} for _ in range(count)]
    for question in questions:
        kinds = families[question]
        faulty = chance.sample(range(count), count // 2)
        for turn, place in enumerate(faulty):
            kind = kinds[turn % len(kinds)]
            if kind == WITHOUT_PRODUCTS and "products_match" not in plans[place]:
                kind = kinds[(turn + 1) % len(kinds)]
            plans[place][question] = kind
    # The hardest to place first, while there are themes to choose from.
    return sorted(plans, key=lambda plan: -len(plan))


def _chance(seed: str, about: str) -> random.Random:
    digest = hashlib.sha256(f"{seed}:{about}".encode()).digest()
    return random.Random(int.from_bytes(digest[:8]))
