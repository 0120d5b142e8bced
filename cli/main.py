"""Entry point of the ``shelfwise`` command: the sub-commands, and errors as one readable line."""

from __future__ import annotations

import logging
import os
import sys

import typer
from rich.markup import escape

from cli.annotate import app as annotate_app
from cli.catalog import app as catalog_app
from cli.console import EXIT_ERROR, err
from cli.corpus import app as corpus_app
from cli.demo import app as demo_app
from cli.evaluate import app as evaluate_app
from cli.heads import app as heads_app
from cli.intent import app as intent_app
from cli.judge_check import app as judge_check_app
from cli.models import app as models_app
from cli.page import app as page_app
from cli.phases import app as phases_app
from cli.relevance import app as relevance_app
from cli.serve import app as serve_app
from cli.teach import app as teach_app
from cli.train import app as train_app
from state.errors import ShelfwiseError

app = typer.Typer(
    name="shelfwise",
    help="Generative shopping pages for a grocery marketplace.\n\nStart with: shelfwise demo",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(page_app)
app.add_typer(phases_app)
app.add_typer(intent_app)
app.add_typer(demo_app)
app.add_typer(relevance_app)
app.add_typer(evaluate_app)
app.add_typer(serve_app)
app.add_typer(judge_check_app)
app.add_typer(
    annotate_app, name="annotate", help="People answer the judge's questions: sample, page, agreement, alignment."
)
app.add_typer(catalog_app, name="catalog", help="Import products and orders; see what is imported.")
app.add_typer(corpus_app, name="corpus", help="Build the keyword corpus and its vector index; look into it.")
app.add_typer(models_app, name="models", help="Fetch and check model weights.")
app.add_typer(heads_app, name="heads", help="Answers of frequent queries: the head cache, the teacher's queue.")
app.add_typer(teach_app, name="teach", help="Ask a teacher model, read its answers, sift them into training data.")
app.add_typer(train_app, name="train", help="Train the models that ship in models/, on these labels or your own.")


def main() -> None:
    """Run the command. A known error prints its cause and fix and exits with 2, an interruption with 130."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(name)s: %(message)s")
    try:
        app()
    except ShelfwiseError as error:
        err.print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True, highlight=False)
        sys.exit(EXIT_ERROR)
    except BrokenPipeError:
        # The reader went away (| head): not an error, and Python must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        err.print("interrupted")
        sys.exit(130)


if __name__ == "__main__":
    main()
