"""``shelfwise teach gate``: sift a data set, say what was dropped and why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from cli.console import err, out, progress
from state.errors import SettingsError
from state.settings import Settings, load_settings
from training.datasets import DatasetError, write_dataset
from training.examples import DesignExample, IntentExample, Task
from training.gate_report import Drop, GateReport

if TYPE_CHECKING:
    from graph.services import ProductTool, ShopperLoader
    from training.gate import GateTools, JudgePruning


def gate(
    task: Annotated[Task, typer.Option(help="What the rows are.")],
    dataset: Annotated[Path, typer.Option("--in", help="Data set to sift.")],
    gated: Annotated[Path, typer.Option("--out", help="What is kept, each row with the gate's version (.gz too).")],
    report: Annotated[
        Path | None, typer.Option(help="Record of every drop. Default: beside --out, named .report.json.")
    ] = None,
    review: Annotated[Path | None, typer.Option(help="Write a random sample of what is kept as CSV.")] = None,
    sample: Annotated[int, typer.Option(min=1, help="Size of that sample.")] = 50,
    seed: Annotated[int, typer.Option(help="Seed of that sample.")] = 7,
    reviewed: Annotated[Path | None, typer.Option(help="That CSV, with 'keep' or 'drop' as verdicts.")] = None,
    judge: Annotated[bool, typer.Option("--judge", help="Ask the judge, which must be an endpoint (designs).")] = False,
    brands: Annotated[Path | None, typer.Option(help="More brand names that titles may not hold, one a line.")] = None,
) -> None:
    """Drop what breaks a rule, repeats another row, or was refused by the judge or by reviewers.

    Exit codes: 0 done, 2 wrong usage, or nothing would be left (no file is written then).
    """
    from training.gate import run_gate
    from training.gate_report import write_report
    from training.review import write_sample

    settings = load_settings()
    if judge and task is not Task.DESIGN:
        raise SettingsError("--judge prunes designs; the other tasks have no titles to judge.")
    if judge and settings.roles["judge"].engine != "openai":
        raise SettingsError("--judge needs an endpoint: set engine = 'openai' and base_url of role 'judge'.")
    record = report or gated.with_name(f"{gated.name.removesuffix('.gz').removesuffix('.jsonl')}.report.json")
    if len({path.resolve() for path in (dataset, gated, record)}) < 3:
        raise DatasetError("--in, --out and --report are to be three different files.")
    with progress(0, "rules") as (bar, row):
        bar.update(row, total=None)
        tools = _tools(task, settings, brands, judge, lambda: bar.update(row, advance=1, description="judge"))
        kept, found = run_gate(task, dataset, tools, reviewed, on_row=lambda: bar.advance(row))
    if review:
        count = write_sample(review, kept, sample, seed)
        err.print(f"{count} to review in {review}", highlight=False)
    write_dataset(gated, kept)
    write_report(record, found)
    _print_report(found)


def _tools(task: Task, settings: Settings, brands: Path | None, judge: bool, tick: Callable[[], object]) -> GateTools:
    """Open what the rules of ``task`` need, and nothing more."""
    from catalog.warehouse import Warehouse
    from engines.embedder import load_embedder
    from tools.intent_entries import Taxonomy
    from training.gate import GateTools

    warehouse = Warehouse.open(settings)
    embedder = load_embedder(settings)
    products = warehouse.all_products()
    if task is not Task.DESIGN:
        ids = frozenset(product.id for product in products)
        taxonomy = Taxonomy.of(warehouse.taxonomy_version, warehouse.categories())
        return GateTools(embedder=embedder, catalog_version=warehouse.version, product_ids=ids, taxonomy=taxonomy)
    from tools.product_index import ProductIndex
    from tools.products import ProductSearch
    from tools.shopper import ShopperContextTool
    from training.gate_guards import PageChecks
    from training.grounding import ConceptMatcher

    index, shoppers = ProductIndex.open(settings, warehouse, embedder), ShopperContextTool(warehouse)
    names = {product.name for product in products} | {category.aisle for category in warehouse.categories()}
    return GateTools(
        embedder=embedder,
        catalog_version=warehouse.version,
        checks=PageChecks(settings, shoppers, embedder),
        matcher=ConceptMatcher(index.products, index.vectors, embedder),
        shelf_names=frozenset(name.casefold() for name in names),
        brands=_brands(brands),
        judge=_judge(settings, shoppers, ProductSearch(index, embedder), tick) if judge else None,
        judge_name=settings.roles["judge"].model if judge else None,
    )


def _judge(
    settings: Settings, shoppers: ShopperLoader, products: ProductTool, tick: Callable[[], object]
) -> JudgePruning:
    from agents.retrying import RetryingChat
    from engines.chat import ChatClient
    from training.judge_pruning import judge_drops

    async def ask(rows: Sequence[DesignExample]) -> list[Drop]:
        client = ChatClient(settings)
        try:
            return await judge_drops(rows, RetryingChat(client), shoppers, products, tick)
        finally:
            await client.aclose()

    return lambda rows: asyncio.run(ask(rows))


def _brands(path: Path | None) -> frozenset[str]:
    from cli.teach_sources import listed
    from training.datasets import load_examples

    labelled: list[IntentExample] = list(load_examples(Task.INTENTS, "train"))
    return frozenset([*(row.brand for row in labelled if row.brand), *listed(path)])


def _print_report(report: GateReport) -> None:
    table = Table("dropped because", "what", "train", "dev", "test", "all")
    for (rule, part), counts in sorted(report.counts().items(), key=lambda item: (-item[1].total(), item[0])):
        table.add_row(rule, part, *(f"{counts[split]:,}" for split in ("train", "dev", "test")), f"{counts.total():,}")
    out.print(table)
    themes = f", {report.themes_kept:,} themes" if report.themes_kept is not None else ""
    splits = ", ".join(f"{split} {count:,}" for split, count in report.kept_by_split.items())
    out.print(
        f"kept {report.rows_kept:,} of {report.rows_in:,} rows{themes} ({splits}); gate {report.gate}", soft_wrap=True
    )
