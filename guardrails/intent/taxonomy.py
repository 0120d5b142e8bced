"""Taxonomy guard: a category that is answered exists."""

from __future__ import annotations

from state.intent import IntentDraft, IntentVerdict
from state.intent_guard import IntentGuard, IntentGuardContext, register_intent_guard


@register_intent_guard
class TaxonomyGuard(IntentGuard):
    """Takes out paths that the catalogue's taxonomy does not hold, letter for letter."""

    name = "taxonomy"
    order = 20
    version = "1"
    parts = ("category",)

    def check(self, draft: IntentDraft, context: IntentGuardContext) -> list[IntentVerdict]:
        unknown = dict.fromkeys(path for path in draft.categories if path not in context.categories)
        return [self.verdict("category", path, f"'{path}' is no path of the taxonomy") for path in unknown]
