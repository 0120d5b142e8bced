"""A page of search results: what says all that was asked first; where that is little, what other queries find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from state.catalog import ProductHit
from state.intent import Rewrites
from tools.query_results import RICH, content_stems, says_all

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
    all words of the query stand first. Where these are at least ``rich`` of ``own``, other queries get no place; else
    they share the places from ``KEPT_FIRST`` on with the rest of ``own``, in turn.
    """
    asked = content_stems(query)
    saying = [hit for hit in own if asked and says_all(asked, hit.product)]
    page = {hit.product.id: hit for hit in [*saying, *own[:KEPT_FIRST]]}
    mixed = others if others and len(saying) < rich else {}
    found_by: dict[str, str] = {}
    named = [(text, hits) for text, hits in mixed.items()] + [("", own)]
    for turn in zip_longest(*(hits for _, hits in named)):
        for (text, _), hit in zip(named, turn, strict=True):
            if hit is not None and hit.product.id not in page:
                page[hit.product.id] = hit
                if text:
                    found_by[hit.product.id] = text
    shown = list(page.values())[:limit]
    return shown, {hit.product.id: found_by[hit.product.id] for hit in shown if hit.product.id in found_by}


def one_of_each(rewrites: Rewrites) -> list[str]:
    """Return the best rewrite of each kind, those whose results fill a thin page."""
    return list(dict.fromkeys(texts[0] for _, texts in rewrites if texts))
