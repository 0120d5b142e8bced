"""The ranker learns from the past alone: the held-out order and the test shoppers take no part, bit for bit."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support.ranked_shop import Order, open_shop, page, row

from catalog.warehouse import Warehouse
from ranking.features import build_features
from ranking.history import read_histories, read_history
from ranking.learned import MODEL_FILE, RUN_FILE, LearnedRanker
from ranking.opening import SHIPPED_MODEL
from ranking.page import candidates_of
from ranking.shopper import ShopperFeatures
from ranking.statistics import read_statistics
from state.errors import ModelsError, ModelsMissing
from tools.shopper import ShopperContextTool
from training.ranker import TooFewExamples, TrainedRanker, calibrate, train_ranker, write_ranker
from training.ranker_examples import page_example, read_examples
from training.ranker_pages import candidate_page
from training.splits import shopper_split

MARKER = 12
ORDERS_EACH = 6


def orders_of(shoppers: Sequence[str], *, last: Sequence[int] | None = None) -> list[Order]:
    """Return orders with habits (products of one's own, bought often) drawn from a seed; ``last`` replaces the last."""
    made: list[Order] = []
    for shopper in shoppers:
        rng = random.Random(shopper)
        own = rng.sample([1, 2, 3, 4, 5, 9, 10], 3)
        for number in range(1, ORDERS_EACH + 1):
            basket = sorted({*rng.sample(own, 2), rng.choice([1, 2, 3, 4, 5, 9])})
            if number == ORDERS_EACH and last is not None:
                basket = list(last)
            made.append((shopper, number, None if number == 1 else 7, basket))
    return made


SHOPPERS = [f"s{n}" for n in range(60)]


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, Warehouse]:
    """Return a shop, and the same shop whose every last order holds a marker that nobody else ever bought."""
    clean = open_shop(tmp_path_factory.mktemp("clean"), orders_of(SHOPPERS))
    poisoned = open_shop(tmp_path_factory.mktemp("poisoned"), orders_of(SHOPPERS, last=[MARKER]))
    return clean, poisoned


def trained(warehouse: Warehouse, **more: int) -> TrainedRanker:
    examples = read_examples(warehouse)
    return train_ranker(examples["train"], examples["dev"], catalog="same", rounds=5, threads=1, **more)


def test_the_held_out_order_leaves_no_mark_on_examples_or_model(shops: tuple[Warehouse, Warehouse]) -> None:
    clean, poisoned = (read_examples(shop) for shop in shops)
    for split in ("train", "dev"):
        assert len(clean[split]) > 0
        np.testing.assert_array_equal(clean[split].features, poisoned[split].features)
        np.testing.assert_array_equal(clean[split].labels, poisoned[split].labels)
        assert clean[split].groups == poisoned[split].groups
    models = [trained(shop) for shop in shops]
    assert models[0].model == models[1].model
    assert models[0].run == models[1].run


def test_the_held_out_order_leaves_no_mark_on_what_is_evaluated(shops: tuple[Warehouse, Warehouse]) -> None:
    seen = []
    for warehouse in shops:
        shop = read_statistics(warehouse, held_out=1)
        shopper = ShopperFeatures.of(read_history(warehouse, shop, "s1"), shop)
        made = candidate_page(shopper)
        features = build_features(candidates_of([*made.placements, row(99, [MARKER])], shop), shopper)
        context = ShopperContextTool(warehouse).load("s1", hold_out_last=True)
        seen.append((made.model_dump(), features, context.model_dump()))
        assert str(MARKER) not in {product.id for item in made.placements for product in item.products}
    assert seen[0][0] == seen[1][0]
    np.testing.assert_array_equal(seen[0][1], seen[1][1])
    assert seen[0][2] == seen[1][2]


def test_the_marker_shows_where_nothing_is_held_out(shops: tuple[Warehouse, Warehouse]) -> None:
    """The two tests above can fail: the same reading with nothing held out sees the marker."""
    shop = read_statistics(shops[1])
    assert shop.orders[shop.row[str(MARKER)]] == len(SHOPPERS)
    shopper = ShopperFeatures.of(read_history(shops[1], shop, "s1"), shop)
    assert str(MARKER) in {product.id for item in candidate_page(shopper).placements for product in item.products}


def test_the_label_order_shows_in_no_feature(shops: tuple[Warehouse, Warehouse], tmp_path: Path) -> None:
    """Replacing the second last order changes labels and nothing else."""
    before = {str(order[0]): order for order in orders_of(SHOPPERS) if order[1] == ORDERS_EACH - 1}
    changed = [
        (shopper, number, gap, [MARKER, basket[0]] if (shopper, number) == ("s1", ORDERS_EACH - 1) else basket)
        for shopper, number, gap, basket in orders_of(SHOPPERS)
    ]
    found = []
    for warehouse in (shops[0], open_shop(tmp_path, changed)):
        shop = read_statistics(warehouse, held_out=2)
        example = page_example(read_history(warehouse, shop, "s1"), shop)
        assert example is not None
        found.append(example)
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert (found[0][1].sum(), found[1][1].sum()) == (len(before["s1"][3]), 1)


def test_more_label_orders_are_learned_from_the_past_of_each(shops: tuple[Warehouse, Warehouse]) -> None:
    one, two = read_examples(shops[0]), read_examples(shops[0], label_orders=2)
    assert len(one["train"]) < len(two["train"]) <= 2 * len(one["train"])
    np.testing.assert_array_equal(one["dev"].features, two["dev"].features)
    shop = read_statistics(shops[0], held_out=2)
    history = read_history(shops[0], shop, "s1")
    example = page_example(history, shop, back=1)
    assert example is not None
    before = ShopperFeatures.of(history, shop, orders=ORDERS_EACH - 3)
    assert before.order_count == ORDERS_EACH - 3
    assert example[1].sum() == len(history.basket(ORDERS_EACH - 3) & set(candidate_rows(before)))


def candidate_rows(shopper: ShopperFeatures) -> list[int]:
    return [int(row) for row in candidates_of(candidate_page(shopper).placements, shopper.shop).rows]


def test_test_shoppers_give_no_examples(tmp_path: Path) -> None:
    tests = [shopper for shopper in (f"t{n}" for n in range(100)) if shopper_split(shopper) == "test"][:5]
    examples = read_examples(open_shop(tmp_path, orders_of(tests)))
    assert [len(examples["train"]), len(examples["dev"])] == [0, 0]
    with pytest.raises(TooFewExamples, match="import orders"):
        train_ranker(examples["train"], examples["dev"], catalog="c")


def test_the_same_orders_and_seed_give_the_same_bytes(shops: tuple[Warehouse, Warehouse]) -> None:
    first, second, other = trained(shops[0]), trained(shops[0]), trained(shops[0], seed=8)
    assert (first.model, first.run) == (second.model, second.run)
    assert first.run["sha256"] != other.run["sha256"]


def test_calibrated_scores_are_chances() -> None:
    rng = np.random.default_rng(3)
    scores = rng.normal(size=20_000)
    labels = (rng.random(20_000) < 1 / (1 + np.exp(-(1.5 * scores - 2)))).astype(np.int64)
    curve = calibrate(scores, labels)
    assert (curve.slope, curve.offset) == (pytest.approx(1.5, abs=0.1), pytest.approx(-2, abs=0.1))
    assert curve.chance(scores).mean() == pytest.approx(labels.mean(), abs=1e-3)
    assert calibrate(-scores, labels).slope > 0, "a ranker's order is never turned round"


def test_calibration_finds_its_curve_from_scores_of_any_scale() -> None:
    rng = np.random.default_rng(5)
    logits = rng.normal(-4, 2, size=20_000)
    labels = (rng.random(20_000) < 1 / (1 + np.exp(-logits))).astype(np.int64)
    for scale in (0.2, 1.0, 8.0):
        curve = calibrate(logits * scale, labels)
        assert curve.slope * scale == pytest.approx(1, abs=0.1)
        assert curve.offset == pytest.approx(0, abs=0.3)


def test_calibration_holds_where_few_are_bought_and_scores_part_them_well() -> None:
    rng = np.random.default_rng(11)
    bought = rng.random(60_000) < 0.002
    scores = np.where(bought, rng.normal(6, 1, 60_000), rng.normal(-3, 1, 60_000)) + 40
    curve = calibrate(scores, bought.astype(np.int64))
    assert curve.slope > 0.5, "the curve was found and not given up"
    assert curve.chance(scores).mean() == pytest.approx(bought.mean(), rel=0.1)
    assert curve.chance(scores[bought]).mean() > 0.8


def test_a_written_ranker_loads_and_ranks_and_a_damaged_one_does_not(
    shops: tuple[Warehouse, Warehouse], tmp_path: Path
) -> None:
    with pytest.raises(ModelsMissing, match="shelfwise train ranker"):
        LearnedRanker.load(tmp_path)
    write_ranker(tmp_path, trained(shops[0]))
    ranker = LearnedRanker.load(tmp_path)
    shop = read_statistics(shops[0])
    history = next(iter(read_histories(shops[0], shop)))
    shopper = ShopperFeatures.of(history, shop)
    candidates = candidates_of(page(row(0, range(1, 13))).placements, shop)
    found = ranker.score(candidates, shopper)
    assert found.values.shape == (12,)
    assert ((found.values > 0) & (found.values < 1)).all()
    assert found.version == ranker.version
    assert ranker.score(candidates_of([], shop), shopper).values.shape == (0,)

    run = json.loads((tmp_path / RUN_FILE).read_text())
    (tmp_path / RUN_FILE).write_text(json.dumps({**run, "features": run["features"][::-1]}))
    with pytest.raises(ModelsError, match="other features"):
        LearnedRanker.load(tmp_path)
    (tmp_path / RUN_FILE).write_text(json.dumps(run))
    with (tmp_path / MODEL_FILE).open("a") as model:
        model.write(" ")
    with pytest.raises(ModelsError, match="checksums differ"):
        LearnedRanker.load(tmp_path)


def test_the_shipped_ranker_is_whole_small_and_documented() -> None:
    assert LearnedRanker.load(SHIPPED_MODEL).version
    assert (SHIPPED_MODEL / MODEL_FILE).stat().st_size < 2_000_000
    run = json.loads((SHIPPED_MODEL / RUN_FILE).read_text())
    card = (SHIPPED_MODEL / "README.md").read_text()
    assert run["sha256"][:12] in card
    assert str(run["seed"]) in card
