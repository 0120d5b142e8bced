"""``shelfwise train keywords``: trains the selector of the keywords that a small writer is shown."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.console import out as shown
from cli.console import print_json, progress
from state.settings import load_settings


def keywords(
    out: Annotated[
        Path | None, typer.Option(help="Folder of the finished model; <home>/training/keywords without.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    json_: Annotated[bool, typer.Option("--json", help="The run card as one JSON document on stdout.")] = False,
) -> None:
    """Train the keyword selector on the shipped keyword labels (about a minute; no catalogue is needed).

    It learns from nearness and words which candidates a large model chose for a theme; page.keywords_shown says how
    many of them a small keyword writer is shown. To use the result set keyword_selector in shelfwise.toml to its
    folder.
    """
    from engines.embedder import load_embedder
    from training.datasets import load_examples
    from training.examples import Task
    from training.keyword_selector import embedded, selector_examples, texts_of, train_selector, write_selector

    settings = load_settings()
    target = out or settings.home / "training" / "keywords"
    embedder = load_embedder(settings)
    train, dev = load_examples(Task.KEYWORDS, "train"), load_examples(Task.KEYWORDS, "dev")
    texts = texts_of([*train, *dev])
    with progress(len(texts), "embedding") as (bar, task):
        known = embedded(embedder, texts, lambda count: bar.advance(task, count))
    made = [selector_examples(known, rows) for rows in (train, dev)]
    command = " ".join(["shelfwise", *sys.argv[1:]])
    model, card = train_selector(*made, embedder=embedder.name, command=command, seed=seed)
    write_selector(target, model, card)
    if json_:
        print_json(card)
        return
    figures = card["dev"]
    shown.print(
        f"The keyword selector is in {target}. On dev: AUC {figures['auc']:.3f}; of the 6 likeliest "
        f"{figures['precision_of_6']:.3f} were chosen.",
        highlight=False,
    )
