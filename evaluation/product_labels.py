"""What people's answers say of single products: which of them fit the title that they stand under."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evaluation.annotations import merge
from evaluation.sampling import SHOWN_PRODUCTS, ItemSource
from state.annotation import MARKED, Annotation
from state.placement import PlacedProduct, Placement


@dataclass(frozen=True)
class ProductLabel:
    """A product under a placement's title, and whether most people found that it fits."""

    item: str
    shopper_id: str
    placement: Placement
    product: PlacedProduct
    fits: bool


def product_labels(annotations: Iterable[Annotation], sources: Mapping[str, ItemSource]) -> list[ProductLabel]:
    """Return the products that people's answers to ``products_match`` tell something of, in the order of ``sources``.

    A product that was marked does not fit; in an answer with marks, and in a plain "yes", the others do. A plain "no"
    does not tell which products are meant, so it labels none, and neither does "unsure". Ties decide nothing.
    """
    votes: Counter[tuple[str, int]] = Counter()
    for given in merge(annotations):
        plain_no = given.answer == "no" and not given.misfits
        if given.question != MARKED or given.answer == "unsure" or plain_no or given.item not in sources:
            continue
        shown = sources[given.item].placements[0].products[:SHOWN_PRODUCTS]
        votes.update({(given.item, place): -1 if place in given.misfits else 1 for place in range(len(shown))})
    return [
        ProductLabel(key, source.shopper.shopper_id, placement, product, votes[key, place] > 0)
        for key, source in sources.items()
        for placement in source.placements[:1]
        for place, product in enumerate(placement.products[:SHOWN_PRODUCTS])
        if votes[key, place]
    ]
