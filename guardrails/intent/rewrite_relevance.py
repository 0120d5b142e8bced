"""Rewrite relevance guard: a rewrite means much the same as the query, or finds what stands where the query leads."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from state.errors import SettingsError
from state.intent import IntentDraft, IntentVerdict, RewriteKind
from state.intent_guard import IntentGuard, IntentGuardConfig, IntentGuardContext, register_intent_guard

from ._rewrites import each_rewrite

THRESHOLDS = Path(__file__).with_suffix(".json")
AISLES = 3
PRODUCTS = 12


class Limits(BaseModel):
    """Limits of one kind. ``sure`` and ``floor`` are cosines, ``share`` is a share of products; see the guard."""

    model_config = ConfigDict(extra="allow")

    sure: float = Field(ge=-1, le=1)
    floor: float = Field(ge=-1, le=1)
    share: float = Field(ge=0, le=1)


class RewriteRelevanceConfig(IntentGuardConfig):
    limits: dict[RewriteKind, Limits] | None = Field(
        default=None, description="Set to override the calibrated ones (for any embedder)."
    )


@register_intent_guard
class RewriteRelevanceGuard(IntentGuard):
    """Takes out rewrites that are about something else, by limits calibrated for each kind.

    A rewrite whose cosine to the query reaches ``sure`` stays, one below ``floor`` goes. Between them the products
    decide: of those it finds, at least ``share`` have to stand in the aisles of the query's categories. The relevance
    model takes no part, so that it can measure what this guard does.
    """

    name = "rewrite_relevance"
    order = 70
    version = "1"
    parts = ("synonym", "broader", "substitute")
    Config = RewriteRelevanceConfig
    config: RewriteRelevanceConfig

    def check(self, draft: IntentDraft, context: IntentGuardContext) -> list[IntentVerdict]:
        rewrites = list(each_rewrite(draft))
        if not rewrites:
            return []
        limits = self.config.limits or calibrated_limits(THRESHOLDS, context.embedder.name)
        vectors = context.embedder.embed([draft.corrected, *(text for _, text in rewrites)])
        found = []
        for (kind, text), cosine in zip(rewrites, (vectors[1:] @ vectors[0]).tolist(), strict=True):
            limit = limits[kind]
            if not limit.floor <= cosine <= 1.01:  # not a number is below every floor
                found.append(self._against(kind, text, "means something else", cosine, limit.floor))
            elif cosine < limit.sure:
                share = aisle_share(draft, text, context)
                if share < limit.share:
                    found.append(self._against(kind, text, "finds what stands elsewhere", share, limit.share))
        return found

    def _against(self, kind: RewriteKind, text: str, reason: str, score: float, threshold: float) -> IntentVerdict:
        return self.verdict(kind, text, reason, score=round(score, 4), threshold=threshold)


def aisle_share(draft: IntentDraft, text: str, context: IntentGuardContext) -> float:
    """Return the share of the products found for ``text`` that stand in the aisles of the draft's categories."""
    if context.products is None:
        raise ValueError("the products of rewrites cannot be looked at")
    known = [context.categories[path] for path in draft.categories[:AISLES] if path in context.categories]
    aisles = {category.aisle for category in known}
    hits = context.products.find([text], limit=PRODUCTS) if aisles else []
    return sum(hit.product.aisle in aisles for hit in hits) / len(hits) if hits else 0.0


def calibrated_limits(path: Path, model: str) -> dict[RewriteKind, Limits]:
    """Return the limits recorded in ``path`` for cosines of ``model``.

    Raises:
        SettingsError: the file cannot be used, or was calibrated for another embedder.
    """
    try:
        recorded = _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, ValidationError) as error:
        raise SettingsError(
            f"{path.name} cannot be used ({type(error).__name__}): write it with benchmarks/{path.stem}.py --write"
        ) from error
    if recorded.model != model:
        raise SettingsError(
            f"{path.name} was calibrated for '{recorded.model}', the embedder is '{model}'. Run "
            f"benchmarks/{path.stem}.py for it, or set intent.guards.rewrite_relevance.limits."
        )
    return recorded.limits


class _Calibration(BaseModel):
    model_config = ConfigDict(extra="allow")

    model: str
    limits: dict[RewriteKind, Limits]


@lru_cache(maxsize=4)
def _read(path: Path, _changed_ns: int) -> _Calibration:
    return _Calibration.model_validate(json.loads(path.read_text("utf-8")))
