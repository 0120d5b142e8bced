"""Embeddings kept on disk by text, so that a build goes on where it was killed and embeds only what is new."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from state.guard import Embedder

CHUNK = 2048
"""Texts embedded per transaction: what a kill can lose, about three seconds of work."""
_PER_LOOKUP = 500  # below SQLite's limit of bound variables


class EmbeddingCache:
    """A SQLite file of float16 vectors, keyed by embedder and text. Processes may share it."""

    def __init__(self, path: Path, embedder: Embedder) -> None:
        self._path = path
        self._embedder = embedder

    def vectors(self, texts: Sequence[str], on_done: Callable[[int], object] = lambda count: None) -> np.ndarray:
        """Return float16 ``[len(texts), dimension]`` unit vectors, embedding those not yet kept.

        ``on_done`` is told how many more texts are ready. Each chunk is kept before the next one starts.
        """
        parts = []
        with closing(self._open()) as connection:
            for start in range(0, len(texts), CHUNK):
                chunk = texts[start : start + CHUNK]
                parts.append(self._chunk(connection, chunk))
                on_done(len(chunk))
        return np.concatenate(parts) if parts else np.empty((0, 0), dtype=np.float16)

    def _chunk(self, connection: sqlite3.Connection, texts: Sequence[str]) -> np.ndarray:
        keys = [self._key(text) for text in texts]
        kept = self._kept(connection, keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in kept}
        if missing:
            # float16 also for what is used at once: a resumed build must not differ from one in a single go.
            fresh = self._embedder.embed(list(missing.values())).astype(np.float16)
            rows = {key: vector.tobytes() for key, vector in zip(missing, fresh, strict=True)}
            with connection:
                connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows.items())
            kept.update(rows)
        return np.stack([np.frombuffer(kept[key], dtype=np.float16) for key in keys])

    def _kept(self, connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        kept: dict[bytes, bytes] = {}
        for start in range(0, len(keys), _PER_LOOKUP):
            some = keys[start : start + _PER_LOOKUP]
            marks = ",".join("?" * len(some))
            kept.update(connection.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some))  # noqa: S608
        return kept

    def _key(self, text: str) -> bytes:
        return hashlib.blake2b(f"{self._embedder.name}\0{text}".encode(), digest_size=16).digest()

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=60)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
        )
        return connection
