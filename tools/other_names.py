"""Other names of what a query asks for, learnt from what labelled queries call the same thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from state.intent import LabelledQuery
from tools.labelled_queries import query_key

LONGEST = 3
"""Words of a part that has another name."""


class OtherNames:
    """Knows pairs of phrases that stood for each other between a labelled query and one of its synonyms.

    "diet soda" and "diet pop" teach that "soda" may be called "pop", and "pop" "soda", whatever stands around. Only
    words of the product are taught and renamed: "tin foil" is aluminum foil, "tin free" is no aluminum free.
    """

    def __init__(self, rows: Sequence[LabelledQuery]) -> None:
        self._names: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for row in rows:
            for synonym in row.rewrites.synonym:
                pair = what_differs(row.corrected, synonym)
                if pair is not None and _within(pair[0], row.product or ""):
                    one, other = pair
                    for name in (row.query, row.corrected):
                        self._names[one][other].add(query_key(name))
                        self._names[other][one].add(query_key(name))

    def of(self, query: str, product: str, *, without: Collection[str] = frozenset()) -> Iterator[str]:
        """Yield ``query`` with a part of its ``product`` renamed, longest parts first, names taught most often first.

        Labelled queries whose key is in ``without`` teach nothing (evaluation).
        """
        words = query.split()
        for size in range(min(LONGEST, len(words)), 0, -1):
            for start in range(len(words) - size + 1):
                part = " ".join(words[start : start + size])
                names = self._names.get(part, {}) if _within(part, product) else {}
                taught = {name: len(rows - {*without}) for name, rows in names.items()}
                for name in sorted((name for name in taught if taught[name]), key=lambda name: (-taught[name], name)):
                    yield " ".join([*words[:start], name, *words[start + size :]])


def _within(part: str, product: str) -> bool:
    return f" {part} " in f" {product.lower()} "


def what_differs(one: str, other: str) -> tuple[str, str] | None:
    """Return the parts in which two texts differ, without the words that they begin and end with alike.

    None where one only adds words, has the same words in another order, or the parts are long.
    """
    a, b = one.lower().split(), other.lower().split()
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    if not a or not b or max(len(a), len(b)) > LONGEST or {*a} <= {*b} or {*b} <= {*a}:
        return None
    return " ".join(a), " ".join(b)
