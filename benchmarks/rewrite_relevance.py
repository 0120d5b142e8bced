"""Chooses the limits of the rewrite relevance guard: ``python benchmarks/rewrite_relevance.py [--write]``.

Pairs: the teacher's rewrites of a query (fit), rewrites of another query of the same aisle (near: many of these would
do as well), and of a query that shares no category (far). On the training split:
``sure`` is the cosine that FAR_REFUSED of the far pairs stay below, ``floor`` the one that KEPT of the fitting pairs
reach, ``share`` the share of products in the query's aisles that parts fitting from far pairs best between the two.
Printed and recorded are both splits.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from state.intent import REWRITE_KINDS, RewriteKind
from state.settings import PROJECT_ROOT, load_settings
from training.datasets import FILES, checksums, load_examples
from training.examples import IntentExample, Task

FAR_REFUSED, KEPT = 0.98, 0.99
SHARES = np.round(np.arange(0.05, 1.0, 0.05), 2)
PROBED = 60
"""Pairs of each sort, kind and split whose products are looked at."""
THRESHOLDS = PROJECT_ROOT / "guardrails" / "intent" / "rewrite_relevance.json"
Sort = Literal["fit", "near", "far"]


@dataclass(frozen=True)
class Pair:
    """A query (its row) and a text that is, or is not, a rewrite of it."""

    row: IntentExample
    kind: RewriteKind
    text: str
    sort: Sort


def pairs_of(rows: Sequence[IntentExample], seed: int) -> list[Pair]:
    """Return the pairs of ``rows``: every rewrite, and as many drawn of each of the other sorts."""
    chance = random.Random(seed)
    by_aisle: dict[str, list[IntentExample]] = defaultdict(list)
    for row in rows:
        by_aisle[row.categories[0]].append(row)
    found = []
    for row in rows:
        near = [other for other in by_aisle[row.categories[0]] if other is not row]
        far = [other for other in rows if not {*other.categories} & {*row.categories}]
        for kind, texts in row.rewrites:
            found += [Pair(row, kind, text, "fit") for text in texts]
            for sort, pool in (("near", near), ("far", far)):
                others = [text for other in pool for text in getattr(other.rewrites, kind) if text not in texts]
                drawn = chance.sample(others, min(len(texts), len(others)))
                found += [Pair(row, kind, text, sort) for text in drawn]  # type: ignore[arg-type]
    return found


class Measured:
    """Cosines and shares of products of the pairs of one split."""

    def __init__(self, pairs: Sequence[Pair], embedder: Any, products: Any) -> None:
        self.pairs = list(pairs)
        texts = sorted({pair.text for pair in pairs} | {pair.row.corrected for pair in pairs})
        place = {text: at for at, text in enumerate(texts)}
        vectors = embedder.embed(texts)
        self.cosine = np.array([vectors[place[p.row.corrected]] @ vectors[place[p.text]] for p in pairs])
        self._products = products
        self._shares: dict[int, float] = {}

    def rows(self, kind: RewriteKind, sort: Sort) -> np.ndarray:
        return np.array([at for at, p in enumerate(self.pairs) if p.kind == kind and p.sort == sort])

    def shares(self, rows: np.ndarray) -> np.ndarray:
        """Return the share of products in the query's aisles of each pair in ``rows``."""
        return np.array([self._share(int(row)) for row in rows])

    def _share(self, row: int) -> float:
        if row not in self._shares:
            pair = self.pairs[row]
            aisles = {path.partition(" > ")[2] for path in pair.row.categories[:3]}
            hits = self._products.find([pair.text], limit=12)
            self._shares[row] = sum(hit.product.aisle in aisles for hit in hits) / max(len(hits), 1)
        return self._shares[row]

    def between(self, kind: RewriteKind, sort: Sort, floor: float, sure: float) -> tuple[np.ndarray, float]:
        """Return up to ``PROBED`` pairs between the cosines, and how many pairs each of them stands for."""
        rows = self.rows(kind, sort)
        rows = rows[(self.cosine[rows] >= floor) & (self.cosine[rows] < sure)]
        probed = rows[np.random.default_rng(7).permutation(len(rows))[:PROBED]]
        return probed, len(rows) / max(len(probed), 1)

    def kept(self, kind: RewriteKind, sort: Sort, limits: dict[str, float]) -> float:
        """Return the share of the pairs of one sort that the limits keep."""
        rows = self.rows(kind, sort)
        probed, weight = self.between(kind, sort, limits["floor"], limits["sure"])
        passed = (self.shares(probed) >= limits["share"]).sum() * weight if len(probed) else 0.0
        return float(((self.cosine[rows] >= limits["sure"]).sum() + passed) / len(rows))


def choose(train: Measured, kind: RewriteKind) -> dict[str, float]:
    """Return the limits of ``kind``."""
    fit, far = (train.cosine[train.rows(kind, sort)] for sort in ("fit", "far"))  # type: ignore[arg-type]
    sure, floor = float(np.quantile(far, FAR_REFUSED)), float(np.quantile(fit, 1 - KEPT))
    floor = min(floor, sure)
    good, bad = (train.shares(train.between(kind, sort, floor, sure)[0]) for sort in ("fit", "far"))  # type: ignore[arg-type]
    share = max(SHARES, key=lambda at: (good >= at).mean() - (bad >= at).mean()) if len(good) and len(bad) else 0.5
    return {"sure": round(sure, 3), "floor": round(floor, 3), "share": float(share)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"record the limits in {THRESHOLDS.name}")
    arguments = parser.parse_args()
    embedder, products = opened()
    splits = {split: Measured(pairs_of(load_examples(Task.INTENTS, split), 7), embedder, products)  # type: ignore[arg-type]
              for split in ("train", "dev")}  # fmt: skip
    limits: dict[str, dict[str, Any]] = {}
    print(
        "| kind | sure | floor | share | split | fitting kept | near refused | far refused | pairs |\n"
        + "|---" * 9
        + "|"
    )
    for kind in REWRITE_KINDS:
        chosen = choose(splits["train"], kind)
        limits[kind] = {**chosen}
        for split, measured in splits.items():
            kept = {sort: measured.kept(kind, sort, chosen) for sort in ("fit", "near", "far")}  # type: ignore[arg-type]
            sizes = [len(measured.rows(kind, sort)) for sort in ("fit", "near", "far")]  # type: ignore[arg-type]
            figures = {"fitting_kept": kept["fit"], "near_refused": 1 - kept["near"], "far_refused": 1 - kept["far"]}
            limits[kind][split] = {name: round(value, 3) for name, value in figures.items()} | {"pairs": sizes}
            cells = " | ".join(f"{value:.1%}" for value in figures.values())
            print(
                f"| {kind} | {chosen['sure']} | {chosen['floor']} | {chosen['share']} | {split} | {cells} | {sizes} |",
                flush=True,
            )
    if arguments.write:
        record = {
            "model": embedder.name,
            "limits": limits,
            "chosen_on": f"{FILES[Task.INTENTS]}, training split, sha256 {checksums()[FILES[Task.INTENTS]][:12]}",
            "command": "python benchmarks/rewrite_relevance.py --write",
        }
        Path(THRESHOLDS).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def opened() -> tuple[Any, Any]:
    from catalog.warehouse import Warehouse
    from engines.embedder import load_embedder
    from tools.products import ProductSearch

    settings = load_settings()
    embedder = load_embedder(settings)
    return embedder, ProductSearch.open(settings, Warehouse.open(settings), embedder)


if __name__ == "__main__":
    main()
