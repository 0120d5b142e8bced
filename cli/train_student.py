"""``shelfwise train student | ablation | export``: the small model that answers the chat roles."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.console import err, progress
from state.errors import SettingsError
from state.settings import Settings, load_settings
from training.examples import Task

if TYPE_CHECKING:
    from training.student_config import StudentConfig
    from training.student_data import StudentData
    from training.student_examples import StudentShop

SHARES = {Task.DESIGN: 0.45, Task.KEYWORDS: 0.35, Task.JUDGE: 0.2, Task.INTENTS: 0.4}
"""Of the tokens of a run: pages are hardest to write, and long. Intents have an adapter of their own."""

Base = Annotated[str, typer.Option(help="Model to tune: a fetched one (--keep-hf), or a Hugging Face model folder.")]
Tasks = Annotated[
    str, typer.Option(help="design, keywords, judge, intents; 'design=0.6,judge=0.4' sets shares of the tokens.")
]
Tokens = Annotated[int, typer.Option(min=1, help="Tokens to train on, prompts and all passes counted.")]
Rate = Annotated[float, typer.Option(min=1e-7, max=1, help="Peak learning rate.")]
Batch = Annotated[int | None, typer.Option(min=1, help="Sequences at a time. Default: 2 on a CPU, 8 on a GPU.")]
Step = Annotated[int | None, typer.Option(min=1, help="Sequences before an update. Default: 4, on a GPU 8.")]
DtypeOption = Annotated[str, typer.Option(help="auto, float32, or bfloat16 (auto on a GPU and on a CPU with AMX).")]
Minutes = Annotated[float | None, typer.Option(min=0.01, help="End after this long, learning rate down to zero.")]
Seed = Annotated[int, typer.Option(help="Seed of order and first weights.")]
Force = Annotated[bool, typer.Option(help="Put the new one in place of what is there.")]


def student(
    base: Base = "smollm2-135m-instruct",
    tasks: Tasks = "design,keywords,judge",
    rank: Annotated[int, typer.Option(min=1, max=512, help="Rank of the adapter.")] = 16,
    alpha: Annotated[int | None, typer.Option(min=1, help="Scale of the adapter. Default: twice the rank.")] = None,
    samples: Annotated[str, typer.Option(help="Part of each task's examples, e.g. 25%.")] = "100%",
    tokens: Tokens = 900_000,
    max_minutes: Minutes = None,
    lr: Rate = 8e-4,
    batch: Batch = None,
    step: Step = None,
    dtype: DtypeOption = "auto",
    seed: Seed = 7,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint of the same run.")] = True,
    out: Annotated[Path | None, typer.Option(help="Put the finished adapter here too, with its cards.")] = None,
    force: Force = False,
) -> None:
    """Tune a model for the chat roles on the shipped labels; the adapter stays in the home's folder 'student'.

    A run that was interrupted goes on where it was; a finished one is not made again.

    Example: shelfwise train student --rank 16 --max-minutes 60 --out models/student
    """
    import shutil

    from training.student_card import model_card
    from training.student_config import read_card
    from training.student_export import ship
    from training.student_run import run_student

    settings = load_settings()
    if out and out.exists() and any(out.iterdir()) and not force:
        raise SettingsError(f"{out} is there already. Name another folder, or give --force.")
    shares = parse_tasks(tasks)
    config, data, weights = prepare(settings, base, shares, dtype, batch, step, seed)
    part = parse_share(samples)
    data = data.share(part)
    config = config.model_copy(
        update={
            "rank": rank,
            "alpha": alpha or 2 * rank,
            "samples": part,
            "tokens": tokens,
            "max_minutes": max_minutes,
            "learning_rate": lr,
            "data": data.versions(),
        }
    )
    runs = settings.home / "student"
    if not resume:
        shutil.rmtree(runs / config.fingerprint, ignore_errors=True)
    say(f"run {config.fingerprint}: {base}, rank {rank}, {', '.join(shares)}, {tokens:,} tokens, {config.dtype}")
    with progress(1, "training") as (bar, row):
        adapter = run_student(config, data, weights, runs, on_step=_ticking(bar, row))
    card = read_card(adapter)
    for task, found in card.tasks.items():
        path = " -> ".join(f"{loss:.3f}" for _, loss in sorted(found.dev_loss.items(), key=lambda pair: int(pair[0])))
        say(f"{task.value}: {found.sequences:,} sequences, {found.tokens:,} tokens, dev loss {path}")
    if out:
        ship(adapter, out, model_card(card), force=force)
    say(f"adapter in {out or adapter} ({card.steps} steps, {card.seconds / 60:.0f} min)")


def ablation(
    bases: Annotated[str, typer.Option(help="Bases, e.g. 'smollm2-135m-instruct,Qwen/Qwen3-0.6B'.")] = (
        "smollm2-135m-instruct"
    ),
    ranks: Annotated[str, typer.Option(help="Ranks of the adapter.")] = "4,16,64",
    samples: Annotated[str, typer.Option(help="Parts of each task's examples.")] = "25%,50%,100%",
    tasks: Tasks = "design,keywords,judge",
    budget: Annotated[int, typer.Option(min=1, help="Tokens of a cell at 100% of the samples.")] = 900_000,
    lr: Rate = 8e-4,
    batch: Batch = None,
    step: Step = None,
    dtype: DtypeOption = "auto",
    seed: Seed = 7,
    out: Annotated[Path | None, typer.Option(help="Write the table here too.")] = None,
) -> None:
    """Compare bases, ranks and numbers of examples: one run each, one table on stdout.

    Every cell is a run of its own and is kept: an interrupted table goes on, a larger one reuses what is there.

    Example: shelfwise train ablation --ranks 4,16 --samples 50%,100% --budget 60000
    """
    from training.student_ablation import Base as TableBase
    from training.student_ablation import ablation_table, cells, run_cells

    settings = load_settings()
    shares = parse_tasks(tasks)
    parts = [parse_share(part) for part in samples.split(",")]
    if not all(rank.strip().isdecimal() and 0 < int(rank) <= 512 for rank in ranks.split(",")):
        raise SettingsError(f"--ranks {ranks!r} is no list of whole numbers from 1 to 512.")
    from engines.installed import plain_weights

    names = [name.strip() for name in bases.split(",")]
    for name in names:
        plain_weights(settings, name)  # a base that is missing must not be found out hours later
    found_bases, pattern = [], None
    for name in names:
        pattern, data, weights = prepare(settings, name, shares, dtype, batch, step, seed)
        found_bases.append(TableBase(name, pattern.base_digest, weights, data))
    assert pattern is not None
    pattern = pattern.model_copy(update={"learning_rate": lr, "tokens": budget})
    todo = cells(found_bases, [int(rank) for rank in ranks.split(",")], parts)
    found = []
    with progress(1, "cells") as (bar, row):

        def on_cell(number: int, cell: Any) -> Callable[[int, int, float | None], object]:
            label = f"{number + 1}/{len(todo)} {cell.base.name} rank {cell.rank} {cell.samples:.0%}"
            return _ticking(bar, row, label)

        for cell, card in run_cells(todo, pattern, settings.home / "student", on_cell):
            found.append((cell, card))
    table = ablation_table(found)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(table, encoding="utf-8")
    sys.stdout.write(table)


def export(
    adapter: Annotated[Path, typer.Argument(help="Folder of an adapter that training wrote.")] = Path("models/student"),
    base: Annotated[str | None, typer.Option(help="Its base. Default: the one that it names.")] = None,
    merged: Annotated[Path | None, typer.Option(help="Write the merged model here, for 'vllm serve DIR'.")] = None,
    module: Annotated[Path | None, typer.Option(help="Write the adapter here, for --lora-modules of vLLM.")] = None,
    install: Annotated[
        str | None, typer.Option(help="Install the merged model as the embedded model of this name.")
    ] = None,
    int8: Annotated[bool, typer.Option(help="Weights of the installed model in int8, or in 16 bit.")] = True,
    force: Force = False,
) -> None:
    """Export an adapter: merged weights, a LoRA module, an int8 model of the embedded engine.

    Example: shelfwise train export models/student --merged out/student --install smollm2-135m-student
    """
    from training.student_export import export_merged, export_module, install_merged

    if not (merged or module or install):
        raise SettingsError("name what to export: --merged DIR, --module DIR, --install NAME.")
    settings = load_settings()
    if module:
        say(f"LoRA module in {export_module(settings, adapter, module, base=base, force=force)}")
    if merged:
        with err.status("merging"):
            export_merged(settings, adapter, merged, base=base, force=force)
        say(f"merged model in {merged}")
    if install:
        with err.status("merging and converting"):
            folder = install_merged(settings, adapter, install, base=base, force=force, int8=int8)
        say(f"installed {install} in {folder}")


def prepare(
    settings: Settings,
    base: str,
    shares: dict[Task, float],
    dtype: str,
    batch: int | None,
    step: int | None,
    seed: int,
) -> tuple[StudentConfig, StudentData, Path]:
    """Return the run's values that do not depend on options, all examples in the base's tokens, and its weights."""
    if dtype not in ("auto", "float32", "bfloat16"):
        raise SettingsError(f"--dtype {dtype!r} is none of auto, float32, bfloat16.")
    from engines.installed import plain_weights
    from engines.manifest import sha256_of

    weights = plain_weights(settings, base)
    import torch
    from transformers import AutoTokenizer

    from training.student_config import StudentConfig, best_dtype
    from training.student_data import student_data

    if settings.threads:
        torch.set_num_threads(settings.threads)
    with err.status("examples"):
        tokenizer = AutoTokenizer.from_pretrained(weights, local_files_only=True)
        data = student_data(open_student_shop(settings, list(shares)), tokenizer, list(shares))
    batch = batch or (8 if torch.cuda.is_available() else 2)
    step = step or max(batch, 4)
    if step % batch:
        raise SettingsError(f"--step {step} is no multiple of --batch {batch}: an update follows whole batches.")
    config = StudentConfig(
        base=base,
        base_digest=",".join(sha256_of(path)[:12] for path in sorted(weights.glob("*.safetensors"))),
        tasks=tuple(shares),
        shares=shares,
        samples=1.0,
        tokens=1,
        batch=batch,
        step=step,
        dtype=best_dtype() if dtype == "auto" else dtype,  # type: ignore[arg-type]
        seed=seed,
        data=data.versions(),
    )
    return config, data, weights


def open_student_shop(settings: Settings, tasks: Sequence[Task] = ()) -> StudentShop:
    """Open what the prompts of ``tasks`` are filled from: catalogue, embedder, for intents the search."""
    from catalog.warehouse import Warehouse
    from engines.embedder import load_embedder
    from tools.labelled_queries import LabelledQueries
    from tools.products import ProductSearch
    from tools.query_categories import QueryCategories
    from tools.shopper import ShopperContextTool
    from training.datasets import load_examples
    from training.student_examples import StudentShop
    from training.student_intents import QueryEvidence

    warehouse, embedder = Warehouse.open(settings), load_embedder(settings)
    queries = None
    if Task.INTENTS in tasks:
        labelled = LabelledQueries([row.labelled for row in load_examples(Task.INTENTS, "train")], embedder)
        products = ProductSearch.open(settings, warehouse, embedder)
        categories = QueryCategories(
            warehouse.categories(), warehouse.product_order_counts(), products, labelled, embedder
        )
        queries = QueryEvidence(labelled, categories)
    return StudentShop(ShopperContextTool(warehouse), warehouse, embedder, queries)


def parse_tasks(text: str) -> dict[Task, float]:
    """Return tasks and their shares of the tokens from 'design,judge' or 'design=0.7,judge=0.3'.

    Raises:
        SettingsError: a task or share is not one.
    """
    shares: dict[Task, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, share = part.partition("=")
        if name not in {task.value for task in SHARES}:
            raise SettingsError(f"no student task '{name}'. Tasks are: {', '.join(SHARES)}.")
        try:
            shares[Task(name)] = float(share) if share else SHARES[Task(name)]
        except ValueError:
            raise SettingsError(f"{share!r} is no share of the tokens for '{name}', such as 0.4.") from None
    if not shares or not all(0 < share < float("inf") for share in shares.values()):
        raise SettingsError(f"--tasks {text!r} leaves nothing to train. Tasks are: {', '.join(SHARES)}.")
    return shares


def parse_share(text: str) -> float:
    """Return a share from '25%' or '0.25'.

    Raises:
        SettingsError: it is none in (0, 1].
    """
    text = text.strip()
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise SettingsError(f"{text!r} is no part of the samples, such as 25% or 0.25.")
    return share


def say(text: str) -> None:
    err.print(text, markup=False, highlight=False, soft_wrap=True)


def _ticking(bar: Any, row: Any, label: str = "training") -> Callable[[int, int, float | None], object]:
    def tick(done: int, planned: int, loss: float | None) -> None:
        shown = label if loss is None else f"{label}, loss {loss:.3f}"
        bar.update(row, completed=done, total=planned, description=shown)

    return tick
