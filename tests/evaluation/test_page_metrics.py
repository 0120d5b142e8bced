"""Each metric against a figure worked out by hand, and against a library where one has it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import percentileofscore
from sklearn.metrics.pairwise import cosine_similarity

from evaluation.metrics.composition import (
    history_share,
    new_aisle_share,
    novel_share,
    placement_overlap,
    products_per_placement,
    repeat_share,
)
from evaluation.metrics.cost import page_cost, page_usage, phase_cost
from evaluation.metrics.engagement import predicted_engagement
from evaluation.metrics.popularity import (
    catalog_coverage,
    exposure_gini,
    gini,
    popularity_ranks,
    shown_popularity,
)
from evaluation.metrics.similarity import between_theme_diversity, intra_list_similarity, within_theme_cohesion
from evaluation.metrics.survival import drop_rates, fallback_rate, guard_rates
from state.placement import DroppedPlacement, Need, Page
from state.usage import PhaseUsage
from state.verdict import Action, Outcome, Verdict

PageOf = Callable[..., Page]


def test_history_share_averages_placements_and_repeat_share_counts_distinct_products(page_of: PageOf) -> None:
    page = page_of("a b", "a b c d")
    assert history_share(page, {"a", "z"}) == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert repeat_share(page, {"a", "z"}) == 1 / 4
    assert novel_share(page, {"a", "z"}) == 3 / 4


def test_shares_of_a_page_without_products_or_a_shopper_without_history_are_undefined(page_of: PageOf) -> None:
    assert math.isnan(history_share(page_of(""), {"a"}))
    assert math.isnan(repeat_share(page_of("a"), set()))
    assert math.isnan(novel_share(page_of("a"), set()))


def test_new_aisle_share_counts_distinct_products_of_aisles_never_bought_from(page_of: PageOf) -> None:
    page = page_of("a:tea b:tea c:jam", "c:jam d:fish")
    assert new_aisle_share(page, {"tea"}) == 2 / 4
    assert math.isnan(new_aisle_share(page, set()))


def test_products_per_placement_is_the_mean_size(page_of: PageOf) -> None:
    assert products_per_placement(page_of("a b c", "d")) == 2
    assert math.isnan(products_per_placement(page_of()))


def test_overlap_is_the_mean_jaccard_index_of_pairs_of_placements(page_of: PageOf) -> None:
    # {a,b,c} & {b,c,d}: 2/4; {a,b,c} & {e}: 0; {b,c,d} & {e}: 0
    assert placement_overlap(page_of("a b c", "b c d", "e", "")) == pytest.approx(0.5 / 3)
    assert placement_overlap(page_of("a", "a")) == 1
    assert math.isnan(placement_overlap(page_of("a b")))


def test_intra_list_similarity_is_the_mean_pairwise_cosine() -> None:
    right_angles = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    assert intra_list_similarity(right_angles) == pytest.approx((0 + math.sqrt(0.5) + math.sqrt(0.5)) / 3)
    random = np.random.default_rng(3).normal(size=(7, 5))
    expected = cosine_similarity(random)[np.triu_indices(7, 1)].mean()
    assert intra_list_similarity(random) == pytest.approx(expected)


def test_intra_list_similarity_refuses_vectors_without_a_direction() -> None:
    assert math.isnan(intra_list_similarity(np.ones((1, 4))))
    with pytest.raises(ValueError, match="no direction"):
        intra_list_similarity(np.zeros((2, 4)))
    with pytest.raises(ValueError, match="no direction"):
        intra_list_similarity(np.array([[1.0, np.nan], [1.0, 0.0]]))
    with pytest.raises(ValueError, match="matrix"):
        intra_list_similarity(np.ones(4))


def test_a_page_of_pure_themes_is_cohesive_within_and_diverse_between(page_of: PageOf) -> None:
    vectors = {
        "a": np.array([1.0, 0.0]),
        "b": np.array([2.0, 0.0]),
        "c": np.array([0.0, 1.0]),
        "d": np.array([0.0, 5.0]),
    }
    pure, mixed = page_of("a b", "c d"), page_of("a c", "b d")
    assert (within_theme_cohesion(pure, vectors), between_theme_diversity(pure, vectors)) == (1.0, 1.0)
    assert within_theme_cohesion(mixed, vectors) == pytest.approx(0.0)
    assert between_theme_diversity(mixed, vectors) == pytest.approx(0.0)


def test_products_without_a_vector_are_left_out_of_similarity(page_of: PageOf) -> None:
    vectors = {"a": np.array([1.0, 0.0]), "b": np.array([1.0, 1.0])}
    assert within_theme_cohesion(page_of("a b x", "a y"), vectors) == pytest.approx(math.sqrt(0.5))
    assert math.isnan(within_theme_cohesion(page_of("a x"), vectors))
    assert math.isnan(between_theme_diversity(page_of("a", "x"), vectors))


def test_the_gini_index_of_known_distributions() -> None:
    assert gini(np.array([5, 5, 5, 5])) == 0
    assert gini(np.array([0, 0, 0, 8])) == 0.75
    assert gini(np.array([1, 2, 3, 4])) == pytest.approx(0.25)
    assert math.isnan(gini(np.zeros(3)))
    with pytest.raises(ValueError, match="0 or more"):
        gini(np.array([-1.0, 2.0]))


def test_the_gini_index_is_half_the_relative_mean_difference() -> None:
    values = np.random.default_rng(5).integers(0, 50, size=40).astype(float)
    expected = np.abs(values[:, None] - values[None, :]).mean() / (2 * values.mean())
    assert gini(values) == pytest.approx(expected)


def test_coverage_and_exposure_count_a_product_once_a_page(page_of: PageOf) -> None:
    pages = [page_of("a b", "a"), page_of("a")]
    assert catalog_coverage(pages, ["a", "b", "c", "d"]) == 0.5
    # exposures 0, 0, 1, 2: (-3*0 - 1*0 + 1*1 + 3*2) / (4 * 3)
    assert exposure_gini(pages, ["a", "b", "c", "d"]) == pytest.approx(7 / 12)
    assert math.isnan(catalog_coverage(pages, []))


def test_shown_popularity_is_the_mid_rank_percentile_in_the_catalogue(page_of: PageOf) -> None:
    orders = {"a": 10, "b": 3, "c": 3, "d": 0}
    assert shown_popularity(page_of("a"), orders) == 0.875
    assert shown_popularity(page_of("b x"), orders) == 0.5
    assert shown_popularity(page_of("a b c d"), orders) == 0.5
    assert math.isnan(shown_popularity(page_of("x"), orders))
    by_library = percentileofscore(list(orders.values()), 3, kind="mean") / 100
    assert popularity_ranks([page_of("b"), page_of("a")], orders) == [pytest.approx(by_library), 0.875]


def test_predicted_engagement_averages_the_first_products_of_each_placement(page_of: PageOf) -> None:
    chances = {"a": 0.6, "b": 0.2, "c": 0.9, "d": 0.1}
    page = page_of("a b c", "d", "")
    assert predicted_engagement(page, lambda row: [chances[p.id] for p in row.products], first=2) == pytest.approx(0.25)
    assert math.isnan(predicted_engagement(page_of(""), lambda row: []))


@pytest.mark.parametrize("wrong", [[0.5], [0.5, 1.5], [0.5, math.nan]])
def test_predictions_that_are_no_chances_are_refused(page_of: PageOf, wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="7-0"):
        predicted_engagement(page_of("a b"), lambda row: wrong)


def _dropped(guard: str) -> DroppedPlacement:
    verdict = Verdict(
        guard=guard, placement_id="7-9", outcome=Outcome.FAIL, action=Action.DROP, reasons=("x",), seconds=2.0
    )
    return DroppedPlacement(
        id="7-9",
        title="t",
        need=Need.VALUE,
        guard=guard,
        reasons=["x"],
        verdicts=[] if guard == "fall_back" else [verdict],
    )


def test_drop_rates_are_shares_of_the_designed_placements_by_guard(page_of: PageOf) -> None:
    pages = [
        page_of("a", "b", dropped=[_dropped("policy")]),
        page_of("rule made", fallback=True, dropped=[_dropped("policy"), _dropped("relevance"), _dropped("fall_back")]),
    ]
    assert fallback_rate(pages) == 0.5
    assert drop_rates(pages) == {"policy": 2 / 6, "relevance": 1 / 6, "fall_back": 1 / 6}
    assert drop_rates([]) == {}
    assert math.isnan(fallback_rate([]))


def test_guard_rates_read_verdicts_on_kept_and_dropped_placements(page_of: PageOf) -> None:
    page = page_of("a", dropped=[_dropped("policy")])
    passed = Verdict(guard="policy", placement_id="7-0", outcome=Outcome.PASS, action=Action.KEEP)
    pruned = Verdict(
        guard="relevance",
        placement_id="7-0",
        outcome=Outcome.FAIL,
        action=Action.PRUNE,
        reasons=("r",),
        pruned=("b", "c"),
    )
    broken = Verdict(guard="relevance", placement_id="7-0", outcome=Outcome.ERROR, action=Action.KEEP, reasons=("e",))
    row = page.placements[0].model_copy(update={"verdicts": [passed, pruned, broken]})
    rates = guard_rates([page.model_copy(update={"placements": [row]})])
    policy, relevance = rates["policy"], rates["relevance"]
    assert (policy.judged, policy.failed, policy.dropped, policy.seconds) == (2, 0.5, 0.5, 1.0)
    assert (relevance.failed, relevance.errors, relevance.repaired, relevance.pruned) == (0.5, 0.5, 0.0, 2)


def test_cost_adds_up_phases_and_averages_pages(page_of: PageOf) -> None:
    cheap = PhaseUsage(calls=1, tokens_in=10, tokens_out=5, seconds=1, cost_usd=0.01)
    dear = PhaseUsage(calls=2, tokens_in=30, tokens_out=15, seconds=2, cost_usd=0.03)
    pages = [
        page_of(usage={"design": cheap, "judge": dear}, seconds=1.0),
        page_of(usage={"design": cheap}, seconds=3.0),
    ]
    cost = page_cost(pages)
    assert page_usage(pages[0]).cost_usd == pytest.approx(0.04)
    assert (cost.pages, cost.calls, cost.tokens_in, cost.tokens_out) == (2, 2.0, 25.0, 12.5)
    assert cost.cost_usd == pytest.approx(0.025)
    assert (cost.seconds_p50, cost.seconds_p95, cost.seconds_max) == (2.0, pytest.approx(2.9), 3.0)
    assert {phase: usage.calls for phase, usage in phase_cost(pages).items()} == {"design": 2, "judge": 2}
    with pytest.raises(ValueError, match="no pages"):
        page_cost([])
