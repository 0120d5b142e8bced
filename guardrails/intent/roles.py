"""Roles guard: what a query is said to name stands in it, and is what it is said to be as far as the shop knows."""

from __future__ import annotations

from state.intent import ATTRIBUTE_TYPES, IntentDraft, IntentPart, IntentVerdict
from state.intent_guard import IntentGuard, IntentGuardContext, register_intent_guard


@register_intent_guard
class RolesGuard(IntentGuard):
    """Takes out values that are not words of the corrected query, unknown attribute types, and what cannot be.

    A brand goes when the shop knows its words as something else, a product when it knows none of them. A word plays
    one part: of two roles that claim it the later goes, brand before product before attributes.
    """

    name = "roles"
    order = 10
    version = "1"
    parts = ("brand", "product", "attribute")

    def check(self, draft: IntentDraft, context: IntentGuardContext) -> list[IntentVerdict]:
        if context.words is None:
            raise ValueError("the shop's words are not known")
        found = []
        words, taken = draft.corrected.split(), set[int]()
        named: list[tuple[IntentPart, str, str]] = [("brand", "brand", draft.brand)] if draft.brand else []
        named += [("product", "product", draft.product)] if draft.product else []
        named += [("attribute", item.type, item.value) for item in draft.attributes]
        for part, label, text in named:
            place = _place(words, text.split(), taken)
            if part == "attribute" and label not in ATTRIBUTE_TYPES:
                found.append(self.verdict(part, text, f"'{label}' is no type of attribute"))
            elif place is None:
                found.append(self.verdict(part, text, f"'{text}' does not stand in the query, or is claimed twice"))
            elif part == "brand" and not context.words.brand(text):
                found.append(self.verdict(part, text, f"the shop knows '{text}' as something other than a brand"))
            elif part == "product" and not context.words.product(text):
                found.append(self.verdict(part, text, f"the shop knows no product '{text}'"))
            else:
                taken |= place
        return found


def _place(words: list[str], span: list[str], taken: set[int]) -> set[int] | None:
    """Return the places of the first occurrence of ``span`` in ``words`` that is not taken, None if there is none."""
    for start in range(len(words) - len(span) + 1):
        places = {*range(start, start + len(span))}
        if span and words[start : start + len(span)] == span and not places & taken:
            return places
    return None
