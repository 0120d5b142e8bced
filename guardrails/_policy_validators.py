"""Policy rules as guardrails-ai validators: one class per kind of rule, one instance per rule.

Importing this module imports guardrails-ai (seconds): import it where policy is checked. Its telemetry is on by default
and the settings object does not stop it, because every Guard reads the rc file anew: so the reading is replaced.
Validators are called directly (microseconds): a Guard adds milliseconds per value and, for a path with a wildcard,
validates nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from guardrails.classes.rc import RC
from guardrails.settings import settings as library_settings
from guardrails.validator_base import FailResult, PassResult, ValidationResult, Validator, register_validator

from state.placement import PlacedProduct, Placement
from state.shopper import ShopperContext

from ._policy_rules import (
    DietRule,
    PairingRule,
    RestrictedRule,
    Rule,
    Rules,
    TextRule,
    TitleFormRule,
)

MIN_HISTORY = 10
"""Products a shopper must have bought before the absence of a kind of food says anything."""


def _silence() -> None:
    def load(_cls: type[RC], _logger: object = None) -> RC:
        return RC(enable_metrics=False, use_remote_inferencing=False)

    RC.load = classmethod(load)
    library_settings.rc = RC.load()


_silence()


@dataclass(frozen=True)
class Facts:
    """What validators know besides the value: passed as ``metadata["facts"]``."""

    placement: Placement
    shopper: ShopperContext


class _RuleValidator(Validator):
    """A validator of one rule. The value is a text or a product's name; the product itself is in the metadata."""

    def __init__(self, rule: Any, rules: Rules) -> None:
        super().__init__(on_fail="noop", use_local=True)
        self.rule = rule
        self.goods = rules.goods

    def _validate(self, value: Any, metadata: dict[str, Any]) -> ValidationResult:
        found = self.violation(value, metadata)
        return FailResult(error_message=found) if found else PassResult()

    def violation(self, value: str, metadata: dict[str, Any]) -> str | None:
        """Return what is wrong with ``value``, None if nothing is."""
        raise AssertionError("each validator defines it")


@register_validator(name="shelfwise/text", data_type="string")
class TextValidator(_RuleValidator):
    rule: TextRule

    def violation(self, value: str, metadata: dict[str, Any]) -> str | None:
        if found := self.rule.forbidden.find(value):
            return f"says '{found}'"
        together = [phrases.find(value) for phrases in self.rule.both]
        return f"says '{' ... '.join(map(str, together))}'" if len(together) > 1 and all(together) else None


@register_validator(name="shelfwise/title-form", data_type="string")
class TitleFormValidator(_RuleValidator):
    rule: TitleFormRule

    def violation(self, value: str, metadata: dict[str, Any]) -> str | None:
        length = len(value.strip())
        if not self.rule.min_chars <= length <= self.rule.max_chars:
            return f"is {length} characters long, not {self.rule.min_chars} to {self.rule.max_chars}"
        words = ["".join(filter(str.isalpha, word)) for word in value.split()]
        loud = [word for word in words if len(word) > 2 and word.isupper()]
        if len(loud) > self.rule.max_capital_words or (value.isupper() and len(loud) == len(words)):
            return "is in capitals"
        return None


@register_validator(name="shelfwise/restricted", data_type="string")
class RestrictedValidator(_RuleValidator):
    rule: RestrictedRule

    def violation(self, value: str, metadata: dict[str, Any]) -> str | None:
        goods, product = self.goods[self.rule.goods], metadata.get("product")
        found = goods.holds(product) if product else goods.find(value)
        if not found or self._has_bought(metadata["facts"].shopper):
            return None
        return f"is {self.rule.goods}, and the shopper has never bought any"

    def _has_bought(self, shopper: ShopperContext) -> bool:
        # A cold shopper's products are what is popular in the shop, not what they bought.
        return not shopper.cold and any(self.goods[self.rule.goods].holds(item) for item in shopper.products)


@register_validator(name="shelfwise/pairing", data_type="string")
class PairingValidator(_RuleValidator):
    rule: PairingRule

    def violation(self, value: str, metadata: dict[str, Any]) -> str | None:
        goods, audience = self.goods[self.rule.goods], self.goods[self.rule.audience]
        product: PlacedProduct | None = metadata.get("product")
        if product is None:
            named, whose = goods.in_theme(value), audience.in_theme(value)
            return f"pairs '{named}' with '{whose}'" if named and whose else None
        if not goods.holds(product) or (self.rule.made_for_audience and audience.find(product.name)):
            return None
        placement: Placement = metadata["facts"].placement
        for text in (placement.title, placement.rationale, *placement.concepts):
            if found := audience.in_theme(text):
                return f"is {self.rule.goods} in a theme that says '{found}'"
        if self.rule.beside_products:
            for other in placement.products:
                if other.id != product.id and audience.holds(other):
                    return f"is {self.rule.goods} beside '{other.name}'"
        return None


@register_validator(name="shelfwise/diet", data_type="string")
class DietValidator(_RuleValidator):
    rule: DietRule

    def violation(self, value: str, metadata: dict[str, Any]) -> str | None:
        product: PlacedProduct | None = metadata.get("product")
        if product is None or not self.rule.contradicts(product):
            return None
        facts: Facts = metadata["facts"]
        if claim := self._claimed(facts.placement):
            return f"contradicts '{claim}'"
        if preference := self._kept(facts.shopper):
            return f"contradicts the shopper's preference '{preference}'"
        return None

    def _claimed(self, placement: Placement) -> str | None:
        """Return the diet that the theme claims as a whole: by its title, or by most of its concepts."""
        if found := self.rule.claims.find(placement.title):
            return None if self.rule.partly.find(placement.title) else found
        claims = [found for concept in placement.concepts if (found := self.rule.claims.find(concept))]
        return claims[0] if len(claims) * 2 > len(placement.concepts) else None

    def _kept(self, shopper: ShopperContext) -> str | None:
        names = [item.name for item in shopper.preferences if item.name in self.rule.preferences]
        if not names or shopper.cold or len(shopper.products) < MIN_HISTORY:
            return None
        return None if any(map(self.rule.contradicts, shopper.products)) else names[0]


_VALIDATORS: dict[str, Callable[[Any, Rules], _RuleValidator]] = {
    "text": TextValidator,
    "title_form": TitleFormValidator,
    "restricted": RestrictedValidator,
    "pairing": PairingValidator,
    "diet": DietValidator,
}


def validators_of(rules: Rules) -> list[tuple[Rule, _RuleValidator]]:
    """Return each rule with its validator, in the order of the file."""
    return [(rule, _VALIDATORS[rule.kind](rule, rules)) for rule in rules.rules]


def found_wrong(
    validator: _RuleValidator, value: str, facts: Facts, product: PlacedProduct | None = None
) -> str | None:
    """Return what the validator says against ``value`` (a text, or ``product``'s name), None if it passes."""
    result = validator.validate(value, {"facts": facts, "product": product})
    return result.error_message if isinstance(result, FailResult) else None
