"""The product index: embeddings and word statistics of every product of one catalogue version."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from catalog.lexicon import load_lexicon
from catalog.surface import stems
from state.catalog import Product
from state.guard import Embedder
from state.settings import Settings
from tools.keyword_index import embedding_cache
from tools.keyword_store import build_lock

if TYPE_CHECKING:
    import bm25s

VECTORS = "product-vectors.npy"
Progress = Callable[[int, int], object]


class ProductSource(Protocol):
    """A catalogue version: the warehouse, or a stand-in."""

    @property
    def version(self) -> str: ...

    def all_products(self) -> list[Product]: ...


def product_text(product: Product) -> str:
    """Return the text of a product that is embedded: its name and aisle."""
    return f"{product.name}, {product.aisle}"


def product_words(text: str) -> list[str]:
    """Return the words of a name or keyword that the lexical search compares."""
    return stems(text)


@dataclass(frozen=True)
class ProductIndex:
    """Products in id order with their vectors ``[products, dimension]`` (float32, unit length) and word index."""

    products: list[Product]
    vectors: np.ndarray
    words: bm25s.BM25
    available: np.ndarray
    aisles: np.ndarray
    attributes: list[frozenset[str]]

    @classmethod
    def open(cls, settings: Settings, catalog: ProductSource, embedder: Embedder) -> Self:
        """Open the index of the catalogue's version; what is not embedded yet is embedded first."""
        build_product_vectors(settings, catalog, embedder)
        products = catalog.all_products()
        vectors = np.load(vectors_path(settings, catalog.version, embedder)).astype(np.float32)
        lexicon = load_lexicon()
        return cls(
            products=products,
            vectors=vectors,
            words=_word_index(products),
            available=np.array([product.available for product in products], dtype=bool),
            aisles=np.array([product.aisle for product in products], dtype=object),
            attributes=[frozenset(lexicon.attributes_of(product.name)) for product in products],
        )


def build_product_vectors(
    settings: Settings,
    catalog: ProductSource,
    embedder: Embedder,
    *,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Embed every product of the catalogue and return the file of vectors; older versions but one are removed.

    Products whose text was embedded before, under any catalogue version, come from the cache.
    """
    path = vectors_path(settings, catalog.version, embedder)
    if path.is_file():
        return path
    with build_lock(settings.home / "products"):
        texts = [product_text(product) for product in catalog.all_products()]
        cache = embedding_cache(settings.corpus_dir, embedder)
        vectors = cache.vectors(texts, on_done=lambda count: progress(count, len(texts)))
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial.npy")
        np.save(partial, vectors)
        partial.replace(path)
        _prune(path.parent)
    return path


def vectors_path(settings: Settings, catalog_version: str, embedder: Embedder) -> Path:
    return settings.home / "products" / f"{catalog_version}-{embedder.name}" / VECTORS


def _prune(used: Path) -> None:
    folders = sorted((f for f in used.parent.iterdir() if f.is_dir()), key=lambda f: -f.stat().st_mtime)
    for folder in folders[2:]:
        shutil.rmtree(folder, ignore_errors=True)


def _word_index(products: Sequence[Product]) -> bm25s.BM25:
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it tells at level debug, and prints what it tells
    index = bm25s.BM25(backend="numpy")
    index.index([product_words(product.name) for product in products], show_progress=False)
    return index
