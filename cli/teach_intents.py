"""What the ``teach`` commands do for queries: contexts to ask with, parts that wait, answers that are published."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.console import err
from state.errors import SettingsError
from state.settings import Settings, load_settings
from training.datasets import DatasetError, read_lines, write_whole
from training.examples import Example, IntentExample
from training.intent_parts import IntentPart
from training.splits import Split

if TYPE_CHECKING:
    from tools.query_context import QueryContexts
    from training.exporting import Asked
    from training.intent_exporting import AskedQuery


def asked_of_queries(
    queries: Path | None, queue: bool, split: Split | None, limit: int | None, model: str
) -> Iterator[Asked]:
    """Return the requests for the queries of a file, or of those that wait in the store for the teacher.

    Raises:
        SettingsError: neither or both are named.
        DatasetError: there is nothing to ask about.
    """
    from training.intent_exporting import choose_queries, intent_requests, read_queries

    if (queries is None) == (not queue):
        raise SettingsError("--task intents needs --queries FILE (a query a line), or --queue (those that wait).")
    settings = load_settings()
    given = read_queries(queries) if queries is not None else asyncio.run(_queued(settings))
    chosen, left_out = choose_queries(given, split, limit)
    if left_out:
        err.print(f"{len(left_out):,} queries left out, the first: {left_out[0]}", markup=False, highlight=False)
    if not chosen:
        raise DatasetError("there is no query to ask about.")
    return intent_requests(open_contexts(settings), chosen, model)


def open_contexts(settings: Settings) -> QueryContexts:
    """Open what the shop knows of queries: labelled ones, products, orders, brands, and what shoppers clicked.

    Raises:
        CatalogMissing, ModelsMissing, LabelledQueriesError, StoreError: something is not there; the message names it.
    """
    from catalog.warehouse import Warehouse
    from engines.embedder import load_embedder
    from tools.brand_names import BrandNames
    from tools.engagement import read_product_picks
    from tools.labelled_queries import LabelledQueries
    from tools.products import ProductSearch
    from tools.query_categories import QueryCategories
    from tools.query_context import QueryContexts

    warehouse = Warehouse.open(settings)
    embedder = load_embedder(settings)
    labelled = LabelledQueries.open(settings, embedder)
    products = ProductSearch.open(settings, warehouse, embedder)
    orders = warehouse.product_order_counts()
    names = [product.name for product in warehouse.all_products()]
    return QueryContexts(
        labelled=labelled,
        categories=QueryCategories(warehouse.categories(), orders, products, labelled, embedder),
        products=products,
        brands=BrandNames([row.brand for row in labelled.rows if row.brand], names, embedder),
        orders=orders,
        clicks=asyncio.run(read_product_picks(settings)),
    )


def parts_path(dataset: Path) -> Path:
    """Return where answers wait of which another part is missing: beside the data set."""
    return dataset.with_name(f"{dataset.name.removesuffix('.gz').removesuffix('.jsonl')}.parts.jsonl")


def read_parts(dataset: Path) -> list[IntentPart]:
    """Return the answers that wait beside ``dataset``.

    Raises:
        DatasetError: the file is damaged.
    """
    path = parts_path(dataset)
    if not path.is_file():
        return []
    lines, problems = read_lines(path)
    if problems:
        raise DatasetError(f"{path}, line {problems[0].line}: {problems[0].reason}. Delete it and import again.")
    try:
        return [IntentPart.model_validate(line.record) for line in lines]
    except ValueError as error:
        raise DatasetError(f"{path} holds what is no answer ({error}). Delete it and import again.") from None


def keep_parts(dataset: Path, parts: Sequence[IntentPart]) -> None:
    """Write the answers that wait beside ``dataset``; without any, their file goes."""
    path = parts_path(dataset)
    if not parts:
        path.unlink(missing_ok=True)
        return
    ordered = sorted(parts, key=lambda part: part.key)
    write_whole(path, "".join(f"{part.model_dump_json(exclude_defaults=True)}\n" for part in ordered).encode())
    queries = len({part.query for part in parts})
    err.print(f"{queries:,} queries wait for another part of their answer in {path}", highlight=False, soft_wrap=True)


def publish(rows: Iterable[Example]) -> int:
    """Put answers into the head cache and take their queries off the teacher's queue; return how many are in.

    Raises:
        StoreError: the store cannot be opened or is down.
    """
    from tools.intent_cache import IntentCache
    from tools.intent_entries import Taxonomy
    from tools.page_backends import open_backend
    from tools.teacher_queue import TeacherQueue

    settings = load_settings()
    answers = [row.labelled for row in rows if isinstance(row, IntentExample)]

    async def put() -> int:
        taxonomy = Taxonomy.open(settings)
        async with open_backend(settings) as backend:
            change = await IntentCache(settings, backend, taxonomy).put(answers, source="teacher")
            await TeacherQueue(settings, backend).remove(answer.query for answer in answers)
        for reason, count in change.dropped.most_common():
            err.print(f"{count:,} not published: {reason}", highlight=False)
        return change.kept

    return asyncio.run(put())


async def _queued(settings: Settings) -> list[AskedQuery]:
    from tools.teacher_queue import TeacherQueue
    from training.intent_exporting import AskedQuery

    async with TeacherQueue.open(settings) as queue:
        return [AskedQuery(query=entry.query, kind="tail") for entry in await queue.entries()]
