"""The gate of rewrites against the relevance model: ``python benchmarks/query_results.py [--split S] [--queries N]``.

A query's results are rich in truth when at least ENOUGH of the first 24 products stand in a labelled category and fit
by the relevance model. For each number of covering products from which on the gate could call results rich (RICH in
tools/query_results.py), prints how often the two agree, how many truly thin queries it sees (recall), and how many
truly rich ones it leaves alone. RICH is chosen on the training split.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter

import numpy as np
from rich.progress import track

from evaluation.rewrite_effect import QUERY_FITS
from graph.services import open_services
from state.catalog import PATH_SEPARATOR
from state.relevance import product_text, theme_text
from state.settings import load_settings
from tools.query_results import PROBED, RICH, RewriteGate, wants_rewrites
from training.datasets import load_examples
from training.examples import Task

ENOUGH = 8
GRID = (1, 2, 4, 6, 8, 10, 12, 16, 20, 24)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", default="train", choices=["train", "dev", "test"])
    parser.add_argument("--queries", type=int, default=150, help="so many, drawn by seed 7")
    arguments = parser.parse_args()
    rows = list(load_examples(Task.INTENTS, arguments.split))
    random.Random(7).shuffle(rows)
    services = open_services(load_settings())
    gate = RewriteGate(services.products)
    covering, fitting, wanted = [], [], Counter[str]()
    for row in track(rows[: arguments.queries], description="queries"):
        forecast = gate.forecast(row.corrected)
        aisles = {path.partition(PATH_SEPARATOR)[2] for path in row.categories}
        found = [hit.product for hit in services.products.find([row.corrected], limit=PROBED)]
        theme = theme_text(row.corrected, [row.corrected])
        pairs = [(theme, product_text(p.name, p.aisle)) for p in found if p.aisle in aisles]
        scores = services.scorer.score(pairs) if pairs else np.zeros(0)
        covering.append(forecast.covering)
        fitting.append(int((scores >= QUERY_FITS).sum()))
        wanted[", ".join(wants_rewrites(forecast)) or "none"] += 1
    print_table(np.array(covering), np.array(fitting))
    print(f"\nasked for, with {RICH}: " + "; ".join(f"{kinds}: {count}" for kinds, count in wanted.most_common()))


def print_table(covering: np.ndarray, fitting: np.ndarray) -> None:
    """Print what the gate would see with each threshold."""
    thin = fitting < ENOUGH
    print(
        f"{len(thin)} queries, {thin.sum()} of them thin by the relevance model (fewer than {ENOUGH} of {PROBED} fit)"
    )
    print("| rich from | agree | thin seen | rich left alone |\n|---|---|---|---|")
    for threshold in GRID:
        said = covering < threshold
        agree, seen, alone = (said == thin).mean(), said[thin].mean(), (~said)[~thin].mean()
        print(f"| {threshold} | {agree:.1%} | {seen:.1%} | {alone:.1%} |")


if __name__ == "__main__":
    main()
