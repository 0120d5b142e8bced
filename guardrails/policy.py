"""Policy guard: what the shop may say and show, checked by guardrails-ai validators over policy_rules.yaml."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from state.guard import Guard, GuardConfig, GuardContext, register_guard
from state.placement import Placement
from state.verdict import Action, Outcome, Verdict

from ._policy_rules import PairingRule, RestrictedRule, TextRule, TitleFormRule, load_rules

RULES_FILE = Path(__file__).parent / "policy_rules.yaml"
# The first check imports guardrails-ai; concurrent first checks must not see it half imported.
_importing = threading.Lock()


class PolicyConfig(GuardConfig):
    on_error: Action = Action.DROP
    timeout_s: float = 60.0


@dataclass(frozen=True)
class Finding:
    """One rule broken. ``product_id`` is None when it is the placement's own text."""

    reason: str
    action: Action
    product_id: str | None = None


@register_guard
class PolicyGuard(Guard):
    """Applies every rule of the rules file. Deterministic; no model.

    Text that breaks a rule drops the placement, because its title is not written again in the placement's loop.
    Products that break one are pruned; with fewer than ``context.min_products`` left the placement is written again.
    """

    name = "policy"
    level = "placement"
    order = 10
    version = "2"
    judges_stored = True
    rules_only = True
    Config = PolicyConfig

    def check(self, placements: Sequence[Placement], context: GuardContext) -> list[Verdict]:
        with _importing:
            from . import _policy_validators as validators
        rules = load_rules(RULES_FILE)
        checks = validators.validators_of(rules)
        verdicts = []
        for placement in placements:
            facts = validators.Facts(placement, context.shopper)
            verdicts.append(self._judge(placement, [*_findings(checks, validators.found_wrong, facts)], context))
        return verdicts

    def _judge(self, placement: Placement, findings: Sequence[Finding], context: GuardContext) -> Verdict:
        if not findings:
            return self.passed(placement)
        pruned = list(dict.fromkeys(found.product_id for found in findings if found.product_id is not None))
        reasons = [found.reason for found in findings]
        actions = {found.action for found in findings}
        if Action.DROP in actions:
            action = Action.DROP
        elif Action.REPAIR in actions:
            action = Action.REPAIR
        elif len(placement.products) - len(pruned) < context.min_products:
            action = Action.REPAIR
            reasons.append(f"fewer than {context.min_products} products left: choose other keywords")
        else:
            action = Action.PRUNE
        return self.verdict(placement, Outcome.FAIL, action, *reasons, pruned=pruned)


def _findings(checks: Sequence[tuple[Any, Any]], found_wrong: Any, facts: Any) -> Iterator[Finding]:
    placement: Placement = facts.placement
    for rule, validator in checks:
        for part, text in _texts(rule, placement):
            if wrong := found_wrong(validator, text, facts):
                action = rule.action if isinstance(rule, TextRule) else Action.DROP
                yield Finding(f"{rule.id}: {part} {wrong} ({rule.why})", action)
        if isinstance(rule, TitleFormRule) or (isinstance(rule, TextRule) and "products" not in rule.parts):
            continue
        for product in placement.products:
            if wrong := found_wrong(validator, product.name, facts, product):
                reason = f"{rule.id}: product {product.id} '{product.name}' {wrong} ({rule.why})"
                yield Finding(reason, Action.PRUNE, product.id)


def _texts(rule: Any, placement: Placement) -> Iterator[tuple[str, str]]:
    """Yield the parts of a placement's own text that ``rule`` is about."""
    if isinstance(rule, RestrictedRule | PairingRule | TitleFormRule):
        yield "title", placement.title
    elif isinstance(rule, TextRule):
        parts = {
            "title": [placement.title],
            "rationale": [placement.rationale],
            "concepts": placement.concepts,
            "keywords": placement.keywords,
        }
        for part in rule.parts:
            for text in parts.get(part, []):
                yield part, text
