"""Opens what the intent graph works with, once per process, over the services of the page graph."""

from __future__ import annotations

import asyncio
import atexit
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from graph.query_services import QueryServices
from graph.services import OnceProvider, Services, shared_services
from state.errors import StoreError
from state.intent_guard import IntentGuardContext

if TYPE_CHECKING:
    from tools.labelled_queries import LabelledQueries
    from tools.query_categories import QueryCategories
    from tools.query_context import QueryContexts


log = logging.getLogger(__name__)


def open_query_services(services: Services, *, fitted: bool = True) -> QueryServices:
    """Open labelled queries, vocabulary, head cache and fitted weights. Chat weights load at the first question.

    Without ``fitted`` every answer counts as sure: to fit the confidence, none must be there.

    Raises:
        LabelledQueriesError, ModelsError: a file of ``models/intents`` is missing or damaged.
        SettingsError: the settings of intent guards are wrong.
        StoreError: the store of head cache and teacher's queue cannot be opened.
    """
    from catalog.warehouse import Warehouse
    from engines.query_tagger import QueryTagger
    from graph.intent_guards import build_intent_guards, discover_intent_guards
    from tools.intent_store import IntentStore
    from tools.labelled_queries import LabelledQueries
    from tools.mixed_roles import TAGGER_DIR, MixedRoles
    from tools.other_names import OtherNames
    from tools.query_categories import QueryCategories
    from tools.query_confidence import ConfidenceModel
    from tools.query_results import RewriteGate
    from tools.query_rewrites import RetrievedRewrites
    from tools.query_roles import ROLES_FILE, CrfRoles
    from tools.query_words import CatalogueWords
    from tools.spelling import Speller
    from tools.synonyms import Synonyms

    settings, embedder, products = services.settings, services.embedder, services.products
    build_intent_guards(discover_intent_guards(settings.guards_dir), settings.intent.guards)
    warehouse = Warehouse.open(settings)
    labelled = LabelledQueries.open(settings, embedder)
    listed = warehouse.categories()
    names = [product.name for product in warehouse.all_products()]
    orders = warehouse.product_order_counts()
    categories = QueryCategories(listed, orders, products, labelled, embedder)
    paths = {category.path: category for category in listed}
    store = IntentStore.open(settings)
    field = CrfRoles.open(ROLES_FILE, warehouse, labelled.rows, labelled.known_vectors)
    tagger = QueryTagger.load(TAGGER_DIR)
    other_names = OtherNames(labelled.rows)
    full = settings.intent.prompts == "full"
    return QueryServices(
        settings=settings,
        chat=services.chat,
        labelled=labelled,
        categories=categories,
        paths=paths,
        spelling=Speller.open(settings, warehouse, labelled.rows),
        roles=MixedRoles(field, tagger, tagger.card.tags, tagger.card.share),
        rewrites=RetrievedRewrites(services.keywords, products, labelled, other_names),
        synonyms=Synonyms.open(labelled, other_names),
        gate=RewriteGate(products),
        contexts=_contexts(services, names, orders, labelled, categories) if full else None,
        confidence=ConfidenceModel.open() if fitted else ConfidenceModel.always(),
        guard_context=IntentGuardContext(
            embedder=embedder,
            scorer=services.scorer,
            categories=paths,
            products=products,
            words=CatalogueWords(names, services.keywords.terms(), labelled.rows),
        ),
        cache=store,
        queue=store,
    )


def _contexts(
    services: Services,
    names: Sequence[str],
    orders: Mapping[str, int],
    labelled: LabelledQueries,
    categories: QueryCategories,
) -> QueryContexts:
    from tools.brand_names import BrandNames
    from tools.engagement import read_product_picks
    from tools.query_context import QueryContexts

    try:
        clicks = asyncio.run(read_product_picks(services.settings))
    except StoreError as error:
        log.warning("queries are shown without what shoppers picked: %s", error)
        clicks = {}
    brands = BrandNames([row.brand for row in labelled.rows if row.brand], names, services.embedder)
    return QueryContexts(labelled, categories, services.products, brands, orders, clicks)


def _configured() -> QueryServices:
    return open_query_services(shared_services())


shared_query_services = OnceProvider(_configured)
"""The services of the settings in force, opened at the first query."""
atexit.register(shared_query_services.forget)
