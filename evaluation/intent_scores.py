"""Scores of answers on queries against labels: roles, categories and spelling, with intervals over queries.

A pair is a labelled query and what was answered to it: anything with the fields of ``QueryIntent``. Words are compared
without regard to case and spacing. Rewrites have their own module, ``evaluation.rewrite_scores``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from evaluation.bootstrap import Interval, mean_interval, ratio_interval
from state.intent import ROLE_LABELS, Attribute, Rewrites
from tools.labelled_queries import query_key

FIRST = 3
"""Categories that recall looks at."""


class SomeRoles(Protocol):
    """What roles are read from."""

    product: str | None
    brand: str | None
    attributes: list[Attribute]


class SomeAnswer(SomeRoles, Protocol):
    """An answer to a query, or its label."""

    corrected: str
    categories: list[str]
    rewrites: Rewrites


class SomeLabel(SomeAnswer, Protocol):
    """A labelled query."""

    query: str
    kind: str


@dataclass(frozen=True)
class SpanScores:
    """Micro-averaged precision, recall and F1 of spans; ``spans`` is how many the labels hold."""

    precision: Interval
    recall: Interval
    f1: Interval
    spans: int


def role_scores(
    pairs: Sequence[tuple[SomeLabel, SomeRoles]], *, label: str | None = None, boundaries: bool = False
) -> SpanScores:
    """Score roles: a span is right if label and words are those of the label, each span counted once.

    ``label`` looks at the spans of one label alone; ``boundaries`` compares the words alone, whatever they are called.
    """
    right, answered, wanted = [], [], []
    for gold, answer in pairs:
        asked, given = _spans(gold, label, boundaries), _spans(answer, label, boundaries)
        right.append((asked & given).total())
        answered.append(given.total())
        wanted.append(asked.total())
    both = [a + b for a, b in zip(answered, wanted, strict=True)]
    return SpanScores(
        precision=ratio_interval(right, answered),
        recall=ratio_interval(right, wanted),
        f1=ratio_interval([2 * count for count in right], both),
        spans=sum(wanted),
    )


def role_scores_by_kind(pairs: Sequence[tuple[SomeLabel, SomeRoles]]) -> dict[str, SpanScores]:
    """Score roles for head, torso and tail queries, those that there are."""
    return {
        kind: role_scores(chosen)
        for kind in ("head", "torso", "tail")
        if (chosen := [pair for pair in pairs if pair[0].kind == kind])
    }


def role_scores_by_label(pairs: Sequence[tuple[SomeLabel, SomeRoles]]) -> dict[str, SpanScores]:
    """Score each role label that the labels or the answers hold."""
    held = {name for pair in pairs for roles in pair for name, _ in _spans(roles, None, False)}
    return {name: role_scores(pairs, label=name) for name in ROLE_LABELS if name in held}


@dataclass(frozen=True)
class CategoryScores:
    """How good categories are.

    ``precision`` is the share of best answers that the label holds, ``first`` of those that are its first; both of the
    queries that were ``answered`` at all (a share). ``recall`` is the mean share of the label's categories among the
    first three answered, no answer finding none. ``invalid`` is the share of all paths answered that do not exist.
    """

    precision: Interval
    first: Interval
    recall: Interval
    answered: Interval
    invalid: Interval
    per_query: Interval


def category_scores(pairs: Sequence[tuple[SomeLabel, SomeAnswer]], paths: Collection[str]) -> CategoryScores:
    """Score categories of the queries that have any in their label; ``paths`` are those of the taxonomy."""
    chosen = [(gold.categories, answer.categories) for gold, answer in pairs if gold.categories]
    known = set(paths)
    return CategoryScores(
        precision=mean_interval([float(given[0] in wanted) if given else math.nan for wanted, given in chosen]),
        first=mean_interval([float(given[0] == wanted[0]) if given else math.nan for wanted, given in chosen]),
        recall=mean_interval([len({*given[:FIRST]} & {*wanted}) / len({*wanted}) for wanted, given in chosen]),
        answered=mean_interval([float(bool(given)) for _, given in chosen]),
        invalid=ratio_interval(
            [sum(path not in known for path in given) for _, given in chosen], [len(given) for _, given in chosen]
        ),
        per_query=mean_interval([float(len(given)) for _, given in chosen]),
    )


@dataclass(frozen=True)
class SpellingScores:
    """Share of misspelled queries made right to the letter, and of well-spelled ones that were changed."""

    fixed: Interval
    harmed: Interval


def spelling_scores(pairs: Sequence[tuple[SomeLabel, SomeAnswer]]) -> SpellingScores:
    """Score the spelling that answers repaired."""
    misspelled = [pair for pair in pairs if not _same(pair[0].query, pair[0].corrected)]
    well = [pair for pair in pairs if _same(pair[0].query, pair[0].corrected)]
    return SpellingScores(
        fixed=mean_interval([float(_same(answer.corrected, gold.corrected)) for gold, answer in misspelled]),
        harmed=mean_interval([float(not _same(answer.corrected, gold.query)) for gold, answer in well]),
    )


def shown(interval: Interval, digits: int = 3) -> str:
    """Return ``0.912 [0.880, 0.940]``; a dash where nothing was measured."""
    if math.isnan(interval.estimate):
        return "-"
    if math.isnan(interval.low):
        return f"{interval.estimate:.{digits}f}"
    return f"{interval.estimate:.{digits}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def _spans(roles: SomeRoles, label: str | None, boundaries: bool) -> Counter[tuple[str, str]]:
    named: Iterable[tuple[str, str | None]] = (
        ("brand", roles.brand),
        ("product", roles.product),
        *((attribute.type, attribute.value) for attribute in roles.attributes),
    )
    return Counter(
        ("" if boundaries else name, query_key(text)) for name, text in named if text and label in (None, name)
    )


def _same(one: str, other: str) -> bool:
    return query_key(one) == query_key(other)
