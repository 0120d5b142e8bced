"""Measures the pages of one configuration: every figure of its arm of the report."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from evaluation.bootstrap import mean_interval
from evaluation.metrics.cost import page_cost, phase_cost
from evaluation.metrics.popularity import catalog_coverage, exposure_gini, popularity_ranks
from evaluation.metrics.similarity import Vectors
from evaluation.metrics.survival import drop_rates, guard_rates
from evaluation.metrics.table import Evidence, by_metric, page_values
from evaluation.runs.configuration import Configuration
from evaluation.runs.evidence import ShopPast, predictor
from evaluation.runs.judge_figures import Trusts, judge_figures
from evaluation.runs.judging import JudgedPage
from evaluation.runs.making import Made
from evaluation.runs.metrics import METRICS, POLICY, distinct_titles, known_values, pruned, survived
from evaluation.runs.relevance import SEVERE, Scores, histogram, page_relevance, product_scores
from evaluation.runs.report import Arm, Estimate, GuardFigures, RelevanceFigures
from evaluation.runs.themes import need_table, theme_table, worst_placements
from state.errors import ModelsError
from state.guard import Embedder, PairScorer
from state.placement import Page
from state.verdict import Verdict


@dataclass(frozen=True)
class Judgement:
    """What the judge ``model`` said by shopper, over a ``share`` of the shoppers, and what its word is worth."""

    model: str
    judged: Mapping[str, JudgedPage]
    trusts: Trusts
    share: float


@dataclass(frozen=True)
class Yardstick:
    """What measures both arms alike: the orders, the embedder and the pair scorer of the settings in force."""

    past: ShopPast
    embedder: Embedder
    scorer: PairScorer
    seed: int = 0

    @property
    def threshold(self) -> float:
        if self.scorer.threshold is None:
            raise ModelsError(f"no threshold was calibrated for the scorer {self.scorer.name} (docs/relevance.md).")
        return self.scorer.threshold


def measure_arm(
    configuration: Configuration,
    digest: str,
    made: Made,
    yardstick: Yardstick,
    violations: Mapping[str, Sequence[Verdict]],
    judgement: Judgement,
    *,
    on_scored: Callable[[int], object] = lambda count: None,
) -> Arm:
    """Return the arm of ``configuration``: its pages measured by ``yardstick``.

    Raises:
        ModelsError: the scorer has no threshold, or gave no probabilities.
    """
    pages = list(made.pages.values())
    scores = product_scores(pages, yardstick.scorer, on_done=on_scored)
    values = _values(pages, yardstick, scores, violations)
    return Arm(
        name=configuration.name,
        digest=digest,
        settings=configuration.values(),
        pages=len(pages),
        failed=made.failed,
        figures=_figures(values, pages, yardstick),
        values={name: known_values(own) for name, own in values.items()},
        guards={name: GuardFigures(**asdict(rates)) for name, rates in guard_rates(pages).items()},
        drops=drop_rates(pages),
        phases=phase_cost(pages),
        latency=sorted(page.seconds for page in pages),
        relevance=_relevance(scores, yardstick),
        needs=need_table(pages, scores),
        themes=theme_table(pages, scores),
        worst=worst_placements(pages, scores, violations, judgement.judged, judgement.trusts),
        judge=judge_figures(judgement.judged, judgement.model, judgement.trusts, judgement.share, yardstick.seed),
    )


def product_vectors(pages: Sequence[Page], embedder: Embedder) -> Vectors:
    """Return the embedding of the name of every product on ``pages``, by product id."""
    names = {product.id: product.name for page in pages for row in page.placements for product in row.products}
    vectors = embedder.embed(list(names.values())) if names else np.empty((0, 0))
    return dict(zip(names, vectors, strict=True))


def _values(
    pages: Sequence[Page], yardstick: Yardstick, scores: Scores, violations: Mapping[str, Sequence[Verdict]]
) -> dict[str, dict[str, float]]:
    """Return every metric of a page by metric and shopper, in the order of :data:`METRICS`."""
    vectors = product_vectors(pages, yardstick.embedder)
    distinct = distinct_titles(pages)
    popularity = popularity_ranks(pages, yardstick.past.orders)
    rows: dict[str, dict[str, float]] = {}
    for page, popular in zip(pages, popularity, strict=True):
        past = yardstick.past.of(page.shopper_id)
        known = Evidence(past.history, past.aisles, past.basket, vectors, predictor(yardstick.past, page))
        fit = page_relevance(page, scores, yardstick.threshold)
        rows[page.shopper_id] = {
            **page_values(page, known),
            "survived": survived(page),
            "distinct_titles": distinct[page.shopper_id],
            POLICY: float(len(violations[page.shopper_id])),
            "relevance": fit.mean,
            "fitting": fit.fitting,
            "severe": fit.severe,
            "pruned": pruned(page),
            "shown_popularity": popular,
        }
    by_name = by_metric(rows)
    return {name: by_name[name] for name in METRICS if name in by_name}


def _figures(
    values: Mapping[str, Mapping[str, float]], pages: Sequence[Page], yardstick: Yardstick
) -> dict[str, Estimate]:
    found = {name: Estimate.of(mean_interval(list(own.values()), seed=yardstick.seed)) for name, own in values.items()}
    if pages:
        catalog = list(yardstick.past.orders)
        found |= {
            "catalog_coverage": Estimate.plain(catalog_coverage(pages, catalog), len(pages)),
            "exposure_gini": Estimate.plain(exposure_gini(pages, catalog), len(pages)),
            "seconds_p95": Estimate.plain(page_cost(pages).seconds_p95, len(pages)),
        }
    return {name: found.get(name, Estimate.plain(math.nan, 0)) for name in METRICS}


def _relevance(scores: Scores, yardstick: Yardstick) -> RelevanceFigures:
    every = np.concatenate([*scores.values(), np.empty(0)])
    return RelevanceFigures(
        scorer=yardstick.scorer.name,
        threshold=yardstick.threshold,
        severe_below=SEVERE,
        products=len(every),
        severe=int((every < SEVERE).sum()),
        under_threshold=int((every < yardstick.threshold).sum()),
        histogram=histogram(scores),
    )
