"""Other names of what a query asks for, learnt from what labelled queries call the same thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from state.intent import LabelledQuery, Roles
from tools.labelled_queries import own_keys, query_key

Kind = Literal["product", "attribute"]
LONGEST = 3
"""Words of a part that has another name."""


@dataclass(frozen=True)
class Taught:
    """How many labelled queries teach a name: of the query's categories, and all; and the share of those of its
    categories that hold the part which is renamed."""

    here: int = 0
    anywhere: int = 0
    share: float = 0.0


class OtherNames:
    """Knows pairs of phrases that stood for each other between a labelled query and one of its synonyms.

    "diet soda" and "diet pop" teach that "soda" may be called "pop", and "pop" "soda", whatever stands around. Words of
    the product rename products, words of an attribute attributes ("tin foil" is aluminum foil, "tin free" is no
    aluminum free), and only in the categories where they were taught ("bbq beans" are baked beans, "bbq sauce" is no
    baked sauce). Brands have no other names.
    """

    def __init__(self, rows: Sequence[LabelledQuery]) -> None:
        self._names: dict[tuple[Kind, str], dict[str, list[LabelledQuery]]] = defaultdict(lambda: defaultdict(list))
        self._holding: dict[str, list[LabelledQuery]] = defaultdict(list)
        for row in rows:
            for part in {part for _, _, part in _parts(row.corrected)}:
                self._holding[part].append(row)
            for synonym in row.rewrites.synonym:
                one, other = what_differs(row.corrected, synonym) or ("", "")
                if kind := kind_of(one, row):
                    self._names[kind, one][other].append(row)
                    self._names[kind, other][one].append(row)

    def of(
        self, query: str, roles: Roles, categories: Collection[str], *, without: Collection[str] = frozenset()
    ) -> Iterator[str]:
        """Yield ``query`` with a part of its product or of an attribute renamed, longest parts first, names taught
        most often first.

        A name counts that was taught in one of ``categories`` (paths). Labelled queries whose key is in ``without``
        teach nothing (evaluation).
        """
        words = query.split()
        for start, size, part in _parts(query):
            kind = kind_of(part, roles)
            names = self._names.get((kind, part), {}) if kind else {}
            taught = {name: len(_distinct(rows, categories, without)) for name, rows in names.items()}
            for name in sorted((name for name in taught if taught[name]), key=lambda name: (-taught[name], name)):
                yield " ".join([*words[:start], name, *words[start + size :]])

    def taught(
        self, part: str, name: str, roles: Roles, categories: Collection[str], *, without: Collection[str] = frozenset()
    ) -> Taught:
        """Return how well labelled queries, but those of ``without``, teach that ``part`` of a query with ``roles`` may
        be called ``name``."""
        kind = kind_of(part, roles)
        rows = self._names.get((kind, part), {}).get(name, []) if kind else []
        if not rows:
            return Taught()
        here, anywhere = _distinct(rows, categories, without), _distinct(rows, None, without)
        # A row that taught the name backwards holds the other one: it counts as holding both.
        holding = _distinct([*self._holding.get(part, []), *rows], categories, without)
        return Taught(len(here), len(anywhere), len(here) / max(len(holding), 1))


def _parts(query: str) -> Iterator[tuple[int, int, str]]:
    """Yield ``(start, words, text)`` of the parts of ``query``, longest first."""
    words = query.split()
    for size in range(min(LONGEST, len(words)), 0, -1):
        for start in range(len(words) - size + 1):
            yield start, size, " ".join(words[start : start + size])


def _distinct(rows: Sequence[LabelledQuery], categories: Collection[str] | None, without: Collection[str]) -> set[str]:
    """Return the queries of ``rows`` in ``categories`` (all of them where there are none), but those of ``without``."""
    return {
        query_key(row.corrected)
        for row in rows
        if (categories is None or {*row.categories} & {*categories}) and not own_keys(row) & {*without}
    }


def kind_of(part: str, roles: Roles) -> Kind | None:
    """Return what ``part`` of a query names, words of its product or of an attribute; None for anything else."""
    if part and within(part, roles.product or ""):
        return "product"
    return "attribute" if part and any(within(part, item.value) for item in roles.attributes) else None


def within(part: str, text: str) -> bool:
    """Tell whether ``text`` holds ``part``, word for word."""
    return f" {part} " in f" {text.lower()} "


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
