"""One run from the catalogue in use to a published keyword index and embedded products."""

from __future__ import annotations

import time
from collections.abc import Sequence

from catalog.corpus import Term, mine_corpus
from catalog.warehouse import Warehouse
from catalog.widening import widening_names
from state.guard import Embedder
from state.settings import Settings
from tools.keyword_index import Progress, build_keyword_index
from tools.keyword_store import IndexRecord
from tools.product_index import build_product_vectors


def build_corpus(
    settings: Settings,
    embedder: Embedder | None = None,
    *,
    max_terms: int | None = None,
    widen: str | None = None,
    progress: Progress = lambda step, done, total: None,
) -> IndexRecord:
    """Mine, embed and index the corpus of the catalogue in use, embed its products, publish.

    ``max_terms`` asks for a size, ``widen`` names a source of further names (``catalog.widening``). ``progress`` is
    told the steps ``mine``, ``embed``, ``index`` and ``products``.

    Raises:
        CatalogMissing: nothing has been imported.
        CatalogError: there is no such source to widen with.
        ModelsMissing: the embedder is not fetched.
    """
    if embedder is None:
        from engines.embedder import load_embedder

        embedder = load_embedder(settings)
    warehouse = Warehouse.open(settings)
    try:
        started = time.perf_counter()
        terms = mine_terms(warehouse, max_terms=max_terms, widen=widen, progress=progress)
        record = build_keyword_index(
            settings.corpus_dir,
            terms,
            embedder,
            settings.index,
            catalog=warehouse.version,
            widened_with=widen,
            mine_seconds=time.perf_counter() - started,
            progress=progress,
        )
        build_product_vectors(
            settings, warehouse, embedder, progress=lambda done, total: progress("products", done, total)
        )
    finally:
        warehouse.close()
    return record


def mine_terms(
    warehouse: Warehouse,
    *,
    max_terms: int | None = None,
    widen: str | None = None,
    progress: Progress = lambda step, done, total: None,
) -> Sequence[Term]:
    """Return the terms of the warehouse's catalogue; see :func:`catalog.corpus.mine_corpus`."""
    products = warehouse.all_products()
    names = widening_names(widen) if widen else []
    total = len(products) + len(names)
    return mine_corpus(
        products,
        warehouse.categories(),
        max_terms=max_terms,
        widening=names,
        on_name=lambda: progress("mine", 1, total),
    )
