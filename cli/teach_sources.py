"""What the ``teach`` commands read besides their own files: the shop in use, lists of shoppers, designs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from cli.console import err
from state.settings import load_settings
from training.datasets import DatasetError, load_examples, read_dataset
from training.examples import DesignExample, Task
from training.exporting import Shop
from training.importing import Imported, Known

SHOWN_PROBLEMS = 10


def open_shop(task: Task) -> Shop:
    """Open the catalogue in use, and the search where ``task`` needs it.

    Raises:
        CatalogMissing, CorpusMissing, ModelsMissing: something was not built yet; the message names the command.
    """
    from catalog.warehouse import Warehouse
    from tools.shopper import ShopperContextTool

    settings = load_settings()
    warehouse = Warehouse.open(settings)
    shoppers = ShopperContextTool(warehouse)
    if task not in (Task.KEYWORDS, Task.RELEVANCE):
        return Shop(shoppers=shoppers, catalog=warehouse)
    from engines.embedder import load_embedder
    from tools.keywords import KeywordSearch
    from tools.products import ProductSearch

    embedder = load_embedder(settings)
    return Shop(
        shoppers=shoppers,
        catalog=warehouse,
        keywords=KeywordSearch.open(settings, embedder) if task is Task.KEYWORDS else None,
        products=ProductSearch.open(settings, warehouse, embedder),
    )


def all_shoppers() -> list[str]:
    """Return every shopper of the catalogue in use."""
    from catalog.warehouse import Warehouse

    return Warehouse.open(load_settings()).shopper_ids()


def known_of_catalog(wanted: bool) -> Known:
    """Return the shoppers and products of the catalogue in use; nothing is checked when not ``wanted``."""
    if not wanted:
        return Known()
    from catalog.warehouse import Warehouse

    warehouse = Warehouse.open(load_settings())
    return Known(
        shopper_ids=frozenset(warehouse.shopper_ids()),
        product_ids=frozenset(product.id for product in warehouse.all_products()),
    )


def listed(path: Path | None) -> list[str]:
    """Return the lines of a file of shopper ids, none without a file.

    Raises:
        DatasetError: the file cannot be read or is empty.
    """
    if path is None:
        return []
    try:
        ids = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"cannot read {path}: {error}. Give a file with one shopper id a line.") from error
    if not ids:
        raise DatasetError(f"{path} names no shopper. Give a file with one shopper id a line.")
    return ids


def read_designs(path: Path | None) -> list[DesignExample]:
    """Return the designs of a data set, the shipped ones without a path.

    Raises:
        DatasetError: the file is no data set of designs.
    """
    if path is None:
        return list(load_examples(Task.DESIGN))
    rows, problems = read_dataset(Task.DESIGN, path)
    if problems:
        raise DatasetError(f"{path}, line {problems[0].line}: {problems[0].reason} ({problems[0].detail}).")
    return [row for _, row in rows if isinstance(row, DesignExample)]


def print_import(found: Imported, answers: Path) -> None:
    """Print what was read and what was left out, with the first lines of it."""
    table = Table("answers", "count")
    table.add_row("added", f"{found.added:,}")
    table.add_row("already there", f"{found.already_there:,}")
    for reason, count in Counter(problem.reason for problem in found.problems).most_common():
        table.add_row(f"left out: {reason}", f"{count:,}")
    if found.unanswered:
        table.add_row("requests without an answer", f"{len(found.unanswered):,}")
    err.print(table)
    for problem in found.problems[:SHOWN_PROBLEMS]:
        text = f"{answers}, line {problem.line}: {problem.reason}" + (f": {problem.detail}" if problem.detail else "")
        err.print(escape(text), highlight=False, soft_wrap=True)
    if (more := len(found.problems) - SHOWN_PROBLEMS) > 0:
        err.print(f"... and {more:,} more (--report FILE has every one)", highlight=False)
