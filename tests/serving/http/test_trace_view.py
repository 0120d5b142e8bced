"""The trace of a page: what was dropped keeps what it had got, and products that went keep their names."""

from __future__ import annotations

from support.http_app import small_page
from support.small_shop import SmallCatalog

from serving.http.page_view import trace_of, trace_products
from state.placement import DroppedPlacement
from state.verdict import Verdict


def test_a_dropped_placement_keeps_its_words_and_its_products() -> None:
    page = small_page()
    kept, ended = page.placements
    pruned = Verdict(
        guard="relevance",
        placement_id=ended.id,
        outcome="fail",
        action="drop",
        reasons=("too few fit",),
        pruned=("9", "0"),
    )
    dropped = DroppedPlacement.of(ended.model_copy(update={"verdicts": [pruned]}), "relevance", ["too few fit"])
    page = page.model_copy(update={"placements": [kept], "dropped": [dropped]})
    products = SmallCatalog().products(trace_products(page))
    traced = trace_of(page, products).placements[1]
    assert (traced.kept, traced.dropped_by, traced.reasons) == (False, "relevance", ["too few fit"])
    assert (traced.keywords, traced.concepts, traced.candidate_count) == (ended.keywords, ended.concepts, 40)
    names = [product.name for product in traced.products]
    assert names == [*(product.name for product in ended.products), "Yogurt Tubes", "0"]
    assert {product.pruned_by for product in traced.products} == {"relevance"}
    assert not any(product.shown for product in traced.products)
