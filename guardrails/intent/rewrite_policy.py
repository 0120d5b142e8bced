"""Rewrite policy guard: no instructions, markup, addresses, swearing, or age-restricted goods that nobody asked for."""

from __future__ import annotations

from pathlib import Path

from catalog.surface import normalise
from state.intent import IntentDraft, IntentVerdict
from state.intent_guard import IntentGuard, IntentGuardContext, register_intent_guard

from .._policy_rules import RestrictedRule, Rules, TextRule, load_rules
from ._rewrites import each_rewrite

RULES_FILE = Path(__file__).parents[1] / "policy_rules.yaml"
_LENGTH = 60


@register_intent_guard
class RewritePolicyGuard(IntentGuard):
    """Holds rewrites to the rules that the page policy has for keywords and concepts; deterministic, no model.

    A rewrite that names age-restricted goods goes unless the query names such goods too.
    """

    name = "rewrite_policy"
    order = 40
    version = "1"
    parts = ("synonym", "broader", "substitute")

    def check(self, draft: IntentDraft, context: IntentGuardContext) -> list[IntentVerdict]:
        rules = load_rules(RULES_FILE)
        asked = _restricted_asked(draft, context, rules)
        return [
            self.verdict(kind, text, reason)
            for kind, text in each_rewrite(draft)
            if (reason := _wrong(text, asked, rules))
        ]


def _restricted_asked(draft: IntentDraft, context: IntentGuardContext, rules: Rules) -> set[str]:
    """Return the kinds of restricted goods that the query is about, by its words or its best category."""
    asked = set()
    best = [context.categories[path] for path in draft.categories[:1] if path in context.categories]
    for rule in rules.rules:
        if isinstance(rule, RestrictedRule):
            goods = rules.goods[rule.goods]
            shelved = any(entry.department in goods.departments or entry.aisle in goods.aisles for entry in best)
            if shelved or goods.in_theme(draft.corrected) or goods.in_theme(draft.query):
                asked.add(rule.goods)
    return asked


def _wrong(text: str, asked: set[str], rules: Rules) -> str | None:
    if not normalise(text) or not text.isprintable():
        return "holds no words, or characters that are none"
    if len(text) > _LENGTH:
        return f"is longer than {_LENGTH} characters"
    for rule in rules.rules:
        if isinstance(rule, TextRule) and {"keywords", "concepts"} & {*rule.parts}:
            if found := _said(rule, text):
                return f"{rule.id}: says '{found}' ({rule.why})"
        elif isinstance(rule, RestrictedRule) and rule.goods not in asked and rules.goods[rule.goods].find(text):
            return f"{rule.id}: names {rule.goods}, which the query does not ({rule.why})"
    return None


def _said(rule: TextRule, text: str) -> str | None:
    together = [phrases.find(text) for phrases in rule.both]
    if len(together) > 1 and all(together):
        return " ... ".join(map(str, together))
    return rule.forbidden.find(text)
