"""Chooses from which similarity on the duplicate guard calls two themes the same idea, and records the run.

    python benchmarks/duplicates_threshold.py DESIGNS.jsonl [--write guardrails/duplicates_threshold.json]

A line of DESIGNS: a shopper's page, ``themes`` with title and concepts, written as distinct by an expert. Pairs of one
page must not be called the same. Pairs that must: a theme and its own concepts under a plain title made of the first
two of them. The threshold is the lowest of the grid that flags at most one distinct pair in a thousand of the first
half of the pages (split by line); both rates are reported on the second half.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from engines.embedder import load_embedder
from state.guard import Embedder
from state.settings import load_settings

GRID = np.round(np.arange(0.5, 0.96, 0.01), 2)
FALSE_RATE = 0.001


def similarities(pages: list[dict[str, Any]], embedder: Embedder) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosines of distinct pairs (within each page) and of same-idea pairs (a theme and its restating)."""
    themes = [(page, theme) for page, design in enumerate(pages) for theme in design["themes"]]
    texts = [f"{theme['title']}: {', '.join(theme['concepts'])}" for _, theme in themes]
    plain = [f"{' and '.join(theme['concepts'][:2])}: {', '.join(theme['concepts'])}" for _, theme in themes]
    vectors = embedder.embed(texts)
    owner = np.array([page for page, _ in themes])
    distinct = []
    for page in range(len(pages)):
        own = vectors[owner == page]
        distinct.append((own @ own.T)[np.triu_indices(len(own), 1)])
    return np.concatenate(distinct), (vectors * embedder.embed(plain)).sum(axis=1)


def main(
    designs_file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    write: Annotated[Path | None, typer.Option(help="Where to record the chosen threshold.")] = None,
) -> None:
    """Print the table and, with --write, record the threshold."""
    console = Console()
    embedder = load_embedder(load_settings())
    pages = [json.loads(line) for line in designs_file.read_text("utf-8").splitlines() if line.strip()]
    distinct, _ = similarities(pages[::2], embedder)
    chosen = float(next(threshold for threshold in GRID if (distinct >= threshold).mean() <= FALSE_RATE))
    distinct, same = similarities(pages[1::2], embedder)
    table = Table("threshold", "distinct pairs flagged", "same idea caught", title=f"{embedder.name}: held-out half")
    for threshold in sorted({*GRID[::5], chosen}):
        mark = " *" if threshold == chosen else ""
        flagged, caught = (distinct >= threshold).mean(), (same >= threshold).mean()
        table.add_row(f"{threshold:.2f}{mark}", f"{flagged:.2%}", f"{caught:.1%}")
    console.print(table)
    record = {
        "model": embedder.name,
        "threshold": chosen,
        "chosen_on": f"{designs_file.name}, sha256 {hashlib.sha256(designs_file.read_bytes()).hexdigest()[:12]}",
        "command": f"python benchmarks/duplicates_threshold.py {designs_file.name}",
        "distinct_pairs": len(distinct),
        "distinct_flagged": round(float((distinct >= chosen).mean()), 5),
        "same_idea_pairs": len(same),
        "same_idea_caught": round(float((same >= chosen).mean()), 4),
    }
    console.print_json(data=record)
    if write:
        write.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
