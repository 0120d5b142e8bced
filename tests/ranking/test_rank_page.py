"""A ranked page shows each product once, nothing that may not be shown, and no two like placements in a row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.ranked_shop import TableRanker, open_shop, page, placed, row

from catalog.goods import RestrictedGoods
from ranking.history import read_history
from ranking.page import feedback_factors, rank_page
from ranking.protocol import Candidates, ProductScores
from ranking.rules import AisleRanker, BuyAgainRanker, PopularityRanker
from ranking.shopper import ShopperFeatures
from ranking.statistics import read_statistics
from state.errors import SettingsError
from state.placement import Need, Page
from state.ranking import Engagement, LeftOutReason, RankedPage, RankOptions

GUARDS = Path(__file__).resolve().parents[2] / "guardrails"
FEW = RankOptions(min_products=1, diversity=0.0)
RESTRICTED = RestrictedGoods.of_rules(GUARDS).holds


@pytest.fixture(scope="module")
def ann(tmp_path_factory: pytest.TempPathFactory) -> ShopperFeatures:
    warehouse = open_shop(tmp_path_factory.mktemp("shop"))
    shop = read_statistics(warehouse)
    return ShopperFeatures.of(read_history(warehouse, shop, "ann"), shop)


def ranked(
    shopper: ShopperFeatures, made: Page, scores: Mapping[str, float] | None = None, **more: object
) -> RankedPage:
    given: dict[str, object] = {
        "availability": shopper.shop.availability(),
        "restricted": RESTRICTED,
        "options": FEW,
        **more,
    }
    ranker = given.pop("ranker", TableRanker(scores))
    return rank_page(made, shopper, ranker, **given)  # type: ignore[arg-type]


def ids(result: RankedPage) -> list[list[str]]:
    return [[product.id for product in placement.products] for placement in result.placements]


def reasons(result: RankedPage) -> dict[str | None, LeftOutReason]:
    return {item.product_id: item.reason for item in result.left_out}


def test_products_and_placements_go_by_predicted_engagement(ann: ShopperFeatures) -> None:
    result = ranked(ann, page(row(0, [1, 2]), row(1, [3, 4])), {"4": 0.9, "3": 0.2, "2": 0.5})
    assert ids(result) == [["4", "3"], ["2", "1"]]
    first = result.placements[0]
    assert first.value == pytest.approx(0.9 + 0.2 / np.log2(3))
    assert [p.predicted for p in first.products] == [0.9, 0.2]
    assert (first.made_position, result.ranker) == (1, "table")


def test_a_product_shows_once_and_values_count_what_is_left(ann: ShopperFeatures) -> None:
    made = page(row(0, [1, 2]), row(1, [1, 3]), row(2, [4]))
    result = ranked(ann, made, {"1": 0.9, "2": 0.5, "3": 0.1, "4": 0.3})
    assert ids(result) == [["1", "2"], ["4"], ["3"]]
    assert reasons(result) == {"1": LeftOutReason.SHOWN_ELSEWHERE}


def test_the_front_of_a_row_shows_more_than_one_keyword(ann: ShopperFeatures) -> None:
    found = [placed(n).model_copy(update={"matched": ["tea" if n < 4 else "honey"]}) for n in (1, 2, 3, 4)]
    scores = {"1": 0.5, "2": 0.49, "3": 0.48, "4": 0.35}
    assert ids(ranked(ann, page(row(0, found)), scores)) == [["1", "2", "4", "3"]]
    plain = FEW.model_copy(update={"fading": 1.0})
    assert ids(ranked(ann, page(row(0, found)), scores, options=plain)) == [["1", "2", "3", "4"]]


def test_a_placement_left_with_too_few_products_is_not_shown(ann: ShopperFeatures) -> None:
    made = page(row(0, [1, 2, 3]), row(1, [1, 2, 4]))
    result = ranked(ann, made, {"3": 0.9}, options=RankOptions(min_products=2))
    assert [placement.id for placement in result.placements] == ["ann-0"]
    assert LeftOutReason.THIN in [item.reason for item in result.left_out if item.product_id is None]


def test_a_product_far_back_in_a_row_is_shown_at_the_front_of_one_below(ann: ShopperFeatures) -> None:
    made = page(row(0, [1, 2, 3, 4]), row(1, [4, 5]))
    result = ranked(ann, made, {"1": 0.9, "2": 0.8, "3": 0.7, "4": 0.6, "5": 0.1})
    assert ids(result) == [["1", "2", "3"], ["4", "5"]]
    assert [(item.placement_id, item.product_id) for item in result.left_out] == [("ann-0", "4")]
    assert result.placements[1].value == pytest.approx(0.6 + 0.1 / np.log2(3))


def test_a_placement_keeps_what_makes_it_whole(ann: ShopperFeatures) -> None:
    made = page(row(0, [1, 2, 3]), row(1, [3, 4, 5]), row(2, [2, 5]))
    scores = {"1": 0.9, "2": 0.8, "3": 0.7, "4": 0.6, "5": 0.5}
    options = RankOptions(min_products=2, diversity=0.0, valued_products=1)
    result = ranked(ann, made, scores, options=options)
    assert [len(products) for products in ids(result)] == [2, 3]
    assert sorted(product for products in ids(result) for product in products) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("availability", "shown"),
    [
        ({"1": True, "3": True}, [["1", "3"]]),
        ({"1": False, "3": True}, [["3"]]),
        ({"3": True}, [["3"]]),
        ({"1": "yes", "3": True}, [["3"]]),
        ({}, []),
        ({"1": True, "3": True, "999": True}, [["1", "3"]]),
    ],
)
def test_only_what_is_known_to_be_available_shows(
    ann: ShopperFeatures, availability: Mapping[str, bool], shown: list[list[str]]
) -> None:
    assert ids(ranked(ann, page(row(0, [1, 3, 999])), availability=availability)) == shown


def test_the_catalogue_says_what_is_out_and_what_it_does_not_know(ann: ShopperFeatures) -> None:
    result = ranked(ann, page(row(0, [5, 6, 999])))
    assert ids(result) == [["5"]]
    assert reasons(result) == {"6": LeftOutReason.UNAVAILABLE, "999": LeftOutReason.UNKNOWN}


def test_what_goes_out_of_stock_while_the_page_is_ranked_is_not_shown(ann: ShopperFeatures) -> None:
    stock = ann.shop.availability()

    class SellsOut(TableRanker):
        def score(self, candidates: Candidates, shopper: ShopperFeatures, now: object = None) -> ProductScores:
            stock["1"] = False
            return super().score(candidates, shopper, now)

    result = ranked(ann, page(row(0, [1, 3])), availability=stock, ranker=SellsOut({"1": 1.0}))
    assert ids(result) == [["3"]]
    assert reasons(result) == {"1": LeftOutReason.UNAVAILABLE}


@pytest.mark.parametrize(("verified", "shown"), [(False, [["9", "1"]]), (True, [["7", "8", "9", "1"]])])
def test_alcohol_shows_to_verified_shoppers_alone(ann: ShopperFeatures, verified: bool, shown: list[list[str]]) -> None:
    made = page(row(0, [7, 8, 9, 1]))
    result = ranked(ann, made, {"7": 0.9, "8": 0.8, "9": 0.7}, age_verified=verified)
    assert ids(result) == shown
    if not verified:
        assert reasons(result) == {"7": LeftOutReason.AGE_RESTRICTED, "8": LeftOutReason.AGE_RESTRICTED}


def test_nobody_is_age_verified_unless_told(ann: ShopperFeatures) -> None:
    made = page(row(0, [7, 1]))
    result = rank_page(
        made, ann, TableRanker(), availability=ann.shop.availability(), restricted=RESTRICTED, options=FEW
    )
    assert ids(result) == [["1"]]
    assert ids(ranked(ann, made, age_verified="no")) == [["1"]]


def test_a_page_cannot_hide_alcohol_behind_another_name_or_aisle(ann: ShopperFeatures) -> None:
    disguised = placed(7, "Grape Juice", aisle="juice nectars")
    renamed = placed(1, "V0dka", aisle="milk", department="dairy eggs")
    assert ids(ranked(ann, page(row(0, [disguised, renamed, 3])))) == [["3"]]


def test_rules_that_cannot_be_read_stop_ranking(tmp_path: Path) -> None:
    for content in (None, "rules: []", "goods: {}\nrules: [{kind: restricted, goods: beer}]", "{"):
        if content is not None:
            (tmp_path / "policy_rules.yaml").write_text(content)
        with pytest.raises(SettingsError, match="age restricted"):
            RestrictedGoods.of_rules(tmp_path)


def test_near_identical_placements_are_not_neighbours(ann: ShopperFeatures) -> None:
    twins = [row(0, [placed(1), placed(2)], title="Tea time"), row(1, [placed(3), placed(4)], title="Tea hour")]
    other = row(2, [placed(5, aisle="bread")], title="Bakery")
    scores = {"1": 0.9, "2": 0.9, "3": 0.8, "4": 0.8, "5": 0.1}
    result = ranked(ann, page(*twins, other), scores)
    assert [placement.id for placement in result.placements] == ["ann-0", "ann-2", "ann-1"]
    assert [p.id for p in ranked(ann, page(*twins), scores).placements] == ["ann-0", "ann-1"]


def test_diversity_prefers_another_need_among_equals(ann: ShopperFeatures) -> None:
    made = page(
        row(0, [1], title="Alpha", need=Need.REPLENISH),
        row(1, [2], title="Beta", need=Need.REPLENISH),
        row(2, [3], title="Gamma", need=Need.VALUE),
    )
    scores = {"1": 0.5, "2": 0.4, "3": 0.4}
    assert [p.made_position for p in ranked(ann, made, scores).placements] == [0, 1, 2]
    diverse = ranked(ann, made, scores, options=RankOptions(min_products=1, diversity=0.5))
    assert [p.made_position for p in diverse.placements] == [0, 2, 1]


def test_feedback_moves_a_placement_and_little_feedback_hardly_does(ann: ShopperFeatures) -> None:
    made = page(row(0, [1], title="Alpha"), row(1, [2], title="Beta"))
    scores = {"1": 0.5, "2": 0.4}
    engagement = {
        "ann-0": Engagement(impressions=200, clicks=2),
        "ann-1": Engagement(impressions=200, clicks=30, adds=10),
    }
    assert [p.made_position for p in ranked(ann, made, scores, engagement=engagement).placements] == [1, 0]
    once = {"ann-0": Engagement(impressions=1), "ann-1": Engagement(impressions=1)}
    assert [p.made_position for p in ranked(ann, made, scores, engagement=once).placements] == [0, 1]


def test_feedback_factors_are_counted_by_hand() -> None:
    factors = feedback_factors(
        {"a": Engagement(impressions=80, clicks=8, adds=3), "z": Engagement(clicks=9)}, ["a", "b"]
    )
    usual = (11 + 20 * 0.05) / (80 + 20)
    assert factors == {"a": pytest.approx((11 + 20 * usual) / 100 / usual), "b": 1.0}
    one_sided = {"a": Engagement(impressions=1000), "b": Engagement(impressions=1000, clicks=900)}
    assert feedback_factors(one_sided, ["a", "b"]) == {"a": 0.5, "b": pytest.approx(2.0, abs=0.05)}


def test_an_empty_page_is_ranked_to_an_empty_page(ann: ShopperFeatures) -> None:
    assert ranked(ann, page()).placements == []
    assert ranked(ann, page(row(0, []))).placements == []


def test_the_same_page_is_ranked_the_same(ann: ShopperFeatures) -> None:
    made, now = page(row(0, [1, 2, 3]), row(1, [3, 4, 5, 9])), datetime(2026, 3, 1, tzinfo=UTC)
    for ranker in (PopularityRanker(), BuyAgainRanker(), AisleRanker()):
        first, second = (ranked(ann, made, ranker=ranker, now=now) for _ in range(2))
        assert first.model_dump(exclude={"seconds"}) == second.model_dump(exclude={"seconds"})
        assert first.ranked_at == now


def test_rules_rank_as_their_names_say(ann: ShopperFeatures) -> None:
    made = page(row(0, [2, 3, 4, 1, 5]))
    assert ids(ranked(ann, made, ranker=BuyAgainRanker()))[0][:2] == ["1", "3"]
    assert ids(ranked(ann, made, ranker=PopularityRanker()))[0][:2] == ["2", "3"]
    assert ids(ranked(ann, made, ranker=AisleRanker()))[0][:2] == ["2", "1"]


PAGES = st.lists(st.lists(st.integers(1, 14), max_size=8), max_size=5).map(
    lambda rows: page(*(row(at, found) for at, found in enumerate(rows)))
)
SCORES = st.dictionaries(st.integers(1, 14).map(str), st.floats(-1, 2))


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=PAGES, scores=SCORES, least=st.integers(1, 3))
def test_whatever_the_scores_the_rules_hold(
    ann: ShopperFeatures, made: Page, scores: dict[str, float], least: int
) -> None:
    result = ranked(ann, made, scores, options=RankOptions(min_products=least))
    shown = [product for products in ids(result) for product in products]
    assert len(shown) == len(set(shown))
    assert not {"6", "7", "8", "13", "14"} & set(shown)
    assert all(len(products) >= least for products in ids(result))
    own = {placement.id: {p.id for p in placement.products} for placement in made.placements}
    assert all({p.id for p in placement.products} <= own[placement.id] for placement in result.placements)
    assert all(0 <= p.predicted <= 1 for placement in result.placements for p in placement.products)
