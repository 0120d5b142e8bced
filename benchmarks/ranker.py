"""How well ranked pages foretell the next basket: ``python benchmarks/ranker.py``.

Every shopper's latest order is held out: it shows in no history and in no figure of the shop. Each shopper gets one
page of candidates, the same for all rankers, made by rules from what came before (``--pages FILE`` takes pages made by
``shelfwise pages --hold-out-last --out FILE``). Prints Markdown tables for the test shoppers and for all, with 95 %
bootstrap intervals over shoppers, and the learned ranker's lead over each other with its interval. Exits with 1 when
the learned ranker is not ahead in N2DCG on the test shoppers.

``--folds 5`` leaves the test shoppers and every held-out order alone: train and dev shoppers are ranked by rankers that
learned from the other folds' shoppers, and their order before the held-out one is to be foretold. Parameters are chosen
by this.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from catalog.warehouse import Warehouse
from evaluation.bootstrap import mean_interval, paired_difference
from evaluation.metrics.next_basket import n2dcg, ndcg, reading_order, recall, repeat_share
from ranking.history import OrderHistory, read_histories
from ranking.learned import LearnedRanker
from ranking.opening import SHIPPED_MODEL
from ranking.page import rank_page
from ranking.protocol import Candidates, ProductRanker, ProductScores
from ranking.rules import AisleRanker, BuyAgainRanker, PopularityRanker
from ranking.shopper import ShopperFeatures
from ranking.statistics import read_statistics
from state.placement import Page
from state.ranking import RankedPage, RankOptions
from state.settings import load_settings
from training.exporting import read_pages
from training.ranker import LABEL_ORDERS, train_ranker, write_ranker
from training.ranker_examples import HELD_OUT, examples_of
from training.ranker_pages import candidate_page
from training.splits import shopper_split

ROWS, COLUMNS = 10, 12
VISIBLE, FIRST = 6, 30
METRICS = ("N2DCG", "NDCG@10", f"recall@{FIRST}", "repeats found", "novel found", "repeat share")
LEARNED = "learned"


class AsMade:
    """Keeps the products in the order in which the page was made."""

    def score(self, candidates: Candidates, shopper: ShopperFeatures, now: datetime | None = None) -> ProductScores:
        return ProductScores(candidates.relevance, "as made", "1")


@dataclass(frozen=True)
class Case:
    """One shopper: features and page from before the held-out order, and that order's products."""

    shopper: ShopperFeatures
    page: Page
    basket: frozenset[str]
    bought_before: frozenset[str]


@dataclass(frozen=True)
class Measured:
    """Figures by ranker and shopper; the share of each basket that is on its page; CPU time of the learned ranker."""

    figures: dict[str, dict[str, tuple[float, ...]]]
    reachable: list[float]
    cpu_ms: list[float]


def cases(warehouse: Warehouse, pages: Mapping[str, Page] | None, *, test_only: bool) -> Iterator[Case]:
    """Yield the shoppers who have an order before the held-out one (and a page in ``pages``, if given)."""
    shop = read_statistics(warehouse, held_out=1)
    for history in read_histories(warehouse, shop):
        if test_only and shopper_split(history.shopper_id) != "test":
            continue
        shopper = ShopperFeatures.of(history, shop)
        page = pages.get(history.shopper_id) if pages is not None else candidate_page(shopper)
        if page is not None and not shopper.cold:
            basket = frozenset(shop.ids[row] for row in history.basket(len(history) - 1))
            yield Case(shopper, page, basket, frozenset(shop.ids[row] for row in shopper.past.rows))


def fold_cases(warehouse: Warehouse, folds: int) -> Iterator[tuple[LearnedRanker, list[Case]]]:
    """Yield for each fold of the train and dev shoppers a ranker learned from the others, and the fold's cases."""
    shop = read_statistics(warehouse, held_out=HELD_OUT + 1)
    known = [h for h in read_histories(warehouse, shop) if shopper_split(h.shopper_id) != "test"]
    for fold in range(folds):
        inside = [history for history in known if _fold(history, folds) == fold]
        outside = [history for history in known if _fold(history, folds) != fold]
        latest = examples_of(outside, shop, range(1))
        trained = train_ranker(examples_of(outside, shop, range(LABEL_ORDERS)), latest, catalog=warehouse.version)
        with tempfile.TemporaryDirectory() as folder:
            write_ranker(Path(folder), trained)
            ranker = LearnedRanker.load(Path(folder))
        found = []
        for history in inside:
            shopper, label = ShopperFeatures.of(history, shop), len(history) - HELD_OUT - 1
            if label > 0:
                basket = frozenset(shop.ids[row] for row in history.basket(label))
                before = frozenset(shop.ids[row] for row in shopper.past.rows)
                found.append(Case(shopper, candidate_page(shopper), basket, before))
        yield ranker, found


def _fold(history: OrderHistory, folds: int) -> int:
    return int(hashlib.sha256(f"fold {history.shopper_id}".encode()).hexdigest(), 16) % folds


def cross_validate(warehouse: Warehouse, folds: int, options: RankOptions) -> None:
    """Print the table of shoppers that the ranker did not learn from."""
    figures: dict[str, dict[str, tuple[float, ...]]] = {LEARNED: {}, "buy again": {}}
    for ranker, found in fold_cases(warehouse, folds):
        measured = rank_all(iter(found), {LEARNED: (ranker, options), "buy again": (BuyAgainRanker(), options)})
        for name, values in measured.figures.items():
            figures[name] |= values
    everyone = list(figures[LEARNED])
    print(f"### Train and dev shoppers, {folds} folds ({len(everyone)})\n\n" + "\n".join(table(figures, everyone)))


def measure(ranked: RankedPage, case: Case) -> tuple[float, ...]:
    """Return the figures of one ranked page, in the order of ``METRICS``; NaN where one is undefined."""
    grid = [[product.id for product in row.products] for row in ranked.placements]
    read = reading_order(grid, visible=VISIBLE)
    repeats, novel = case.basket & case.bought_before, case.basket - case.bought_before
    return (
        n2dcg(grid, case.basket, rows=ROWS, columns=COLUMNS),
        ndcg(read, case.basket, 10),
        recall(read, case.basket, FIRST),
        recall(read, repeats, FIRST) if repeats else np.nan,
        recall(read, novel, FIRST) if novel else np.nan,
        repeat_share(read, case.bought_before, FIRST),
    )


def table(figures: Mapping[str, Mapping[str, tuple[float, ...]]], shoppers: Sequence[str]) -> list[str]:
    """Return the figures of each ranker over ``shoppers``, and the learned ranker's lead."""
    lines = [f"| ranker | {' | '.join(METRICS)} |", "|---" * (len(METRICS) + 1) + "|"]
    for name, found in figures.items():
        intervals = [mean_interval([found[shopper][at] for shopper in shoppers]) for at in range(len(METRICS))]
        shown = [f"{i.estimate:.3f} ({i.low:.3f} to {i.high:.3f})" for i in intervals]
        lines.append(f"| {name} | {' | '.join(shown)} |")
    lines += ["", "| learned ahead of | N2DCG | NDCG@10 | " + METRICS[2] + " |", "|---|---|---|---|"]
    for name, found in figures.items():
        if name != LEARNED:
            leads = [
                paired_difference(
                    {shopper: found[shopper][at] for shopper in shoppers},
                    {shopper: figures[LEARNED][shopper][at] for shopper in shoppers},
                )
                for at in range(3)
            ]
            lines.append(
                f"| {name} | " + " | ".join(f"{i.estimate:+.3f} ({i.low:+.3f} to {i.high:+.3f})" for i in leads) + " |"
            )
    return lines


def rank_all(found: Iterator[Case], rankers: Mapping[str, tuple[ProductRanker, RankOptions]]) -> Measured:
    """Rank every case with every ranker."""
    measured = Measured({name: {} for name in rankers}, [], [])
    availability: dict[str, bool] = {}
    for count, case in enumerate(found, start=1):
        availability = availability or case.shopper.shop.availability()
        on_page = {product.id for row in case.page.placements for product in row.products}
        measured.reachable.append(len(case.basket & on_page) / len(case.basket))
        for name, (ranker, options) in rankers.items():
            started = time.thread_time()
            ranked = rank_page(
                case.page, case.shopper, ranker, availability=availability, restricted=lambda _: False, options=options
            )
            if name == LEARNED:
                measured.cpu_ms.append((time.thread_time() - started) * 1000)
            measured.figures[name][case.shopper.shopper_id] = measure(ranked, case)
        print(f"\r{count} shoppers", end="", file=sys.stderr)
    print(file=sys.stderr)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL, help="folder of the learned ranker")
    parser.add_argument("--pages", type=Path, help="pages made with the latest order held out")
    parser.add_argument("--diversity", type=float, default=RankOptions().diversity, help="weight of diversity (MMR)")
    parser.add_argument("--test-only", action="store_true", help="leave out the table of all shoppers")
    parser.add_argument("--folds", type=int, help="cross-validate over train and dev shoppers instead")
    arguments = parser.parse_args()
    if arguments.folds:
        cross_validate(Warehouse.open(load_settings()), arguments.folds, RankOptions(diversity=arguments.diversity))
        return
    pages = {page.shopper_id: page for page in read_pages(arguments.pages)} if arguments.pages else None
    options = RankOptions(diversity=arguments.diversity)
    rankers: dict[str, tuple[ProductRanker, RankOptions]] = {
        LEARNED: (LearnedRanker.load(arguments.model), options),
        "buy again": (BuyAgainRanker(), options),
        "popularity": (PopularityRanker(), options),
        "aisle carousels": (AisleRanker(), options),
        "page as made": (AsMade(), options.model_copy(update={"keep_order": True})),
    }
    found = cases(Warehouse.open(load_settings()), pages, test_only=arguments.test_only)
    measured = rank_all(found, rankers)
    everyone = list(measured.figures[LEARNED])
    test = [shopper for shopper in everyone if shopper_split(shopper) == "test"]
    print(f"### Test shoppers ({len(test)})\n\n" + "\n".join(table(measured.figures, test)))
    if not arguments.test_only:
        print(f"\n### All shoppers ({len(everyone)})\n\n" + "\n".join(table(measured.figures, everyone)))
    median, slow = np.quantile(measured.cpu_ms, [0.5, 0.99])
    print(
        f"\nOf a basket {np.mean(measured.reachable):.3f} stand on the page of candidates: no ranker finds more. CPU "
        f"time of one page with the learned ranker: {median:.1f} ms (median), {slow:.1f} ms (99 %)."
    )
    means = {name: np.mean([values[shopper][0] for shopper in test]) for name, values in measured.figures.items()}
    sys.exit(max(means, key=lambda name: means[name]) != LEARNED)


if __name__ == "__main__":
    main()
