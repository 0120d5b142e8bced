"""How good the categories of queries are without a model: ``python benchmarks/query_categories.py [--split test]``.

With ``--write``, fits the scorer on the labelled queries that ship (the training split, each without its own label),
chooses how many categories to answer and the threshold of the category guard by five-fold cross-validation, and
records both. Prints the figures of the order of evidence alone, of the fitted scorer, and of the guard.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from catalog.warehouse import Warehouse
from engines.embedder import load_embedder
from evaluation.bootstrap import Interval
from evaluation.intent_scores import category_scores, shown
from state.guard import Embedder
from state.intent import IntentDraft, LabelledQuery
from state.settings import PROJECT_ROOT, load_settings
from tools.category_features import FEATURES
from tools.labelled_queries import LabelledQueries, read_labelled
from tools.linear_scorer import LinearScorer
from tools.products import ProductSearch
from tools.query_categories import POOL, WEIGHTS_FILE, QueryCategories
from training.category_fit import AnsweredPath, calibrate_guard, fit_categories, guard_figures
from training.datasets import load_examples, write_whole
from training.examples import Task

COMMAND = "python benchmarks/query_categories.py --write"
GUARD_FILE = PROJECT_ROOT / "guardrails" / "intent" / "query_categories.json"
UNFITTED = LinearScorer(
    features=FEATURES, weights=(0.0,) * len(FEATURES), offset=0.0, threshold=0.0, fitted_on="nothing", command=COMMAND
)


def opened(embedder: Embedder, scorer: LinearScorer | None) -> QueryCategories:
    """Open categories over the catalogue in use; without ``scorer``, with the one that ships."""
    settings = load_settings()
    warehouse = Warehouse.open(settings)
    labelled = LabelledQueries.open(settings, embedder)
    products = ProductSearch.open(settings, warehouse, embedder)
    counts = warehouse.product_order_counts()
    return QueryCategories(warehouse.categories(), counts, products, labelled, embedder, scorer=scorer)


def record(path: Path, embedder: Embedder, answered: list[AnsweredPath], rows: int) -> None:
    """Calibrate the guard on ``answered`` and write its threshold to ``path``."""
    figures = asdict(guard_figures(answered, calibrate_guard(answered)))
    known = {"model": embedder.name, "threshold": figures.pop("threshold")}
    run = {"chosen_on": f"intents, train split, {rows} queries, cross-validated", "command": COMMAND}
    write_whole(path, (json.dumps({**known, **run, **figures}, indent=2) + "\n").encode())


def main(
    split: Annotated[Literal["dev", "test"], typer.Option(help="Queries to measure on.")] = "dev",
    write: Annotated[bool, typer.Option("--write", help="Fit and record scorer and threshold.")] = False,
) -> None:
    """Fit if asked, measure and print."""
    console, embedder = Console(), load_embedder(load_settings())
    if write:
        finder = opened(embedder, UNFITTED)
        rows = read_labelled(load_settings().intent.labelled)
        fit = fit_categories(finder, rows, command=COMMAND)
        write_whole(WEIGHTS_FILE, (fit.scorer.model_dump_json(indent=1) + "\n").encode())
        record(GUARD_FILE, embedder, [path for paths in fit.answered for path in paths], len(rows))
    finder = opened(embedder, None)
    held_out = [example.labelled for example in load_examples(Task.INTENTS, split)]
    _print(console, finder, held_out, split)


def _print(console: Console, finder: QueryCategories, rows: list[LabelledQuery], split: str) -> None:
    paths = finder.paths
    answers: dict[str, list[tuple[LabelledQuery, IntentDraft]]] = {"evidence alone": [], "fitted": [], "answered": []}
    guarded: list[AnsweredPath] = []
    covered = []
    for row in track(rows, "queries", console=Console(stderr=True)):
        pool, found = finder.pool(row.corrected), finder.candidates(row.corrected, POOL)
        chosen = finder.chosen(found)
        shown_paths = {
            "evidence alone": [category.path for category in pool.categories],
            "fitted": [entry.category.path for entry in found],
            "answered": [entry.category.path for entry in chosen],
        }
        for name, given in shown_paths.items():
            answers[name].append((row, IntentDraft(query=row.query, corrected=row.corrected, categories=given)))
        covered.append(len({*shown_paths["fitted"]} & {*row.categories}) / max(len(row.categories), 1))
        guarded += [AnsweredPath(entry.path_similarity, entry.category.path in row.categories) for entry in chosen]
    table = Table("order", "precision@1", "equal to first", "recall@3", "paths a query", "invalid", title=split)
    for name, pairs in answers.items():
        found_scores = category_scores(pairs, paths)
        cells: list[Interval] = [found_scores.precision, found_scores.first, found_scores.recall]
        table.add_row(
            name,
            *map(shown, cells),
            f"{found_scores.per_query.estimate:.2f}",
            f"{found_scores.invalid.estimate:.3f}",
        )
    console.print(table)
    console.print(f"n = {len(rows)} queries; recall of the {POOL} offered: {np.mean(covered):.3f}")
    figures = guard_figures(guarded, float(json.loads(GUARD_FILE.read_text("utf-8"))["threshold"]))
    console.print(f"guard: {figures}")


if __name__ == "__main__":
    typer.run(main)
