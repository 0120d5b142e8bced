"""Queries with known answers, found by meaning: examples for prompts, evidence for categories of new queries."""

from __future__ import annotations

import gzip
import json
import logging
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from pydantic import ValidationError

from state.errors import LabelledQueriesError
from state.guard import Embedder
from state.intent import LabelledQuery
from state.settings import Settings
from tools.keyword_index import embedding_cache
from tools.known_vectors import KnownVectors

log = logging.getLogger(__name__)


class _Typed(Protocol):
    query: str
    corrected: str


@dataclass(frozen=True)
class QueryNeighbour:
    """A labelled query and its cosine to what was asked."""

    example: LabelledQuery
    similarity: float


class LabelledQueries:
    """Exact nearest neighbours over labelled queries: thousands of rows take a millisecond."""

    def __init__(self, rows: Sequence[LabelledQuery], embedder: Embedder) -> None:
        self.rows = list(rows)
        self._embedder = embedder
        texts = [row.corrected for row in self.rows]
        self._vectors = embedder.embed(texts) if texts else np.empty((0, 0), dtype=np.float32)
        self._keys = [query_key(row.corrected) for row in self.rows]

    @classmethod
    def open(cls, settings: Settings, embedder: Embedder) -> Self:
        """Read ``intent.labelled`` (see :func:`read_labelled`); vectors of its queries and words are kept on disk.

        Where they cannot be kept they are made again every time.
        """
        rows = read_labelled(settings.intent.labelled)
        texts = sorted({text for row in rows for text in (row.corrected, *row.corrected.lower().split())})
        try:
            vectors = embedding_cache(settings.corpus_dir, embedder).vectors(texts)
        except (OSError, sqlite3.Error) as error:
            log.warning("the vectors of labelled queries are not kept (%s): %s", type(error).__name__, error)
            vectors = embedder.embed(texts)
        return cls(rows, KnownVectors(embedder, texts, vectors) if texts else embedder)

    @property
    def known_vectors(self) -> Embedder:
        """The embedder, with the vectors of the labelled queries and of their words looked up."""
        return self._embedder

    def nearest(
        self, query: str, limit: int, *, vector: np.ndarray | None = None, without: Collection[str] = ()
    ) -> list[QueryNeighbour]:
        """Return the ``limit`` rows nearest to ``query``, nearest first.

        ``vector`` is the query's own unit vector, embedded here if not given. Rows whose key is in ``without`` are
        passed over, so that training does not see the answer it asks for.
        """
        if not self.rows or limit < 1:
            return []
        asked = self._embedder.embed([query])[0] if vector is None else vector
        cosines = self._vectors @ asked
        found = (int(row) for row in np.argsort(-cosines, kind="stable"))
        kept = islice((row for row in found if self._keys[row] not in without), limit)
        return [QueryNeighbour(self.rows[row], float(cosines[row])) for row in kept]


def query_key(query: str) -> str:
    """Return the form under which a query is looked up: case and spacing do not matter."""
    return " ".join(query.casefold().split())


def own_keys(row: _Typed) -> set[str]:
    """Return the keys under which a labelled query could be found: as typed and as corrected."""
    return {query_key(row.query), query_key(row.corrected)}


def read_labelled(path: Path) -> list[LabelledQuery]:
    """Return the labelled queries of a JSON lines file, plain or gzip.

    Raises:
        LabelledQueriesError: the file is missing or a line is no labelled query; the message names the line.
    """
    rows = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    rows.append(_row(path, number, line))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise LabelledQueriesError(
            f"the labelled queries {path} cannot be read ({error}). Correct intent.labelled in shelfwise.toml."
        ) from None
    return rows


def _row(path: Path, number: int, line: str) -> LabelledQuery:
    try:
        record = json.loads(line)
        known = {name: record[name] for name in LabelledQuery.model_fields if name in record}
        return LabelledQuery.model_validate(known)
    except (ValueError, TypeError, ValidationError) as error:
        fault = str(error).splitlines()[0]
        raise LabelledQueriesError(f"{path}, line {number} is no labelled query ({fault}).") from None
