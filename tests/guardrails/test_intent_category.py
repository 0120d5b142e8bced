"""The category guard: what is about something else goes, by the calibrated cosine of query and path."""

from __future__ import annotations

import pytest
from support.fakes import GUARDS_DIR
from support.small_shop import SmallCatalog, WordEmbedder, WordScorer

from graph.intent_guards import build_intent_guards, discover_intent_guards
from state.errors import SettingsError
from state.intent import IntentDraft
from state.intent_guard import IntentGuard, IntentGuardContext

PATHS = {category.path: category for category in SmallCatalog().categories()}
CONTEXT = IntentGuardContext(embedder=WordEmbedder(), scorer=WordScorer(), categories=PATHS)


def guard(**config: float) -> IntentGuard:
    [found] = [cls for cls in discover_intent_guards(GUARDS_DIR) if cls.name == "category"]
    [built] = build_intent_guards([found], {"category": config} if config else {})
    return built


def draft(*categories: str) -> IntentDraft:
    return IntentDraft(query="berry yogurt", corrected="berry yogurt", categories=list(categories))


def test_a_path_far_from_the_query_is_taken_out_with_its_score() -> None:
    [verdict] = guard(min_similarity=0.3).check(draft("dairy eggs > yogurt", "beverages > tea"), CONTEXT)
    assert (verdict.part, verdict.text, verdict.threshold) == ("category", "beverages > tea", 0.3)
    assert verdict.score is not None
    assert verdict.score < 0.3


def test_a_draft_without_categories_asks_nothing_of_the_embedder() -> None:
    broken = IntentGuardContext(embedder=None, scorer=WordScorer(), categories=PATHS)  # type: ignore[arg-type]
    assert list(guard().check(draft(), broken)) == []


def test_a_threshold_of_another_embedder_is_not_used() -> None:
    with pytest.raises(SettingsError, match="calibrated for 'all-minilm-l6-v2'"):
        guard().check(draft("beverages > tea"), CONTEXT)
