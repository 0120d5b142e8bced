"""Training examples of the ranker: candidate pages of the past, and the basket that followed.

The latest order of every shopper is held out for evaluation. Orders before it are labels; features and candidates come
from the orders before each. The statistics of the shop leave out the latest two orders of every shopper, so that
neither a held-out order nor a label shows in what "the others" buy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ranking.features import FEATURES, build_features
from ranking.history import OrderHistory, read_histories
from ranking.page import candidates_of
from ranking.shopper import ShopperFeatures
from ranking.statistics import RowSource, ShopStatistics, read_statistics
from training.ranker_pages import candidate_page
from training.splits import Split, shopper_split

HELD_OUT = 1
"""Latest orders of a shopper that evaluation keeps for itself."""
MIN_PAST = 3
"""Orders that a label must have before it."""


@dataclass(frozen=True)
class Examples:
    """``features`` float64 ``[n, features]``, ``labels`` int64 ``[n]`` (1: bought), ``groups``: sizes of pages."""

    features: np.ndarray
    labels: np.ndarray
    groups: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.groups)


def read_examples(
    source: RowSource, *, label_orders: int = 1, tick: Callable[[], object] = lambda: None
) -> dict[Split, Examples]:
    """Return the examples of the train and the dev shoppers. Test shoppers give none.

    Train shoppers give a page for each of their latest ``label_orders`` orders before the held-out one, each with what
    came before it; dev shoppers one page, whatever ``label_orders`` is, so that figures on them compare.
    """
    shop = read_statistics(source, held_out=HELD_OUT + 1)
    by_split: dict[Split, list[OrderHistory]] = {"train": [], "dev": []}
    for history in read_histories(source, shop):
        split = shopper_split(history.shopper_id)
        if split in by_split:
            by_split[split].append(history)
    backs = {"train": range(label_orders), "dev": range(1)}
    return {split: examples_of(histories, shop, backs[split], tick) for split, histories in by_split.items()}


def examples_of(
    histories: Iterable[OrderHistory],
    shop: ShopStatistics,
    backs: Iterable[int],
    tick: Callable[[], object] = lambda: None,
) -> Examples:
    """Return a page for each history and each of ``backs``, orders further back than the label order."""
    features, labels = [np.zeros((0, len(FEATURES)))], [np.zeros(0, dtype=np.int64)]
    for history in histories:
        tick()
        for back in backs:
            found = page_example(history, shop, back)
            if found is not None:
                features.append(found[0])
                labels.append(found[1])
    return Examples(np.vstack(features), np.concatenate(labels), tuple(len(part) for part in labels[1:]))


def page_example(history: OrderHistory, shop: ShopStatistics, back: int = 0) -> tuple[np.ndarray, np.ndarray] | None:
    """Return features and labels of a shopper's page as it was before the label order, ``back`` orders further back.

    The shopper's own part of the shop's figures is taken out of the features, and with it all that they bought later.
    None where the past is too short, or where no candidate was bought: such a page teaches no order. A product that
    stands in several placements is one example, as of the first.
    """
    label = len(history) - HELD_OUT - 1 - back
    if label < MIN_PAST:
        return None
    shopper = ShopperFeatures.of(history, shop, orders=label)
    candidates = candidates_of(candidate_page(shopper).placements, shop)
    _, first = np.unique(candidates.rows, return_index=True)
    first.sort()
    labels = np.isin(candidates.rows[first], list(history.basket(label))).astype(np.int64)
    if not labels.any():
        return None
    return build_features(candidates, shopper)[first], labels
