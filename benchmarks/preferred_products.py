"""What putting forward what a shopper bought does to pages: ``python benchmarks/preferred_products.py PAGES``.

PAGES are pages made with the latest order held out: ``pages-*.jsonl`` of a ``shelfwise evaluate --split dev`` folder,
or what ``shelfwise pages --hold-out-last --out FILE`` wrote. Designs and keywords stay as they were made; products are
searched, judged by the relevance scorer and cut again, with other factors for what was bought before, and with or
without mixing the keywords of a row. Prints one Markdown table; no language model is asked.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import tools.products
from evaluation.metrics.table import Evidence, page_values
from evaluation.runs.evidence import HeldOutPast, predictor
from evaluation.runs.measuring import product_vectors
from graph.nodes.placement import SPARE, placed_product
from graph.services import Services, open_services
from ranking.spread import FADING, first_keyword, spread
from state.placement import Page, PlacedProduct, Placement
from state.relevance import product_text, theme_text
from state.settings import load_settings
from training.exporting import read_pages

FRONT = 6
METRICS = (
    "n2dcg",
    "recall",
    "repeat_share",
    "new_aisle_share",
    "predicted_engagement",
    "products_per_placement",
    "between_theme_diversity",
)


class Remaker:
    """Makes the products of pages anew."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._scores: dict[tuple[str, str], float] = {}

    def page(self, page: Page, factor: float, fading: float) -> Page:
        shopper = self._services.shoppers.load(page.shopper_id, hold_out_last=True)
        bought = set() if shopper.cold else shopper.product_ids
        tools.products.PREFERRED_BOOST = factor
        rows = [self._row(row, bought, fading) for row in page.placements]
        return page.model_copy(update={"placements": rows})

    def _row(self, row: Placement, bought: set[str], fading: float) -> Placement:
        options = self._services.settings.page
        hits = self._services.products.find(
            row.keywords,
            categories=row.categories,
            filters=row.filters,
            preferred=bought,
            limit=SPARE * options.products_per_placement,
        )
        found = [placed_product(hit, bought) for hit in hits]
        fitting = spread(self._fitting(row, found), lambda product: product.score, first_keyword, fading)
        return row.model_copy(update={"products": fitting[: options.products_per_placement]})

    def _fitting(self, row: Placement, products: Sequence[PlacedProduct]) -> list[PlacedProduct]:
        scorer = self._services.scorer
        theme = theme_text(row.title, row.concepts)
        pairs = [(theme, product_text(product.name, product.aisle)) for product in products]
        if new := [pair for pair in dict.fromkeys(pairs) if pair not in self._scores]:
            self._scores.update(zip(new, scorer.score(new).tolist(), strict=True))
        return [p for p, pair in zip(products, pairs, strict=True) if self._scores[pair] >= (scorer.threshold or 0.0)]


def figures(page: Page, past: HeldOutPast, services: Services) -> dict[str, float]:
    """Return the metrics of one page, and the keywords among the first products of its rows."""
    known = past.of(page.shopper_id)
    vectors = product_vectors([page], services.embedder)
    values = page_values(page, Evidence(known.history, known.aisles, known.basket, vectors, predictor(past, page)))
    fronts = [{first_keyword(product) for product in row.products[:FRONT]} for row in page.placements]
    return {name: values[name] for name in METRICS} | {"keywords in front": float(np.mean([len(f) for f in fronts]))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path, help="file of pages made with the latest order held out")
    parser.add_argument("--factors", default="1.0,1.15,1.3,1.5,2.0,3.0", help="for what was bought before")
    arguments = parser.parse_args()
    services = open_services(load_settings())
    past = HeldOutPast.open(services.settings)
    pages = [page for page in read_pages(arguments.pages) if page.placements]
    remaker = Remaker(services)
    print(f"{len(pages)} pages, means over shoppers\n")
    print("| factor | mixed | " + " | ".join((*METRICS, "keywords in front")) + " |")
    print("|---" * (len(METRICS) + 3) + "|")
    for factor in map(float, arguments.factors.split(",")):
        for fading in (1.0, FADING):
            made = [figures(remaker.page(page, factor, fading), past, services) for page in pages]
            means = [f"{np.nanmean([row[name] for row in made]):.3f}" for name in made[0]]
            print(f"| {factor} | {'no' if fading == 1 else 'yes'} | " + " | ".join(means) + " |", flush=True)


if __name__ == "__main__":
    main()
