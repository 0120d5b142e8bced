"""When rewrites help results, by judged products: ``python benchmarks/query_results.py [--split train]``.

First table: queries by how many of their first 24 products say all words of the query (what the gate of
tools/query_results.py counts); how NDCG and recall of a page of 24 change when rewrites fill it (the teacher's, and
those found without a model) against the query's own page. RICH is where they stop helping; it is chosen on train.

Second table: the score of the relevance model from which a product in a labelled category is taken to fit a query
(QUERY_FITS in evaluation/rewrite_effect.py, for products that nobody judged), against the judgements: precision,
recall and F1 of "asked for or close".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.query_rewrites import RewriteGuards, systems
from evaluation.rewrite_effect import FOUND, QUERY_FITS, SHOWN, PageEffect, graded
from graph.services import Services, open_services
from state.catalog import PATH_SEPARATOR
from state.intent import IntentDraft, LabelledQuery
from state.relevance import product_text, theme_text
from state.settings import load_settings
from tools.query_results import RICH, saying_all
from tools.result_page import filling, result_page
from training.datasets import load_examples
from training.examples import Task
from training.query_products import JudgedQuery, load_query_products

BUCKETS = ((0, 0), (1, 1), (2, 3), (4, 7), (8, 11), (12, 17), (18, 24))
THRESHOLDS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)


def main(split: Annotated[Literal["train", "dev", "test"], typer.Option(help="Queries to look at.")] = "train") -> None:
    """Measure and print both tables."""
    services, console = open_services(load_settings()), Console(width=150)
    judged = load_query_products(split)
    rows = [row.labelled for row in load_examples(Task.INTENTS, split) if row.corrected in judged]
    console.print(_gains(services, rows, judged, split))
    console.print(_fits(services, rows, judged, split))
    console.print(f"{split}, {len(rows)} queries; RICH is {RICH}, QUERY_FITS {QUERY_FITS}")


def _gains(services: Services, rows: Sequence[LabelledQuery], judged: Mapping[str, JudgedQuery], split: str) -> Table:
    compared, guards = systems(services), RewriteGuards(services)
    grades_of = graded({row.query: row.grades for row in judged.values()}, services.scorer)
    saying: list[int] = []
    effects: dict[str, list[PageEffect]] = {name: [] for name in ("own", *compared)}
    for row in track(rows, description="queries"):
        own = services.products.find([row.corrected], limit=FOUND)
        saying.append(len(saying_all(row.corrected, own[:SHOWN])))
        fields = row.model_dump(exclude={"kind", "rewrites"})
        pages = {"own": result_page(row.corrected, own, limit=SHOWN)[0]}
        for name, system in compared.items():
            texts = filling(guards(IntentDraft(**fields, rewrites=system(row)))[0].rewrites)
            others = {text: services.products.find([text], limit=FOUND) for text in texts}
            # Rich or not: what would the rewrites do?
            pages[name] = result_page(row.corrected, own, others, limit=SHOWN, rich=SHOWN + 1)[0]
        grades = grades_of(row, [hit.product for page in pages.values() for hit in page])
        for name, page in pages.items():
            effects[name].append(PageEffect())
            effects[name][-1].add(page, grades)
    table = Table(
        "saying all", "queries", "NDCG", "recall", *(f"{n}: {m}" for n in compared for m in ("NDCG", "recall"))
    )
    for low, high in BUCKETS:
        chosen = [at for at, count in enumerate(saying) if low <= count <= high]
        plain = [_figures(effects["own"][at]) for at in chosen]
        cells = [f"{value:.3f}" for value in np.nanmean(plain, axis=0)] if chosen else ["-", "-"]
        for name in compared:
            change = [np.subtract(_figures(effects[name][at]), own) for at, own in zip(chosen, plain, strict=True)]
            cells += [f"{value:+.3f}" for value in np.nanmean(change, axis=0)] if chosen else ["-", "-"]
        table.add_row(f"{low} to {high}", str(len(chosen)), *cells)
    table.title = f"{split}: pages by how many products say all of the query, and the change by rewrites"
    return table


def _figures(effect: PageEffect) -> tuple[float, float]:
    return (effect.ndcg[0], effect.recall[0]) if effect.ndcg else (float("nan"), float("nan"))


def _fits(services: Services, rows: Sequence[LabelledQuery], judged: Mapping[str, JudgedQuery], split: str) -> Table:
    products = {product.id: product for product in services.catalog.all_products()}
    pairs, relevant = [], []
    for row in rows:
        aisles = {path.partition(PATH_SEPARATOR)[2] for path in row.categories}
        theme = theme_text(row.corrected, [row.corrected])
        for key, grade in judged[row.corrected].grades.items():
            if key in products and products[key].aisle in aisles:
                pairs.append((theme, product_text(products[key].name, products[key].aisle)))
                relevant.append(grade > 0)
    scores, truth = services.scorer.score(pairs), np.array(relevant)
    table = Table("score from", "precision", "recall", "F1")
    for threshold in THRESHOLDS:
        taken = scores >= threshold
        right = int((taken & truth).sum())
        precision, recall = right / max(int(taken.sum()), 1), right / max(int(truth.sum()), 1)
        table.add_row(
            f"{threshold}",
            *(f"{v:.3f}" for v in (precision, recall, 2 * precision * recall / max(precision + recall, 1e-9))),
        )
    table.title = f"{split}: {len(pairs):,} judged products in labelled categories, {int(truth.sum()):,} relevant"
    return table


if __name__ == "__main__":
    typer.run(main)
