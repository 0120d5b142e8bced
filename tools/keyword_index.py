"""Building the keyword index: embed the corpus, fill a Chroma collection, publish. Every step can be resumed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catalog.corpus import Term, corpus_digest
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

INSERT_BATCH = 5_000
"""Rows per insert; Chroma refuses more than 5,461."""
BUILD_THREADS = 2
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
    widened_with: str | None = None,
    mine_seconds: float = 0.0,
    progress: Progress = lambda step, done, total: None,
) -> IndexRecord:
    """Build the index of ``terms`` and publish it; readers see the old one until the pointer is replaced.

    A build that was killed goes on: vectors come from the cache, rows already in the collection are counted.
    Building what is already there costs the time to look it up.
    """
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

    Rows that an earlier, killed run put there are kept.
    """
    client = open_chroma(folder)
    collection = client.get_or_create_collection(
        name, embedding_function=None, configuration=hnsw(settings, len(vectors))
    )
    # A killed insert may have left a part of its batch: that batch is written again.
    present = collection.count() // INSERT_BATCH * INSERT_BATCH if collection.count() < len(vectors) else len(vectors)
    progress("index", present, len(vectors))
    for start in range(present, len(vectors), INSERT_BATCH):
        rows = vectors[start : start + INSERT_BATCH].astype(np.float32)
        collection.upsert(ids=[str(start + row) for row in range(len(rows))], embeddings=rows)
        progress("index", len(rows), len(vectors))
    client.close()


def hnsw(settings: IndexSettings, rows: int) -> chromadb.CreateCollectionConfiguration:
    """Return the collection's configuration for ``settings``."""
    return {
        "hnsw": {
            "space": "cosine",
            "max_neighbors": settings.max_neighbors,
            "ef_construction": settings.ef_construction,
            "ef_search": settings.ef_search,
            "num_threads": BUILD_THREADS,
            "batch_size": 100,
            "sync_threshold": 1000,
        }
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
