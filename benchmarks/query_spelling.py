"""How well the speller repairs queries: ``python benchmarks/query_spelling.py [--split test] [--write]``.

The scorer is fitted on the labelled queries that ship (the training split), each seen as if it had not been labelled;
figures on them are of five-fold cross-validation, those on ``--split`` of the speller as it serves. ``--write`` puts
the fitted scorer where the speller reads it. A label may close an apostrophe or not ("burts bees", "amy's"): counted
as it stands.
"""

from __future__ import annotations

import statistics
import time
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from catalog.warehouse import Warehouse
from state.settings import load_settings
from tools.labelled_queries import read_labelled
from tools.spelling import WEIGHTS_FILE, Speller
from tools.spelling_vocabulary import Vocabulary
from training.datasets import load_examples, write_whole
from training.examples import Task
from training.speller_fit import SpellingFigures, fit_speller, speller_figures

COMMAND = "python benchmarks/query_spelling.py --write"


def main(
    split: Annotated[Literal["dev", "test"], typer.Option(help="Queries to measure on.")] = "dev",
    write: Annotated[bool, typer.Option("--write", help="Record the fitted scorer.")] = False,
) -> None:
    """Fit, measure and print."""
    settings, console = load_settings(), Console()
    warehouse, rows = Warehouse.open(settings), read_labelled(settings.intent.labelled)
    scorer = fit_speller(warehouse, rows, command=COMMAND)
    if write:
        write_whole(WEIGHTS_FILE, (scorer.model_dump_json(indent=1) + "\n").encode())
    speller = Speller(Vocabulary.of(warehouse, rows), scorer)
    held_out = [example.labelled for example in load_examples(Task.INTENTS, split)]
    took = []
    for row in held_out:
        start = time.perf_counter()
        speller.correct(row.query)
        took.append(1000 * (time.perf_counter() - start))
    table = Table("queries", "misspelled", "fixed", "well spelled", "harmed", title=f"threshold {scorer.threshold}")
    for name, figures in (
        ("train, cross-validated", SpellingFigures(**scorer.measured["cross_validation"])),
        (split, speller_figures(speller, held_out)),
    ):
        table.add_row(name, *map(str, (figures.misspelled, figures.fixed, figures.well_spelled, figures.harmed)))
    console.print(table)
    console.print(f"ms a query, first asked: median {statistics.median(took):.2f}, highest {max(took):.2f}")


if __name__ == "__main__":
    typer.run(main)
