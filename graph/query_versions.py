"""What the answers to queries rest on, as one digest: a file of answers goes on only over the same."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from agents.prompting import prompts_version
from engines.query_tagger import read_tagger_card
from engines.versions import role_version
from graph.dropins import content_digest
from graph.intent_guards import discover_intent_guards, intent_guards_version
from graph.services import Services
from state.settings import PROJECT_ROOT
from tools.mixed_roles import TAGGER_DIR

FITTED_DIR = PROJECT_ROOT / "models" / "intents"
_KEPT = {"queue_limit", "queue_days", "local_s", "local_entries", "cache_ttl_hours", "guards"}
"""Settings of what is kept, and those of guards, which count in the guards' version."""


def answers_version(services: Services, fitted: Path = FITTED_DIR) -> str:
    """Return 16 hex digits that change with whatever an answer can change with, but for what the head cache holds.

    ``fitted`` is the folder of labelled queries and of what was fitted to them.

    Raises:
        GuardLoadError, SettingsError: the intent guards cannot be used.
        ModelsMissing, ModelsError: the query tagger is not there, or its card is damaged.
    """
    settings = services.settings
    guards = discover_intent_guards(settings.guards_dir)
    parts = [
        services.catalog.version,
        services.catalog.taxonomy_version,
        services.keywords.version,
        services.scorer.name,
        settings.embedder.model,
        prompts_version("intent"),
        intent_guards_version(guards, settings.intent.guards),
        content_digest(fitted),
        read_tagger_card(TAGGER_DIR).version,
        settings.intent.model_dump(mode="json", exclude=_KEPT),
        *(role_version(settings, settings.roles[role]) for role in ("query_parser", "query_rewriter")),
        *(settings.roles[role].model_dump(mode="json") for role in ("query_parser", "query_rewriter")),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
