"""Rewrite identity guard: a rewrite says something else than the query, and its kind is not the contrary."""

from __future__ import annotations

from collections.abc import Sequence

from state.intent import IntentDraft, IntentVerdict, RewriteKind
from state.intent_guard import IntentGuard, IntentGuardContext, register_intent_guard

from ._rewrites import content_words, each_rewrite

_LONG = 5
"""Letters from which on two words that differ in one letter are two spellings of one."""


@register_intent_guard
class RewriteIdentityGuard(IntentGuard):
    """Takes out rewrites that are the query again, or another rewrite again.

    The same are: other order, number (plural), case, punctuation, spacing, fillers, spelling of numbers and units ("1%
    milk", "one percent milk"), one letter of a long word. A broader query that only adds words to the query is none.
    (Substitutes often do: "turkey bacon" for "bacon".)
    """

    name = "rewrite_identity"
    order = 50
    version = "1"
    parts = ("synonym", "broader", "substitute")

    def check(self, draft: IntentDraft, context: IntentGuardContext) -> list[IntentVerdict]:
        asked = [content_words(draft.corrected), content_words(draft.query)]
        seen: dict[str, str] = {}
        found = []
        for kind, text in each_rewrite(draft):
            words = content_words(text)
            key = "".join(sorted(words))
            if reason := _against(kind, words, asked) or (f"the same as '{seen[key]}'" if key in seen else None):
                found.append(self.verdict(kind, text, reason))
            else:
                seen[key] = text
        return found


def _against(kind: RewriteKind, words: Sequence[str], asked: Sequence[Sequence[str]]) -> str | None:
    if not words:
        return "holds no words of its own"
    if any(_same(words, query) for query in asked):
        return "the query in other spelling"
    if kind == "broader" and {*asked[0]} and {*asked[0]} < {*words}:
        return "narrower than the query, not broader"
    return None


def _same(a: Sequence[str], b: Sequence[str]) -> bool:
    """Tell whether two queries have the same words in any order, or spellings of them."""
    if {*a} == {*b} or "".join(sorted(a)) == "".join(sorted(b)) or "".join(a) == "".join(b):
        return True
    only_a, only_b = sorted({*a} - {*b}), sorted({*b} - {*a})
    return len(only_a) == len(only_b) and all(map(_one_letter_apart, only_a, only_b))


def _one_letter_apart(a: str, b: str) -> bool:
    """Tell whether one letter put in, left out or replaced, but the first, makes ``a`` of ``b``; both are long."""
    if min(len(a), len(b)) < _LONG or a[0] != b[0] or abs(len(a) - len(b)) > 1 or not (a + b).isalpha():
        return False
    start = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    ends = (a[start + 1 :], b[start:]), (a[start:], b[start + 1 :]), (a[start + 1 :], b[start + 1 :])
    return any(x == y for x, y in ends)
