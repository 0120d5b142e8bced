"""Rewrite diet guard: what a query asks to be free from, its rewrites are free from too."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from catalog.goods import Goods
from state.catalog import Product
from state.intent import IntentDraft, IntentVerdict
from state.intent_guard import (
    IntentGuard,
    IntentGuardConfig,
    IntentGuardContext,
    ProductFinder,
    register_intent_guard,
)
from state.placement import PlacedProduct

from .._policy_rules import DietRule, Rules, load_rules
from ._diets import Diet, load_diets
from ._rewrites import each_rewrite

DIETS_FILE = Path(__file__).with_name("rewrite_diets.yaml")
RULES_FILE = Path(__file__).parents[1] / "policy_rules.yaml"


class RewriteDietConfig(IntentGuardConfig):
    products: int = Field(default=6, ge=1, description="Products looked at of a rewrite that makes no claim itself.")
    breaking: float = Field(default=0.34, ge=0, lt=1, description="Share of them that may break the diet by name.")


@register_intent_guard
class RewriteDietGuard(IntentGuard):
    """Takes out rewrites, of any kind, that let go of a diet which the query asks for (``rewrite_diets.yaml``).

    A rewrite keeps a diet by saying so, or by naming goods that are of the diet by nature; of the latter the products
    that it finds must not break the diet either. Deterministic: word rules, and one product search for each rewrite of
    the second sort.
    """

    name = "rewrite_diet"
    order = 60
    version = "1"
    parts = ("synonym", "broader", "substitute")
    Config = RewriteDietConfig
    config: RewriteDietConfig

    def check(self, draft: IntentDraft, context: IntentGuardContext) -> list[IntentVerdict]:
        diets, rules = load_diets(DIETS_FILE), load_rules(RULES_FILE)
        asked = list({diet.id: diet for text in (draft.corrected, draft.query) for diet in diets.asked(text)}.values())
        found = []
        for kind, text in each_rewrite(draft) if asked else ():
            for diet in asked:
                if diets.claims(diet, text):
                    continue
                if not diets.natural(diet, text):
                    found.append(self.verdict(kind, text, f"lets go of '{diet.id}', which the query asks for"))
                    break
                if reason := self._broken(diet, text, rules, context.products):
                    found.append(self.verdict(kind, text, reason))
                    break
        return found

    def _broken(self, diet: Diet, text: str, rules: Rules, products: ProductFinder | None) -> str | None:
        """Return what speaks against a rewrite whose goods are of the diet by nature."""
        rule = next((rule for rule in rules.rules if isinstance(rule, DietRule) and rule.id == diet.rule), None)
        goods = rules.goods[diet.goods] if diet.goods else None
        named = Product(id="", name=text, aisle="", department="")
        if _breaks(named, rule, goods):
            return f"names goods that are not {diet.id}"
        if products is None:
            return "its products cannot be looked at"
        sold = [hit.product for hit in products.find([text], limit=self.config.products)]
        wrong = [product.name for product in sold if _breaks(product, rule, goods)]
        if len(wrong) > self.config.breaking * len(sold):
            return f"finds goods that are not {diet.id}: {', '.join(wrong[:3])}"
        return None


def _breaks(product: Product, rule: DietRule | None, goods: Goods | None) -> bool:
    placed = PlacedProduct(**product.model_dump(include={"id", "name", "aisle", "department"}), score=0)
    return bool((rule and rule.contradicts(placed)) or (goods and goods.holds(product)))
