"""Keyword search: the corpus terms nearest to the concepts of a theme."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from catalog.corpus import Term
from catalog.lexicon import load_lexicon
from catalog.surface import normalise
from state.catalog import KeywordCandidate
from state.errors import CorpusMissing
from state.guard import Embedder
from state.settings import Settings
from tools.keyword_merge import round_robin
from tools.keyword_store import (
    CHROMA,
    TERMS,
    VECTORS,
    IndexRecord,
    open_chroma,
    pointer_stamp,
    read_record,
    read_terms,
    version_folder,
)

if TYPE_CHECKING:
    import chromadb
    from chromadb.api.client import Client

MAX_CONCEPTS = 32
MAX_CONCEPT_CHARS = 200
CATEGORY_SHARE, FILTER_SHARE = 0.12, 0.08
"""Of the candidates, so many may be categories and filters: few, and seldom among the nearest of all."""
OVERFETCH = 2.0
"""Neighbours fetched per place: what near-identical forms and concepts that share neighbours use up."""


Hit = tuple[int, float, int]
"""Row of a term, its similarity, and which concept it is similar to."""


@dataclass
class _Snapshot:
    """One version of the index, open."""

    record: IndexRecord
    terms: list[Term]
    vectors: np.ndarray
    facets: dict[str, np.ndarray]
    client: Client
    collection: chromadb.Collection

    @classmethod
    def open(cls, settings: Settings, embedder: Embedder) -> Self:
        record = read_record(settings.corpus_dir)
        if record.embedder != embedder.name:
            raise CorpusMissing(
                f"the keyword corpus was built with embedder '{record.embedder}', the settings name "
                f"'{embedder.name}'. Run 'shelfwise corpus build'."
            )
        folder = version_folder(settings.corpus_dir, record.version)
        try:
            terms = read_terms(folder / TERMS)
            vectors = np.load(folder / VECTORS, mmap_mode="r")
            client = open_chroma(folder / CHROMA)
            collection = client.get_collection(record.collection, embedding_function=None)
        except Exception as error:
            # Chroma, Arrow and NumPy each have errors of their own for a file that is gone or cut short.
            raise CorpusMissing(
                f"the keyword index in {folder} cannot be opened ({type(error).__name__}). "
                "Run 'shelfwise corpus build'."
            ) from error
        facets = {
            kind: np.array([row for row, term in enumerate(terms) if term.kind == kind], dtype=np.int64)
            for kind in ("category", "filter")
        }
        return cls(record, terms, vectors, facets, client, collection)


class KeywordSearch:
    """Finds corpus terms for concepts. Follows the index when another one is published; threads may share it."""

    def __init__(self, settings: Settings, embedder: Embedder) -> None:
        self._settings = settings
        self._embedder = embedder
        self._lock = threading.Lock()
        self._stamp = pointer_stamp(settings.corpus_dir)
        self._snapshot = _Snapshot.open(settings, embedder)
        self._retired: _Snapshot | None = None

    @classmethod
    def open(cls, settings: Settings, embedder: Embedder) -> Self:
        """Open the index in use.

        Raises:
            CorpusMissing: none was built, it is damaged, or it was built with another embedder.
        """
        return cls(settings, embedder)

    @property
    def version(self) -> str:
        """Digest of the terms, the embedder and the index settings."""
        return self._current().record.version

    @property
    def record(self) -> IndexRecord:
        """What the index in use is made of."""
        return self._current().record

    def terms(self, kind: str = "query") -> list[str]:
        """Return the texts of all terms of one kind."""
        return [term.text for term in self._current().terms if term.kind == kind]

    def candidates(self, concepts: Sequence[str], limit: int = 100) -> list[KeywordCandidate]:
        """Return up to ``limit`` distinct terms near ``concepts``: queries first, then categories, then filters.

        Queries are taken from the concepts in turn, nearest first; of near-identical ones the first is kept.
        Concepts may be any text: control characters go, long ones are cut at 200 characters, at most 32 count,
        and without a readable one there are no candidates.
        """
        asked = readable_concepts(concepts)
        if not asked or limit < 1:
            return []
        from chromadb.errors import ChromaError

        vectors = np.asarray(self._embedder.embed(asked), dtype=np.float32)
        index = self._current()
        try:
            return self._find(index, asked, vectors, limit)
        except (ChromaError, OSError):
            # The version was removed under us: others have been published since we looked.
            return self._find(self._current(instead_of=index), asked, vectors, limit)

    def _find(self, index: _Snapshot, asked: list[str], vectors: np.ndarray, limit: int) -> list[KeywordCandidate]:
        category_room, filter_room = int(limit * CATEGORY_SHARE), int(limit * FILTER_SHARE)
        categories = _nearest_facets(index, "category", vectors)[:category_room]
        room = limit - len(categories) - min(filter_room, len(index.facets["filter"]))
        fetch = min(max(round(OVERFETCH * room / len(asked)) + 10, 20), room + 50, len(index.terms))
        found = index.collection.query(query_embeddings=vectors, n_results=fetch, include=["distances"])
        ids, distances = found["ids"], found["distances"]
        if distances is None:
            raise RuntimeError("Chroma returned no distances")
        ranked = [
            [(int(row), 1.0 - float(distance)) for row, distance in zip(*pair, strict=True)]
            for pair in zip(ids, distances, strict=True)
        ]
        queries = [[hit for hit in hits if index.terms[hit[0]].kind == "query"] for hits in ranked]
        chosen = round_robin(queries, index.terms, index.vectors, room)
        filters = _filters(index, asked, vectors, chosen)[:filter_room]
        return [_candidate(index, asked, *hit) for hit in (*chosen, *categories, *filters)]

    def _current(self, *, instead_of: _Snapshot | None = None) -> _Snapshot:
        """Return the open index, opening the published one when that is another, or when ``instead_of`` failed."""
        stamp = pointer_stamp(self._settings.corpus_dir)
        if stamp != self._stamp or instead_of is self._snapshot:
            with self._lock:
                if stamp != self._stamp or instead_of is self._snapshot:
                    opened = _Snapshot.open(self._settings, self._embedder)
                    # Calls under way in other threads still use the one before; the one before that is idle.
                    if self._retired:
                        self._retired.client.close()
                    self._retired, self._snapshot, self._stamp = self._snapshot, opened, stamp
        return self._snapshot


def readable_concepts(concepts: Iterable[str]) -> list[str]:
    """Return the concepts that hold words, cleaned, cut and each once."""
    cleaned = (normalise(str(concept)[: 4 * MAX_CONCEPT_CHARS])[:MAX_CONCEPT_CHARS].strip() for concept in concepts)
    return list(dict.fromkeys(concept for concept in cleaned if concept))[:MAX_CONCEPTS]


def _filters(index: _Snapshot, asked: list[str], vectors: np.ndarray, chosen: list[Hit]) -> list[Hit]:
    """Return the filters that the concepts name, then those that most chosen terms claim, then the nearest others."""
    claims_of = load_lexicon().attributes_of
    named = {name for concept in asked for name in claims_of(concept)}
    claimed = Counter(name for row, *_ in chosen for name in claims_of(index.terms[row].text))

    def rank(hit: Hit) -> tuple[bool, int]:
        name = index.terms[hit[0]].text
        return name not in named, -claimed[name]

    return sorted(_nearest_facets(index, "filter", vectors), key=rank)


def _nearest_facets(index: _Snapshot, kind: str, vectors: np.ndarray) -> list[Hit]:
    """Return the terms of ``kind`` by their similarity to the nearest concept, exact: they are a few hundred."""
    rows = index.facets[kind]
    if not len(rows):
        return []
    similarity = vectors @ np.asarray(index.vectors[rows], dtype=np.float32).T
    best = similarity.argmax(axis=0)
    hits = [
        (int(row), float(similarity[at, place]), int(at))
        for place, (row, at) in enumerate(zip(rows, best, strict=True))
    ]
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))


def _candidate(index: _Snapshot, asked: list[str], row: int, similarity: float, concept: int) -> KeywordCandidate:
    term = index.terms[row]
    return KeywordCandidate(
        text=term.text,
        kind=term.kind,
        frequency=term.frequency,
        similarity=round(similarity, 4),
        concept=asked[concept],
    )
