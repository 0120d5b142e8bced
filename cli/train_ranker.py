"""``shelfwise train ranker``: the product ranker, learned from the imported orders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.console import err, progress
from state.settings import load_settings


def ranker(
    out: Annotated[Path, typer.Option("--out", help="Folder for the model and its run card.")] = Path("models/ranker"),
    seed: Annotated[int, typer.Option(help="Seed of the training.")] = 7,
    rounds: Annotated[int | None, typer.Option(min=1, help="Trees to grow. Default: as the shipped model.")] = None,
    labels: Annotated[
        int | None, typer.Option(min=1, help="Orders of each shopper to learn from. Default: as the shipped model.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 2,
) -> None:
    """Train the product ranker on the orders of the catalogue in use (seconds to a minute).

    The latest order of every shopper is held out, the one before it is what is learned to foretell; test shoppers take
    no part. The same orders and seed give the same file. Measure it: python benchmarks/ranker.py

    Example: shelfwise train ranker --out models/ranker
    """
    from catalog.warehouse import Warehouse
    from training.ranker import LABEL_ORDERS, ROUNDS, train_ranker, write_ranker
    from training.ranker_examples import read_examples

    warehouse = Warehouse.open(load_settings())
    orders = labels or LABEL_ORDERS
    with progress(0, "shoppers") as (bar, row):
        bar.update(row, total=None)
        examples = read_examples(warehouse, label_orders=orders, tick=lambda: bar.advance(row))
    train, dev = examples["train"], examples["dev"]
    trained = train_ranker(
        train, dev, catalog=warehouse.version, seed=seed, rounds=rounds or ROUNDS, threads=threads, label_orders=orders
    )
    write_ranker(out, trained)
    figures = ", ".join(f"{name} {value:.3f}" for name, value in trained.run["dev"].items())
    err.print(
        f"{out}: {len(train):,} pages, {len(train.labels):,} candidates, {int(train.labels.sum()):,} bought; dev "
        f"({len(dev)} pages) {figures}; sha256 {trained.run['sha256'][:12]}",
        highlight=False,
        soft_wrap=True,
    )
