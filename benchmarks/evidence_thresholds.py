"""How sure the evidence of a theme is, by threshold: ``python benchmarks/evidence_thresholds.py``.

A theme's rationale names what the shopper bought of it, and what it stands beside; both are found by the cosine of a
product's name to the nearest concept (``tools/evidence.py``). The labelled pairs of the dev split say how often such a
product fits its theme. "Fits" counts the clear ones, "not off" the marginal ones too. A last table names what the first
dev shoppers are told of their themes under the thresholds in force ("now"), and under 0.62 and 0.4 ("before").
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from unittest.mock import patch

import numpy as np

from catalog.warehouse import Warehouse
from engines.embedder import load_embedder
from state.guard import Embedder
from state.settings import load_settings
from state.vocabulary import Evidence
from tools import evidence
from tools.shopper import ShopperContextTool
from training.datasets import load_examples
from training.examples import DesignExample, Task
from training.relevance_pairs import FITS, MISFIT, LabelledPair, labelled_pairs

GRID = np.round(np.arange(0.3, 0.85, 0.05), 2)
BEFORE = (0.62, 0.4)


def similarities(embedder: Embedder, pairs: Sequence[LabelledPair]) -> np.ndarray:
    """Return float64 ``[pairs]``: the cosine of the product's name to the nearest concept of the theme."""
    texts = list(dict.fromkeys(text for pair in pairs for text in (pair.product.name, *pair.theme.concepts)))
    row = {text: at for at, text in enumerate(texts)}
    vectors = embedder.embed(texts)
    return np.array(
        [(vectors[[row[c] for c in pair.theme.concepts]] @ vectors[row[pair.product.name]]).max() for pair in pairs]
    )


def told(found: Evidence) -> str:
    """Return what of ``found`` a rationale names."""
    return "bought " + ", ".join(found.bought) if found.bought else f"beside {found.beside}" if found.beside else "-"


def found_under(
    embedder: Embedder, shoppers: ShopperContextTool, designs: Sequence[DesignExample], same: float, akin: float
) -> list[Evidence]:
    """Return the evidence of every theme of ``designs`` under these thresholds."""
    with patch.multiple(evidence, SAME=same, AKIN=akin):
        return [
            found
            for design in designs
            for found in evidence.theme_evidence(
                embedder,
                shoppers.load(design.shopper_id, hold_out_last=True),
                [theme.concepts for theme in design.themes],
            )
        ]


def shares(found: Sequence[Evidence]) -> str:
    """Return how many themes name something bought, something beside, and nothing."""
    bought = sum(bool(one.bought) for one in found)
    beside = sum(not one.bought and one.beside is not None for one in found)
    return f"{bought} bought, {beside} beside, {len(found) - bought - beside} nothing"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shoppers", type=int, default=20, help="dev shoppers whose evidence is looked for")
    parser.add_argument("--shown", type=int, default=12, help="themes whose evidence changed that are named")
    given = parser.parse_args()
    settings = load_settings()
    warehouse, embedder = Warehouse.open(settings), load_embedder(settings)
    pairs = labelled_pairs("dev", warehouse)
    near, labels = similarities(embedder, pairs), np.array([pair.label for pair in pairs])
    print(f"{len(pairs)} labelled pairs of the dev split; in force: same {evidence.SAME}, akin {evidence.AKIN}\n")
    print("| cosine from | pairs | fits | not off |\n|---|---|---|---|")
    for threshold in sorted({*GRID.tolist(), evidence.SAME, evidence.AKIN, *BEFORE}):
        kept = labels[near >= threshold]
        print(f"| {threshold:.2f} | {len(kept)} | {np.mean(kept == FITS):.3f} | {np.mean(kept != MISFIT):.3f} |")
    designs = [row for row in load_examples(Task.DESIGN, "dev") if isinstance(row, DesignExample)][: given.shoppers]
    shoppers = ShopperContextTool(warehouse)
    before, now = (found_under(embedder, shoppers, designs, *pair) for pair in (BEFORE, (evidence.SAME, evidence.AKIN)))
    print(f"\n{len(designs)} dev shoppers, {len(now)} themes: before {shares(before)}; now {shares(now)}\n")
    print("| theme | before | now |\n|---|---|---|")
    titles = [theme.title for design in designs for theme in design.themes]
    changed = [(title, told(old), told(new)) for title, old, new in zip(titles, before, now, strict=True) if old != new]
    print("\n".join(f"| {' | '.join(cells)} |" for cells in changed[: given.shown]))


if __name__ == "__main__":
    main()
