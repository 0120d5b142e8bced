"""``shelfwise train``: the commands that train models on labels."""

from __future__ import annotations

import typer

from cli.train_keywords import keywords
from cli.train_queries import query_confidence, query_tagger
from cli.train_ranker import ranker
from cli.train_relevance import relevance
from cli.train_student import ablation, export, student

app = typer.Typer(no_args_is_help=True, help="Train the models that ship in models/, on these labels or your own.")
app.command()(keywords)
app.command()(query_tagger)
app.command()(query_confidence)
app.command()(ranker)
app.command()(relevance)
app.command()(student)
app.command()(ablation)
app.command()(export)


@app.callback()
def train() -> None:
    """Train the models that ship in models/, on these labels or your own."""
