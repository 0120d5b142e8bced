"""Building the keyword index: embed the corpus, fill a Chroma collection, publish. Every step can be resumed."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catalog.corpus import Term, corpus_digest
from state.errors import CorpusMissing
from state.guard import Embedder
from state.settings import IndexSettings
from tools.embedding_cache import EmbeddingCache
from tools.keyword_store import (
    CHROMA,
    TERMS,
    VECTORS,
    IndexRecord,
    build_lock,
    open_chroma,
    publish,
    version_folder,
    write_terms,
)

if TYPE_CHECKING:
    import chromadb
    from chromadb.api.collection_configuration import CreateHNSWConfiguration

INSERT_BATCH = 5_000
"""Rows per insert; Chroma refuses more than 5,461."""
BUILD_THREADS = 2
SAMPLED_ROWS, SAME_DISTANCE, FOUND_SHARE = 200, 1e-3, 0.95
FORMAT = "1"
Progress = Callable[[str, int, int], object]
"""Called with the step (``embed``, ``index``), what more is done, and the step's total."""


def index_version(terms: Sequence[Term], embedder: str, settings: IndexSettings) -> str:
    """Return the version of an index: a digest of its terms, embedder and settings."""
    parts = (FORMAT, corpus_digest(terms), embedder, settings.model_dump_json())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def embedding_cache(corpus_dir: Path, embedder: Embedder) -> EmbeddingCache:
    """Return the cache that all builds below one home share."""
    return EmbeddingCache(corpus_dir / "embeddings.sqlite", embedder)


def build_keyword_index(
    corpus_dir: Path,
    terms: Sequence[Term],
    embedder: Embedder,
    settings: IndexSettings,
    *,
    catalog: str,
    inputs: str = "",
    widened_with: str | None = None,
    mine_seconds: float = 0.0,
    progress: Progress = lambda step, done, total: None,
) -> IndexRecord:
    """Build the index of ``terms`` and publish it; readers see the old one until the pointer is replaced.

    A build that was killed goes on: vectors come from the cache, rows already in the collection are counted.
    Building what is already there costs the time to look it up.

    Raises:
        CorpusMissing: there are no terms.
    """
    if not terms:
        raise CorpusMissing("the catalogue gave no terms. Import products with readable names, then build again.")
    version = index_version(terms, embedder.name, settings)
    folder = version_folder(corpus_dir, version)
    with build_lock(corpus_dir):
        folder.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        texts = [term.text for term in terms]
        vectors = embedding_cache(corpus_dir, embedder).vectors(
            texts, on_done=lambda count: progress("embed", count, len(texts))
        )
        embedded = time.perf_counter()
        record = _record(version, terms, embedder, settings, int(vectors.shape[1]))
        write_terms(folder / TERMS, terms)
        np.save(folder / VECTORS, vectors)
        fill_collection(folder / CHROMA, record.collection, vectors, settings, progress=progress)
        indexed = time.perf_counter()
        record = record.model_copy(
            update={
                "catalog": catalog,
                "inputs": inputs,
                "widened_with": widened_with,
                "mine_seconds": round(mine_seconds, 1),
                "embed_seconds": round(embedded - started, 1),
                "index_seconds": round(indexed - embedded, 1),
                "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
            }
        )
        publish(corpus_dir, record)
    return record


def fill_collection(
    folder: Path,
    name: str,
    vectors: np.ndarray,
    settings: IndexSettings,
    *,
    progress: Progress = lambda step, done, total: None,
) -> None:
    """Put ``vectors`` into the collection ``name`` of the database at ``folder``, row ``i`` with id ``str(i)``.

    Rows that an earlier, killed run put there are kept, unless it was killed while Chroma wrote its files and left
    them unreadable or wrong: then the collection is filled anew.
    """
    from chromadb.errors import ChromaError

    try:
        sound = _fill(folder, name, vectors, settings, progress)
    except ChromaError:
        sound = False
    if not sound:
        shutil.rmtree(folder, ignore_errors=True)
        _fill(folder, name, vectors, settings, progress)


def _fill(folder: Path, name: str, vectors: np.ndarray, settings: IndexSettings, progress: Progress) -> bool:
    """Insert the rows that are not there yet; tell whether rows that were there can be found."""
    batches = insert_batches(len(vectors))
    client = open_chroma(folder)
    try:
        collection = client.get_or_create_collection(
            name, embedding_function=None, configuration={"hnsw": _hnsw(settings, batches)}
        )
        present = collection.count()
        for start, end in batches:
            # A batch that was under way when a run was killed is written again, whole.
            if end > present:
                rows = vectors[start:end].astype(np.float32)
                collection.upsert(ids=[str(row) for row in range(start, end)], embeddings=rows)
            progress("index", end - start, len(vectors))
        return present == 0 or _finds_its_rows(collection, vectors)
    finally:
        client.close()


def _finds_its_rows(collection: chromadb.Collection, vectors: np.ndarray) -> bool:
    """Tell whether a sample of rows finds itself: Chroma does not notice all damage to its files."""
    sample = np.linspace(0, len(vectors) - 1, min(SAMPLED_ROWS, len(vectors))).astype(int)
    found = collection.query(query_embeddings=vectors[sample].astype(np.float32), n_results=1, include=["distances"])
    near = [distances and distances[0] < SAME_DISTANCE for distances in found["distances"] or []]
    return collection.count() == len(vectors) and sum(map(bool, near)) >= FOUND_SHARE * len(sample)


def insert_batches(rows: int) -> list[tuple[int, int]]:
    """Return the ``(start, end)`` of inserts of nearly equal size, at most ``INSERT_BATCH`` rows each."""
    count = -(-rows // INSERT_BATCH)
    edges = [rows * step // count for step in range(count + 1)] if count else []
    return list(pairwise(edges))


def _hnsw(settings: IndexSettings, batches: Sequence[tuple[int, int]]) -> CreateHNSWConfiguration:
    smallest = min((end - start for start, end in batches), default=2)
    return {
        "space": "cosine",
        "max_neighbors": settings.max_neighbors,
        "ef_construction": settings.ef_construction,
        "ef_search": settings.ef_search,
        "num_threads": BUILD_THREADS,
        "batch_size": max(2, min(100, smallest)),
        # Every insert ends in a write to disk: rows after the last one are indexed again at each opening, 0.4 ms a row.
        "sync_threshold": max(2, smallest),
    }


def _record(
    version: str, terms: Sequence[Term], embedder: Embedder, settings: IndexSettings, dimension: int
) -> IndexRecord:
    kinds = [term.kind for term in terms]
    return IndexRecord(
        version=version,
        terms=len(terms),
        queries=kinds.count("query"),
        categories=kinds.count("category"),
        filters=kinds.count("filter"),
        catalog="",
        embedder=embedder.name,
        dimension=dimension,
        **settings.model_dump(),
    )
