"""Ranking opened from settings ranks stored pages, with what the catalogue and the operator say of availability."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.ranked_shop import TableRanker, open_shop, page, row

from catalog.goods import RestrictedGoods
from catalog.warehouse import Warehouse
from ranking import history
from ranking.history import kept_histories
from ranking.opening import SHIPPED_MODEL, Ranking, open_ranking
from ranking.statistics import read_statistics
from state.errors import ModelsMissing
from state.ranking import RankedPage, RankerSettings, RankOptions
from state.settings import Settings

GUARDS = Path(__file__).resolve().parents[2] / "guardrails"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return open_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def ranking(warehouse: Warehouse) -> Ranking:
    restricted = RestrictedGoods.of_rules(GUARDS).holds
    options = RankOptions(min_products=1)
    return Ranking(warehouse, read_statistics(warehouse), TableRanker(), restricted, options)


def shown(result: RankedPage) -> set[str]:
    return {product.id for placement in result.placements for product in placement.products}


def test_availability_given_is_laid_over_that_of_the_catalogue(ranking: Ranking) -> None:
    made = page(row(0, [1, 3, 6, 999]))
    assert shown(ranking.rank(made)) == {"1", "3"}
    assert shown(ranking.rank(made, availability={"1": False})) == {"3"}
    assert shown(ranking.rank(made, availability={"6": True, "999": True})) == {"1", "3", "6"}


def test_a_shopper_is_read_once(ranking: Ranking) -> None:
    assert ranking.shopper("ann") is ranking.shopper("ann")
    assert ranking.shopper("nobody").cold


def test_the_shipped_ranker_puts_what_the_shopper_buys_first(warehouse: Warehouse) -> None:
    config = RankerSettings(options=RankOptions(min_products=1))
    ranking = open_ranking(Settings(ranker=config, guards_dir=GUARDS), warehouse)
    result = ranking.rank(page(row(0, [11, 2, 9, 1, 7])))
    assert result.ranker == "lambdamart"
    assert result.placements[0].products[0].id == "1"
    assert "7" not in shown(result)
    assert "7" in shown(ranking.rank(page(row(0, [7, 1])), age_verified=True))
    ranking.close()


def test_an_external_service_that_is_down_leaves_the_page_to_the_local_ranker(warehouse: Warehouse) -> None:
    config = RankerSettings(url="http://127.0.0.1:9/rank", options=RankOptions(min_products=1))
    ranking = open_ranking(Settings(ranker=config, guards_dir=GUARDS), warehouse)
    result = ranking.rank(page(row(0, [1, 3])))
    ranking.close()
    assert result.ranker == "lambdamart"
    assert (result.ranker_fault or "").startswith("external ranker: ")
    assert shown(result) == {"1", "3"}


def test_without_a_model_ranking_does_not_open(warehouse: Warehouse, tmp_path: Path) -> None:
    settings = Settings(ranker=RankerSettings(model_dir=str(tmp_path)), guards_dir=GUARDS)
    with pytest.raises(ModelsMissing, match="shelfwise train ranker"):
        open_ranking(settings, warehouse)
    assert SHIPPED_MODEL.is_dir()


def test_histories_of_a_shop_that_is_not_too_large_are_kept(
    warehouse: Warehouse, ranking: Ranking, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = read_statistics(warehouse)
    kept = kept_histories(warehouse, shop)
    assert kept is not None
    assert {*kept} == {*warehouse.shopper_ids()}
    restricted = RestrictedGoods.of_rules(GUARDS).holds

    class Closed:
        def rows(self, sql: str, params: object = None) -> list[tuple[object, ...]]:
            raise AssertionError("a request read the warehouse")

    remembering = Ranking(Closed(), shop, TableRanker(), restricted, histories=kept)
    for name in (*kept, "nobody"):
        found, read = remembering.shopper(name), ranking.shopper(name)
        assert found.order_count == read.order_count
        np.testing.assert_array_equal(found.past.rows, read.past.rows)
    monkeypatch.setattr(history, "KEPT_LINES", 1)
    assert kept_histories(warehouse, shop) is None
