"""Hallucination guard: keywords come from the candidates, categories from the taxonomy, products from the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from state.guard import Guard, GuardConfig, GuardContext, register_guard
from state.placement import PlacedProduct, Placement
from state.verdict import Action, Outcome, Verdict


class TaxonomyConfig(GuardConfig):
    on_error: Action = Action.DROP


@register_guard
class TaxonomyGuard(Guard):
    """Checks that nothing in a placement was made up.

    Off-list vocabulary is a REPAIR (the writer chooses again); products that the catalogue does not sell as shown are
    taken out. A placement whose candidates are not known cannot be judged: ERROR.
    """

    name = "taxonomy"
    level = "placement"
    order = 20
    version = "1"
    judges_stored = True
    Config = TaxonomyConfig

    def check(self, placements: Sequence[Placement], context: GuardContext) -> list[Verdict]:
        aisles = {category.aisle: category.department for category in context.catalog.categories()}
        shown = [product.id for placement in placements for product in placement.products]
        sold = context.catalog.products(sorted(set(shown))) if shown else {}
        return [self._judge(placement, context, aisles, sold) for placement in placements]

    def _judge(
        self, placement: Placement, context: GuardContext, aisles: dict[str, str], sold: dict[str, Any]
    ) -> Verdict:
        allowed = context.candidates.get(placement.id)
        if allowed is None:
            reason = "the candidates that the keywords were chosen from are not known"
            return self.verdict(placement, Outcome.ERROR, self.config.on_error, reason)
        wrong = _wrong_words(placement, allowed, aisles)
        invented = {product.id: why for product in placement.products if (why := _wrong_product(product, sold, aisles))}
        reasons = [*wrong, *(f"product {product_id}: {why}" for product_id, why in invented.items())]
        if wrong:
            return self.verdict(placement, Outcome.FAIL, Action.REPAIR, *reasons, pruned=[*invented])
        if len(placement.products) - len(invented) < context.min_products and invented:
            reasons.append(f"fewer than {context.min_products} products left")
            return self.verdict(placement, Outcome.FAIL, Action.REPAIR, *reasons, pruned=[*invented])
        if invented:
            return self.verdict(placement, Outcome.FAIL, Action.PRUNE, *reasons, pruned=[*invented])
        return self.passed(placement)


def _wrong_words(placement: Placement, allowed: frozenset[str], aisles: dict[str, str]) -> list[str]:
    if not placement.keywords and not placement.categories:
        return ["none of the candidates fits: no keyword and no category chosen"]
    reasons = []
    for kind, words in (("keyword", placement.keywords), ("filter", placement.filters)):
        reasons += [f"{kind} '{word}' is not among the candidates" for word in words if word not in allowed]
    for category in placement.categories:
        if category not in aisles:
            reasons.append(f"category '{category}' is not in the taxonomy")
        elif category not in allowed:
            reasons.append(f"category '{category}' is not among the candidates")
    return reasons


def _wrong_product(placed: PlacedProduct, sold: dict[str, Any], aisles: dict[str, str]) -> str | None:
    product = sold.get(placed.id)
    if product is None:
        return "the catalogue does not sell it"
    if product.name != placed.name:
        return f"the catalogue sells it as '{product.name}'"
    if (product.aisle, product.department) != (placed.aisle, placed.department) or placed.aisle not in aisles:
        return f"it is not in aisle '{placed.aisle}' of '{placed.department}'"
    return None
