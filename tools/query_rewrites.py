"""Rewrites of a query without a model: parts of the query, corpus terms, and what labelled queries say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

import numpy as np

from catalog.lexicon import load_lexicon
from catalog.surface import CONNECTORS, normalise, stems
from state.catalog import PATH_SEPARATOR, KeywordCandidate
from state.intent import RewriteKind, Roles
from state.intent_guard import ProductFinder
from tools.labelled_queries import LabelledQueries, query_key
from tools.other_names import OtherNames

NEAR_TERMS = 40
"""Corpus terms that are looked at."""
PROBED_TERMS, PROBED_PRODUCTS = 12, 60
"""Terms whose products are looked at, and so many products of all of them."""
NEIGHBOURS = 12
SYNONYM_COSINE = 0.80
"""Corpus terms and labelled queries this near are other names; a guess, not calibrated."""
SUBSTITUTE_COSINE = 0.45
RENAMED = 16
"""Renamings of a query that are compared with it."""
MAX_AISLE_WORDS = 3
"""Longer names of aisles ("water seltzer sparkling water") are no queries."""
SAME_SHELF = 0.5
"""Share of a term's products that stand in the query's aisles."""


class _Keywords(Protocol):
    def candidates(self, concepts: Sequence[str], limit: int = 100) -> list[KeywordCandidate]: ...


class RetrievedRewrites:
    """Finds rewrites by rule and by nearness. Only words of the query, corpus terms and labelled queries come out.

    What the query asks to be ("gluten free", "organic") stands in front of every rewrite that does not say it.
    """

    def __init__(
        self, keywords: _Keywords, products: ProductFinder, labelled: LabelledQueries, names: OtherNames | None = None
    ) -> None:
        self._keywords = keywords
        self._products = products
        self._labelled = labelled
        self._synonyms: dict[frozenset[str], list[str]] = defaultdict(list)
        for row in labelled.rows:
            self._synonyms[_content(row.corrected)] += row.rewrites.synonym
        self._names = names or OtherNames(labelled.rows)

    def rewrites(
        self,
        query: str,
        roles: Roles,
        categories: Sequence[str],
        kind: RewriteKind,
        limit: int,
        *,
        without: frozenset[str] = frozenset(),
    ) -> list[str]:
        """Return up to ``limit`` rewrites of ``query``, best first, none of them the query itself.

        ``categories`` are paths, best first. Labelled queries whose key is in ``without`` say nothing (evaluation).
        """
        found = {"synonym": self._synonym, "broader": self._broader, "substitute": self._substitute}[kind](
            query, roles, categories, without
        )
        if kind != "synonym":
            claims = _claims(query, roles)
            found = (_claiming(claims, text) for text in found)
        fresh = (text for text in found if _content(text) != _content(query))
        return list(islice(dict.fromkeys(fresh), limit))

    def _broader(self, query: str, roles: Roles, categories: Sequence[str], without: frozenset[str]) -> Iterator[str]:
        """Yield the product with less and less around it, its head, then the aisle."""
        if roles.product:
            named = [roles.brand] if roles.brand else []
            named += [item.value for item in roles.attributes]
            if len(named) > 1:
                yield from (f"{value} {roles.product}" for value in named[::-1] if value != roles.brand)
            yield roles.product
            words = roles.product.split()
            heads = [" ".join(words[start:]) for start in range(1, len(words))]
            if heads:
                known = {term.text for term in self._keywords.candidates(heads, NEAR_TERMS)}
                yield from (head for head in heads if head in known)
        for path in categories:
            aisle = path.partition(PATH_SEPARATOR)[2]
            if aisle and len(aisle.split()) <= MAX_AISLE_WORDS:
                yield aisle

    def _substitute(
        self, query: str, roles: Roles, categories: Sequence[str], without: frozenset[str]
    ) -> Iterator[str]:
        """Yield near terms and labelled queries of the same aisles that are neither wider nor narrower."""
        near = [
            (found.similarity, found.example.corrected)
            for found in self._labelled.nearest(query, NEIGHBOURS, without=without)
            if {*found.example.categories[:2]} & {*categories[:2]}
        ]
        terms = [
            (term.similarity, term.text)
            for term in self._keywords.candidates([query], NEAR_TERMS)
            if term.kind == "query" and self._another(term.text, query)
        ]
        shelved = self._on_shelf([text for _, text in terms][:PROBED_TERMS], categories)
        near = [entry for entry in near if self._another(entry[1], query)]
        near += [entry for entry in terms if entry[1] in shelved]
        yield from (text for similarity, text in sorted(near, reverse=True) if similarity >= SUBSTITUTE_COSINE)

    def _synonym(self, query: str, roles: Roles, categories: Sequence[str], without: frozenset[str]) -> Iterator[str]:
        """Yield what labelled queries call the same thing or its product, then terms that are very near.

        Claims that a near term does not make stand in front of it; a part that is renamed may be the claim itself.
        """
        claims = _claims(query, roles)
        own = {_content(key) for key in without}
        for part in dict.fromkeys([query, roles.product or query]):
            if _content(part) not in own:
                for synonym in self._synonyms.get(_content(part), []):
                    yield query.replace(part, synonym)
        yield from self._nearest_first(query, self._names.of(query, roles, categories, without=without))
        near = [
            (found.similarity, found.example.corrected)
            for found in self._labelled.nearest(query, NEIGHBOURS, without=without)
        ]
        near += [
            (term.similarity, term.text)
            for term in self._keywords.candidates([query], NEAR_TERMS)
            if term.kind == "query"
        ]
        for similarity, text in sorted(near, reverse=True):
            if similarity >= SYNONYM_COSINE and query_key(text) != query_key(query) and self._another(text, query):
                yield _claiming(claims, text)

    def _nearest_first(self, query: str, texts: Iterable[str]) -> list[str]:
        """Return ``texts``, each once, by their cosine to ``query``."""
        distinct = list(dict.fromkeys(texts))[:RENAMED]
        if len(distinct) < 2:
            return distinct
        vectors = self._labelled.known_vectors.embed([query, *distinct])
        order = np.argsort(-(vectors[1:] @ vectors[0]), kind="stable")
        return [distinct[at] for at in order]

    def _another(self, text: str, query: str) -> bool:
        """Tell whether neither of two queries only adds words to the other."""
        said, asked = _content(text), _content(query)
        return bool(said) and not said <= asked and not asked <= said

    def _on_shelf(self, terms: Sequence[str], categories: Sequence[str]) -> set[str]:
        """Return those of ``terms`` whose products mostly stand in the aisles of ``categories``."""
        aisles = {path.partition(PATH_SEPARATOR)[2] for path in categories}
        found: dict[str, list[bool]] = defaultdict(list)
        for hit in self._products.find(terms, limit=PROBED_PRODUCTS) if terms else ():
            for term in hit.matched:
                found[term].append(hit.product.aisle in aisles)
        return {term for term in terms if (hits := found.get(normalise(term))) and sum(hits) >= SAME_SHELF * len(hits)}


def _claims(query: str, roles: Roles) -> list[str]:
    """Return the words of ``query`` that say what it has to be: diets, and claims that shoppers filter by."""
    words = normalise(query).split()
    spans = [span for span in load_lexicon().spans(words) if span.attribute and span.attribute.use == "prefix"]
    claims = [" ".join(words[span.start : span.end]) for span in spans]
    diets = [normalise(item.value) for item in roles.attributes if item.type == "diet"]
    said = dict.fromkeys([*claims, *diets])
    return [claim for claim in said if not any(claim != other and claim in other for other in said)]


def _claiming(claims: Sequence[str], text: str) -> str:
    """Return ``text`` with the claims in front that it does not make."""
    said = {*load_lexicon().attributes_of(text)}
    plain = f" {normalise(text)} "
    missing = [
        claim
        for claim in claims
        if f" {claim} " not in plain
        and not ({*load_lexicon().attributes_of(claim)} and {*load_lexicon().attributes_of(claim)} <= said)
    ]
    return " ".join([*missing, text])


def _content(text: str) -> frozenset[str]:
    return frozenset(word for word in stems(text) if word not in CONNECTORS)
