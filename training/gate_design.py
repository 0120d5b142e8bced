"""The gate's rules for designs: schema, title, policy, grounding of concepts, duplicates on the page."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from state.answers import ThemeAnswer, design_schema
from state.verdict import Outcome
from training.brands import BrandFinder
from training.datasets import first_fault
from training.examples import DesignExample, ThemeLabel
from training.gate_report import MIN_CONCEPTS, MIN_THEMES, Drop

if TYPE_CHECKING:
    from training.gate_guards import PageChecks

MAX_TITLE_WORDS, MIN_TITLE_WORDS = 9, 2


@dataclass(frozen=True)
class DesignRules:
    """What designs are held against. ``shelf_names`` are aisles and product names in lower case."""

    checks: PageChecks
    brands: BrandFinder
    shelf_names: Collection[str]
    unmatched: dict[str, float]

    def drops(self, row: DesignExample) -> list[Drop]:
        """Return what to take out of one design: the whole row, themes, concepts."""
        taken = [*self._row(row)]
        if taken:
            return taken
        themes: dict[str, Drop] = {}
        concepts: list[Drop] = []
        for theme in row.themes:
            unmatched = [concept for concept in theme.concepts if concept in self.unmatched]
            found = next(self._theme(theme, len(theme.concepts) - len(unmatched)), None)
            if found:
                themes[theme.id] = Drop(part="theme", key=theme.id, split=row.split, rule=found[0], reason=found[1])
                continue
            concepts += [self._concept(row, theme, concept) for concept in unmatched]
        rest = [theme for theme in row.themes if theme.id not in themes]
        for theme_id, rule, reason in self._guarded(row, rest):
            themes.setdefault(theme_id, Drop(part="theme", key=theme_id, split=row.split, rule=rule, reason=reason))
        return [*themes.values(), *(drop for drop in concepts if drop.key not in themes)]

    def _row(self, row: DesignExample) -> Iterator[Drop]:
        schema = design_schema(len(row.themes))
        limits = schema.model_fields["persona"]
        try:
            # The themes are checked one by one below: a long title costs its theme, not the page.
            stand_in = {"title": "title", "need": "explore", "rationale": "", "concepts": ["one", "two", "three"]}
            schema.model_validate({"persona": row.persona, "themes": [stand_in] * len(row.themes)})
        except ValidationError as error:
            reason = f"{first_fault(error)} ({limits.description})"
            yield Drop(part="row", key=row.key, split=row.split, rule="schema", reason=reason)

    def _theme(self, theme: ThemeLabel, matched: int) -> Iterator[tuple[str, str]]:
        """Yield the rules that the theme breaks by itself, each with the reason."""
        try:
            ThemeAnswer.model_validate(theme.model_dump(exclude={"id"}))
        except ValidationError as error:
            yield "schema", first_fault(error)
        words = len(theme.title.split())
        if not MIN_TITLE_WORDS <= words <= MAX_TITLE_WORDS:
            yield "title length", f"{words} words, not {MIN_TITLE_WORDS} to {MAX_TITLE_WORDS}: {theme.title}"
        if theme.title.casefold().strip(" .!") in self.shelf_names:
            yield "title is a shelf or product", f"nothing but the name of one: {theme.title}"
        if brand := self.brands.find(theme.title):
            yield "brand in title", f"names '{brand}': {theme.title}"
        if len({concept.casefold() for concept in theme.concepts}) < len(theme.concepts):
            yield "concept twice", f"a concept stands twice: {', '.join(theme.concepts)}"
        if matched < MIN_CONCEPTS:
            yield "too few concepts in the catalogue", f"{matched} of {len(theme.concepts)} match a product"

    def _concept(self, row: DesignExample, theme: ThemeLabel, concept: str) -> Drop:
        reason = f"'{concept}' matches no product (nearest: cosine {self.unmatched[concept]:.2f})"
        rule = "concept not in the catalogue"
        return Drop(part="concept", key=theme.id, split=row.split, rule=rule, reason=reason, text=concept)

    def _guarded(self, row: DesignExample, themes: Sequence[ThemeLabel]) -> Iterator[tuple[str, str, str]]:
        """Yield the themes that a guard of the page graph refuses, with its name and reasons."""
        placements = [theme.as_placement() for theme in themes]
        for guard, verdicts in self.checks.verdicts(row.shopper_id, placements):
            for verdict in verdicts:
                if verdict.outcome is not Outcome.PASS:
                    yield verdict.placement_id, f"{guard} guard", "; ".join(verdict.reasons)[:300]


def thin_row(row: DesignExample, themes_left: int) -> list[Drop]:
    """Return the drop of a row that too little is left of, nothing otherwise. What was short from the start stays."""
    if themes_left >= min(MIN_THEMES, len(row.themes)):
        return []
    reason = f"{themes_left} of {len(row.themes)} themes left, fewer than {MIN_THEMES}"
    return [Drop(part="row", key=row.key, split=row.split, rule="too few themes left", reason=reason)]
