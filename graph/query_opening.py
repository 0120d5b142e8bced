"""Opens what the intent graph works with, once per process, over the services of the page graph."""

from __future__ import annotations

import threading

from graph.query_services import QueryServices
from graph.services import Services, shared_services
from state.intent_guard import IntentGuardContext
from state.settings import PROJECT_ROOT

WEIGHTS = PROJECT_ROOT / "models" / "intents"


def open_query_services(services: Services) -> QueryServices:
    """Open labelled queries, vocabulary, head cache and fitted weights. Chat weights load at the first question.

    Raises:
        LabelledQueriesError, ModelsError: a file of ``models/intents`` is missing or damaged.
        SettingsError: the settings of intent guards are wrong.
    """
    from graph.intent_guards import build_intent_guards, discover_intent_guards
    from tools.intent_cache import IntentCache
    from tools.labelled_queries import LabelledQueries
    from tools.query_categories import QueryCategories
    from tools.query_confidence import ConfidenceModel
    from tools.query_results import RewriteGate
    from tools.query_rewrites import RetrievedRewrites
    from tools.query_roles import CrfRoles
    from tools.spelling import Speller
    from tools.teacher_queue import TeacherQueue

    settings = services.settings
    build_intent_guards(discover_intent_guards(settings.guards_dir), settings.intent.guards)
    labelled = LabelledQueries.open(settings.intent.labelled, services.embedder)
    raise NotImplementedError


class _Once:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._services: QueryServices | None = None

    def __call__(self) -> QueryServices:
        with self._lock:
            if self._services is None:
                self._services = open_query_services(shared_services())
            return self._services


shared_query_services = _Once()
"""The services of the settings in force, opened at the first query."""
