"""``shelfwise train query-confidence``: how sure an answer on a query is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.console import err, progress
from tools.query_confidence import CONFIDENCE_FILE


def query_confidence(
    out: Annotated[Path, typer.Option("--out", help="File of the fitted model.")] = CONFIDENCE_FILE,
) -> None:
    """Fit the confidence of query answers on the dev split, with the query roles that the settings name.

    Fit it again after another student was trained or another model named. Prints the calibration error of predictions
    that were made for queries left out of the fit.

    Example: shelfwise train query-confidence
    """
    from graph.query_opening import open_query_services
    from graph.services import shared_services
    from training.datasets import load_examples, write_whole
    from training.examples import Task
    from training.query_confidence import cross_validated, fit, observe

    rows = [row.labelled for row in load_examples(Task.INTENTS, "dev")]
    services = open_query_services(shared_services(), fitted=False)
    with progress(len(rows), "queries") as (bar, row):
        observed = asyncio.run(observe(services, rows, lambda: bar.advance(row)))
    error, correlation = cross_validated(observed)
    model = fit(observed, "dev")
    write_whole(out, (model.model_dump_json(indent=1) + "\n").encode())
    right = sum(found.right for found in observed) / len(observed)
    err.print(
        f"{out}: {len(rows)} queries, mean share right {right:.3f}, calibration error {error:.3f}, rank correlation "
        f"{correlation:.2f} (cross-validated)",
        highlight=False,
        soft_wrap=True,
    )
