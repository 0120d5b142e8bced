"""How well synonyms are told from other rewrites: ``python benchmarks/query_synonyms.py [--write]``.

On pairs of a training query and a rewrite found without a model, which a large model read
(training/data/synonym_pairs.jsonl.gz), cross-validated over queries: area under the curve against the cosine alone;
for each threshold the share of queries that keep a rewrite and the share of best ones that are right. ``--write`` fits
on all pairs and records the model with ``--threshold``.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from engines.embedder import load_embedder
from state.settings import load_settings
from tools.labelled_queries import LabelledQueries
from tools.synonyms import SIGNS, SYNONYMS_FILE, SynonymModel, Synonyms
from training.datasets import write_whole
from training.synonym_fit import Observed, cross_validated, fit, load_synonym_pairs, observe

THRESHOLDS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6)
THRESHOLD = 0.05


def main(
    write: Annotated[bool, typer.Option("--write", help="Record the fitted model.")] = False,
    threshold: Annotated[float, typer.Option(help="Chance below which a rewrite is no synonym.")] = THRESHOLD,
) -> None:
    """Fit, measure and print."""
    from sklearn.metrics import roc_auc_score

    settings, console = load_settings(), Console(width=120)
    labelled = LabelledQueries.open(settings, load_embedder(settings))
    unfitted = SynonymModel(
        signs=SIGNS, weights=(0.0,) * len(SIGNS), offset=0.0, threshold=0.0, embedder=labelled.known_vectors.name
    )
    found = observe(Synonyms(unfitted, labelled), labelled.rows, load_synonym_pairs())
    chances = cross_validated(found)
    area, cosine = (roc_auc_score(found.same, values) for values in (chances, found.signs[:, SIGNS.index("cosine")]))
    table = Table("threshold", "queries with one left", "of these, best one right", "all left, right")
    for value in THRESHOLDS:
        left = np.flatnonzero(chances >= value)
        best = _best(found, chances, left)
        table.add_row(
            f"{value}",
            f"{len(best) / len(_best(found, chances, np.arange(len(chances)))):.3f}",
            f"{found.same[best].mean():.3f}",
            f"{found.same[left].mean():.3f}",
        )
    console.print(table)
    console.print(
        f"{len(found.pairs)} pairs of {len({pair.query for pair in found.pairs})} queries, "
        f"{found.same.mean():.3f} right; area under the curve {area:.3f}, of the cosine {cosine:.3f}"
    )
    model = fit(found, labelled.known_vectors.name, threshold)
    console.print(
        {
            name: round(float(w * found.signs[:, at].std()), 2)
            for at, (name, w) in enumerate(zip(SIGNS, model.weights, strict=True))
        }
    )
    if write:
        content = model.model_copy(
            update={"command": "python benchmarks/query_synonyms.py --write", "auc": round(area, 4)}
        )
        write_whole(SYNONYMS_FILE, (content.model_dump_json(indent=1) + "\n").encode())


def _best(found: Observed, chances: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Return the likeliest of ``left`` of each query."""
    best: dict[str, int] = {}
    for at in sorted(left.tolist(), key=lambda at: -chances[at]):
        best.setdefault(found.pairs[at].query, at)
    return np.array(sorted(best.values()), dtype=int)


if __name__ == "__main__":
    typer.run(main)
