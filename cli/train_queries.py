"""``shelfwise train query-tagger`` and ``query-confidence``: the encoder of query roles, how sure an answer is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.console import err, progress
from state.settings import load_settings
from tools.mixed_roles import TAGGER_DIR
from tools.query_confidence import CONFIDENCE_FILE


def query_tagger(
    out: Annotated[Path, typer.Option("--out", help="Folder of the trained encoder.")] = TAGGER_DIR,
    seed: Annotated[int, typer.Option(help="Of order, variants and dropout.")] = 7,
) -> None:
    """Train the encoder that tags the words of a query, and choose its share beside the random field on dev.

    It learns the labelled queries that ship (the train split), with brands and attributes changed between queries.
    Two minutes on two cores. Needs the imported catalogue (shelfwise demo) and the training packages.

    Example: shelfwise train query-tagger --out models/query-tagger
    """
    from catalog.warehouse import Warehouse
    from cli.train_relevance import minilm_folder
    from engines.embedder import load_embedder
    from tools.labelled_queries import LabelledQueries
    from tools.query_roles import ROLES_FILE, CrfRoles
    from training.datasets import load_examples
    from training.examples import Task
    from training.query_tagger import train_tagger

    settings = load_settings()
    warehouse, embedder = Warehouse.open(settings), load_embedder(settings)
    labelled = LabelledQueries.open(settings, embedder)
    field = CrfRoles.open(ROLES_FILE, warehouse, labelled.rows, labelled.known_vectors)
    names = [product.name.lower() for product in warehouse.all_products()]
    dev = [row.labelled for row in load_examples(Task.INTENTS, "dev")]
    with progress(1, "steps") as (bar, row):
        card = train_tagger(
            labelled.rows,
            dev,
            minilm_folder(settings),
            field,
            names,
            out,
            seed=seed,
            command=f"shelfwise train query-tagger --seed {seed}",
            on_step=lambda done, planned, loss: bar.update(row, completed=done, total=planned),
        )
    megabytes = sum(file.stat().st_size for file in out.iterdir()) / 1e6
    err.print(
        f"{out}: {card.queries} queries, {megabytes:.0f} MB, share {card.share}, {card.seconds:.0f} s", highlight=False
    )


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
