"""Chooses the threshold of the embedding similarity scorer from labelled theme-product pairs and records the run.

    python benchmarks/relevance_threshold.py LABELS.jsonl [--write engines/similarity_threshold.json]

A line of LABELS: theme_id, title, concepts, product_id (of the imported catalogue), label (2 fits, 1 marginal, 0 not).
Themes are split in two halves by a hash of their id: the threshold with the best F1 is chosen on the first and reported
on the second. Marginal pairs count in neither; the share of them that is kept is shown apart.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from catalog.warehouse import Warehouse
from engines.embedder import load_embedder
from engines.scorer import EmbeddingSimilarityScorer
from state.relevance import product_text, theme_text
from state.settings import load_settings

FITS, MARGINAL = 2, 1
GRID = np.round(np.arange(0.5, 1.0, 0.005), 3)
SHOWN_EVERY = 10


def measure(scores: np.ndarray, labels: np.ndarray, threshold: float) -> dict[str, float]:
    """Return precision, recall and F1 of keeping, and the share of marginal pairs kept."""
    kept, fits = scores >= threshold, labels == FITS
    counted = labels != MARGINAL
    right = (kept & fits).sum()
    precision = right / max((kept & counted).sum(), 1)
    recall = right / max(fits.sum(), 1)
    return {
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(2 * precision * recall / max(precision + recall, 1e-9)),
        "marginal_kept": float(kept[labels == MARGINAL].mean()) if (labels == MARGINAL).any() else 0.0,
    }


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the chance that a pair that fits scores above one that does not (ties count half)."""
    fits, not_fits = scores[labels == FITS], np.sort(scores[labels == 0])
    below = np.searchsorted(not_fits, fits, "left") + np.searchsorted(not_fits, fits, "right")
    return float(below.mean() / 2 / len(not_fits))


def table(title: str, scores: np.ndarray, labels: np.ndarray, chosen: float) -> Table:
    """Return precision, recall and F1 by threshold, the chosen one marked."""
    out = Table("threshold", "precision", "recall", "F1", "marginal kept", title=title)
    for threshold in sorted({*GRID[::SHOWN_EVERY], chosen}):
        found = measure(scores, labels, threshold)
        mark = " *" if threshold == chosen else ""
        out.add_row(f"{threshold:.3f}{mark}", *(f"{found[key]:.3f}" for key in found))
    return out


def main(
    labels_file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    write: Annotated[Path | None, typer.Option(help="Where to record the chosen threshold.")] = None,
) -> None:
    """Print the table and, with --write, record the threshold."""
    console = Console()
    settings = load_settings()
    rows = [json.loads(line) for line in labels_file.read_text("utf-8").splitlines() if line.strip()]
    warehouse = Warehouse.open(settings)
    products = warehouse.products(sorted({str(row["product_id"]) for row in rows}))
    rows = [row for row in rows if str(row["product_id"]) in products]
    scorer = EmbeddingSimilarityScorer(load_embedder(settings))
    sold = [products[str(row["product_id"])] for row in rows]
    scores = scorer.score(
        [
            (theme_text(row["title"], row["concepts"]), product_text(product.name, product.aisle))
            for row, product in zip(rows, sold, strict=True)
        ]
    )
    labels = np.array([row["label"] for row in rows])
    dev = np.array([hashlib.sha256(row["theme_id"].encode()).digest()[0] % 2 == 0 for row in rows])

    chosen = float(max(GRID, key=lambda threshold: measure(scores[dev], labels[dev], threshold)["f1"]))
    console.print(table(f"{scorer.name}: held-out half", scores[~dev], labels[~dev], chosen))
    found = measure(scores[~dev], labels[~dev], chosen)
    record = {
        "model": scorer.name,
        "threshold": chosen,
        "chosen_on": f"{labels_file.name}, sha256 {hashlib.sha256(labels_file.read_bytes()).hexdigest()[:12]}",
        "command": f"python benchmarks/relevance_threshold.py {labels_file.name}",
        "pairs": {"chosen_on": int(dev.sum()), "reported_on": int((~dev).sum())},
        **{key: round(value, 3) for key, value in {**found, "auc": auc(scores[~dev], labels[~dev])}.items()},
    }
    console.print_json(data=record)
    if write:
        write.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
