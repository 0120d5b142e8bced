"""A page of search results: what says all that was asked first; where that is little, what other queries find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from state.catalog import ProductHit
from state.intent import Rewrites
from tools.query_results import PROBED, RICH, saying_all

KEPT_FIRST = 12
"""Places that the query's own results keep before those of other queries get one."""


def result_page(
    query: str,
    own: Sequence[ProductHit],
    others: Mapping[str, Sequence[ProductHit]] | None = None,
    *,
    limit: int = 24,
    rich: int = RICH,
) -> tuple[list[ProductHit], dict[str, str]]:
    """Return a page of at most ``limit`` results of ``query``, and by product id the other query that found it.

    ``own`` is what the query finds, best first; ``others`` what other queries find. Products whose name and aisle say
    all words of the query stand first, then the best of ``own`` to the twelfth. Other queries get the places behind,
    in turn with the rest of ``own``, unless at least ``rich`` of the first ``PROBED`` of ``own`` say it all.
    """
    page = {hit.product.id: hit for hit in [*saying_all(query, own), *own[:KEPT_FIRST]]}
    mixed = others if others and is_thin(query, own, rich=rich) else {}
    own_ids = {hit.product.id for hit in own}
    found_by: dict[str, str] = {}
    for turn in zip_longest(*mixed.values(), own[KEPT_FIRST:]):
        for text, hit in zip((*mixed, None), turn, strict=True):
            if hit is not None and hit.product.id not in page:
                page[hit.product.id] = hit
                if text is not None and hit.product.id not in own_ids:
                    found_by[hit.product.id] = text
    shown = list(page.values())[:limit]
    return shown, {hit.product.id: found_by[hit.product.id] for hit in shown if hit.product.id in found_by}


def is_thin(query: str, own: Sequence[ProductHit], *, rich: int = RICH) -> bool:
    """Tell whether fewer than ``rich`` of the first ``PROBED`` of ``own`` say all words of ``query``."""
    return len(saying_all(query, own[:PROBED])) < rich


def filling(rewrites: Rewrites) -> list[str]:
    """Return the rewrites whose results fill a thin page: the best synonym and the best substitute.

    Results of broader queries were tried and added nothing (docs/intents.md).
    """
    return list(dict.fromkeys([*rewrites.synonym[:1], *rewrites.substitute[:1]]))
