"""Products to judge for queries: ``python benchmarks/query_pool.py --split dev --out pool.jsonl [--answers FILE ...]``.

A line a query: the query and the products that any compared system finds for it: its own results, those of the
teacher's rewrites, of rewrites found without a model, and of ``--answers`` ('shelfwise intents --no-cache' wrote
them). The order tells nothing of system or rank. A teacher, or people, say of each product whether it is what was
asked for (2), could be taken for it (1) or neither; ``training/data/README.md`` says how they were told.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from benchmarks.query_rewrites import answered, systems
from graph.services import open_services
from state.settings import load_settings
from training.datasets import load_examples
from training.examples import Task

OWN, REWRITTEN, MOST = 40, 6, 60
"""Products of the query itself, of each rewrite, and of both together."""


def main(
    out: Annotated[Path, typer.Option(help="JSON lines: query, products.")],
    split: Annotated[str, typer.Option(help="train, dev or test.")] = "dev",
    queries: Annotated[int | None, typer.Option(help="So many, drawn by seed 7. Default: all.")] = None,
    answers: Annotated[list[Path] | None, typer.Option(help="Answers of 'shelfwise intents'.")] = None,
) -> None:
    """Write the pools."""
    rows = [row.labelled for row in load_examples(Task.INTENTS, split)]  # type: ignore[arg-type]
    random.Random(7).shuffle(rows)
    services = open_services(load_settings())
    compared = [*systems(services).values(), *(answered(path) for path in answers or [])]
    lines = []
    for row in track(rows[:queries], description="queries"):
        found = {hit.product.id: hit.product for hit in services.products.find([row.corrected], limit=OWN)}
        for texts in (texts for system in compared for _, texts in system(row)):
            for text in texts:
                for hit in services.products.find([text], limit=REWRITTEN):
                    if len(found) < MOST:
                        found.setdefault(hit.product.id, hit.product)
        pool = sorted(found.values(), key=lambda product: product.name)
        lines.append({"query": row.corrected, "products": [[product.id, product.name] for product in pool]})
    out.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    print(f"{out}: {len(lines)} queries, {sum(len(line['products']) for line in lines)} products")


if __name__ == "__main__":
    typer.run(main)
