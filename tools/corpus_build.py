"""One run from the catalogue in use to a published keyword index and embedded products."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

from catalog.corpus import Term, mine_corpus, rules_digest
from catalog.warehouse import Warehouse
from catalog.widening import widening_names
from state.errors import CorpusMissing
from state.guard import Embedder
from state.settings import Settings
from tools.keyword_index import FORMAT, Progress, build_keyword_index
from tools.keyword_store import IndexRecord, read_record, version_folder
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
    told the steps ``mine``, ``embed``, ``index`` and ``products``. What is already built from the same inputs is kept.

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
        # Products first: whoever finds a published index may count on them.
        build_product_vectors(
            settings, warehouse, embedder, progress=lambda done, total: progress("products", done, total)
        )
        inputs = _inputs(settings, warehouse, embedder, max_terms, widen)
        record = _built(settings, inputs)
        if record is None:
            started = time.perf_counter()
            terms = mine_terms(warehouse, max_terms=max_terms, widen=widen, progress=progress)
            record = build_keyword_index(
                settings.corpus_dir,
                terms,
                embedder,
                settings.index,
                catalog=warehouse.version,
                inputs=inputs,
                widened_with=widen,
                mine_seconds=time.perf_counter() - started,
                progress=progress,
            )
    finally:
        warehouse.close()
    return record


def _inputs(
    settings: Settings, warehouse: Warehouse, embedder: Embedder, max_terms: int | None, widen: str | None
) -> str:
    parts = (
        FORMAT,
        rules_digest(),
        warehouse.version,
        embedder.name,
        settings.index.model_dump_json(),
        max_terms,
        widen,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _built(settings: Settings, inputs: str) -> IndexRecord | None:
    """Return the record of the index in use if it was built from just these inputs."""
    try:
        record = read_record(settings.corpus_dir)
    except CorpusMissing:
        return None
    there = version_folder(settings.corpus_dir, record.version).is_dir()
    return record if there and record.inputs == inputs else None


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
    total = 2 * (len(products) + len(names))
    return mine_corpus(
        products,
        warehouse.categories(),
        max_terms=max_terms,
        widening=names,
        on_name=lambda: progress("mine", 1, total),
    )
