"""Nothing that a rule forbids or the shop no longer sells is served, whenever the page was made."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from support.cached_pages import Shop, copy_of_guards, flaky, open_shop, patient, shown
from support.fakes import DEFAULTS, placement, shelf_products
from support.sample_pages import VERSIONS

from serving.present import Present, present_versions
from state.cached import Freshness
from state.placement import Status
from state.settings import Settings

NO_YOGURT = """
  - id: no-yogurt
    kind: text
    parts: [title]
    why: the yogurt was recalled at noon
    forbidden:
      words: [yogurt]
"""
NO_BANANA = """
  - id: no-banana
    kind: text
    parts: [products]
    why: the bananas were recalled at noon
    forbidden:
      words: [banana]
"""


def shop_with_guards(tmp_path: Path, **store: Any) -> Shop:
    """Return a shop that judges by a guards folder of its own and looks at it as the real one does."""
    guards = copy_of_guards(tmp_path / "guardrails")
    shop = Shop(Settings(home=tmp_path, guards_dir=guards, guards=DEFAULTS, store=patient(**store)))
    shop.look = present_versions
    return shop


def under_present(shop: Shop) -> dict[str, Any]:
    """Return the versions that a page made now would carry."""
    present = present_versions(shop.settings)
    assert present.error is None
    return {"versions": VERSIONS.model_copy(update=dict(present.versions))}


def add_rule(shop: Shop, rule: str) -> None:
    path = shop.settings.guards_dir / "policy_rules.yaml"
    path.write_text(path.read_text(encoding="utf-8") + rule, encoding="utf-8")


async def test_a_rule_added_at_noon_leaves_no_forbidden_placement_served_at_one_past_noon(tmp_path: Path) -> None:
    shop = shop_with_guards(tmp_path)
    cache = shop.cache()
    await cache.write(shop.page(**under_present(shop)))
    before = await cache.read("7")
    assert (before.state, [p.title for p in before.page.placements] if before.page else []) == (
        Freshness.FRESH,
        ["Yogurt for the week", "Fruit bowl favorites"],
    )
    add_rule(shop, NO_YOGURT)
    shop.time.pass_(minutes=1)
    after = await cache.read("7")
    assert after.page is not None
    assert [p.title for p in after.page.placements] == ["Fruit bowl favorites"]
    assert (after.state, after.regenerate, after.withheld) == (Freshness.STALE, True, 1)
    [dropped] = [drop for drop in after.page.dropped if drop.guard == "policy"]
    assert "the yogurt was recalled at noon" in dropped.reasons[0]


async def test_the_rule_holds_after_the_interval_and_not_only_after_a_minute(tmp_path: Path) -> None:
    shop = shop_with_guards(tmp_path, check_interval_s=1)
    cache = shop.cache()
    await cache.write(shop.page(**under_present(shop)))
    await cache.read("7")
    add_rule(shop, NO_BANANA)
    shop.time.pass_(seconds=1)
    cached = await cache.read("7")
    assert "Banana" not in shown(cached.page)
    assert {"Lemon", "Greek Yogurt"} <= {*shown(cached.page)}
    assert cached.withheld == 1


async def test_a_page_with_nothing_left_is_withheld_and_to_be_made_again(tmp_path: Path) -> None:
    shop = shop_with_guards(tmp_path)
    cache = shop.cache()
    page = shop.page(**under_present(shop))
    await cache.write(page.model_copy(update={"placements": page.placements[:1]}))
    add_rule(shop, NO_YOGURT)
    cached = await cache.read("7")
    assert (cached.state, cached.page, cached.regenerate, cached.withheld) == (Freshness.MISSING, None, True, 1)


async def test_a_rule_applies_to_the_copy_that_is_served_while_the_store_is_down(tmp_path: Path) -> None:
    shop = shop_with_guards(tmp_path, check_interval_s=0)
    store = flaky(shop)
    cache = shop.cache()
    await cache.write(shop.page(**under_present(shop)))
    await cache.read("7")
    add_rule(shop, NO_BANANA)

    store.mood = "down"
    cached = await cache.read("7")
    assert cached.state is Freshness.DEGRADED
    assert "Banana" not in shown(cached.page)


async def test_a_page_is_judged_once_per_rules_however_many_read_it(tmp_path: Path) -> None:
    shop = shop_with_guards(tmp_path)
    cache = shop.cache()
    await cache.write(shop.page(**under_present(shop)))
    add_rule(shop, NO_BANANA)
    await asyncio.gather(*(cache.read("7") for _ in range(20)))
    shop.time.pass_(seconds=10)
    await cache.read("7")
    assert (await cache.stats()).rechecks == 1
    add_rule(shop, NO_YOGURT)
    shop.time.pass_(seconds=10)
    await cache.read("7")
    assert (await cache.stats()).rechecks == 2
    assert shop.opened == 1


async def test_a_broken_rules_file_lets_nothing_through_until_it_is_mended(tmp_path: Path) -> None:
    shop = shop_with_guards(tmp_path)
    cache = shop.cache()
    await cache.write(shop.page(**under_present(shop)))
    path = shop.settings.guards_dir / "policy_rules.yaml"
    good = path.read_text(encoding="utf-8")
    path.write_text(good + "  - id: half a rule", encoding="utf-8")
    cached = await cache.read("7")
    assert (cached.state, cached.page) == (Freshness.MISSING, None)
    path.write_text(good, encoding="utf-8")
    shop.time.pass_(seconds=1)
    assert (await cache.read("7")).state is Freshness.FRESH


async def test_a_guard_file_that_cannot_be_loaded_lets_nothing_through(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop = shop_with_guards(tmp_path)
    cache = shop.cache()
    await cache.write(shop.page(**under_present(shop)))
    (shop.settings.guards_dir / "extra.py").write_text("import nothing_of_that_name\n", encoding="utf-8")
    with caplog.at_level(logging.ERROR):
        cached = await cache.read("7")
        shop.time.pass_(seconds=5)
        await cache.read("7")
    assert (cached.state, cached.regenerate) == (Freshness.MISSING, False)
    assert cached.reason == "withheld: the guards cannot be loaded"
    assert caplog.text.count("nothing_of_that_name") == 1, "said once, not at every read"
    (shop.settings.guards_dir / "extra.py").unlink()
    shop.time.pass_(seconds=5)
    assert (await cache.read("7")).state is Freshness.FRESH


async def test_a_product_that_another_catalogue_does_not_sell_is_dropped(tmp_path: Path) -> None:
    shop = shop_with_guards(tmp_path)
    invented = shelf_products("banana", "gala apple", "lemon", "strawberries")
    invented[0] = invented[0].model_copy(update={"id": "999", "name": "Dragon Egg"})
    row = placement("Fruit bowl favorites", keywords=["banana"], products=invented, status=Status.KEPT)
    made = under_present(shop)
    page = shop.page(placements=[row], versions=made["versions"].model_copy(update={"catalog": "older"}))
    shop.look = lambda settings: Present(
        {**present_versions(settings).versions, "catalog": "newer"}, present_versions(settings).guards
    )
    cache = shop.cache()
    await cache.write(page)
    cached = await cache.read("7")
    assert shown(cached.page) == ["Gala Apple", "Lemon", "Strawberries"]
    assert (cached.state, cached.reason) == (Freshness.STALE, "made with other catalog")


async def test_delisted_products_are_gone_at_once_here_and_within_the_interval_elsewhere(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, check_interval_s=1)
    here, there = shop.cache(), shop.cache()
    page = shop.page()
    await here.write(page)
    await there.read("7")
    shop.time.pass_(minutes=1)
    banana = page.placements[1].products[0]
    await there.read("7")
    await here.invalidate_products([banana.id], "delisted")
    now = await here.read("7")
    assert banana.name not in shown(now.page)
    assert (now.state, now.reason, now.withheld) == (Freshness.STALE, "products of it were taken off sale", 1)
    shop.time.pass_(seconds=1)
    assert banana.name not in shown((await there.read("7")).page)
    await here.invalidate_products([banana.id], "available")
    back = await here.read("7")
    assert (back.state, banana.name in shown(back.page)) == (Freshness.FRESH, True)


async def test_a_page_made_after_a_product_went_is_not_made_again_for_it(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    cache = shop.cache()
    await cache.invalidate_products([shop.page().placements[1].products[0].id], "out_of_stock")
    shop.time.pass_(minutes=1)
    await cache.write(shop.page())
    cached = await cache.read("7")
    assert (cached.state, cached.withheld) == (Freshness.FRESH, 1)


async def test_a_placement_with_too_few_products_left_goes_as_a_whole(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    cache = shop.cache()
    page = shop.page()
    await cache.write(page)
    await cache.invalidate_products([product.id for product in page.placements[0].products[:1]], "out_of_stock")
    cached = await cache.read("7")
    assert cached.page is not None
    assert [placement.title for placement in cached.page.placements] == ["Fruit bowl favorites"]


@pytest.mark.parametrize("ids", [[""], ["1", ""]])
async def test_an_empty_product_id_is_refused(tmp_path: Path, ids: list[str]) -> None:
    with pytest.raises(ValueError, match="product id"):
        await open_shop(tmp_path).cache().invalidate_products(ids, "delisted")


async def test_an_unknown_state_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="out_of_stock"):
        await open_shop(tmp_path).cache().invalidate_products(["1"], "gone")  # type: ignore[arg-type]
