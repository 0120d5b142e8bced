"""What the nodes work with: catalogue, search, models; opened once per process, when first used."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from agents.prompting import prompts_version
from engines.versions import models_version
from state.catalog import Category, KeywordCandidate, Product, ProductHit
from state.guard import Chat, Embedder, PairScorer
from state.settings import Settings, load_settings
from state.shopper import ShopperContext
from tools.keyword_selector import KeywordSelector, NearestKeywords, load_selector

T = TypeVar("T")


class Catalog(Protocol):
    """What nodes need of the catalogue."""

    @property
    def version(self) -> str: ...

    @property
    def taxonomy_version(self) -> str: ...

    def existing_ids(self, product_ids: Sequence[str]) -> set[str]: ...

    def products(self, ids: Sequence[str]) -> dict[str, Product]: ...

    def categories(self) -> Sequence[Category]: ...

    def popular(
        self, limit: int, aisles: Sequence[str] | None = None, *, hold_out_last: bool = False
    ) -> list[tuple[Product, int]]: ...


class ShopperLoader(Protocol):
    """Finds what is known of a shopper; an unknown one is cold, never an error."""

    def load(self, shopper_id: str, *, hold_out_last: bool = False) -> ShopperContext: ...


class KeywordTool(Protocol):
    """Finds the corpus terms nearest to concepts."""

    @property
    def version(self) -> str: ...

    def candidates(self, concepts: Sequence[str], limit: int = 100) -> list[KeywordCandidate]: ...

    def terms(self, kind: str = "query") -> list[str]: ...


class ProductTool(Protocol):
    """Finds the products that keywords stand for."""

    def find(
        self,
        keywords: Sequence[str],
        *,
        categories: Sequence[str] = (),
        filters: Sequence[str] = (),
        preferred: Collection[str] = (),
        limit: int = 24,
    ) -> list[ProductHit]: ...


@dataclass(frozen=True)
class Services:
    """Everything that nodes and guards look things up with."""

    settings: Settings
    catalog: Catalog
    shoppers: ShopperLoader
    keywords: KeywordTool
    products: ProductTool
    embedder: Embedder
    scorer: PairScorer
    chat: Chat
    selector: KeywordSelector = field(default_factory=NearestKeywords)

    def versions(self) -> dict[str, str]:
        """Return the versions of all but the guards and the run's options."""
        return {
            "catalog": self.catalog.version,
            "taxonomy": self.catalog.taxonomy_version,
            "corpus": self.keywords.version,
            "prompts": prompts_version(),
            "models": models_version(self.settings, self.scorer.name),
        }


ServiceProvider = Callable[[], Services]


def open_services(settings: Settings) -> Services:
    """Open catalogue, indexes and models as ``settings`` say. Chat weights load at the first call of a role.

    Raises:
        CatalogMissing, CorpusMissing, ModelsMissing: something was not built yet; the message names the command.
    """
    from catalog.warehouse import Warehouse
    from engines.chat import ChatClient
    from engines.embedder import load_embedder
    from tools.keywords import KeywordSearch
    from tools.pair_scorer import load_scorer
    from tools.products import ProductSearch
    from tools.shopper import ShopperContextTool

    warehouse = Warehouse.open(settings)
    embedder = load_embedder(settings)
    products = ProductSearch.open(settings, warehouse, embedder)
    return Services(
        settings=settings,
        catalog=warehouse,
        shoppers=ShopperContextTool(warehouse),
        keywords=KeywordSearch.open(settings, embedder),
        products=products,
        embedder=embedder,
        scorer=load_scorer(settings, products.known_vectors),
        chat=ChatClient(settings),
        selector=load_selector(settings, embedder),
    )


class OnceProvider(Generic[T]):
    """A provider that opens the services at the first call and hands out the same ones from then on."""

    def __init__(self, open_them: Callable[[], T]) -> None:
        self._open = open_them
        self._lock = threading.Lock()
        self._services: T | None = None

    def __call__(self) -> T:
        with self._lock:
            if self._services is None:
                self._services = self._open()
            return self._services

    def forget(self) -> None:
        """Let go of the services: the next call opens them again."""
        with self._lock:
            self._services = None


def _configured() -> Services:
    return open_services(load_settings())


shared_services = OnceProvider(_configured)
"""The services of the settings in force, opened once for all graphs of the process."""
atexit.register(shared_services.forget)  # DuckDB complains of what is open when the interpreter goes down
