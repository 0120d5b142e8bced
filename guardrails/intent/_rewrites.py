"""What guards of rewrites share: walking over the rewrites of a draft, and the content words of a query."""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.surface import CONNECTORS, normalise, singular
from state.intent import REWRITE_KINDS, IntentDraft, RewriteKind

_FILLERS = CONNECTORS | {"for", "with", "in", "to", "from", "by", "my", "some", "any", "your", "s"}
_SAME = {
    "percent": "%", "ounce": "oz", "pound": "lb", "count": "ct", "pack": "pk", "gallon": "gal", "liter": "l",
    "litre": "l", "inch": "in", "milliliter": "ml", "gram": "g",
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "dozen": "12", "twenty": "20",
    "hundred": "100",
}  # fmt: skip
_NUMBER_AND_UNIT = re.compile(r"(\d)(%|[a-z]+)")


def each_rewrite(draft: IntentDraft) -> Iterator[tuple[RewriteKind, str]]:
    """Yield ``(kind, text)`` of every rewrite, each once in its kind, kinds in their order."""
    for kind in REWRITE_KINDS:
        for text in dict.fromkeys(getattr(draft.rewrites, kind)):
            yield kind, text


def content_words(text: str) -> list[str]:
    """Return the words of ``text`` that say something, by stem: numbers and units in one spelling, no fillers."""
    split = _NUMBER_AND_UNIT.sub(r"\1 \2", normalise(text))
    words = [singular(word) for word in split.split() if word not in _FILLERS]
    return [_SAME.get(word, word) for word in words]
