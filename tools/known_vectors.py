"""An embedder that looks texts up before it embeds them: products' vectors lie in the product index already."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from state.guard import Embedder
from state.settings import Settings
from tools.product_index import ProductSource, product_text, vectors_path


class KnownVectors:
    """Embeds with ``embedder`` what is not among ``texts``, whose unit vectors are the rows of ``vectors``."""

    def __init__(self, embedder: Embedder, texts: Sequence[str], vectors: np.ndarray) -> None:
        self._embedder, self._vectors = embedder, vectors
        self._rows = {text: row for row, text in enumerate(texts)}

    @property
    def name(self) -> str:
        return self._embedder.name

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 ``[len(texts), dimension]``, rows of length 1."""
        rows = [self._rows.get(text, -1) for text in texts]
        missing = [text for text, row in zip(texts, rows, strict=True) if row < 0]
        if len(missing) == len(texts):
            return self._embedder.embed(texts)
        found = np.asarray(self._vectors[rows], dtype=np.float32)
        if missing:
            found[np.array(rows) < 0] = self._embedder.embed(missing)
        return found


def knowing_products(settings: Settings, catalog: ProductSource, embedder: Embedder) -> Embedder:
    """Return an embedder that knows the catalogue's products, or ``embedder`` where they were not embedded yet."""
    path = vectors_path(settings, catalog.version, embedder)
    if not path.is_file():
        return embedder
    texts = [product_text(product) for product in catalog.all_products()]
    return KnownVectors(embedder, texts, np.load(path, mmap_mode="r"))
