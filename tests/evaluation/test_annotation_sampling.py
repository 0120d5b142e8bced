"""The sample that people annotate: blind, stratified, the same every time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from support.sample_pages import sample_page

from evaluation.sampling import SHOWN_PRODUCTS, default_stratum, read_rows, sample_items, write_rows
from state.annotation import Item, ItemKey
from state.errors import AnnotationError
from state.placement import Page
from state.shopper import AisleAffinity, ProductHistory, ShopperContext
from state.verdict import Action, Outcome, Verdict


def _doubted(page: Page) -> Page:
    verdict = Verdict(
        guard="judge", placement_id="x", outcome=Outcome.FAIL, action=Action.KEEP, reasons=("hm",), score=0.5
    )
    row = page.placements[0].model_copy(update={"verdicts": [verdict]})
    return page.model_copy(update={"placements": [row]})


PAGES = {
    "base": [sample_page(str(n)) for n in range(20)] + [_doubted(sample_page(str(n))) for n in range(90, 93)],
    "student": [sample_page(str(n), title="Student's fruit") for n in range(20)],
}


def _shopper(shopper_id: str) -> ShopperContext:
    products = [
        ProductHistory(
            product_id=str(n), name=f"product {n}", aisle="a", department="d", order_count=1, orders_since_last=0
        )
        for n in range(30)
    ]
    aisle = AisleAffinity(aisle="fresh fruits", department="produce", share=0.5, lift=2.0)
    return ShopperContext(shopper_id=shopper_id, products=products, aisles=[aisle])


def _sample(size: int = 12, seed: int = 1, level: str = "placement") -> tuple[list[Item], list[ItemKey]]:
    return sample_items(PAGES, _shopper, level=level, size=size, seed=seed)  # type: ignore[arg-type]


def test_each_stratum_gives_the_same_number_as_long_as_it_lasts() -> None:
    items, keys = _sample(12)
    assert len(items) == 12
    strata = Counter(key.stratum for key in keys)
    assert strata == {"base: replenish, clear": 5, "base: replenish, doubted": 3, "student: replenish, clear": 4}


def test_weights_add_up_to_the_placements_that_the_sample_stands_for() -> None:
    _, keys = _sample(12)
    assert sum(key.weight for key in keys) == pytest.approx(43)


def test_items_tell_nothing_of_where_they_come_from() -> None:
    items, keys = _sample(40)
    text = "\n".join(item.model_dump_json() for item in items)
    for word in ("base", "student:", "doubted", "verdict", "score", "shopper_id", "judge", "7-0"):
        assert word not in text
    assert {item.id for item in items} == {key.id for key in keys}
    assert len({item.id for item in items}) == 40


def test_the_order_of_items_does_not_follow_their_strata() -> None:
    _, keys = _sample(40)
    sources = [key.source for key in keys]
    assert sources != sorted(sources)


def test_the_same_seed_draws_the_same_items_and_another_seed_others() -> None:
    assert _sample(seed=1) == _sample(seed=1)
    assert {key.placement_id for key in _sample(seed=1)[1]} != {key.placement_id for key in _sample(seed=2)[1]}


def test_pages_are_drawn_whole_and_asked_their_own_questions() -> None:
    items, keys = _sample(level="page", size=5)
    assert all(item.questions == ("cohesive", "diverse", "covers_needs") for item in items)
    assert all(key.placement_id is None for key in keys)
    assert {key.stratum for key in keys} == {"base: page, clear", "base: page, doubted", "student: page, clear"}


def test_the_annotator_sees_what_the_judge_sees_and_nothing_of_a_new_shopper() -> None:
    items, _ = _sample()
    assert (len(items[0].shopper.bought), items[0].shopper.aisles) == (SHOWN_PRODUCTS, ["fresh fruits"])
    cold = {"base": [sample_page("9", cold=True)]}
    [item], _ = sample_items(cold, _shopper, level="placement", size=9)
    assert item.shopper.bought == []
    assert item.placements[0].products == ["Fruit 0", "Fruit 1", "Fruit 2"]


def test_strata_tell_cold_fallback_and_doubted_pages() -> None:
    assert default_stratum(sample_page(cold=True), None) == "cold, clear"
    assert default_stratum(sample_page(fallback=True), None) == "fallback, clear"
    page = _doubted(sample_page())
    assert default_stratum(page, page.placements[0]) == "replenish, doubted"


def test_items_are_written_once_and_read_back(tmp_path: Path) -> None:
    items, keys = _sample()
    write_rows(tmp_path / "items.jsonl", items)
    write_rows(tmp_path / "keys.jsonl", keys)
    assert read_rows(tmp_path / "items.jsonl", Item) == items
    assert read_rows(tmp_path / "keys.jsonl", ItemKey) == keys
    with pytest.raises(AnnotationError, match="answers may refer"):
        write_rows(tmp_path / "items.jsonl", items)
    with pytest.raises(AnnotationError, match="no Item rows"):
        read_rows(tmp_path / "keys.jsonl", Item)
