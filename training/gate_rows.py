"""The gate's rules for rows about one theme, product or page: choices, known products, duplicates, contradictions."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from state.guard import Embedder
from training.datasets import natural
from training.examples import DesignExample, Example, JudgeExample, KeywordExample, RelevanceExample, ThemeLabel
from training.gate_report import Drop, Part

_KEPT_FIRST = ("test", "dev", "train")
_BATCH = 512


def choice_drops(row: KeywordExample) -> Iterator[Drop]:
    """Yield the drop of a row that chose what was not offered, or one thing twice."""
    kinds = {
        "keywords": (row.chosen_keywords, row.candidates),
        "categories": (row.chosen_categories, row.categories),
        "filters": (row.chosen_filters, row.filters),
    }
    for kind, (chosen, offered) in kinds.items():
        if outside := [text for text in chosen if text not in set(offered)]:
            yield _row(row, "chosen outside the candidates", f"{kind}: {', '.join(outside)}")
            return
        if len(set(chosen)) < len(chosen):
            yield _row(row, "chosen twice", f"{kind}: {', '.join(chosen)}")
            return


def unknown_product_drops(rows: Sequence[RelevanceExample], product_ids: Collection[str]) -> Iterator[Drop]:
    """Yield the drops of rows about products that the catalogue does not have."""
    for row in rows:
        if row.product_id not in product_ids:
            yield _row(row, "unknown product", f"the catalogue has no product {row.product_id}")


class Alike(NamedTuple):
    """The earlier theme that says the same; ``same_text``: but for case, spacing and punctuation word for word."""

    theme_id: str
    cosine: float
    same_text: bool


def theme_duplicates(themes: Sequence[ThemeLabel], embedder: Embedder, near: float) -> dict[str, Alike]:
    """Map themes to the first theme (in the given order) that says the same; first ones are left out.

    The same: equal texts, or a cosine of at least ``near``.
    """
    texts = [theme_text(theme) for theme in themes]
    first: dict[str, int] = {}
    same: dict[str, Alike] = {}
    distinct: list[int] = []
    for place, text in enumerate(texts):
        there = first.setdefault(_normal(text), place)
        if there == place:
            distinct.append(place)
        elif themes[there].id != themes[place].id:
            same[themes[place].id] = Alike(themes[there].id, 1.0, True)
    vectors = np.asarray(embedder.embed([texts[place] for place in distinct]), dtype=np.float32)
    for start in range(0, len(distinct), _BATCH):
        block = vectors[start : start + _BATCH] @ vectors[: start + _BATCH].T
        for row, column in np.argwhere(np.tril(block >= near, k=start - 1)):
            later, earlier = themes[distinct[start + row]].id, themes[distinct[column]].id
            if later != earlier and earlier not in same and later not in same:
                same[later] = Alike(earlier, round(float(block[row, column]), 3), False)
    return same


def duplicate_theme_drops(rows: Sequence[Example], embedder: Embedder, near: float) -> Iterator[Drop]:
    """Yield the drops of designs' themes and keyword rows that another shopper's theme says already.

    Of two alike, the one in test stays, then the one in dev: what is measured with is never trained on.
    """
    splits = {theme.id: row.split for row in rows for theme in themes_of(row)}
    themes = {theme.id: theme for row in in_keeping_order(rows) for theme in themes_of(row)}
    part: Part = "theme" if rows and isinstance(rows[0], DesignExample) else "row"
    for theme_id, found in theme_duplicates([*themes.values()], embedder, near).items():
        rule = "duplicate" if found.same_text else "near-duplicate"
        reason = f"says what {found.theme_id} says (cosine {found.cosine:.3f}): {themes[theme_id].title}"
        yield Drop(part=part, key=theme_id, split=splits[theme_id], rule=rule, reason=reason)


def label_drops(rows: Sequence[RelevanceExample], embedder: Embedder, near: float) -> Iterator[Drop]:
    """Yield the drops of labels given twice: all of them if they contradict each other, else all but the first."""
    themes = {row.theme_id: row.theme for row in in_keeping_order(rows)}
    same = theme_duplicates([*themes.values()], embedder, near)

    def first(theme_id: str) -> str:
        while theme_id in same:
            theme_id = same[theme_id].theme_id
        return theme_id

    yield from _repeated(rows, lambda row: (first(row.theme_id), row.product_id), lambda row: row.label)


def judgement_drops(rows: Sequence[JudgeExample]) -> Iterator[Drop]:
    """Yield the drops of judgements on the same placements: all that contradict each other, else all but the first."""

    def shown(row: JudgeExample) -> Hashable:
        content = [item.model_dump(mode="json", exclude={"id", "position"}) for item in row.placements]
        about = json.dumps([row.shopper_id, row.placement_id is None, row.min_products, content], sort_keys=True)
        return hashlib.sha256(about.encode()).hexdigest()

    def said(row: JudgeExample) -> Hashable:
        answers: dict[str, Any] = row.answers.model_dump()
        return tuple((question, answer["answer"]) for question, answer in answers.items())

    yield from _repeated(rows, shown, said)


def _repeated(rows: Sequence[Any], about: Any, label: Any) -> Iterator[Drop]:
    groups: dict[Hashable, list[Any]] = defaultdict(list)
    for row in in_keeping_order(rows):
        groups[about(row)].append(row)
    for group in groups.values():
        contradict = len({label(row) for row in group}) > 1
        for row in group if contradict else group[1:]:
            others = ", ".join(other.key for other in group if other is not row)
            rule = "contradicts another label" if contradict else "duplicate"
            yield _row(row, rule, f"the same was labelled in {others}")


def in_keeping_order(rows: Sequence[Any]) -> list[Any]:
    """Return rows in the order in which the first of equals is kept: test, dev, train, then by key."""
    return sorted(rows, key=lambda row: (_KEPT_FIRST.index(row.split), natural(row.key)))


def themes_of(row: Example) -> list[ThemeLabel]:
    """Return the themes that a row is about."""
    if isinstance(row, DesignExample):
        return row.themes
    return [row.theme] if isinstance(row, KeywordExample | RelevanceExample) else []


def theme_text(theme: ThemeLabel) -> str:
    """Return the whole theme as one text."""
    return f"{theme.title}: {', '.join(theme.concepts)}"


def _normal(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())


def _row(row: Example, rule: str, reason: str) -> Drop:
    return Drop(part="row", key=row.key, split=row.split, rule=rule, reason=reason[:300])
