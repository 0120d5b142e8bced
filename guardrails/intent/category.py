"""Category guard: a category that is answered is about what the query is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from state.intent import IntentDraft, IntentVerdict
from state.intent_guard import IntentGuard, IntentGuardConfig, IntentGuardContext, register_intent_guard

from .._calibration import calibrated_threshold
from .._placement_text import finite

CALIBRATION_FILE = Path(__file__).parent / "query_categories.json"


class CategoryConfig(IntentGuardConfig):
    min_similarity: float | None = Field(
        default=None, ge=-1, le=1, description="Cosine of query and path; set to override the calibrated one."
    )


@register_intent_guard
class CategoryGuard(IntentGuard):
    """Takes out categories whose path is too far from the query in meaning, by a calibrated cosine."""

    name = "category"
    order = 30
    version = "1"
    parts = ("category",)
    Config = CategoryConfig
    config: CategoryConfig

    def check(self, draft: IntentDraft, context: IntentGuardContext) -> Sequence[IntentVerdict]:
        paths = list(dict.fromkeys(draft.categories))
        if not paths:
            return []
        threshold = self._threshold(context.embedder.name)
        texts = [draft.corrected, *(path.replace(" > ", " ") for path in paths)]
        vectors = finite(context.embedder.embed(texts), (len(texts), -1), context.embedder.name)
        cosines = (vectors[1:] @ vectors[0]).tolist()
        return [
            self.verdict(
                "category", path, "is about something else than the query", score=round(cosine, 4), threshold=threshold
            )
            for path, cosine in zip(paths, cosines, strict=True)
            if cosine < threshold
        ]

    def _threshold(self, embedder: str) -> float:
        if self.config.min_similarity is not None:
            return self.config.min_similarity
        return calibrated_threshold(CALIBRATION_FILE, embedder, "intent.guards.category.min_similarity")
